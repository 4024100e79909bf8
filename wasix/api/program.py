"""Loading a program: from its bytes to a module whose imports are all served."""

from __future__ import annotations

from engines.artifacts import Artifacts
from engines.protocol import Fuel, Linked
from engines.wasm import (
    DecodeError,
    FunctionType,
    LinkError,
    MemoryLimitError,
    TableLimitError,
    ValueType,
    check_links,
    clamp_memory,
    clamp_tables,
    decode,
)
from wasix.abi import REVISIONS, Function, lookup
from wasix.api.errors import ProgramInvalid, UsageError

DEFAULT_MEMORY = 4 << 30
"""Linear memory a guest may have unless told otherwise: all that 32-bit addresses reach."""

MOST_ELEMENTS = 10_000_000
"""Elements of tables a guest may have unless told otherwise: what browsers give one table."""


def _type(function: Function) -> FunctionType:
    return FunctionType(
        tuple(map(ValueType, function.wasm_params)), tuple(map(ValueType, function.wasm_results))
    )


def link(
    data: bytes | memoryview,
    name: str,
    *,
    abi: str = "latest",
    memory: int | None = None,
    elements: int = MOST_ELEMENTS,
    fuel: bool = False,
    artifacts: Artifacts | None = None,
) -> Linked:
    """Decode a command module, check its imports against an ABI revision, and bound what it takes.

    `name` is for messages; `memory` is in bytes, `elements` are those of all tables; with `fuel`
    the module is made to count, or taken from `artifacts`. Raises `ProgramInvalid`.
    """
    if abi not in REVISIONS:
        raise UsageError(f"there is no ABI revision {abi!r}; known: {', '.join(REVISIONS)}")
    interfaces = REVISIONS[abi]
    try:
        module = decode(data, name)
        check_links(
            module,
            lambda of, import_name: [_type(f) for f in lookup(of, import_name, interfaces)],
            provided=lambda item: item.kind in ("memory", "tag"),
        )
    except (DecodeError, LinkError) as error:
        raise ProgramInvalid(str(error)) from None
    start = module.export("_start")
    if start is None or start.kind != "function":
        reactor = module.export("_initialize") is not None
        raise ProgramInvalid(
            f"{name} does not export _start, so it is not a program"
            + (" but a library (a reactor): call its exports instead" if reactor else "")
        )
    if module.function_type(start.index) != FunctionType((), ()):
        raise ProgramInvalid(f"{name} exports a _start that takes or returns values")
    exported = module.export("memory")
    if exported is None or exported.kind != "memory":
        raise ProgramInvalid(f'{name} does not export its memory as "memory", as WASI asks for')
    functions = {
        (item.module, item.name): next(
            function
            for function in lookup(item.module, item.name, interfaces)
            if _type(function) == item.type
        )
        for item in module.imports
        if isinstance(item.type, FunctionType)
    }
    meter: Fuel | None = None
    try:
        if fuel:
            from wasix.api.metered import metered

            module, meter = metered(module, functions, artifacts)
        module = clamp_memory(module, DEFAULT_MEMORY if memory is None else memory)
        module = clamp_tables(module, elements)
    except (DecodeError, MemoryLimitError, TableLimitError) as error:
        raise ProgramInvalid(str(error)) from None
    return Linked(module, functions, meter)
