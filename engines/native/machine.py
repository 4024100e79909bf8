"""Runs an instance whose host calls are Python: upcalls, and stacks that are unwound and rewound.

What asyncify has to do with it stands in `engines.asyncify`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Protocol

from engines import asyncify
from engines.asyncify import MOST_UPCALLS, SLOT, Damaged
from engines.plain import Trapped
from engines.protocol import ASYNCIFY, Door, Entry, Linked
from wasix.abi import SUSPEND, UNWIND, UPCALL, E, Unwind
from wasix.abi.instance import CallSlot, Request, Snapshot

_START_UNWIND, _STOP_UNWIND, _START_REWIND, _STOP_REWIND = ASYNCIFY


class Instance(Protocol):
    """What is run."""

    def call(self, export: str, arguments: Sequence[int] = ()) -> None:
        """Call a function with i32 arguments; what it returns is dropped. Raises `Trapped`."""

    def call_slot(self, slot: int, values: bytes | None) -> bytes | None:
        """See `CallSlot`; None for values is zero for all. Raises `Trapped`."""

    def perform(self, request: Request) -> Any:
        """What any other request answers. Raises `Trapped` if code of the guest's does."""

    def memory(self) -> memoryview:
        """All of linear memory, as long as it is now."""

    def grow(self, pages: int) -> int | None:
        """Grow memory: how many bytes it had, or None if it cannot grow."""

    def variable(self, index: int) -> int:
        """The bits of one of `Linked.variables`."""

    def set_variable(self, index: int, bits: int) -> None: ...


class _State(Enum):
    RUNNING = 1
    UNWINDING = 2
    """The guest may make no call: it is to return, or a function of asyncify's runs."""
    REWINDING = 3


