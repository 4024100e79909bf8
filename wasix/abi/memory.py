"""Linear memory as the kernel sees it where it must look for itself: bytes by address.

Every access is checked and copies; what is outside is `fault`. Engines whose memory Python sees
have a `DirectMemory`; the page's is JavaScript's (`wasix.web.memory`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from wasix.abi.errno import E, Errno

_CHUNK = 256
MAX_TEXT = 1 << 20
"""Bytes of a NUL-terminated string; a longer one is `toobig`."""


class Memory(ABC):
    """A guest's linear memory. `size` is what it has now, in bytes."""

    @property
    @abstractmethod
    def size(self) -> int: ...

    @abstractmethod
    def load(self, at: int, length: int) -> memoryview:
        """A copy of `length` bytes from `at` on. Nothing may be anywhere."""

    @abstractmethod
    def store(self, at: int, data: bytes | bytearray | memoryview) -> None: ...

    def check(self, at: int, length: int) -> None:
        """`fault` unless these bytes are in memory. None are in it wherever they lie."""
        if length and at + length > self.size:
            raise Errno(E.FAULT)

    def u32(self, at: int) -> int:
        return int.from_bytes(self.load(at, 4), "little")

    def string(self, at: int) -> bytes:
        """The bytes from `at` to the next NUL."""
        found = b""
        while True:
            part = bytes(self.load(at, min(_CHUNK, self.size - at if at < self.size else 1)))
            end = part.find(b"\0")
            if end >= 0:
                return found + part[:end]
            found += part
            at += len(part)
            if len(found) > MAX_TEXT:
                raise Errno(E.TOOBIG)


class DirectMemory(Memory):
    """Memory as a view of all of its bytes."""

    __slots__ = ("view",)

    def __init__(self, view: memoryview) -> None:
        self.view = view

    @property
    def size(self) -> int:
        return len(self.view)

    def load(self, at: int, length: int) -> memoryview:
        end = at + length
        if length and end > len(self.view):
            raise Errno(E.FAULT)
        return memoryview(bytearray(self.view[at:end]))

    def store(self, at: int, data: bytes | bytearray | memoryview) -> None:
        end = at + len(data)
        if at != end and end > len(self.view):
            raise Errno(E.FAULT)
        self.view[at:end] = data
