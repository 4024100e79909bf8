"""What a guest's instance does when the kernel asks for it: its table, and modules linked to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engines.native.cranelift.compiler import TYPES, Compiler, Invalid
from engines.native.cranelift.library import Extern, Instance
from engines.native.cranelift.store import Store, Variable
from engines.protocol import Linked
from engines.wasm import FunctionType, Module, TagType
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

_TOLD = frozenset(TYPES.values())
_MOST_FOUND = 1024

Serve = Callable[[Store, Sequence[tuple[FunctionType, Function]]], list[Extern]]


class Linking:
    """The instances of one guest. `serve` makes the functions for system calls."""

    def __init__(
        self, store: Store, compiler: Compiler, program: Linked, main: Instance, serve: Serve
    ) -> None:
        self._store = store
        self._compiler = compiler
        self._program = program
        self._serve = serve
        self._instances = [main]
        self._cells: dict[int, Extern] = {}
        self._tags: dict[str, Extern] = {}
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
            case Place(slot, instance, export):
                return self._place(slot, instance, export)
            case Read(instance, export):
                found_at = self._export(instance, export)
                if found_at is None or found_at.kind != Extern.GLOBAL:
                    return None
                return Variable(self._store, found_at.of, 0).value
            case Write(cell, value):
                Variable(self._store, self._cells[cell].of, 0).value = value
                return None
            case Instantiate(module, imports):
                return self._instantiate(module, imports)
        raise TypeError(f"no engine knows {request}")

    def _export(self, instance: int, name: str) -> Extern | None:
        return self._store.found(self._instances[instance], name)

    def _place(self, slot: int, instance: int, export: str | None) -> bool:
        if self._table is None:
            return False
        function = None
        if export is not None:
            function = self._export(instance, export)
            if function is None or function.kind != Extern.FUNCTION:
                return False
        return self._store.place(self._table, slot, function)

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
        calls = iter(self._serve(self._store, served) if served else ())
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
                if what.cell not in self._cells:
                    self._cells[what.cell] = self._store.global_(what.mutable, what.value)
                return self._cells[what.cell]
            case "tag":
                if what.name not in self._tags:
                    of = TagType(FunctionType.of(what.params))
                    self._tags[what.name] = self._store.tag(of)
                return self._tags[what.name]
        raise ValueError(f"nothing is given as {what.of}")
