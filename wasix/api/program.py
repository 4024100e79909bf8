"""Loading a program: from its bytes to a module whose imports are all served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engines.artifacts import Artifacts
from engines.protocol import ASYNCIFY, Fuel, Linked, Relocated
from engines.wasm import (
    DecodeError,
    FunctionType,
    GlobalType,
    LinkError,
    MemoryLimitError,
    MemoryType,
    Module,
    TableLimitError,
    TableType,
    ValueType,
    check_links,
    clamp_memory,
    clamp_tables,
    decode,
    export_hidden,
    export_start,
    growable,
)
from engines.wasm.rewrite import add_export, import_memory
from engines.wasm.types import FUNCREF
from wasix.abi import REVISIONS, Function, lookup
from wasix.api.errors import ProgramInvalid, UsageError

if TYPE_CHECKING:
    from engines.wasm.waits import Waits

DEFAULT_MEMORY = 4 << 30
"""Linear memory a guest may have unless told otherwise: all that 32-bit addresses reach."""

MOST_ELEMENTS = 10_000_000
"""Elements of tables a guest may have unless told otherwise: what browsers give one table."""


SUSPENDING = frozenset(
    "proc_fork proc_fork_env stack_checkpoint stack_restore"
    " context_create context_switch context_destroy".split()
)
"""Functions that unwind a guest's stack, to rewind it later or elsewhere."""

_OWN = "wasix"
"""The module from which a program is given the shared memory that it would make for itself: its
threads are other instances, which have to be given the same one."""

LINKING = frozenset(
    "dlopen dlsym call_dynamic closure_prepare closure_allocate closure_free reflect_signature"
    " context_create".split()
)
"""Functions that look at a guest's table of functions, or add to it."""

_NUMBERS = ("i32", "i64", "f32", "f64")


def _type(function: Function) -> FunctionType:
    return FunctionType(
        tuple(map(ValueType, function.wasm_params)), tuple(map(ValueType, function.wasm_results))
    )


def _hashed(data: bytes | memoryview) -> Callable[[], str]:
    """The digest, found in the meantime: it takes as long as decoding and does not hold that up."""
    from wasix.api.hashing import Hashing  # not in a page

    return Hashing(data).digest


def link(
    data: bytes | memoryview,
    name: str,
    *,
    abi: str = "latest",
    memory: int | None = None,
    elements: int = MOST_ELEMENTS,
    fuel: bool = False,
    artifacts: Artifacts | None = None,
    links: bool = True,
) -> Linked:
    """Decode a command module, check its imports against an ABI revision, and bound what it takes.

    `name` is for messages; `memory` is in bytes, `elements` are those of all tables; with `fuel`
    the module is made to count, or taken from `artifacts`; with `links` a program may be one that
    is linked when it starts, and libraries be linked to it. Where it waits at shared memory it is
    made to call the kernel's futexes. Raises `ProgramInvalid`.
    """
    if abi not in REVISIONS:
        raise UsageError(f"there is no ABI revision {abi!r}; known: {', '.join(REVISIONS)}")
    interfaces = REVISIONS[abi]
    try:
        module = decode(data, name, _hashed(data) if artifacts is not None else None)
        own: Relocated | None = None
        if links and module.custom("dylink.0"):
            from wasix.api.library import relocated

            module, own = relocated(module, elements)
        stubbed = frozenset(own.stubbed if own else ())
        kinds = ("memory", "tag") if own is None else ("memory", "tag", "table", "global")
        check_links(
            module,
            lambda of, import_name: [_type(f) for f in lookup(of, import_name, interfaces)],
            modules=("env",) if own else (),
            provided=lambda item: item.kind in kinds or (item.module, item.name) in stubbed,
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
    if module.export("memory") is None and any(item.kind == "memory" for item in module.imports):
        # As WASIX builds threaded programs: whoever gives the memory has it.
        module = add_export(module, "memory", "memory", 0)
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
        if isinstance(item.type, FunctionType) and (item.module, item.name) not in stubbed
    }
    meter: Fuel | None = None
    first: str | None = None
    calls = functions.values()
    suspends = _suspends(module, calls)
    links = links and (own is not None or any(of.name in LINKING for of in calls))
    try:
        if links:
            module = growable(module)
        if fuel:
            from wasix.api.metered import metered

            module, meter, first = metered(module, functions, artifacts)
        elif suspends or any(function.name == "callback_signal" for function in calls):
            module, first = export_start(module)
        if suspends or links:
            module = export_hidden(module)
        module = clamp_memory(module, DEFAULT_MEMORY if memory is None else memory)
        module = clamp_tables(module, elements)
        if _shared(module):
            module = import_memory(module, "memory", _OWN, "memory")
        waiting = _exchanged(module)
        if waiting is not None:
            module = waiting.module
            if first is None:
                module, first = export_start(module)
    except (DecodeError, MemoryLimitError, TableLimitError) as error:
        raise ProgramInvalid(str(error)) from None
    program = Linked(
        module,
        functions,
        meter,
        first,
        waits=waiting.table if waiting else None,
        shares=_shares(module),
        relocated=own,
    )
    if not suspends and not links:
        return program
    variables = _variables(module)
    pointer = _stack_pointer(module, [index for _, _, index in variables])
    if links:
        stack = None if pointer is None else variables[pointer][0]
        program = replace(program, table=_table(module), stack=stack)
    if not suspends:
        return program
    return replace(
        program,
        variables=tuple((name, of) for name, of, _ in variables),
        stack_pointer=pointer,
        suspends=True,
    )


