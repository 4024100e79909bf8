"""Libraries: modules that are linked to a program, which may be one itself (`dylink.0`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engines.protocol import Linked, Relocated
from engines.wasm import (
    DecodeError,
    FunctionType,
    GlobalType,
    MemoryType,
    Module,
    TableLimitError,
    TableType,
    TagType,
    clamp_tables,
    decode,
    export_start,
)
from engines.wasm.adapters import representable
from engines.wasm.dylink import HIDDEN, TLS, WEAK, Dylink, linkable, read, stubs
from engines.wasm.link import WASI_MODULES
from engines.wasm.rewrite import add_export, set_imports
from engines.wasm.types import I32, ExternalType, Import, Kind, Limits
from engines.wasm.waits import FILLER, exchange
from wasix.abi import REVISIONS, Function, lookup
from wasix.abi.instance import Signature
from wasix.api.errors import ProgramInvalid
from wasix.proc import library as kernel

STACK_SIZE = 8 << 20
"""Bytes of stack of a program that has none of its own: what Linux gives one."""

_PAGE = 1 << 16
_TABLE_BASE = 1
"""Where a program's functions begin, so that none has the address 0."""
_STACK_ALIGN = 1024
_MOST_ALIGN_LOG2 = 16

_STACK_POINTER = "__stack_pointer"

GOT = ("GOT.mem", "GOT.func")


def signature(of: ExternalType) -> Signature | None:
    """The type of a function or a tag, if it is about bytes only."""
    if isinstance(of, TagType):
        of = of.type
    if not isinstance(of, FunctionType) or not representable(of):
        return None
    return Signature(tuple(map(str, of.params)), tuple(map(str, of.results)))


def function_type(of: Signature) -> FunctionType:
    return FunctionType.of(of.params, of.results)


def served(item: Import, abi: str) -> Function | None:
    """The system call that an import is."""
    for function in lookup(item.module, item.name, REVISIONS[abi]):
        if item.type == FunctionType.of(function.wasm_params, function.wasm_results):
            return function
    return None


def load(data: bytes, name: str, program: Linked, *, abi: str, elements: int) -> kernel.Library:
    """The library that `data` holds, to be linked to `program`. Raises `ProgramInvalid`."""
    try:
        module = decode(data, name)
        dylink = read(module)
        if dylink is None:
            raise ProgramInvalid(f"{name} is no library: it has no section dylink.0")
        if module.memories:
            raise ProgramInvalid(f"{name} is no library: it has a memory of its own")
        memory = program.module.type_of_export("memory")
        assert isinstance(memory, MemoryType)
        module = clamp_tables(linkable(module, memory), elements)
        waiting, start = exchange(module), None
        if waiting is not None:
            module, start = export_start(waiting.module)
    except (DecodeError, TableLimitError) as error:
        raise ProgramInvalid(str(error)) from None
    return replace(
        _library(module, name, dylink),
        imports=tuple(_imports(module, dylink, abi)),
        start=start,
        waits=waiting.table if waiting is not None else None,
        filler=decode(FILLER, "filler") if waiting is not None else None,
    )


def of_program(program: Linked, name: str) -> kernel.Library:
    """A program as what libraries are linked to. Raises `DecodeError`."""
    module = program.module
    found = _library(module, name, read(module) or Dylink())
    own = program.relocated
    if own is None:
        return found
    types = {(item.module, item.name): item.type for item in module.imports}
    return replace(
        found,
        imports=tuple(_imports(module, read(module) or Dylink(), "latest")),
        base=own.base,
        # What it has been told at once is no symbol of another's.
        cells={(of, item): cell for of, item, cell, value in own.cells if not value},
        stack_cell=next((cell for _, of, cell, _ in own.cells if of == _STACK_POINTER), None),
        stubs=tuple((name, signature(types[of, name])) for of, name in own.stubbed),
    )


def _library(module: Module, name: str, dylink: Dylink) -> kernel.Library:
    flags = dict(dylink.exports)
    exports = {}
    for export in module.exports:
        of = flags.get(export.name, 0)
        kind = module.index_space(export.kind)[export.index]
        exports[export.name] = kernel.Export(
            export.kind, signature(kind), bool(of & HIDDEN), bool(of & TLS)
        )
    return kernel.Library(
        name,
        module,
        (),
        exports,
        dylink.memory_size,
        dylink.memory_align_log2,
        dylink.table_size,
        dylink.table_align_log2,
        dylink.needed,
        dylink.runtime_path,
    )


