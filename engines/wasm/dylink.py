"""Modules to be linked when they run: what their `dylink.0` section says, and stubs between them.

Source: WebAssembly tool conventions, DynamicLinking.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from engines.wasm import binary
from engines.wasm.adapters import importable
from engines.wasm.assemble import Code
from engines.wasm.decode import decode
from engines.wasm.module import Module
from engines.wasm.reader import Reader
from engines.wasm.rewrite import set_imports
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
)

SECTION: Final = "dylink.0"
STUB_TABLE: Final = "table"

_MEM_INFO, _NEEDED, _EXPORT_INFO, _IMPORT_INFO, _RUNTIME_PATH = range(1, 6)

# Flags of symbols.
WEAK: Final = 1
HIDDEN: Final = 4
TLS: Final = 0x100

_UNDEFINED = FunctionType.of(["i32"])


class Dylink(NamedTuple):
    """What a module wants of its linker. Sizes in bytes and slots, alignments as powers of two."""

    memory_size: int = 0
    memory_align_log2: int = 0
    table_size: int = 0
    table_align_log2: int = 0
    needed: tuple[str, ...] = ()
    runtime_path: tuple[str, ...] = ()
    exports: tuple[tuple[str, int], ...] = ()
    """(name, flags) of those that have any."""
    imports: tuple[tuple[str, str, int], ...] = ()
    """(module, name, flags) of those that have any."""


def read(module: Module) -> Dylink | None:
    """The section's contents, if there is one. Raises `DecodeError`."""
    found = module.custom(SECTION)
    if not found:
        return None
    reader = Reader(found[0], module.name, 0, f"the section {SECTION}")
    dylink = Dylink()
    while reader.pos < reader.end:
        kind = reader.byte("a subsection")
        end = reader.u32("the length of a subsection") + reader.pos
        if end > reader.end:
            raise reader.ended("a subsection")
        dylink = _subsection(reader, kind, dylink)
        if kind in range(_MEM_INFO, _RUNTIME_PATH + 1) and reader.pos > end:
            raise reader.fault("a subsection is longer than it says")
        reader.pos = end
    return dylink


def _subsection(reader: Reader, kind: int, dylink: Dylink) -> Dylink:
    if kind == _MEM_INFO:
        numbers = [reader.u32("a size or alignment") for _ in range(4)]
        size, align, slots, slot_align = numbers
        if max(align, slot_align) > 31:
            raise reader.fault("an alignment is too large")
        return dylink._replace(
            memory_size=size,
            memory_align_log2=align,
            table_size=slots,
            table_align_log2=slot_align,
        )
    if kind in (_NEEDED, _RUNTIME_PATH):
        names = tuple(reader.name("a name") for _ in range(reader.count("names")))
        if kind == _NEEDED:
            return dylink._replace(needed=names)
        return dylink._replace(runtime_path=names)
    if kind == _EXPORT_INFO:
        exports = tuple(
            (reader.name("a name"), reader.u32("flags")) for _ in range(reader.count("exports"))
        )
        return dylink._replace(exports=exports)
    if kind == _IMPORT_INFO:
        imports = tuple(
            (reader.name("a module"), reader.name("a name"), reader.u32("flags"))
            for _ in range(reader.count("imports"))
        )
        return dylink._replace(imports=imports)
    return dylink


def linkable(module: Module, memory: MemoryType) -> Module:
    """A library that imports memory and table whatever they are like: the memory has this type."""

    def loosened(item: Import) -> Import:
        if isinstance(item.type, MemoryType):
            return item._replace(type=importable(memory))
        if isinstance(item.type, TableType):
            return item._replace(type=TableType(item.type.element, Limits(0)))
        return item

    return set_imports(module, map(loosened, module.imports))


@lru_cache(64)
def stubs(types: Sequence[FunctionType]) -> Module:
    """A module with a function of each of these types, exported by its place, which calls what is
    at that place of the table that is exported as `STUB_TABLE`.

    If nothing is, it calls the function that it imports, with the place and the value of the global
    that it imports added up, and then traps.
    """
    kinds = dict.fromkeys((_UNDEFINED, *types))
    numbers = {of: number for number, of in enumerate(kinds)}
    sections = {
        binary.TYPE: map(binary.function_type, kinds),
        binary.IMPORT: map(
            binary.import_entry,
            (Import("", "undefined", _UNDEFINED, 0), Import("", "base", GlobalType(I32, False))),
        ),
        binary.FUNCTION: (binary.unsigned_leb(numbers[of]) for of in types),
        binary.TABLE: [binary.external_type(TableType(FUNCREF, Limits(len(types), len(types))))],
        binary.EXPORT: (
            binary.export_entry(export)
            for export in (
                *(Export(str(place), "function", place + 1) for place in range(len(types))),
                Export(STUB_TABLE, "table", 0),
            )
        ),
        binary.CODE: (_stub(place, of, numbers[of]) for place, of in enumerate(types)),
    }
    parts = [binary.HEADER]
    for number, entries in sections.items():
        payload = binary.vector(entries)
        parts += (bytes([number]), binary.unsigned_leb(len(payload)), payload)
    return decode(b"".join(parts), "stubs")


def _stub(place: int, of: FunctionType, kind: int) -> bytes:
    body = Code().i32(place).op("table.get", 0).op("ref.is_null").if_()
    body.i32(place).op("global.get", 0).op("i32.add").op("call", 0).op("unreachable").end()
    for index in range(len(of.params)):
        body.op("local.get", index)
    body.i32(place).op("call_indirect", kind, 0)
    code = binary.vector([]) + bytes(body.end())
    return binary.unsigned_leb(len(code)) + code
