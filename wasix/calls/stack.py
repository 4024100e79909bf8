"""Going back to where a thread was: what setjmp and longjmp are made of."""

from __future__ import annotations

from wasix.abi import E, Errno, Unwind
from wasix.abi.instance import Suspended
from wasix.abi.wasix_types import STACK_SNAPSHOT, StackSnapshot
from wasix.proc.process import STATUS_TRAP, Thread
from wasix.proc.stack import Checkpoint, Point
from wasix.proc.wait import Suspend

__all__ = ["stack_checkpoint", "stack_restore"]

_VALUE_SIZE = 8


def stack_checkpoint(thread: Thread, snapshot: int, at: int) -> None:
    """Answers 0 now, and what `stack_restore` is given whenever that comes back here."""
    thread.memory.check(snapshot, STACK_SNAPSHOT.size)
    thread.memory.check(at, _VALUE_SIZE)
    running = thread.process.program
    if running is None or not running.suspends:
        raise Errno(E.NOTSUP)

    def then(guest: Suspended) -> int:
        number = thread.checkpoints.add(Checkpoint(Point.of(guest, thread), at, snapshot))
        area = memoryview(bytearray(STACK_SNAPSHOT.size))
        STACK_SNAPSHOT.store(area, 0, StackSnapshot(number, 0, 0))
        guest.memory[snapshot : snapshot + len(area)] = area
        guest.memory[at : at + _VALUE_SIZE] = bytes(_VALUE_SIZE)
        return 0

    raise Suspend(then)


def stack_restore(thread: Thread, snapshot: StackSnapshot, value: int) -> None:
    """The call that made the checkpoint answers again; 0 becomes 1, as longjmp wants it."""
    process = thread.process
    checkpoint = thread.checkpoints.get(snapshot.user)
    if checkpoint is None:
        process.exit(
            STATUS_TRAP,
            f"{process.name}: went back (longjmp) to a place that is not there any more",
            caller=thread,
        )
        raise Unwind
    found = checkpoint

    def then(guest: Suspended) -> int:
        found.point.restore(guest, thread)
        answer = (value or 1).to_bytes(_VALUE_SIZE, "little")
        guest.memory[found.at : found.at + _VALUE_SIZE] = answer
        return 0

    raise Suspend(then)
