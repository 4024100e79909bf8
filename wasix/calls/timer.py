"""Waiting for a time, and being signalled at one."""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.proc.process import Thread
from wasix.proc.signal import Signal
from wasix.proc.wait import Block

__all__ = ["proc_raise_interval", "thread_sleep"]


def thread_sleep(thread: Thread, duration: int) -> None:
    now = thread.process.kernel.host.monotonic()
    deadline: int = thread.call.setdefault("deadline", now + duration)
    if now < deadline:
        raise Block((), deadline)
    thread.call.clear()


def proc_raise_interval(thread: Thread, name: str, interval: int, repeat: int) -> None:
    """Each signal has one timer; an interval of 0 takes it away."""
    if name == "none":
        raise Errno(E.INVAL)
    thread.process.set_timer(Signal[name.upper()], interval, repeat=bool(repeat))
