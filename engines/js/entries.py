"""What the glue in `direct.js` may ask the host, by number: system calls, and what it needs for
upcalls and for stacks that are unwound and rewound (`engines.js.mailbox`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any

from engines import asyncify
from engines.js.linking import Linking
from engines.js.mailbox import (
    ADAPTER,
    ANSWER,
    ARGUMENT,
    CALLEE,
    CHUNK,
    MISSING,
    PROCEED,
    REQUESTED,
    RESTORE,
    SUSPENDED,
    TEXT,
    TOLD,
)
from engines.protocol import Door, Entry, Linked
from wasix.abi import NUMBERS, UNWIND, Function
from wasix.abi.instance import Request, Snapshot, Upcall

Entries = Mapping[int, tuple[Entry, Callable[..., Any]]]
"""By number: what serves it, and what unpacks its arguments."""


def _mail(arguments: memoryview) -> memoryview:
    """What is there, for entries that look for themselves, and answer behind it."""
    return arguments


_NOTHING = Struct("").unpack_from
_WORD = Struct("<I").unpack_from


def entries(program: Linked, door: Door, snapshot: Snapshot | None = None) -> Entries:
    """For one instance."""
    found: dict[int, tuple[Any, Callable[..., Any]]] = {}

    def serve(function: Function) -> None:
        number = NUMBERS[function]
        if number not in found:
            found[number] = door.entry(function), Struct(function.argument_format).unpack_from

    for function in program.served:
        serve(function)
    linking = Linking(program, door, serve)
    asked = _Asked(program, door, snapshot, linking)
    found[CALLEE] = asked.callee, _NOTHING
    found[ARGUMENT] = asked.argument, _WORD
    found[PROCEED] = asked.proceed, _NOTHING
    found[SUSPENDED] = asked.suspended, _WORD
    found[ANSWER] = asked.answer, _NOTHING
    found[RESTORE] = asked.restore, _NOTHING
    found[TEXT] = linking.text, _mail
    found[CHUNK] = linking.chunk, _mail
    found[ADAPTER] = linking.adapter, _mail
    found[TOLD] = linking.told, _mail
    return found


class _Asked:
    """Entries for what the glue asks. They do not raise, even for a glue that asks nonsense."""

    def __init__(
        self, program: Linked, door: Door, snapshot: Snapshot | None, linking: Linking
    ) -> None:
        self._linking = linking
        self._program = program
        self._door = door
        self._snapshot = snapshot
        self._upcall = Upcall("", ())
        self._answer = 0 if snapshot is None else snapshot.answer

    def callee(self, memory: memoryview, arguments: Sequence[int]) -> int:
        try:
            upcall = self._door.upcall()
        except Exception:
            return UNWIND
        if isinstance(upcall, Request):
            self._linking.want(upcall)
            return REQUESTED
        self._upcall = upcall
        place = asyncify.callee(self._program, self._upcall)
        return MISSING if place is None else place

    def argument(self, memory: memoryview, arguments: Sequence[int]) -> int:
        values = self._upcall.arguments
        return _signed(values[arguments[0]]) if arguments[0] < len(values) else 0

    def proceed(self, memory: memoryview, arguments: Sequence[int]) -> int:
        try:
            return self._linking.proceed(memory)
        except Exception:
            return UNWIND

    def suspended(self, memory: memoryview, arguments: Sequence[int]) -> int:
        try:
            answer = self._door.suspended(_Unwound(self._program, memory, arguments[0]))
        except Exception:
            return UNWIND
        if answer is None:
            return UNWIND
        self._answer = answer
        return 0

    def answer(self, memory: memoryview, arguments: Sequence[int]) -> int:
        return _signed(self._answer)

    def restore(self, memory: memoryview, arguments: Sequence[int]) -> int:
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is None:
            return UNWIND
        try:
            snapshot.memory.restore(memory, self._program.fresh)
            _Unwound(self._program, memory, snapshot.area).variables = snapshot.variables
        except ValueError:  # memory is not as long as it was to be
            return UNWIND
        return 0


class _Unwound:
    """See `wasix.abi.instance.Suspended`."""

    def __init__(self, program: Linked, memory: memoryview, area: int) -> None:
        count = len(program.variables)
        self.memory = memory
        self.area = area
        self.stack_pointer = program.stack_pointer
        self._place = asyncify.end(area, count)
        self._format = Struct(f"<{count}Q")
        if self._place + self._format.size > len(memory):
            raise ValueError("an area lies outside of memory")

    @property
    def variables(self) -> tuple[int, ...]:
        return self._format.unpack_from(self.memory, self._place)

    @variables.setter
    def variables(self, values: tuple[int, ...]) -> None:
        self._format.pack_into(self.memory, self._place, *values)


def _signed(value: int) -> int:
    """The same 32 bits as the mailbox's words have them."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000
