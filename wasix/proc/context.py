"""Contexts: stacks of one thread that take turns.

Each is an unwound stack, which is rewound when it is switched to. A new one begins with a call of
its function from within the call that the thread's first switch was made by: so all of them stand
on copies of the main context's frames at that time, which nothing ever returns to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wasix.abi import E, Errno
from wasix.proc.stack import Checkpoints, Point

if TYPE_CHECKING:
    from wasix.proc.process import Thread

MAIN = 0
"""The context that a thread begins in."""
MOST_CONTEXTS = 1024
"""Contexts of a thread at a time; more are `again`."""
MOST_BYTES = 256 << 20
"""Bytes of unwound stacks of a thread's contexts; more are `nomem`."""
STACK_PAGES = 4
"""Pages of a new context's stack in linear memory."""
STATUS_RETURNED = 129
"""How a program ends in which a context's function has returned, as on Wasmer."""


@dataclass
class Context:
    """`slot` is of the function that it is to begin with."""

    slot: int = 0
    stack: int = 0
    """Where its stack in linear memory is."""
    point: Point | None = None
    """Where it goes on; None if it has not begun, or runs."""
    checkpoints: Checkpoints = field(default_factory=Checkpoints)


class Contexts:
    """Those of one thread, by number."""

    def __init__(self) -> None:
        self._contexts: dict[int, Context] = {MAIN: Context()}
        self._last = MAIN
        self.active = MAIN
        self.base: Point | None = None
        """What new contexts stand on."""
        self._stacks: list[int] = []
        """Of contexts that were destroyed."""

    def __len__(self) -> int:
        return len(self._contexts) - 1

    def get(self, number: int) -> Context | None:
        return self._contexts.get(number)

    def check(self) -> None:
        """`again` if there are too many for another."""
        if len(self) >= MOST_CONTEXTS:
            raise Errno(E.AGAIN)

    def free_stack(self) -> int | None:
        """A stack that no context uses any more."""
        return self._stacks.pop() if self._stacks else None

    def add(self, slot: int, stack: int) -> int:
        self._last += 1
        self._contexts[self._last] = Context(slot, stack)
        return self._last

    def remove(self, number: int) -> None:
        context = self._contexts.pop(number, None)
        if context is not None:
            self._stacks.append(context.stack)

    def leave(self, thread: Thread, point: Point) -> None:
        """The active context is to go on at `point`. `nomem` if all take too much room."""
        points = [each.point for each in self._contexts.values() if each.point is not None]
        if sum(len(each.stack) for each in points) + len(point.stack) > MOST_BYTES:
            raise Errno(E.NOMEM)
        left = self._contexts[self.active]
        left.point, left.checkpoints = point, thread.checkpoints

    def enter(self, thread: Thread, number: int) -> Context:
        """Make a context the active one, and say what it was."""
        self.active = number
        entered = self._contexts[number]
        thread.checkpoints = entered.checkpoints
        return entered
