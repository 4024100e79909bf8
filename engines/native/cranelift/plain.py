"""Plain modules on wasmtime: a guest runs on the thread that calls it."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Sequence
from ctypes import byref, c_uint64, c_void_p
from functools import cache

from engines.native.cranelift.compiler import KINDS, Compiled, Compiler, Invalid
from engines.native.cranelift.library import (
    SLOT,
    Bytes,
    Extern,
    Finalizer,
    Library,
    Limits,
    Value,
)
from engines.native.cranelift.store import OwnMemory, SharedMemory, Store
from engines.plain import Call, Frame, Host, Refused, Trapped
from engines.wasm import FunctionType, GlobalType, MemoryType, Module, TableType, ValueType

STACK = 1 << 20
"""Bytes of the calling thread's stack that guests may use, with the host functions between them.
What these call needs some more, and all of it must fit the thread's stack."""

_KEPT_VIEWS = 512
_NO_MAXIMUM = 0xFFFFFFFF
_KINDS = {
    ValueType("i32"): Value.I32,
    ValueType("i64"): Value.I64,
    ValueType("f32"): Value.F32,
    ValueType("f64"): Value.F64,
    ValueType("v128"): Value.V128,
    ValueType("funcref"): Value.FUNCREF,
    ValueType("externref"): Value.EXTERNREF,
}
_TYPES = {kind: of for of, kind in KINDS.items()}


