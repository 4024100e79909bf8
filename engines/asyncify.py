"""How a guest's stack is unwound to linear memory and rewound, by Binaryen's asyncify pass.

An instance gets an area for it when it is first suspended: `SIZE` bytes, or more if it has
very many variables.

    area       u32, where the unwound stack ends
    area + 4   u32, where the room for it ends
    area + 8   the stack; on top of it, while it lies there, the upcalls that it goes through
    end        the variables, as JavaScript passes them: 8 bytes for each mutable global

A guest may be in the middle of an upcall when its stack is unwound. To rewind it, `_start` is
called, then from within the call that asked for an upcall the function it asked for, and so on. So
these functions stand on top of the stack, and are copied with it: u32 places among the module's
exports, or in its table with `SLOT`, outermost first, then their number.

The guest can write there, so nothing of this can be relied upon.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from engines.protocol import Linked
from engines.wasm import FunctionType
from wasix.abi.instance import Upcall

PAGE = 1 << 16
SIZE = 1 << 20
SLOT = 1 << 31
"""In a place: it is one in the table."""
MOST_UPCALLS = 64
"""Upcalls within upcalls; with one more the guest traps, as it does when its stack overflows."""

DID_NOT_UNWIND = "a call was made while the stack was to unwind"
DID_NOT_REWIND = "the stack did not rewind to the call that had unwound it"
TOO_DEEP = "stack overflow in upcalls within upcalls"
NO_ROOM = "stack overflow while the stack was unwound"
DAMAGED = "the unwound stack has been damaged"

_NUMBERS = frozenset(("i32", "i64", "f32", "f64"))
_WORD = Struct("<I")
_HEAD = Struct("<II")


class Damaged(Exception):
    """The guest has written where its unwound stack lies, or it filled all of the room for it."""


def pages(variables: int) -> int:
    """Pages of an area of an instance with so many variables."""
    return SIZE // PAGE + 8 * variables // PAGE


def end(area: int, variables: int) -> int:
    """Where the room for the stack ends and the variables begin. Below 2**32, as a u32 must be."""
    return area + pages(variables) * PAGE - 8 * (variables + 1)


def empty(memory: memoryview, area: int, variables: int) -> None:
    """Make an area ready for a stack."""
    _HEAD.pack_into(memory, area, area + 8, end(area, variables))


def push(memory: memoryview, area: int, variables: int, upcalls: Sequence[int]) -> None:
    """Put upcalls on top of an unwound stack. Raises `Damaged` if there is no room."""
    (top,) = _WORD.unpack_from(memory, area)
    words = Struct(f"<{len(upcalls) + 1}I")
    if not area + 8 <= top <= end(area, variables) - words.size:
        raise Damaged(NO_ROOM)
    words.pack_into(memory, top, *upcalls, len(upcalls))
    _WORD.pack_into(memory, area, top + words.size)


def pop(memory: memoryview, area: int, variables: int) -> tuple[int, ...]:
    """Take the upcalls off again. Raises `Damaged`."""
    (top,) = _WORD.unpack_from(memory, area)
    if not area + 12 <= top <= end(area, variables):
        raise Damaged(DAMAGED)
    (count,) = _WORD.unpack_from(memory, top - 4)
    start = top - 4 - 4 * count
    if count > MOST_UPCALLS or start < area + 8:
        raise Damaged(DAMAGED)
    _HEAD.pack_into(memory, area, start, end(area, variables))
    return Struct(f"<{count}I").unpack_from(memory, start)


def callee(program: Linked, upcall: Upcall) -> int | None:
    """The place among the exports of what an upcall calls; None if it is no function that takes
    such arguments."""
    export = program.module.export(upcall.export)
    if export is None:
        return None
    place = program.module.exports.index(export)
    taken = parameters(program, place)
    return place if taken == len(upcall.arguments) else None


def parameters(program: Linked, place: int) -> int | None:
    """How many arguments the export at a place takes; None if it is no function that takes i32
    only and gives numbers."""
    module = program.module
    if place >= len(module.exports):
        return None
    of = module.type_of_export(module.exports[place].name)
    if not isinstance(of, FunctionType) or not set(of.results) <= _NUMBERS:
        return None
    if any(param != "i32" for param in of.params):
        return None
    return len(of.params)
