"""Loading a program: from bytes or a file to a module whose imports are all served."""

from __future__ import annotations

from pathlib import Path

from engines.protocol import Linked
from engines.wasm import (
    DecodeError,
    FunctionType,
    LinkError,
    MemoryLimitError,
    ValueType,
    check_links,
    clamp_memory,
    decode,
)
from wasix.abi import REVISIONS, Function, lookup
from wasix.api.errors import ProgramInvalid, ProgramNotFound, UsageError

DEFAULT_MEMORY = 4 << 30
"""Linear memory a guest may have unless told otherwise: all that 32-bit addresses reach."""


def _type(function: Function) -> FunctionType:
    return FunctionType(
        tuple(map(ValueType, function.wasm_params)), tuple(map(ValueType, function.wasm_results))
    )


def link(
    data: bytes | memoryview, name: str, *, abi: str = "latest", memory: int | None = None
) -> Linked:
    """Decode a command module, check its imports against an ABI revision, and bound its memory.

    `name` is for messages; `memory` is in bytes. Raises `ProgramInvalid`.
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
        module = clamp_memory(module, DEFAULT_MEMORY if memory is None else memory)
    except (DecodeError, LinkError, MemoryLimitError) as error:
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
    return Linked(module, functions)


def read(path: Path) -> bytes:
    """The bytes of a program file. Raises `ProgramNotFound` or `ProgramInvalid`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ProgramNotFound(f"{path}: no such file") from None
    except OSError as error:
        raise ProgramInvalid(f"{path}: {error.strerror}") from None
