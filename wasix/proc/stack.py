"""Where a thread was: an unwound stack, and the places a guest may go back to (setjmp)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wasix.abi import E, Errno
from wasix.abi.instance import Suspended

if TYPE_CHECKING:
    from wasix.proc.delivery import Attempt, Ending
    from wasix.proc.process import Thread

HEAD = 8
"""Bytes of an asyncify area before the stack: where that ends, and where the area does."""
MOST_BYTES = 64 << 20
"""Bytes of stacks a thread may keep; more are `nomem`."""


class Held(NamedTuple):
    """A call that waits for an upcall to return: what comes then, and what it remembers."""

    then: Attempt | Ending | int
    """A call to make, the answer of one, or what ends the program."""
    call: dict[str, Any]
    wants: bool = False
    """Whether it remembers as well what a request answers."""

    def copy(self) -> Held:
        return self._replace(call=self.call.copy())


class Point(NamedTuple):
    """What brings a suspended thread back to where it is."""

    stack: bytes
    """The unwound stack, as asyncify wrote it."""
    pointer: int | None
    """The stack pointer; None if the guest has none that is known."""
    held: tuple[Held, ...]
    """The calls whose upcalls the stack goes through, outermost first."""

    @classmethod
    def of(cls, guest: Suspended, thread: Thread) -> Point:
        end = int.from_bytes(guest.memory[guest.area : guest.area + 4], "little")
        start = guest.area + HEAD
        if not start <= end <= len(guest.memory):
            raise Errno(E.FAULT)
        place = guest.stack_pointer
        pointer = None if place is None else guest.variables[place]
        held = tuple(held.copy() for held in thread.held)
        return cls(bytes(guest.memory[start:end]), pointer, held)

    def restore(self, guest: Suspended, thread: Thread) -> None:
        """Have `guest` go on here when it is rewound; `nomem` if its area is too small."""
        start = guest.area + HEAD
        end = start + len(self.stack)
        limit = int.from_bytes(guest.memory[guest.area + 4 : guest.area + 8], "little")
        if end > min(limit, len(guest.memory)):
            raise Errno(E.NOMEM)
        thread.held = [held.copy() for held in self.held]
        guest.memory[start:end] = self.stack
        guest.memory[guest.area : guest.area + 4] = end.to_bytes(4, "little")
        place = guest.stack_pointer
        if place is not None and self.pointer is not None:
            variables = list(guest.variables)
            variables[place] = self.pointer
            guest.variables = tuple(variables)


def unused(guest: Suspended) -> range:
    """The addresses of a guest's asyncify area behind its unwound stack."""
    head = guest.memory[guest.area : guest.area + HEAD]
    return range(int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little"))


class Checkpoint(NamedTuple):
    """A place to go back to, and the address at which the guest finds why it is there."""

    point: Point
    at: int
    buffer: int
    """The address it was first kept at."""


class Checkpoints:
    """A thread's checkpoints by number.

    The stack grows down. A checkpoint taken below where the stack ends now is of a function that
    has returned, so nothing may go back there (C11 7.13.2.1), and it is dropped when the next one
    is made. So is one whose buffer is used again at the same depth.
    """

    def __init__(self) -> None:
        self._kept: dict[int, Checkpoint] = {}
        self._last = 0
        self._bytes = 0

    def add(self, checkpoint: Checkpoint) -> int:
        """Keep a checkpoint; its number."""
        here = checkpoint.point.pointer
        for number, other in list(self._kept.items()):
            there = other.point.pointer
            again = other.buffer == checkpoint.buffer and there == here
            if again or (here is not None and there is not None and there < here):
                self._drop(number)
        if self._bytes + len(checkpoint.point.stack) > MOST_BYTES:
            raise Errno(E.NOMEM)
        self._last += 1
        self._kept[self._last] = checkpoint
        self._bytes += len(checkpoint.point.stack)
        return self._last

    def _drop(self, number: int) -> None:
        self._bytes -= len(self._kept.pop(number).point.stack)

    def get(self, number: int) -> Checkpoint | None:
        return self._kept.get(number)

    def copy(self) -> Checkpoints:
        """The same, for the child of a fork."""
        new = Checkpoints()
        new._kept = dict(self._kept)
        new._last, new._bytes = self._last, self._bytes
        return new

    def __len__(self) -> int:
        return len(self._kept)
