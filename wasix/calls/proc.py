"""The end of a process, and signals to itself."""

from __future__ import annotations

from wasix.abi import Unwind
from wasix.proc.process import Thread
from wasix.proc.signal import Signal

__all__ = ["proc_exit", "proc_raise"]


def proc_exit(thread: Thread, status: int) -> None:
    thread.process.exit(status, caller=thread)
    raise Unwind


def proc_raise(thread: Thread, name: str) -> None:
    """A signal that stops the process takes effect at its next call."""
    process = thread.process
    if name == "none":
        return
    process.deliver(Signal[name.upper()], caller=thread)
    if process.status is not None:
        raise Unwind
