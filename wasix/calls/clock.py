"""Clocks. The CPU clocks are the host's for its own process and the calling OS thread.

The time of day can be set: it is then another one in the sandbox, for all its processes, and stays
as it is outside. Times of files are always the host's.
"""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.abi.types import CLOCKID
from wasix.proc.process import Thread

__all__ = ["clock_res_get", "clock_time_get", "clock_time_set"]

_REALTIME = CLOCKID.members.index("realtime")
_MOST = (1 << 63) - 1


def clock_time_get(thread: Thread, clock: int, precision: int) -> int:
    return thread.process.kernel.clocks[clock]()


def clock_time_set(thread: Thread, clock: int, timestamp: int) -> None:
    if clock != _REALTIME or timestamp > _MOST:
        raise Errno(E.INVAL)
    kernel = thread.process.kernel
    realtime = kernel.host.realtime
    ahead = timestamp - realtime()
    kernel.clocks[_REALTIME] = lambda: realtime() + ahead


def clock_res_get(thread: Thread, clock: int) -> int:
    return thread.process.kernel.host.resolution(CLOCKID.members[clock])
