"""Reads the payload of one section, never past its end and never more than the format allows.

Every number, name and list is checked as it is read, so that what comes out of here can be
trusted: a fault raises `DecodeError` with the file, the fault and its offset.
"""

import re
from typing import Final

from engines.wasm.types import printable

# What browsers accept, so a module beyond these runs nowhere; they also bound what a hostile module
# makes us build. WebAssembly JavaScript Interface, §Implementation-defined limits.
MOST: Final = {
    "types": 1_000_000,
    "imports": 1_000_000,
    "functions": 1_000_000,
    "tables": 100_000,
    "memories": 100,
    "tags": 1_000_000,
    "globals": 1_000_000,
    "exports": 1_000_000,
    "element segments": 10_000_000,
    "elements": 10_000_000,
    "data segments": 100_000,
    "parameters": 1_000,
    "results": 1_000,
    "fields": 10_000,
    "names": 1_000,
}

# The bytes of a LEB128 integer but its last, and an integer that does not end within 32 bits.
CONTINUED: Final = bytes(range(0x80, 0x100))
TOO_LONG: Final = re.compile(rb"[\x80-\xff]{4}[\x10-\xff]")


class DecodeError(ValueError):
    """The bytes are not a WebAssembly module. One line: the file, the fault and its offset."""


class Reader:
    """A position in the payload of a section.

    `file` is the module's name for messages, `base` the offset of the payload in the file, and
    `where` what the payload is ("the import section").
    """

    __slots__ = ("base", "data", "end", "file", "pos", "where")

    def __init__(self, data: bytes | memoryview, file: str, base: int, where: str) -> None:
        self.data = data
        self.file = file
        self.base = base
        self.where = where
        self.pos = 0
        self.end = len(data)

    def fault(self, what: str, at: int | None = None) -> DecodeError:
        """What is wrong, to raise; `at` is where in the payload, by default here."""
        offset = self.base + (self.pos if at is None else at)
        return DecodeError(f"{printable(self.file)}: {what} at offset 0x{offset:x}")

    def ended(self, what: str) -> DecodeError:
        """The payload stops before `what` does."""
        return self.fault(f"{self.where} ends inside {what}", self.end)

    def finish(self) -> None:
        """Refuse bytes left over."""
        if left := self.end - self.pos:
            raise self.fault(f"{self.where} is {left} bytes longer than what it holds")

    def byte(self, what: str) -> int:
        """The next byte."""
        if self.pos >= self.end:
            raise self.ended(what)
        byte = self.data[self.pos]
        self.pos += 1
        return byte

    def u32(self, what: str) -> int:
        """An unsigned 32-bit integer in LEB128."""
        pos = self.pos
        if pos < self.end and (byte := self.data[pos]) < 0x80:
            self.pos = pos + 1
            return byte
        return self.unsigned(32, what)

    def unsigned(self, bits: int, what: str) -> int:
        """An unsigned integer in LEB128, in no more bytes than `bits` need."""
        start = self.pos
        raw, _ = self._groups(bits, what)
        if raw >> bits:
            raise self.fault(f"{what} does not fit in {bits} bits", start)
        return raw

    def signed(self, bits: int, what: str) -> int:
        """A signed integer in LEB128, in no more bytes than `bits` need."""
        start = self.pos
        raw, width = self._groups(bits, what)
        value = raw - (1 << width) if raw >> (width - 1) else raw
        if not -1 << (bits - 1) <= value < 1 << (bits - 1):
            raise self.fault(f"{what} does not fit in {bits} bits", start)
        return value

    def _groups(self, bits: int, what: str) -> tuple[int, int]:
        """The seven-bit groups of a LEB128 integer as one number, and how many bits they are."""
        start = self.pos
        value = shift = 0
        while True:
            byte = self.byte(what)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value, shift
            if shift >= bits:
                raise self.fault(f"{what} is encoded in more than {shift // 7} bytes", start)

    def u32s(self, count: int, what: str) -> list[int]:
        """`count` unsigned 32-bit integers; the caller has checked that they can fit."""
        run = bytes(self.data[self.pos : self.pos + count])
        # The usual case, at the speed of C: each is a single byte.
        if len(run) == count and run.isascii():
            self.pos += count
            return list(run)
        u32 = self.u32
        return [u32(what) for _ in range(count)]

    def skip_u32s(self, count: int, what: str) -> None:
        """Read over `count` unsigned 32-bit integers."""
        # Usually they are all that is left: then so many bytes end an integer, and none is too
        # long. They cannot be where more is left than they could take.
        if self.end - self.pos <= 5 * count:
            rest = bytes(self.data[self.pos :])
            ends = len(rest.translate(None, CONTINUED))
            if ends == count and rest[-1:] < b"\x80" and not TOO_LONG.search(rest):
                self.pos = self.end
                return
        u32 = self.u32
        for _ in range(count):
            u32(what)

    def take(self, length: int, what: str) -> memoryview:
        """The next `length` bytes."""
        if length > self.end - self.pos:
            raise self.ended(what)
        start = self.pos
        self.pos += length
        return memoryview(self.data)[start : self.pos]

    def name(self, what: str) -> str:
        """A name in UTF-8."""
        length = self.u32(what)
        start = self.pos
        self.pos = end = start + length
        if end > self.end:
            raise self.ended(what)
        try:
            return str(self.data[start:end], "utf-8")
        except UnicodeDecodeError as error:
            raise self.fault(f"{what} is not UTF-8", start + error.start) from None

    def count(self, what: str, smallest: int = 1) -> int:
        """The length of a list whose items take at least `smallest` bytes each.

        A list that cannot fit in what is left is refused before anything is built for it.
        """
        start = self.pos
        count = self.u32(f"the number of {what}")
        if count > MOST[what]:
            raise self.fault(
                f"{count} {what} are more than the {MOST[what]} an engine accepts", start
            )
        left = self.end - self.pos
        if count * smallest > left:
            raise self.fault(
                f"{count} {what} cannot fit in the {left} bytes left of {self.where}", start
            )
        return count
