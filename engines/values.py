"""Python's values in the slots that engines exchange.

i32 and i64 are ints, given signed or unsigned and taken signed; f32 and f64 are floats; v128 is 16
bytes; an externref is any object, None being null; a funcref is a function or None.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from functools import cache
from operator import index
from typing import Any, NamedTuple

from engines.plain import SLOT
from engines.wasm import ReferenceType, ValueType

_FORMATS = {"i32": "i12x", "i64": "q8x", "f32": "f12x", "f64": "d8x", "v128": "16s"}
_BITS = {"i32": 32, "i64": 64}


class References(NamedTuple):
    """References to numbers and back. The last two are for functions, and may raise TypeError."""

    give: Callable[[object], int]
    take: Callable[[int], object]
    give_function: Callable[[object], int]
    take_function: Callable[[int], object]


def known(of: ValueType) -> bool:
    """Whether Python has values of a type."""
    return of in _FORMATS or (isinstance(of, ReferenceType) and of.heap in ("extern", "func"))


def _reference_format(of: ValueType) -> str:
    # The number of an object has 32 bits, that of a function is an address perhaps.
    return "Q8x" if isinstance(of, ReferenceType) and of.heap == "func" else "I12x"


@cache
def _format(types: tuple[ValueType, ...]) -> struct.Struct:
    return struct.Struct("<" + "".join(_FORMATS.get(of, _reference_format(of)) for of in types))


class Values:
    """Values of the given types, at the start of a slot area."""

    def __init__(self, types: Sequence[ValueType], references: References) -> None:
        self.types = tuple(types)
        self.size = SLOT * len(types)
        self._references = references
        format_ = _format(self.types)
        self._pack_into, self._unpack_from = format_.pack_into, format_.unpack_from
        self._numeric = all(of in _FORMATS and of != "v128" for of in types)
        self._plain = all(of in _FORMATS for of in types)

    def put(self, area: memoryview, values: Sequence[Any], what: str) -> None:
        """Raises TypeError or OverflowError; `what` names the values, for their text."""
        if self._numeric:
            try:
                self._pack_into(area, 0, *values)
            except (struct.error, OverflowError):
                pass  # unsigned, or wrong
            else:
                return
        if len(values) != len(self.types):
            raise TypeError(f"{what}: {len(self.types)} values are needed, not {len(values)}")
        converted = list(values)
        # References last: no code of the caller's may run before they are in the guest.
        for references in (False, True):
            for at, of in enumerate(self.types):
                if isinstance(of, ReferenceType) == references:
                    converted[at] = self._given(
                        of, values[at], f"{what}: {values[at]!r} is no {of}"
                    )
        self._pack_into(area, 0, *converted)

    def take(self, area: memoryview) -> tuple[Any, ...]:
        values = self._unpack_from(area)
        if self._plain:
            return values
        return tuple(map(self._taken, self.types, values))

    def _given(self, of: ValueType, value: Any, wrong: str) -> Any:
        if of in _BITS:
            return _integer(_BITS[of], value, wrong)
        if of == "f32" or of == "f64":
            try:
                number = float(value) if not isinstance(value, str | bytes) else None
            except OverflowError:
                raise OverflowError(f"{wrong}: it is too large") from None
            except (TypeError, ValueError):
                number = None
            if number is None:
                raise TypeError(wrong)
            if of == "f32" and number == number:
                return ctypes.c_float(number).value  # rounds to infinity, as the instruction does
            return number
        if of == "v128":
            if not isinstance(value, bytes | bytearray | memoryview):
                raise TypeError(f"{wrong}: it takes 16 bytes")
            if memoryview(value).nbytes != SLOT:
                raise TypeError(f"{wrong}: it takes 16 bytes")
            return bytes(value)
        assert isinstance(of, ReferenceType)
        if value is None:
            if not of.nullable:
                raise TypeError(wrong)
            return 0
        if of.heap == "extern":
            return self._references.give(value)
        try:
            return self._references.give_function(value)
        except TypeError as error:
            raise TypeError(f"{wrong}: {error}") from None

    def _taken(self, of: ValueType, value: Any) -> Any:
        if not isinstance(of, ReferenceType):
            return value
        if not value:
            return None
        if of.heap == "extern":
            return self._references.take(value)
        return self._references.take_function(value)


def _integer(bits: int, value: Any, wrong: str) -> int:
    try:
        number = index(value)
    except TypeError:
        raise TypeError(wrong) from None
    if not -1 << bits - 1 <= number < 1 << bits:
        raise OverflowError(f"{wrong}: it has {bits} bits, signed or unsigned")
    return number - (1 << bits) if number >= 1 << bits - 1 else number
