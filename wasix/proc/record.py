"""What has been linked to a program, to be done again for another thread.

A thread is another instance on the same memory, with a table and libraries of its own, which must
be the same: function pointers are passed between threads. Memory is not touched again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasix.abi.instance import GrowTable, Instantiate, Place, Request, Write

if TYPE_CHECKING:
    from wasix.proc.steps import Steps


class Record:
    """Of one process. Slots are added only at the end, so it does not matter how many at a time."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._slots = 0
        self._instances: list[Instantiate] = []
        self._placed: dict[tuple[int, int], Place] = {}
        self._written: dict[int, Write] = {}

    def __bool__(self) -> bool:
        return bool(self._slots or self._instances)

    def note(self, request: Request, answer: Any) -> None:
        """A request was carried out, and answered so."""
        match request:
            case GrowTable(count) if answer is not None:
                self._first = answer if self._first is None else self._first
                self._slots += count
            case Instantiate() if isinstance(answer, int):
                self._instances.append(request)
            case Place(slot, table=table) if answer:
                self._placed[table, slot] = request
            case Write(cell):
                self._written[cell] = request

    def replay(self) -> Steps:
        """Do the same to a new instance: whether it is the same now."""
        if self._slots and (yield GrowTable(self._slots)) != self._first:
            return False
        for made in self._instances:
            if not isinstance((yield made), int):
                return False
        yield from self._written.values()
        for place in self._placed.values():
            if (yield place) is False:
                return False
        return True