def _exchanged(module: Module) -> Waits | None:
    if not any(_is_shared(of) for of in module.index_space("memory")):
        return None
    from engines.wasm.waits import exchange  # few programs need it

    return exchange(module)


def _is_shared(memory: object) -> bool:
    return isinstance(memory, MemoryType) and memory.limits.shared


def _shared(module: Module) -> bool:
    """Whether the memory that it exports is a shared one."""
    return _is_shared(module.type_of_export("memory"))


def _shares(module: Module) -> bool:
    exported = module.export("memory")
    imported = sum(item.kind == "memory" for item in module.imports)
    return exported is not None and exported.index < imported and _shared(module)


def _table(module: Module) -> str | None:
    """The exported table of functions: the one of LLVM's name, or the first."""
    export = module.export("__indirect_function_table")
    index = export.index if export is not None and export.kind == "table" else 0
    tables = module.index_space("table")
    if index >= len(tables):
        return None
    of = tables[index]
    # References of a narrower type may not be put there.
    fits = isinstance(of, TableType) and of.element == FUNCREF and not of.limits.is64
    memory = module.type_of_export("memory")
    fits = fits and isinstance(memory, MemoryType) and not memory.limits.is64
    return module.exported_as("table", index) if fits else None


def _suspends(module: Module, functions: Iterable[Function]) -> bool:
    """Whether a module may ask for its stack to be unwound, and can have that done."""
    if not any(function.name in SUSPENDING for function in functions):
        return False
    for name in ASYNCIFY:
        params = ["i32"] if "start" in name else []
        if module.type_of_export(name) != FunctionType.of(params):
            return False
    # What is unwound goes to its only memory, at addresses of 32 bits.
    memories = [of for of in module.index_space("memory") if isinstance(of, MemoryType)]
    return len(memories) == 1 and not memories[0].limits.is64 and memories[0].page_size == 1 << 16


def _variables(module: Module) -> list[tuple[str, ValueType, int]]:
    """The exported mutable globals that are numbers: name, type and index of each."""
    found = []
    for index, of in enumerate(module.index_space("global")):
        name = module.exported_as("global", index)
        if name and isinstance(of, GlobalType) and of.mutable and of.type in _NUMBERS:
            found.append((name, of.type, index))
    return found


def _stack_pointer(module: Module, variables: Sequence[int]) -> int | None:
    """Which of these globals is the stack pointer: the one of that name, or the first that can be,
    since LLVM puts it in front."""
    name = "__stack_pointer"
    export = module.export(name)
    named = [index for index, of in module.name_section().globals.items() if of == name]
    if export is not None and export.kind == "global":
        named.insert(0, export.index)
    globals_ = module.index_space("global")
    for index in (*named, *variables):
        if index in variables and globals_[index] == GlobalType(ValueType("i32"), True):
            return variables.index(index)
    return None
