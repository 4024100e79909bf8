"""How values lie in linear memory: scalars, records and tagged unions.

A record is a `NamedTuple` whose annotations carry scalars; its layout follows C's rules (each field
at a multiple of its alignment, the whole padded to the largest). Everything is little-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import Struct, calcsize
from typing import Any, NamedTuple, Protocol, get_type_hints

from wasix.abi.errno import E, Errno

_new = tuple.__new__
"""Makes a named tuple in half the time that its class takes."""


class Type(Protocol):
    """What can stand in linear memory. `load` and `store` expect `at` to be within bounds."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def align(self) -> int: ...
    def load(self, memory: memoryview, at: int) -> Any: ...
    def store(self, memory: memoryview, at: int, value: Any) -> None: ...


@dataclass(frozen=True)
class Scalar:
    """An integer: `code` is its `struct` format character. `members` names its values, if any."""

    name: str
    code: str
    members: tuple[str, ...] = ()
    bits: bool = False
    """Whether `members` name bits (flags) rather than values (an enumeration)."""
    symbolic: bool = False
    """Whether handlers get the member's name, because revisions number the members differently."""
    _struct: Struct = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_struct", Struct("<" + self.code))

    @property
    def size(self) -> int:
        return self._struct.size

    @property
    def align(self) -> int:
        return self._struct.size

    @property
    def wasm(self) -> str:
        """The wasm value type that carries it as a parameter."""
        return "i64" if self.size == 8 else "i32"

    def load(self, memory: memoryview, at: int) -> int:
        value: int = self._struct.unpack_from(memory, at)[0]
        return value

    def store(self, memory: memoryview, at: int, value: int) -> None:
        self._struct.pack_into(memory, at, value)

    @property
    def most(self) -> int | None:
        """The largest value that is one of `members`, or made of them; None if none are named."""
        if not self.members:
            return None
        return (1 << len(self.members)) - 1 if self.bits else len(self.members) - 1

    def show(self, value: int) -> str:
        """`value` as a person reads it: the member's name, or the set bits' names joined by `|`."""
        if self.bits:
            names = [name for bit, name in enumerate(self.members) if value >> bit & 1]
            rest = value >> len(self.members) << len(self.members)
            return "|".join(names + ([hex(rest)] if rest else [])) or "0"
        if 0 <= value < len(self.members):
            return self.members[value]
        return str(value)


class Blob(NamedTuple):
    """Bytes that nothing here looks into. Loaded and stored as `bytes` of that `size`."""

    name: str
    size: int
    align: int

    def load(self, memory: memoryview, at: int) -> bytes:
        return bytes(memory[at : at + self.size])

    def store(self, memory: memoryview, at: int, value: bytes) -> None:
        memory[at : at + self.size] = value


def _align(offset: int, to: int) -> int:
    return -(-offset // to) * to


class Record:
    """The layout of a `NamedTuple` class whose annotations are `Annotated[..., Type]`."""

    def __init__(self, make: type[Any], name: str | None = None) -> None:
        self.make = make
        self.name = name or make.__name__.lower()
        self.fields: list[tuple[str, Type, int]] = []
        offset, self.align = 0, 1
        for label, hint in get_type_hints(make, include_extras=True).items():
            kind: Type = hint.__metadata__[0]
            offset = _align(offset, kind.align)
            self.fields.append((label, kind, offset))
            offset += kind.size
            self.align = max(self.align, kind.align)
        self.size = _align(offset, self.align)
        self._kinds = [kind for _, kind, _ in self.fields]
        self._offsets = [offset for _, _, offset in self.fields]
        self._zeros = bytes(self.size)
        self.flat: Struct | None = None
        """Of a record of scalars only: four times faster than field by field."""
        self._deep: Struct | None = None
        """Of one that has such records in it, too: their scalars in a row."""
        codes = _codes(self, 0)
        if codes is not None:
            text, end = "<", 0
            for code, at in codes:
                text += f"{at - end}x{code}"
                end = at + calcsize("<" + code)
            self._deep = Struct(f"{text}{self.size - end}x")
            if all(isinstance(kind, Scalar) for kind in self._kinds):
                self.flat = self._deep
        self._most = [
            (place, kind.most)
            for place, (_, kind, _) in enumerate(self.fields)
            if isinstance(kind, Scalar) and kind.most is not None
        ]

    def load(self, memory: memoryview, at: int) -> Any:
        """The record at `at`; `inval` if a field has a value its type does not name."""
        values: Sequence[Any]
        if self.flat:
            values = self.flat.unpack_from(memory, at)
        else:
            places = zip(self._kinds, self._offsets, strict=True)
            values = [kind.load(memory, at + offset) for kind, offset in places]
        for place, most in self._most:
            if values[place] > most:
                raise Errno(E.INVAL)
        return _new(self.make, values)

    def store(self, memory: memoryview, at: int, value: Any) -> None:
        if self.flat:
            self.flat.pack_into(memory, at, *value)
            return
        if self._deep:
            self._deep.pack_into(memory, at, *_in_a_row(value))
            return
        memory[at : at + self.size] = self._zeros
        for kind, offset, item in zip(self._kinds, self._offsets, value, strict=True):
            kind.store(memory, at + offset, item)


def _codes(kind: Type, at: int) -> list[tuple[str, int]] | None:
    """Format and offset of each scalar in something at `at`; None if it is not of scalars only."""
    if isinstance(kind, Scalar):
        return [(kind.code, at)]
    if not isinstance(kind, Record):
        return None
    found: list[tuple[str, int]] = []
    for _, field_kind, offset in kind.fields:
        codes = _codes(field_kind, at + offset)
        if codes is None:
            return None
        found += codes
    return found


def _in_a_row(value: tuple[Any, ...]) -> list[Any]:
    found: list[Any] = []
    for item in value:
        if isinstance(item, tuple):
            found += _in_a_row(item)
        else:
            found.append(item)
    return found


class Union:
    """A tag and the case it selects. Loaded and stored as the pair (tag, payload)."""

    def __init__(self, name: str, tag: Scalar, *cases: Type | None) -> None:
        self.name, self.tag, self.cases = name, tag, cases
        payload = [case for case in cases if case]
        self.align = max([tag.align, *(case.align for case in payload)])
        self.payload_offset = _align(tag.size, max([1, *(case.align for case in payload)]))
        self.size = _align(
            self.payload_offset + max([0, *(case.size for case in payload)]), self.align
        )

    def load(self, memory: memoryview, at: int) -> tuple[int, Any]:
        tag = memory[at] if self.tag.code == "B" else self.tag.load(memory, at)
        if tag >= len(self.cases):
            raise Errno(E.INVAL)
        case = self.cases[tag]
        return tag, case.load(memory, at + self.payload_offset) if case else None

    def store(self, memory: memoryview, at: int, value: tuple[int, Any]) -> None:
        tag, payload = value
        memory[at : at + self.size] = bytes(self.size)
        self.tag.store(memory, at, tag)
        case = self.cases[tag]
        if case:
            case.store(memory, at + self.payload_offset, payload)
