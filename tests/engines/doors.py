"""A door without a kernel behind it: its test says what calls answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import engines
from engines.protocol import Entry, Guest, Linked, Outcome
from wasix.abi import SUSPEND, UPCALL, Function
from wasix.abi.instance import MemoryImage, Snapshot, Suspended, Upcall

Then = Callable[[Suspended], int | None]


class ScriptedDoor:
    """Calls answer 0, unless a test says otherwise with `answers`.

    `fd_close` reports its argument, so that a guest can tell what it sees: in `told`.
    """

    def __init__(self, **answers: Callable[..., int]) -> None:
        self.answers = answers
        self.told: list[int] = []
        self.held: list[int] = []
        """What the calls answer that asked for upcalls, when these have returned."""
        self._next: Upcall | None = None
        self._then: Then | None = None

    # What a call may answer.

    def call(self, export: str, *arguments: int, answer: int = 0) -> int:
        self._next = Upcall(export, arguments)
        self.held.append(answer)
        return UPCALL

    def suspend(self, then: Then) -> int:
        self._then = then
        return SUSPEND

    # See `engines.protocol.Door`.

    def entry(self, function: Function) -> Entry:
        answer = self.answers.get(function.name)

        def enter(memory: memoryview, arguments: Sequence[int]) -> int:
            if function.name == "fd_close":
                self.told.append(arguments[0])
            return answer(*arguments) if answer else 0

        return enter

    def upcall(self) -> Upcall:
        assert self._next is not None
        return self._next

    def proceed(self, memory: memoryview, answer: object = None) -> int:
        return self.held.pop()

    def suspended(self, guest: Suspended) -> int | None:
        assert self._then is not None
        then, self._then = self._then, None
        return then(guest)


class Run:
    """A guest that has been started."""

    def __init__(
        self, engine: str, program: Linked, door: ScriptedDoor, snapshot: Snapshot | None = None
    ) -> None:
        self._outcomes: list[Outcome] = []
        self._ended = threading.Event()
        self.guest: Guest = engines.get(engine).start(program, door, self._end, snapshot=snapshot)

    def _end(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._ended.set()

    def outcome(self) -> Outcome:
        assert self._ended.wait(120)
        self.guest.close()
        (outcome,) = self._outcomes
        return outcome


def snapshot(guest: Suspended, answer: int) -> Snapshot:
    """A copy of a guest."""
    return Snapshot(MemoryImage(guest.memory), guest.variables, guest.area, answer)
