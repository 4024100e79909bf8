"""A guest's linear memory where it is JavaScript's, and Python sees copies of it."""

from __future__ import annotations

from typing import Any, Protocol

from engines import asyncify
from wasix.abi import E, Errno
from wasix.abi.memory import Memory


class Range(Protocol):
    """Bytes of JavaScript's (a `Uint8Array`)."""

    def assign(self, source: bytes | bytearray | memoryview) -> None: ...

    def assign_to(self, target: memoryview) -> None: ...


class Guest(Protocol):
    """The worker's side of a guest (`engines/browser/guest.js`)."""

    def size(self) -> int:
        """Bytes of linear memory."""

    def read(self, at: int, length: int) -> Range:
        """Some of them, which are all inside."""

    def room(self, at: int, length: int) -> Range:
        """Where to put what `write` is to store there."""

    def write(self, at: int, data: Range) -> None: ...


class PageMemory(Memory):
    """Linear memory through the worker; also what `wasix.abi.instance.Suspended` has of it."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    @property
    def size(self) -> int:
        return self._guest.size()

    def load(self, at: int, length: int) -> memoryview:
        self.check(at, length)
        data = memoryview(bytearray(length))
        if length:
            self._guest.read(at, length).assign_to(data)
        return data

    def store(self, at: int, data: bytes | bytearray | memoryview) -> None:
        self.check(at, len(data))
        if len(data):
            room = self._guest.room(at, len(data))
            room.assign(data)
            self._guest.write(at, room)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, key: slice) -> memoryview:
        start, end, _ = key.indices(self.size)
        return self.load(start, max(end - start, 0))

    def __setitem__(self, key: slice, value: bytes | memoryview) -> None:
        start, end, _ = key.indices(self.size)
        if max(end - start, 0) != len(value):
            raise ValueError("another length than that of the place")
        self.store(start, value)


class Unwound:
    """A guest whose stack has been unwound; see `wasix.abi.instance.Suspended`."""

    def __init__(self, memory: PageMemory, area: int, count: int, pointer: int | None) -> None:
        """`count` is how many variables it has."""
        self.memory: Any = memory
        self.area = area
        self.stack_pointer = pointer
        self._place = asyncify.end(area, count)
        self._size = 8 * count
        if self._place + self._size > len(memory):
            raise Errno(E.FAULT)

    @property
    def variables(self) -> tuple[int, ...]:
        found = self.memory.load(self._place, self._size)
        return tuple(found.cast("Q")) if self._size else ()

    @variables.setter
    def variables(self, values: tuple[int, ...]) -> None:
        self.memory.store(self._place, b"".join(value.to_bytes(8, "little") for value in values))