class PlainStore:
    """See `engines.plain.Store`."""

    def __init__(self, compiler: Compiler, stopping: Callable[[], bool]) -> None:
        self._compiler = compiler
        self._library = compiler.library
        self._stopping = stopping
        self._store = Store(compiler, stopping)
        self._context = self._store.context
        self._objects: dict[int, object] = {}
        self._numbers = itertools.count(1)
        objects = self._objects
        self._forget = Finalizer(lambda number: objects.pop(number, None) and None)
        self._store.keep(self._forget)
        self._types: dict[int, FunctionType] = {}
        self._all_told = True
        self._given: list[Value] = []
        """What was given to a guest lately: roots until it is sure to have arrived."""

    def free(self) -> None:
        # Whoever holds bytes of a memory holds the inner store.
        del self._store

    # What a guest imports.

    def function(self, of: FunctionType, host: Host) -> Extern:
        if not _told(of):
            raise Refused("wasmtime offers host functions no values of such types")
        area = ctypes.c_ubyte * (SLOT * max(len(of.params), len(of.results), 1))
        views: dict[int, memoryview] = {}
        trap = self._library.wasmtime_trap_new
        given, arrived = self._given, _Arrived(self._library, self._given)

        def call(environment: int, caller: int, slots: int, count: int) -> int:
            # By address: the same places on the stack come again and again.
            view = views.get(slots)
            if view is None:
                if len(views) >= _KEPT_VIEWS:
                    views.clear()
                view = views[slots] = memoryview(area.from_address(slots)).cast("B")
            if given:
                arrived()
            return 0 if host(view) else trap(b"unwound", 7)

        item = self._store.function(of, call)
        self._types[self.function_reference(item)] = of
        return item

    def memory(self, of: MemoryType) -> Extern:
        try:
            return self._store.memory(of)
        except Trapped as error:
            raise Refused(str(error)) from None

    def table(self, of: TableType) -> Extern:
        limits, library = of.limits, self._library
        if limits.is64 or of.element not in KINDS:
            raise Refused("wasmtime makes no such table for a host")
        declared = library.wasm_tabletype_new(
            library.wasm_valtype_new(KINDS[of.element]),
            byref(
                Limits(limits.minimum, _NO_MAXIMUM if limits.maximum is None else limits.maximum)
            ),
        )
        found = (c_uint64 * 3)()
        initial = self._reference(of.element, 0)
        error = library.wasmtime_table_new(self._context, declared, byref(initial), found)
        library.wasm_tabletype_delete(declared)
        self._refuse(error)
        return Extern(Extern.TABLE, found)

    def variable(self, of: GlobalType, value: memoryview) -> Extern:
        library = self._library
        if of.type not in KINDS:
            raise Refused("wasmtime makes no such global for a host")
        declared = library.wasm_globaltype_new(
            library.wasm_valtype_new(KINDS[of.type]), int(of.mutable)
        )
        found = (c_uint64 * 3)()
        initial = self._value(of.type, value)
        error = library.wasmtime_global_new(self._context, declared, byref(initial), found)
        self._release(initial)
        library.wasm_globaltype_delete(declared)
        self._refuse(error)
        return Extern(Extern.GLOBAL, found)

    # Running.

    def instantiate(
        self, compiled: Compiled, module: Module, imports: Sequence[Extern]
    ) -> Callable[[str], Extern]:
        # wasmtime aborts if asked about a type that its interface has no word for.
        self._all_told &= all(isinstance(of, FunctionType) and _told(of) for of in module.types)
        instance = self._store.instantiate(compiled, imports)

        def export(name: str) -> Extern:
            item = self._store.export(instance, name)
            if item.kind == Extern.SHARED_MEMORY:
                self._store.keep(SharedMemory(self._library, item.of[0]))
            of = module.type_of_export(name)
            if isinstance(of, FunctionType):
                self._types[self.function_reference(item)] = of
            return item

        return export

    def frame(self, count: int) -> Frame:
        area = (ctypes.c_ubyte * (SLOT * max(count, 1)))()
        return Frame(memoryview(area).cast("B"), ctypes.addressof(area))

    def call(self, function: Extern, of: FunctionType) -> Call:
        count = max(len(of.params), len(of.results))
        context, place = self._context, function.of
        enter, check = self._library.wasmtime_func_call_unchecked, self._store.check
        given, arrived = self._given, _Arrived(self._library, self._given)

        def call(frame: Frame) -> None:
            trap = c_void_p()
            error = enter(context, place, frame.place, count, byref(trap))
            if given:
                arrived()
            if error or trap:
                check(error, trap)

        return call

    # Memories.

    def bytes(self, memory: Extern) -> memoryview:
        found: OwnMemory | SharedMemory
        if memory.kind == Extern.SHARED_MEMORY:
            found = self._own_shared(memory)
        else:
            found = OwnMemory(self._store, memory.of)
        size = found.size()
        if not size:
            return memoryview(bytearray())
        area = (ctypes.c_ubyte * size).from_address(found.data())
        area.keeps = self._store, found  # type: ignore[attr-defined]  # ctypes arrays take attributes
        return memoryview(area).cast("B")

    def _own_shared(self, memory: Extern) -> SharedMemory:
        clone = self._library.wasmtime_sharedmemory_clone(memory.of[0])
        return SharedMemory(self._library, clone)

    def pages(self, memory: Extern) -> int:
        if memory.kind == Extern.SHARED_MEMORY:
            return int(self._library.wasmtime_sharedmemory_size(memory.of[0]))
        return int(self._library.wasmtime_memory_size(self._context, memory.of))

    def grow_memory(self, memory: Extern, pages: int) -> int:
        before = c_uint64()
        if memory.kind == Extern.SHARED_MEMORY:
            grow = self._library.wasmtime_sharedmemory_grow
            error = grow(memory.of[0], pages, byref(before))
        else:
            grow = self._library.wasmtime_memory_grow
            error = grow(self._context, memory.of, pages, byref(before))
        return self._grown(error, before)

    def _grown(self, error: int | None, before: c_uint64) -> int:
        if error:
            self._library.wasmtime_error_delete(error)
            return -1
        return before.value

    # Globals and tables.

    def load(self, variable: Extern, of: GlobalType, slot: memoryview) -> None:
        value = Value()
        self._library.wasmtime_global_get(self._context, variable.of, byref(value))
        if value.kind < Value.FUNCREF:
            slot[:SLOT] = memoryview(value.of).cast("B")[:SLOT]
        else:
            slot[:8] = self._raw(value).to_bytes(8, "little")

    def save(self, variable: Extern, of: GlobalType, slot: memoryview) -> None:
        value = self._value(of.type, slot)
        error = self._library.wasmtime_global_set(self._context, variable.of, byref(value))
        self._release(value)
        self._refuse(error)

    def table_size(self, table: Extern) -> int:
        return int(self._library.wasmtime_table_size(self._context, table.of))

    def table_get(self, table: Extern, of: TableType, index: int) -> int:
        value = Value()
        self._library.wasmtime_table_get(self._context, table.of, index, byref(value))
        return self._raw(value)

    def table_set(self, table: Extern, of: TableType, index: int, reference: int) -> None:
        value = self._reference(of.element, reference)
        error = self._library.wasmtime_table_set(self._context, table.of, index, byref(value))
        self._release(value)
        self._refuse(error)

    def grow_table(self, table: Extern, of: TableType, count: int, reference: int) -> int:
        value, before = self._reference(of.element, reference), c_uint64()
        error = self._library.wasmtime_table_grow(
            self._context, table.of, count, byref(value), byref(before)
        )
        self._release(value)
        return self._grown(error, before)

    # References.

    def reference(self, value: object) -> int:
        number, found = next(self._numbers), Value(Value.EXTERNREF)
        self._objects[number] = value
        new = self._library.wasmtime_externref_new
        if not new(self._context, number, self._forget, found.of):
            del self._objects[number]
            raise MemoryError("the guest's heap of references is full")
        self._given.append(found)
        return int(self._library.wasmtime_externref_to_raw(self._context, found.of))

    def value(self, reference: int) -> object:
        found = self._reference(ValueType("externref"), reference)
        try:
            return self._objects[self._library.wasmtime_externref_data(self._context, found.of)]
        finally:
            self._release(found)

    def function_reference(self, function: Extern) -> int:
        return int(self._library.wasmtime_func_to_raw(self._context, function.of))

    def referred(self, reference: int) -> tuple[Extern, FunctionType | None]:
        item = Extern(Extern.FUNCTION, self._reference(ValueType("funcref"), reference).of)
        of = self._types.get(reference)
        if of is None and self._all_told:
            of = self._types[reference] = self._type(item)
        return item, of

    def _type(self, function: Extern) -> FunctionType:
        library = self._library
        declared = library.wasmtime_func_type(self._context, function.of)
        lists = []
        for read in (library.wasm_functype_params, library.wasm_functype_results):
            values = Bytes.from_address(read(declared))
            pointers = ctypes.cast(values.data, ctypes.POINTER(c_void_p))
            kinds = [library.wasm_valtype_kind(pointers[at]) for at in range(values.size)]
            lists.append(tuple(_TYPES[kind] for kind in kinds))
        library.wasm_functype_delete(declared)
        return FunctionType(*lists)

    def _value(self, of: ValueType, slot: memoryview) -> Value:
        """What a slot holds. Give it to `_release`."""
        if of in ("externref", "funcref"):
            return self._reference(of, int.from_bytes(slot[:8], "little"))
        value = Value(_KINDS[of])
        memoryview(value.of).cast("B")[:SLOT] = slot[:SLOT]
        return value

    def _reference(self, of: ValueType, reference: int) -> Value:
        value = Value(_KINDS[of])
        if not reference:
            return value
        if value.kind == Value.EXTERNREF:
            self._library.wasmtime_externref_from_raw(self._context, reference, value.of)
        else:
            self._library.wasmtime_func_from_raw(self._context, reference, value.of)
        return value

    def _raw(self, value: Value) -> int:
        """The number of a reference, which is let go."""
        if not value.of[0]:  # no store: null
            return 0
        if value.kind == Value.FUNCREF:
            return int(self._library.wasmtime_func_to_raw(self._context, value.of))
        raw = int(self._library.wasmtime_externref_to_raw(self._context, value.of))
        self._release(value)
        return raw

    def _release(self, value: Value) -> None:
        if value.kind == Value.EXTERNREF and value.of[0]:
            self._library.wasmtime_externref_unroot(value.of)

    def _refuse(self, error: int | None) -> None:
        if error:
            raise Refused(self._library.error_text(error).partition("\n")[0])

    def interrupt(self) -> None:
        self._compiler.interrupt(self._stopping)


class _Arrived:
    """Lets go of what was given to a guest. It does not refer to the store."""

    def __init__(self, library: Library, given: list[Value]) -> None:
        self._unroot = library.wasmtime_externref_unroot
        self._given = given

    def __call__(self) -> None:
        while self._given:
            self._unroot(self._given.pop().of)


def _told(of: FunctionType) -> bool:
    return all(value in KINDS for value in (*of.params, *of.results))


class CraneliftPlain:
    """See `engines.plain.Plain`."""

    name = "cranelift"

    def __init__(self) -> None:
        self._compiler = Compiler(STACK)

    def compile(self, module: Module) -> Compiled:
        try:
            return self._compiler.module(module)
        except Invalid as error:
            raise Refused(str(error).strip().rpartition("\n")[2].strip()) from None

    def store(self, stopping: Callable[[], bool]) -> PlainStore:
        return PlainStore(self._compiler, stopping)


@cache
def plain() -> CraneliftPlain:
    """Raises `EngineError`, or `ImportError` if the package `wasmtime` is not there."""
    return CraneliftPlain()