def _imports(module: Module, dylink: Dylink, abi: str) -> Iterator[kernel.Import]:
    flags = {(of, name): value for of, name, value in dylink.imports}
    for item in module.imports:
        function = None
        if isinstance(item.type, FunctionType) and item.module in WASI_MODULES:
            function = served(item, abi)
            if function is None:
                raise ProgramInvalid(
                    f"{module.name} imports {item} as {item.type}, which is not offered"
                )
        if isinstance(item.type, GlobalType) and item.type.type != I32:
            raise ProgramInvalid(f"{module.name} imports {item} as {item.type}, not as an i32")
        # LLVM says of some that they are in `env`, whatever they are imported from.
        flag = flags.get((item.module, item.name), flags.get(("env", item.name), 0))
        yield kernel.Import(
            item.module,
            item.name,
            item.kind,
            signature(item.type),
            isinstance(item.type, GlobalType) and item.type.mutable,
            bool(flag & WEAK),
            function,
        )


def relocated(module: Module, elements: int) -> tuple[Module, Relocated]:
    """A program that is itself linked when it starts, as its `dylink.0` says: given memory, a
    stack, and a table.

    Its data lies at the beginning of memory, then the stack, then the heap. Raises
    `ProgramInvalid`, or `DecodeError`.
    """
    name, dylink = module.name, read(module) or Dylink()
    if max(dylink.memory_align_log2, dylink.table_align_log2) > _MOST_ALIGN_LOG2:
        raise ProgramInvalid(f"{name} wants an alignment that is too large")
    base = 1 << max(dylink.memory_align_log2, 4)
    low = -(-(base + dylink.memory_size) // _STACK_ALIGN) * _STACK_ALIGN
    high = low + STACK_SIZE
    pages = -(-high // _PAGE)
    sizes = (of.type.limits.minimum for of in module.imports if isinstance(of.type, MemoryType))
    end = max(pages, *sizes, 0) * _PAGE
    values = {
        ("env", "__memory_base"): base,
        ("env", "__table_base"): _TABLE_BASE,
        ("env", _STACK_POINTER): high,
        ("GOT.mem", "__stack_low"): low,
        ("GOT.mem", "__stack_high"): high,
        ("GOT.mem", "__heap_base"): high,
        ("GOT.mem", "__heap_end"): min(end, 0xFFFFFFFF),
        ("GOT.mem", "__data_end"): base + dylink.memory_size,
        ("GOT.mem", "__global_base"): base,
    }
    slots = dylink.table_size + _TABLE_BASE
    imports: list[Import] = []
    cells: list[tuple[str, str, int, int]] = []
    stubbed: list[tuple[str, str]] = []
    for item in module.imports:
        match item.type:
            case MemoryType() as memory if not memory.limits.is64:
                limits = memory.limits
                if limits.maximum is not None and limits.maximum < pages:
                    raise ProgramInvalid(f"{name} has no room for a stack in its memory")
                limits = limits._replace(minimum=max(limits.minimum, pages))
                item = item._replace(type=MemoryType(limits))
            case TableType() as table:
                if table.limits.is64 or max(table.limits.minimum, slots) > elements:
                    raise ProgramInvalid(f"{name} needs a table larger than {elements} elements")
                limits = Limits(max(table.limits.minimum, slots), elements)
                item = item._replace(type=TableType(table.element, limits))
            case GlobalType() as variable:
                key = (item.module, item.name)
                if variable.type != I32 or (key not in values and item.module not in GOT):
                    raise ProgramInvalid(
                        f"{name} imports {item} as {variable}, which nobody offers"
                    )
                cells.append((*key, -1 - len(cells), values.get(key, 0)))
            case FunctionType() as of if item.module not in WASI_MODULES:
                if item.module != "env" or not representable(of):
                    raise ProgramInvalid(f"{name} imports {item} as {of}, which nobody offers")
                stubbed.append((item.module, item.name))
        imports.append(item)
    kinds = {(item.module, item.name): item.type for item in imports}
    if not isinstance(kinds.get(("env", "memory")), MemoryType):
        raise ProgramInvalid(f"{name} does not import its memory, as a program to be linked does")
    module = set_imports(module, imports)
    exported: tuple[tuple[Kind, str, str], ...] = (
        ("memory", "memory", "memory"),
        ("table", "__indirect_function_table", "__indirect_function_table"),
        ("global", _STACK_POINTER, _STACK_POINTER),
    )
    for kind, wanted, export in exported:
        places = [item.name for item in imports if item.kind == kind]
        if wanted in places and module.export(export) is None:
            module = add_export(module, export, kind, places.index(wanted))
    kept = (kinds[key] for key in stubbed)
    functions = tuple(kind for kind in kept if isinstance(kind, FunctionType))
    return module, Relocated(
        tuple(cells), base, stubs(functions) if functions else None, tuple(stubbed)
    )
