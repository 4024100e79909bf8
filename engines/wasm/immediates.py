"""Reads over what follows an opcode, by the words of `engines.wasm.opcodes`.

Positions are in the payload of a section. What is wrong raises `Malformed` with a position there;
reading past the end raises IndexError, which callers turn into the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engines.wasm import binary
from engines.wasm.opcodes import OPCODES, PREFIXES

Skip = Callable[[bytes, int], int]
"""`(payload, position) -> position after`."""


class Malformed(ValueError):
    """No instruction, or none that is known here; `at` is its position in the payload."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.at = at


def unsigned(data: bytes, pos: int, most: int = 5) -> tuple[int, int]:
    """An unsigned LEB128 integer of up to `most` bytes, and the position after it."""
    value = shift = 0
    start = pos
    while True:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, pos
        shift += 7
        if pos - start == most:
            raise Malformed(f"an integer is encoded in more than {most} bytes", start)


def _leb(most: int) -> Skip:
    def skip(data: bytes, pos: int) -> int:
        end = pos + most
        while data[pos] > 0x7F:
            pos += 1
            if pos == end:
                raise Malformed(f"an integer is encoded in more than {most} bytes", end - most)
        return pos + 1

    return skip


index: Final = _leb(5)
s64: Final = _leb(10)


def _fixed(size: int) -> Skip:
    def skip(data: bytes, pos: int) -> int:
        data[pos + size - 1]  # IndexError if it is not there
        return pos + size

    return skip


def memarg(data: bytes, pos: int) -> int:
    """Alignment, whose bit 6 says that a memory index follows; offset."""
    flags, pos = unsigned(data, pos)
    if flags & 0x40:
        pos = index(data, pos)
    return s64(data, pos)


def value_type(data: bytes, pos: int) -> int:
    byte = data[pos]
    pos += 1
    return index(data, pos) if byte in (binary.REF, binary.REF_NULL) else pos


def _block(data: bytes, pos: int) -> int:
    # A value type, the empty type 0x40 (negative as an s33), or the index of a type.
    return value_type(data, pos) if 0x40 <= data[pos] < 0x80 else index(data, pos)


def _types(data: bytes, pos: int) -> int:
    count, pos = unsigned(data, pos)
    for _ in range(count):
        pos = value_type(data, pos)
    return pos


def handlers(data: bytes, pos: int) -> tuple[list[int], int]:
    """The labels that the handlers of a `try_table` branch to, after its block type."""
    count, pos = unsigned(data, _block(data, pos))
    labels = []
    for _ in range(count):
        kind = data[pos]
        pos += 1
        if kind > 3:
            raise Malformed(f"0x{kind:02x} is no kind of handler", pos - 1)
        if kind < 2:  # with a tag: catch, catch_ref
            pos = index(data, pos)
        label, pos = unsigned(data, pos)
        labels.append(label)
    return labels, pos


def labels(data: bytes, pos: int) -> tuple[list[int], int]:
    """The labels of a `br_table`, the default at the end."""
    count, pos = unsigned(data, pos)
    found = []
    for _ in range(count + 1):
        label, pos = unsigned(data, pos)
        found.append(label)
    return found, pos


def _indices2(data: bytes, pos: int) -> int:
    return index(data, index(data, pos))


SKIPS: Final[dict[str, Skip]] = {
    "": lambda data, pos: pos,
    "block": _block,
    "cast": lambda data, pos: index(data, index(data, index(data, pos + 1))),
    "f32": _fixed(4),
    "f64": _fixed(8),
    "handlers": lambda data, pos: handlers(data, pos)[1],
    "heap": index,
    "index": index,
    "indices2": _indices2,
    "labels": lambda data, pos: labels(data, pos)[1],
    "lane": _fixed(1),
    "lanes": _fixed(16),
    "memarg": memarg,
    "memarg lane": lambda data, pos: _fixed(1)(data, memarg(data, pos)),
    "s32": index,
    "s64": s64,
    "types": _types,
    "v128": _fixed(16),
}
"""How to read over each kind of immediates."""

_SKIP_BY_CODE: Final = {code: SKIPS[opcode.immediates] for code, opcode in OPCODES.items()}


def opcode(data: bytes, pos: int) -> tuple[int, int]:
    """The `Opcode.code` at `pos` and the position of its immediates."""
    code = data[pos]
    start = pos
    pos += 1
    if code in PREFIXES:
        number, pos = unsigned(data, pos)
        code = code << 16 | number
    if code not in _SKIP_BY_CODE:
        raise Malformed(f"there is no instruction {_written(code)}", start)
    return code, pos


def skip(code: int, data: bytes, pos: int) -> int:
    """The position after the immediates of an instruction."""
    return _SKIP_BY_CODE[code](data, pos)


def _written(code: int) -> str:
    return f"0x{code:02x}" if code < 0x100 else f"0x{code >> 16:02x} 0x{code & 0xFFFF:02x}"
