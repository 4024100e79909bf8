"""Small modules that stand between functions of a type that is known only at run time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from engines.wasm import binary
from engines.wasm.assemble import Code
from engines.wasm.decode import decode
from engines.wasm.module import Module
from engines.wasm.types import (
    FUNCREF,
    I32,
    Export,
    FunctionType,
    GlobalType,
    Import,
    Limits,
    MemoryType,
    TableType,
    ValueType,
)

SIZES: Final = {"i32": 4, "i64": 8, "f32": 4, "f64": 8, "v128": 16}
"""Bytes of the values that functions take and give here: all but references."""

CLOSURE: Final = "closure"
CALL: Final = "call"
MEMORY: Final = "memory"

_BACKING: Final = FunctionType.of(["i32"] * 3)
_ANY_TABLE: Final = TableType(FUNCREF, Limits(0))
_CELL: Final = GlobalType(I32, True)
_KEPT = 256


def representable(of: FunctionType) -> bool:
    """Whether a function takes and gives nothing but bytes."""
    return all(value in SIZES for value in (*of.params, *of.results))


def total(values: Iterable[ValueType]) -> int:
    """Bytes of values that lie one after the other."""
    return sum(SIZES[value] for value in values)


def importable(memory: MemoryType) -> MemoryType:
    """The type under which a module can import a memory of this type, however large it is."""
    limits = memory.limits
    return MemoryType(
        Limits(0, limits.maximum if limits.shared else None, limits.shared, limits.is64)
    )


@lru_cache(_KEPT)
def closure(of: FunctionType, memory: MemoryType) -> Module:
    """A module that exports a function of type `of` as `CLOSURE`.

    It imports a memory, a table, the stack pointer, and two mutable globals. The function calls
    what is in the slot of the first with the addresses of its arguments and of room for its
    results, which both lie on the stack, and the second. `of` is `representable`.
    """
    imports = (
        Import("", "memory", importable(memory)),
        Import("", "table", _ANY_TABLE),
        *(Import("", name, _CELL) for name in ("stack", "backing", "data")),
    )
    stack, backing, data = range(3)
    before = len(of.params)
    values, results = before + 1, before + 2
    body = Code().op("global.get", stack).op("local.tee", before)
    body.i32(_rounded(total(of.results))).op("i32.sub").op("local.tee", results)
    body.i32(_rounded(total(of.params))).op("i32.sub").op("local.tee", values)
    body.op("global.set", stack)
    offset = 0
    for place, value in enumerate(of.params):
        body.op("local.get", values).i32(offset).op("i32.add").op("local.get", place)
        body.memory(f"{value}.store", 0, 0)
        offset += SIZES[value]
    body.op("local.get", values).op("local.get", results).op("global.get", data)
    body.op("global.get", backing).op("call_indirect", 0, 0)
    offset = 0
    for value in of.results:
        body.op("local.get", results).i32(offset).op("i32.add").memory(f"{value}.load", 0, 0)
        offset += SIZES[value]
    body.op("local.get", before).op("global.set", stack)
    return _module(
        "closure",
        {
            binary.TYPE: map(binary.function_type, (_BACKING, of)),
            binary.IMPORT: map(binary.import_entry, imports),
            binary.FUNCTION: [binary.unsigned_leb(1)],
            binary.EXPORT: [binary.export_entry(Export(CLOSURE, "function", 0))],
            binary.CODE: [_code(body, locals_=3)],
        },
    )


@lru_cache(_KEPT)
def caller(of: FunctionType) -> Module:
    """A module that imports a function of type `of`, and exports `CALL` and `MEMORY`.

    `CALL` calls it with arguments from the beginning of the memory, and leaves the results there.
    """
    pages = (max(total(of.params), total(of.results)) >> 16) + 1
    body, offset = Code(), 0
    for value in of.params:
        body.i32(offset).memory(f"{value}.load", 0, 0)
        offset += SIZES[value]
    body.op("call", 0)
    # The last result lies on top.
    offset = total(of.results)
    for place, value in reversed(list(enumerate(of.results))):
        offset -= SIZES[value]
        body.op("local.set", place).i32(offset).op("local.get", place)
        body.memory(f"{value}.store", 0, 0)
    return _module(
        "caller",
        {
            binary.TYPE: map(binary.function_type, (of, FunctionType.of([]))),
            binary.IMPORT: [binary.import_entry(Import("", "call", of, 0))],
            binary.FUNCTION: [binary.unsigned_leb(1)],
            binary.MEMORY: [binary.limits(Limits(pages, pages))],
            binary.EXPORT: map(
                binary.export_entry, (Export(CALL, "function", 1), Export(MEMORY, "memory", 0))
            ),
            binary.CODE: [_code(body, kinds=of.results)],
        },
    )


def _rounded(size: int) -> int:
    """To what the stack is aligned to."""
    return size + 15 & -16


def _code(body: Code, *, locals_: int = 0, kinds: Iterable[ValueType] = ()) -> bytes:
    """A function's code with so many locals that are i32, or with locals of these types."""
    groups = [binary.unsigned_leb(locals_) + binary.value_type(I32)] if locals_ else []
    groups += (b"\1" + binary.value_type(kind) for kind in kinds)
    code = binary.vector(groups) + bytes(body.end())
    return binary.unsigned_leb(len(code)) + code


def _module(name: str, sections: dict[int, Iterable[bytes]]) -> Module:
    parts = [binary.HEADER]
    for number, entries in sections.items():
        payload = binary.vector(entries)
        parts += (bytes([number]), binary.unsigned_leb(len(payload)), payload)
    return decode(b"".join(parts), name)
