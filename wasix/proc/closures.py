"""Closures: functions of any type that call one function of the guest's with their arguments.

A closure's slot holds a function of a small module, an instance of which is made for it; when it is
not wanted any more, the next closure of the same type gets that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from wasix.abi import E, Errno
from wasix.abi.instance import Given, GrowTable, Instantiate, Place, Signature, Write
from wasix.abi.wasix_types import VALUE_TYPE

if TYPE_CHECKING:
    from wasix.proc.process import Process
    from wasix.proc.steps import Steps

VALUE_TYPES = VALUE_TYPE.members
"""What values are called, by number."""
MOST_CLOSURES = 4096
"""Slots a process may have for closures, and instances behind them; more are `nomem`."""
MOST_VALUES = 1000
"""Parameters or results of a closure: what engines take; more are `inval`."""
_SLOTS = 64
"""That are added at a time."""
_SIZES = {"i32": 4, "i64": 8, "f32": 4, "f64": 8, "v128": 16}


def size(name: str) -> int:
    """Bytes of a value of a type."""
    return _SIZES[name]


def total(names: Iterable[str]) -> int:
    """Bytes of values of these types, one after the other."""
    return sum(map(size, names))


class _Instance(NamedTuple):
    """Of the module for a type, with its two cells."""

    signature: Signature
    number: int
    backing: int
    data: int


class Closures:
    """Those of one process."""

    def __init__(self) -> None:
        self._free: list[int] = []
        """Slots that can be given out, the next one last."""
        self._used: dict[int, _Instance | None] = {}
        """Slots that are given out, with what is in them."""
        self._idle: dict[Signature, list[_Instance]] = {}
        self._slots = 0
        self._instances = 0

    def __contains__(self, slot: int) -> bool:
        return slot in self._used or slot in self._free

    def __bool__(self) -> bool:
        return self._slots > 0

    def allocate(self) -> Steps:
        if not self._free:
            count = min(_SLOTS, MOST_CLOSURES - self._slots)
            first = (yield GrowTable(count)) if count else None
            if first is None and count > 1:
                count = 1
                first = yield GrowTable(count)
            if first is None:
                raise Errno(E.NOMEM)
            self._slots += count
            self._free += range(first + count - 1, first - 1, -1)
        slot = self._free.pop()
        self._used[slot] = None
        return slot

    def prepare(
        self, process: Process, slot: int, signature: Signature, backing: int, data: int
    ) -> Steps:
        if slot not in self._used:
            raise Errno(E.INVAL)
        self._rest(slot)
        idle = self._idle.get(signature)
        if idle:
            instance = idle.pop()
            yield Write(instance.backing, backing)
            yield Write(instance.data, data)
        else:
            instance = yield from self._make(process, signature, backing, data)
        self._used[slot] = instance
        yield Place(slot, instance.number, "closure")

    def _make(self, process: Process, signature: Signature, backing: int, data: int) -> Steps:
        if self._instances == MOST_CLOSURES:
            raise Errno(E.NOMEM)
        assert process.program is not None
        cells = process.new_cell(), process.new_cell()
        values = (
            Given("cell", cell=cell, value=value, mutable=True)
            for cell, value in zip(cells, (backing, data), strict=True)
        )
        own = (Given("memory"), Given("table"), Given("stack"))
        made = yield Instantiate(process.program.closure(signature), (*own, *values))
        if not isinstance(made, int):  # the program has no stack that is known, or no room
            raise Errno(E.NOTSUP)
        self._instances += 1
        return _Instance(signature, made, *cells)

    def free(self, slot: int) -> Steps:
        if slot not in self._used:
            return
        self._rest(slot)
        del self._used[slot]
        self._free.append(slot)
        yield Place(slot)

    def _rest(self, slot: int) -> None:
        instance = self._used[slot]
        self._used[slot] = None
        if instance is not None:
            self._idle.setdefault(instance.signature, []).append(instance)
