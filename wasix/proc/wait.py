"""Waiting: the one way anything in the kernel waits.

A call that cannot proceed raises `Block`; its carrier parks the thread on the queues and tries the
call again when one of them wakes it or the deadline passes. Who changes the state another thread
may wait for calls `wake()`. All of it happens under the kernel lock.

The shape follows xv6's sleep and wakeup; a queue is what trio calls a parking lot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from wasix.abi.instance import Request


class Sleeper(Protocol):
    """A parked thread, as its carrier made it."""

    def wake(self) -> None:
        """Let the thread try its call again. May be called more than once for one sleep."""


class WaitQueue:
    """Threads parked until something they wait for may have changed.

    Woken threads look again, so waking too many is only slow, and waking for nothing is harmless.
    """

    __slots__ = ("_sleepers",)

    def __init__(self) -> None:
        # A dict keeps the order of arrival, and leaves in constant time.
        self._sleepers: dict[Sleeper, None] = {}

    def __len__(self) -> int:
        return len(self._sleepers)

    def join(self, sleeper: Sleeper) -> None:
        self._sleepers[sleeper] = None

    def leave(self, sleeper: Sleeper) -> None:
        self._sleepers.pop(sleeper, None)

    def wake(self) -> None:
        """Wake every sleeper. Each leaves its queues by itself."""
        for sleeper in tuple(self._sleepers):
            sleeper.wake()


class Block(Exception):
    """The call cannot proceed before one of `queues` wakes or the clock reaches `deadline`.

    `deadline` is in nanoseconds of the kernel's monotonic clock; None is never.
    """

    def __init__(self, queues: Iterable[WaitQueue] = (), deadline: int | None = None) -> None:
        super().__init__("would block")
        self.queues = tuple(queues)
        self.deadline = deadline


class Suspend(Exception):
    """The guest's stack must be unwound before the call can be served.

    `then` is called when it has been, under the kernel lock, with the guest (what the engine
    protocol calls `Suspended`). It returns what the call answers when the stack is rewound, a
    request to be made from within it then, for which it has put what comes after that into
    `thread.held`, or None if the guest is to end instead.
    """

    def __init__(self, then: Callable[[Any], int | Request | None]) -> None:
        super().__init__("suspended")
        self.then = then


class Wanted(Exception):
    """The call needs something of the guest's instance, and is tried again when that is done.

    It then finds what the request answered in `thread.call["answer"]`.
    """

    def __init__(self, request: Request) -> None:
        super().__init__("wants something of the instance")
        self.request = request
