"""The host interface (door 2): clocks, entropy, and readiness of host descriptors.

The kernel takes a `Host`; tests pass one whose clock they move, a page one whose events come from
the browser.
"""

from __future__ import annotations

import os
import time
from typing import Literal, Protocol

from wasix.abi import Errno
from wasix.proc.wait import WaitQueue


class Host(Protocol):
    """What the kernel needs of the machine below it. Times are nanoseconds."""

    def realtime(self) -> int:
        """Since 1970."""

    def monotonic(self) -> int: ...
    def process_time(self) -> int: ...
    def thread_time(self) -> int: ...

    def resolution(self, clock: str) -> int:
        """Step of a clock named as the preview1 type `clockid` names it."""

    def random(self, count: int) -> bytes:
        """Unpredictable bytes."""

    def parallelism(self) -> int:
        """Threads that can run at once."""

    def readable(self, fd: int) -> WaitQueue:
        """A queue that wakes when the host descriptor may be read."""

    def writable(self, fd: int) -> WaitQueue:
        """A queue that wakes when the host descriptor may be written."""


_ClockName = Literal["time", "monotonic", "process_time", "thread_time"]

# Where there is one thread only (Pyodide), Python has no clock for it.
_THREAD_CLOCK = hasattr(time, "thread_time_ns")

_CLOCKS: dict[str, _ClockName] = {
    "realtime": "time",
    "monotonic": "monotonic",
    "process_cputime_id": "process_time",
    "thread_cputime_id": "thread_time" if _THREAD_CLOCK else "process_time",
}


class Clock:
    """Time and entropy as Python's standard library has them, on any host."""

    realtime = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic_ns)
    process_time = staticmethod(time.process_time_ns)
    thread_time = staticmethod(time.thread_time_ns if _THREAD_CLOCK else time.process_time_ns)

    def random(self, count: int) -> bytes:
        try:
            return os.urandom(count)
        except OSError as error:
            raise Errno.of(error) from None

    def parallelism(self) -> int:
        if hasattr(os, "sched_getaffinity"):
            try:
                return len(os.sched_getaffinity(0))
            except OSError as error:
                raise Errno.of(error) from None
        return os.cpu_count() or 1

    def resolution(self, clock: str) -> int:
        return max(1, int(time.get_clock_info(_CLOCKS[clock]).resolution * 1e9))
