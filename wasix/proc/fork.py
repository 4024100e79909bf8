"""fork and vfork; and what a vfork's child borrows.

A child of vfork runs on its parent's thread and memory until it executes a program or ends; then
the thread is the parent's again. Where the guest's stack can be unwound, the parent goes on where
it forked; where it cannot (`proc_fork_env`), it goes on behind the call that ended the child, and
the guest finds back by itself.
"""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.abi.instance import MemoryImage, Snapshot, Suspended
from wasix.proc.process import Loan, Process, Thread
from wasix.proc.stack import Point, unused
from wasix.proc.wait import Suspend

PID_SIZE = 4


def _store(guest: Suspended, at: int, pid: int) -> None:
    guest.memory[at : at + PID_SIZE] = pid.to_bytes(PID_SIZE, "little")


def fork(thread: Thread, at: int) -> Suspend:
    """Split the process in two; `at` is where each finds its answer, 0 in the child."""

    def then(guest: Suspended) -> int:
        process = thread.process
        child = process.child()
        child.callback = process.callback
        child.main.checkpoints = thread.checkpoints.copy()
        child.main.held = [held.copy() for held in thread.held]
        _store(guest, at, 0)
        child.start(Snapshot(MemoryImage(guest.memory, unused(guest)), guest.variables, guest.area))
        _store(guest, at, child.pid)
        return 0

    return Suspend(then)


def vfork(thread: Thread, at: int) -> Suspend:
    """Become a child on the same thread and memory."""

    def then(guest: Suspended) -> int:
        borrow(thread, Point.of(guest, thread), at)
        _store(guest, at, 0)
        return 0

    return Suspend(then)


def borrow(thread: Thread, point: Point | None, at: int) -> Process:
    """Make `thread` a child's, which is returned. `notsup` if it is borrowed already."""
    lender = thread.process
    if lender.loan is not None:
        raise Errno(E.NOTSUP)
    child = lender.child()
    child.callback = lender.callback
    child.threads = {child.pid: thread}
    child.begun = True
    child.loan = Loan(thread, lender, point, at)
    thread.join(child)
    return child


def leave(child: Process) -> None:
    """A vfork's child goes on by itself, with the program it has become, on a thread of its own."""
    loan = child.loan
    assert loan is not None
    child.threads = {child.pid: Thread(child, child.pid)}
    child.loan = None
    child.start()
    # What came while it could not be signalled.
    waiting = list(child.signals)
    child.signals.clear()
    for signal in waiting:
        child.deliver(signal)
    give_back(child, loan)


def give_back(child: Process, loan: Loan) -> None:
    """The thread of a vfork's child, which needs it no longer, is its parent's again.

    Raises `Suspend` if that goes on where it forked, else returns to where the child was.
    """
    thread = loan.thread
    thread.join(loan.lender)
    thread.interrupt()
    point = loan.point
    if point is None:
        return

    def then(guest: Suspended) -> int:
        point.restore(guest, thread)
        _store(guest, loan.at, child.pid)
        return 0

    raise Suspend(then)
