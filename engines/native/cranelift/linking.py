"""What a guest's instance does when the kernel asks for it: its table, and modules linked to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engines.native.cranelift.compiler import TYPES, Compiler, Invalid
from engines.native.cranelift.library import Extern, Instance
from engines.native.cranelift.store import Store, Variable
from engines.protocol import Linked, Relocated
from engines.wasm import FunctionType, GlobalType, Import, Module, TableType, TagType
from engines.wasm.adapters import caller, representable, total
from wasix.abi import Function
from wasix.abi.instance import (
    Given,
    GrowTable,
    Instantiate,
    Place,
    Read,
    Reflect,
    Request,
    Signature,
    Write,
)
from wasix.abi.linking import UNDEFINED

_TOLD = frozenset(TYPES.values())
_MOST_FOUND = 1024

Serve = Callable[[Store, Sequence[tuple[FunctionType, Function]]], list[Extern]]


class Common:
    """What the instances of one guest are given: cells, tags, stubs, system calls by `serve`."""

    def __init__(self, store: Store, compiler: Compiler, program: Linked, serve: Serve) -> None:
        self.store = store
        self.compiler = compiler
        self.serve = serve
        self.cells: dict[int, Extern] = {}
        self.stubs: Instance | None = None
        """Those of the program itself."""
        self._tags: dict[str, Extern] = {}
        self._own: dict[tuple[str, str], Extern] = {}
        if program.relocated is not None:
            self._relocate(program.relocated)

    def _relocate(self, own: Relocated) -> None:
        store = self.store
        if own.stubs is not None:
            serve = self.serve(store, [(FunctionType.of(["i32"]), UNDEFINED)])
            module = self.compiler.module(own.stubs)
            self.stubs = store.instantiate(module, [*serve, store.global_(False, 0)])
            for place, key in enumerate(own.stubbed):
                self._own[key] = store.export(self.stubs, str(place))

    def own(self, program: Linked, item: Import) -> Extern:
        """What the program itself is given for an import that is for linking it."""
        key = item.module, item.name
        if key in self._own:
            return self._own[key]
        if isinstance(item.type, TableType):
            return self.store.table(item.type)
        assert program.relocated is not None
        assert isinstance(item.type, GlobalType)
        for module, name, cell, value in program.relocated.cells:
            if (module, name) == key:
                return self.cell(cell, value, item.type.mutable)
        raise TypeError(f"{item} is a {item.kind}")

    def cell(self, number: int, value: int, mutable: bool) -> Extern:
        if number not in self.cells:
            self.cells[number] = self.store.global_(mutable, value)
        return self.cells[number]

    def tag(self, name: str, of: TagType) -> Extern:
        if name not in self._tags:
            self._tags[name] = self.store.tag(of)
        return self._tags[name]


class Linking:
    """The instances of one guest."""

    def __init__(self, program: Linked, main: Instance, common: Common) -> None:
        self._common = common
        self._store = store = common.store
        self._compiler = common.compiler
        self._program = program
        self._instances = [main, *([common.stubs] if common.stubs else ())]
        self._plain = True
        """Whether all functions have types that wasmtime can tell."""
        self._types: dict[FunctionType, None] = {}
        """Of functions that can be called, in an order that stays."""
        self._found: dict[tuple[int, ...], FunctionType | None] = {}
        self._look(program.module)
        name = program.table
        self._table = None if name is None else store.found(main, name)

    def _look(self, module: Module) -> None:
        """Learn what functions there are in `module`."""
        for of in dict.fromkeys(module.index_space("function")):
            if isinstance(of, FunctionType):
                if not _TOLD.issuperset((*of.params, *of.results)):
                    self._plain = False
                if representable(of):
                    self._types[of] = None

    def _function(self, slot: int) -> tuple[Extern, FunctionType] | None:
        if self._table is None:
            return None
        function = self._store.function_at(self._table, slot)
        if function is None:
            return None
        of = self._store.type_of(function) if self._plain else self._tried(function)
        return (function, of) if of is not None and representable(of) else None

    def _tried(self, function: Extern) -> FunctionType | None:
        """The type of a function, by importing it under all that it may have."""
        key = tuple(function.of)
        if key not in self._found:
            if len(self._found) == _MOST_FOUND:
                self._found.clear()
            self._found[key] = next(
                (
                    of
                    for of in self._types
                    if not isinstance(
                        self._store.linked(self._compiler.module(caller(of)), [function]), str
                    )
                ),
                None,
            )
        return self._found[key]

    def call(self, slot: int, values: bytes | None) -> bytes | None:
        """See `engines.native.machine.Instance.call_slot`."""
        found = self._function(slot)
        if found is None:
            return None
        function, of = found
        needed = total(of.params)
        if values is None:
            values = bytes(needed)
        return None if len(values) != needed else self._store.call_values(function, of, values)

    def perform(self, request: Request) -> Any:
        match request:
            case Reflect(slot):
                found = self._function(slot)
                if found is None:
                    return None
                of = found[1]
                return Signature(tuple(map(str, of.params)), tuple(map(str, of.results)))
            case GrowTable(count):
                return None if self._table is None else self._store.grow_table(self._table, count)
            case Place():
                return self._place(request)
            case Read(instance, export):
                found_at = self._export(instance, export)
                if found_at is None or found_at.kind != Extern.GLOBAL:
                    return None
                return Variable(self._store, found_at.of, 0).value
            case Write(cell, value):
                Variable(self._store, self._common.cells[cell].of, 0).value = value
                return None
            case Instantiate(module, imports):
                return self._instantiate(module, imports)
        raise TypeError(f"no engine knows {request}")

    def _export(self, instance: int, name: str) -> Extern | None:
        return self._store.found(self._instances[instance], name)

    def _place(self, request: Place) -> bool:
        table = self._export(request.table, "table") if request.table else self._table
        if table is None:
            return False
        function = None
        if request.export is not None:
            function = self._export(request.instance, request.export)
            if function is None or function.kind != Extern.FUNCTION:
                return False
        return self._store.place(table, request.slot, function)

    def _instantiate(self, module: Module, given: Sequence[Given]) -> int | str:
        try:
            compiled = self._compiler.module(module)
        except Invalid as error:
            return str(error).strip().rpartition("\n")[2].strip()
        served = [
            (item.type, what.function)
            for item, what in zip(module.imports, given, strict=True)
            if what.of == "call" and isinstance(item.type, FunctionType)
        ]
        calls = iter(self._common.serve(self._store, served) if served else ())
        imports = []
        for item, what in zip(module.imports, given, strict=True):
            found = next(calls, None) if what.of == "call" else self._given(what)
            if found is None:
                return f"there is nothing for its import {item}"
            imports.append(found)
        self._look(module)
        made = self._store.linked(compiled, imports)
        if isinstance(made, str):
            return made
        self._instances.append(made)
        return len(self._instances) - 1

    def _given(self, what: Given) -> Extern | None:
        match what.of:
            case "memory":
                return self._export(0, "memory")
            case "table":
                return self._table
            case "stack":
                name = self._program.stack
                return None if name is None else self._export(0, name)
            case "export":
                return self._export(what.instance, what.name)
            case "cell":
                return self._common.cell(what.cell, what.value, what.mutable)
            case "tag":
                return self._common.tag(what.name, TagType(FunctionType.of(what.params)))
        raise ValueError(f"nothing is given as {what.of}")