class Machine:
    """Calls an instance's exports, and says what its calls answer."""

    def __init__(self, program: Linked, door: Door, instance: Instance) -> None:
        self._program = program
        self._door = door
        self._instance = instance
        self._state = _State.RUNNING
        self._area: int | None = None
        self._upcalls: list[int] = []
        """What is being called, outermost first, by place among the exports."""
        self._unwound: Sequence[int] = ()
        """What was, or is to be, when the stack is whole."""
        self._answer = 0

    # From outside.

    def run(
        self, export: str, arguments: Sequence[int] = (), start: Snapshot | None = None
    ) -> bool:
        """Call an export until it returns, or go on with it from a snapshot; False if the door has
        ended it instead. Raises `Trapped`."""
        if start is not None:
            self._restore(start)
        while True:
            self._instance.call(export, arguments)
            if self._state is _State.RUNNING:
                return True
            self._check_rewound()
            answer = self._suspended()
            if answer is None:
                return False
            self._rewind(answer)

    def _suspended(self) -> int | None:
        assert self._area is not None
        self._instance.call(_STOP_UNWIND)
        try:
            memory = self._instance.memory()
            asyncify.push(memory, self._area, len(self._program.variables), self._unwound)
        except Damaged as error:
            raise Trapped(str(error)) from None
        return self._door.suspended(_Unwound(self._program, self._instance, self._area))

    def _rewind(self, answer: int) -> None:
        assert self._area is not None
        count = len(self._program.variables)
        try:
            self._unwound = asyncify.pop(self._instance.memory(), self._area, count)
        except Damaged as error:
            raise Trapped(str(error)) from None
        self._answer = answer
        self._state = _State.UNWINDING
        self._instance.call(_START_REWIND, (self._area,))
        self._state = _State.REWINDING

    def _restore(self, snapshot: Snapshot) -> None:
        instance, size = self._instance, snapshot.memory.size
        lacking = size - len(instance.memory())
        if lacking > 0 and instance.grow(lacking // asyncify.PAGE) is None:
            raise MemoryError("there is no memory for a copy of the guest")
        snapshot.memory.restore(instance.memory(), self._program.fresh)
        for index, bits in enumerate(snapshot.variables):
            instance.set_variable(index, bits)
        self._area = snapshot.area
        self._rewind(snapshot.answer)

    # From within a call.

    def entry(self, enter: Entry) -> Entry:
        """`enter`, for a guest that suspends: not entered to go on from where it has answered."""

        def entered(memory: memoryview, arguments: Sequence[int]) -> int:
            if self._state is not _State.RUNNING:
                return self._reached()
            return enter(memory, arguments)

        return entered

    def answer(self, answer: int) -> int:
        """What a call is to answer which the door gave a negative `answer`. Raises `Unwind` if the
        guest must not go on, `Trapped` if it cannot."""
        while answer == UPCALL:
            upcall = self._door.upcall()
            if isinstance(upcall, CallSlot):
                answer = self._call_slot(upcall.slot, upcall.values)
                continue
            if isinstance(upcall, Request):
                done = self._instance.perform(upcall)
                answer = self._door.proceed(self._instance.memory(), done)
                continue
            place = asyncify.callee(self._program, upcall)
            if place is None:
                answer = self._door.proceed(self._instance.memory())
            else:
                answer = self._call(place, upcall.arguments)
        if answer == UNWIND:
            raise Unwind
        return self._suspend() if answer == SUSPEND else answer

    def _call(self, place: int, arguments: Sequence[int]) -> int:
        """Make an upcall; what the call that it is made in answers then."""
        self._enter(place)
        try:
            self._instance.call(self._program.module.exports[place].name, arguments)
        finally:
            self._upcalls.pop()
        return self._returned()

    def _call_slot(self, slot: int, values: bytes | None) -> int:
        """The same for a function of the table."""
        self._enter(slot | SLOT)
        try:
            results = self._instance.call_slot(slot, values)
        finally:
            self._upcalls.pop()
        return self._returned(results)

    def _enter(self, place: int) -> None:
        if len(self._upcalls) == MOST_UPCALLS:
            raise Trapped(asyncify.TOO_DEEP)
        self._upcalls.append(place)

    def _returned(self, results: bytes | None = None) -> int:
        if self._state is _State.UNWINDING:
            return 0
        self._check_rewound()
        return self._door.proceed(self._instance.memory(), results)

    def _suspend(self) -> int:
        instance, count = self._instance, len(self._program.variables)
        if self._area is None:
            self._area = instance.grow(asyncify.pages(count))
            if self._area is None:
                return E.NOMEM
        asyncify.empty(instance.memory(), self._area, count)
        self._unwound = tuple(self._upcalls)
        self._state = _State.UNWINDING
        instance.call(_START_UNWIND, (self._area,))
        return 0

    def _reached(self) -> int:
        """The answer of a call that the guest has reached while it rewinds."""
        if self._state is _State.UNWINDING:
            raise Trapped(asyncify.DID_NOT_UNWIND)
        depth = len(self._upcalls)
        if depth < len(self._unwound):
            place = self._unwound[depth]
            if place & SLOT:
                return self._call_slot(place & ~SLOT, None)
            taken = asyncify.parameters(self._program, place)
            if taken is None:
                raise Trapped(asyncify.DAMAGED)
            return self._call(place, (0,) * taken)
        self._state = _State.UNWINDING
        self._instance.call(_STOP_REWIND)
        self._state = _State.RUNNING
        return self._answer

    def _check_rewound(self) -> None:
        if self._state is _State.REWINDING:
            raise Trapped(asyncify.DID_NOT_REWIND)


class _Unwound:
    """See `wasix.abi.instance.Suspended`."""

    def __init__(self, program: Linked, instance: Instance, area: int) -> None:
        self._count = len(program.variables)
        self._instance = instance
        self.area = area
        self.stack_pointer = program.stack_pointer

    @property
    def memory(self) -> memoryview:
        return self._instance.memory()

    @property
    def variables(self) -> tuple[int, ...]:
        return tuple(map(self._instance.variable, range(self._count)))

    @variables.setter
    def variables(self, values: tuple[int, ...]) -> None:
        for index, bits in enumerate(values):
            self._instance.set_variable(index, bits)
