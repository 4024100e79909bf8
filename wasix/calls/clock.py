"""Clocks. The CPU clocks are the host's for its own process and the calling OS thread.

The time of day can be set: it is then another one in the sandbox, for all its processes, and stays
as it is outside. Times of files are always the host's.
"""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.abi.types import CLOCKID
from wasix.proc.process import Process, Thread

__all__ = ["clock_res_get", "clock_time_get", "clock_time_set"]

_REALTIME, _MONOTONIC, _PROCESS, _THREAD = range(4)


_MOST = (1 << 63) - 1


def now(process: Process, clock: int) -> int:
    """A clock's time in nanoseconds; `clock` is a preview1 clockid."""
    host = process.kernel.host
    if clock == _MONOTONIC:
        return host.monotonic()
    if clock == _REALTIME:
        return host.realtime() + process.kernel.time_offset
    return host.process_time() if clock == _PROCESS else host.thread_time()


def clock_time_get(thread: Thread, clock: int, precision: int) -> int:
    return now(thread.process, clock)


def clock_time_set(thread: Thread, clock: int, timestamp: int) -> None:
    if clock != _REALTIME or timestamp > _MOST:
        raise Errno(E.INVAL)
    kernel = thread.process.kernel
    kernel.time_offset = timestamp - kernel.host.realtime()


def clock_res_get(thread: Thread, clock: int) -> int:
    return thread.process.kernel.host.resolution(CLOCKID.members[clock])
