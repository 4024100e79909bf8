"""Threads of a process: how they begin, end, wait for one another and are signalled."""

from __future__ import annotations

from wasix.abi import E, Errno, Unwind
from wasix.calls.proc import proc_exit
from wasix.proc.process import Thread
from wasix.proc.signal import UNCATCHABLE, Signal
from wasix.proc.wait import Block

__all__ = [
    "thread_exit",
    "thread_id",
    "thread_join",
    "thread_parallelism",
    "thread_signal",
    "thread_spawn",
    "thread_spawn_v2",
]

ENTRY = "wasi_thread_start"
"""The exported function that a thread begins in."""
_START_SIZE = 64
"""Bytes of what a thread starts with, which the guest itself reads there."""
_MAIN = 0x3FFFFFFF
"""What libc takes for the number of the main thread."""


def _spawn(thread: Thread, argument: int) -> int:
    """Start a thread in `wasi_thread_start(its number, argument)`."""
    process = thread.process
    programs = process.kernel.programs
    if programs is None or process.loan is not None:
        raise Errno(E.NOTSUP)
    if process.program is not None and not process.program.exports(ENTRY):
        raise Errno(E.NOTCAPABLE)
    new = process.new_thread(thread)
    new.argument = argument
    try:
        programs.start_thread(new, thread, argument)
    except BaseException:  # also if it has to wait
        process.end_thread(new)
        raise
    return new.tid


def thread_spawn_v2(thread: Thread, start: int) -> int:
    thread.memory.check(start, _START_SIZE)
    return _spawn(thread, start)


def thread_spawn(thread: Thread, argument: int) -> int:
    """wasi-threads: the argument is the guest's own."""
    return _spawn(thread, argument)


def thread_id(thread: Thread) -> int:
    return thread.tid


def thread_join(thread: Thread, tid: int) -> None:
    """A thread that has ended, or that never was, is not waited for."""
    if tid == thread.tid:
        raise Errno(E.DEADLK)
    other = thread.process.threads.get(tid)
    if other is not None:
        raise Block([other.ended])


def thread_exit(thread: Thread, status: int) -> None:
    """The process goes on while it has other threads; with the last one it ends, successfully."""
    if thread.process.loan is not None:
        proc_exit(thread, 0)
        return
    thread.process.end_thread(thread)
    raise Unwind


def thread_parallelism(thread: Thread) -> int:
    return thread.process.kernel.host.parallelism()


def thread_signal(thread: Thread, tid: int, name: str) -> None:
    """Signal one thread; what the process does by default is done to all of it."""
    process = thread.process
    target = process.threads.get(process.pid if tid == _MAIN else tid)
    if target is None:
        raise Errno(E.SRCH)
    if name == "none":
        return
    signal = Signal[name.upper()]
    caught = process.callback is not None and signal not in UNCATCHABLE
    if caught and process.loan is None and signal is not Signal.CONT:
        target.signals[signal] = None
        target.interrupt()
        return
    process.deliver(signal, caller=thread)
    if process.status is not None:
        raise Unwind
