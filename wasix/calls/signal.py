"""Signals: sending them, and how a process takes them."""

from __future__ import annotations

from collections.abc import Iterator

from wasix.abi import E, Errno, Unwind
from wasix.abi.wasix_types import SIGNAL_DISPOSITION
from wasix.proc.process import Process, Thread
from wasix.proc.signal import Signal

__all__ = [
    "callback_signal",
    "proc_raise",
    "proc_signal",
    "proc_signals_get",
    "proc_signals_sizes_get",
]

_IGNORE = 1


def proc_raise(thread: Thread, name: str) -> None:
    """A signal that stops the process takes effect at its next call."""
    if name == "none":
        return
    thread.process.deliver(Signal[name.upper()], caller=thread)
    if thread.process.status is not None:
        raise Unwind


def proc_signal(thread: Thread, pid: int, name: str) -> None:
    """Signal the processes that `pid` names as in POSIX's `kill`; without a signal only look."""
    targets = list(_targets(thread.process, pid - (1 << 32) if pid >= 1 << 31 else pid))
    if not targets:
        raise Errno(E.SRCH)
    if name == "none":
        return
    # The caller last: it may not live to signal others.
    for process in sorted(targets, key=lambda target: target is thread.process):
        process.deliver(Signal[name.upper()], caller=thread)
    if thread.process.status is not None:
        raise Unwind


def _targets(process: Process, pid: int) -> Iterator[Process]:
    processes = process.kernel.processes
    if pid > 0:
        if pid in processes:
            yield processes[pid]
    elif pid == -1:
        yield from (other for other in processes.values() if other is not process)
    else:
        leader = process if pid == 0 else processes.get(-pid)
        if leader is not None:
            yield from leader.group.members


def callback_signal(thread: Thread, callback: str) -> None:
    """From now on signals go to an exported function; an empty name ends that."""
    process = thread.process
    known = process.program is None or process.program.exports(callback)
    process.callback = callback if callback and known else None
    if process.signals:
        thread.interrupt()


def proc_signals_sizes_get(thread: Thread) -> int:
    return len(thread.process.ignored)


def proc_signals_get(thread: Thread, at: int) -> None:
    ignored = sorted(thread.process.ignored)
    size = SIGNAL_DISPOSITION.size
    area = memoryview(bytearray(len(ignored) * size))
    for index, signal in enumerate(ignored):
        SIGNAL_DISPOSITION.store(area, index * size, (int(signal), _IGNORE))
    thread.memory.store(at, area)
