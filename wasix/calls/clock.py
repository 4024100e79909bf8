"""Clocks. The CPU clocks are the host's for its own process and the calling OS thread."""

from __future__ import annotations

from wasix.abi.types import CLOCKID
from wasix.host import Host
from wasix.proc.process import Thread

__all__ = ["clock_res_get", "clock_time_get"]

_REALTIME, _MONOTONIC, _PROCESS, _THREAD = range(4)


def now(host: Host, clock: int) -> int:
    """A clock's time in nanoseconds; `clock` is a preview1 clockid."""
    if clock == _MONOTONIC:
        return host.monotonic()
    if clock == _REALTIME:
        return host.realtime()
    return host.process_time() if clock == _PROCESS else host.thread_time()


def clock_time_get(thread: Thread, clock: int, precision: int) -> int:
    return now(thread.process.kernel.host, clock)


def clock_res_get(thread: Thread, clock: int) -> int:
    return thread.process.kernel.host.resolution(CLOCKID.members[clock])
