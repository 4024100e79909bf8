"""A store of wasmtime's, and what is put into it: a guest's instance, memory, host functions."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_uint64, c_void_p
from typing import Any, Protocol

from engines.backtrace import Site
from engines.native.cranelift.compiler import KINDS, TYPES, Compiled, Compiler, function_type
from engines.native.cranelift.library import (
    SLOT,
    Bytes,
    Callback,
    EpochReached,
    Extern,
    Func,
    HostFunction,
    Instance,
    Limits,
    Value,
)
from engines.plain import Trapped
from engines.wasm import FunctionType, MemoryType, TableType, TagType, ValueType
from engines.wasm.adapters import SIZES
from engines.wasm.types import FUNCREF

_CALLBACK = FunctionType.of([])

_BITS = {0: (1 << 32) - 1, 1: (1 << 64) - 1, 2: (1 << 32) - 1, 3: (1 << 64) - 1}
"""All bits of a number, by kind."""


class Memory(Protocol):
    """A guest's linear memory: where it lies, and how long it is now (bytes)."""

    def data(self) -> int: ...
    def size(self) -> int: ...
    def grow(self, pages: int) -> int | None:
        """Its pages before; None if it cannot grow."""


def view(memory: Memory) -> memoryview:
    """The bytes of `memory` as long as it is now."""
    area = (ctypes.c_ubyte * memory.size()).from_address(memory.data())
    return memoryview(area).cast("B")


class OwnMemory:
    """A memory of the store's."""

    def __init__(self, store: Store, place: ctypes.Array[c_uint64]) -> None:
        self._store = store
        self._place = place

    def data(self) -> int:
        library = self._store.library
        return library.wasmtime_memory_data(self._store.context, self._place) or 0

    def size(self) -> int:
        return int(self._store.library.wasmtime_memory_data_size(self._store.context, self._place))

    def grow(self, pages: int) -> int | None:
        library, before = self._store.library, c_uint64()
        return _grown(
            library,
            library.wasmtime_memory_grow(self._store.context, self._place, pages, byref(before)),
            before,
        )


class SharedMemory:
    """A memory that several threads may have."""

    def __init__(self, library: Any, pointer: int) -> None:
        self._library = library
        self.pointer = pointer

    def data(self) -> int:
        return self._library.wasmtime_sharedmemory_data(self.pointer) or 0

    def size(self) -> int:
        return int(self._library.wasmtime_sharedmemory_data_size(self.pointer))

    def grow(self, pages: int) -> int | None:
        before = c_uint64()
        return _grown(
            self._library,
            self._library.wasmtime_sharedmemory_grow(self.pointer, pages, byref(before)),
            before,
        )

    def __del__(self) -> None:
        self._library.wasmtime_sharedmemory_delete(self.pointer)


def _grown(library: Any, error: int | None, before: c_uint64) -> int | None:
    if error:
        library.wasmtime_error_delete(error)
        return None
    return before.value


class Variable:
    """An exported mutable global that is a number, as unsigned bits."""

    def __init__(self, store: Store, place: ctypes.Array[c_uint64], kind: int) -> None:
        self._store = store
        self._place = place
        self._kind = kind

    @property
    def value(self) -> int:
        found = Value()
        library = self._store.library
        library.wasmtime_global_get(self._store.context, self._place, byref(found))
        return int(found.of[0]) & _BITS[self._kind]

    @value.setter
    def value(self, value: int) -> None:
        library = self._store.library
        new = Value(self._kind, (c_uint64 * 3)(value & _BITS[self._kind]))
        error = library.wasmtime_global_set(self._store.context, self._place, byref(new))
        assert not error


class Store:
    """Holds a guest. `stopping` is asked at every epoch whether it is to end.

    Used by one thread at a time. `close` frees everything in it.
    """

    def __init__(self, compiler: Compiler, stopping: Callable[[], bool]) -> None:
        self.library = compiler.library
        self._compiler = compiler
        self._store = self.library.wasmtime_store_new(compiler.engine, None, None)
        self.context = self.library.wasmtime_store_context(self._store)
        self._kept: list[object] = []  # what wasmtime has the addresses of
        self._watch(stopping)

    @property
    def pointer(self) -> int:
        """Its `wasmtime_store_t`."""
        return int(self._store)

    def close(self) -> None:
        store, self._store = self._store, 0
        if store:
            self.library.wasmtime_store_delete(store)
            self._kept.clear()

    def __del__(self) -> None:
        if hasattr(self, "_kept"):
            self.close()

    def keep(self, what: object) -> None:
        """Keep something as long as the store."""
        self._kept.append(what)

    def _watch(self, stopping: Callable[[], bool]) -> None:
        new_error = self.library.wasmtime_error_new

        def reached(context: int, data: int, delta: Any, kind: Any) -> int:
            if stopping():
                return new_error(b"stopped") or 0
            delta[0] = 1
            kind[0] = 0
            return 0

        callback = EpochReached(reached)
        self._kept.append(callback)
        self.library.wasmtime_store_epoch_deadline_callback(self._store, callback, None, None)
        self.library.wasmtime_context_set_epoch_deadline(self.context, 1)

    # What a guest imports.

    def function(self, of: FunctionType, call: Callable[[int, int, int, int], int]) -> Extern:
        """A host function of type `of`; see `HostFunction` for `call`, which must not raise."""
        return self._function(of, HostFunction(call))

    def callback(self, call: Callable[[], int]) -> Extern:
        """A host function without parameters and results; see `Callback` for `call`."""
        return self._function(_CALLBACK, Callback(call))

    def _function(self, of: FunctionType, callback: object) -> Extern:
        self._kept.append(callback)
        found = Func()
        declared = self._compiler.declared(of)
        self.library.wasmtime_func_new_unchecked(
            self.context, declared.pointer, callback, None, None, byref(found)
        )
        return _extern(Extern.FUNCTION, found)

    def memory(self, of: MemoryType) -> Extern:
        if of.limits.shared:
            return self.share(self.shared_memory(of))
        found = (c_uint64 * 3)()
        declared = self._memory_type(of)
        try:
            self.check(self.library.wasmtime_memory_new(self.context, declared, found))
        finally:
            self.library.wasm_memorytype_delete(declared)
        return Extern(Extern.MEMORY, found)

    def shared_memory(self, of: MemoryType) -> SharedMemory:
        """A new one, which outlives the store if it is kept."""
        found = c_void_p()
        declared = self._memory_type(of)
        try:
            make = self.library.wasmtime_sharedmemory_new
            self.check(make(self._compiler.engine, declared, byref(found)))
        finally:
            self.library.wasm_memorytype_delete(declared)
        assert found.value
        return SharedMemory(self.library, found.value)

    def share(self, memory: SharedMemory) -> Extern:
        """A shared memory, maybe another store's, to be imported."""
        self._kept.append(memory)
        return Extern(Extern.SHARED_MEMORY, (c_uint64 * 3)(memory.pointer))

    def _memory_type(self, of: MemoryType) -> c_void_p:
        limits = of.limits
        declared = c_void_p()
        self.check(
            self.library.wasmtime_memorytype_new(
                limits.minimum,
                limits.maximum is not None,
                limits.maximum or 0,
                limits.is64,
                limits.shared,
                limits.page_size_log2,
                byref(declared),
            )
        )
        return declared

    def tag(self, of: TagType) -> Extern:
        declared = self.library.wasm_tagtype_new(function_type(self.library, of.type))
        found = (c_uint64 * 3)()
        error = self.library.wasmtime_tag_new(self.context, declared, found)
        self.library.wasm_tagtype_delete(declared)
        self.check(error)
        return Extern(Extern.TAG, found)

    # Running.

    def instantiate(self, module: Compiled, imports: Sequence[Extern]) -> Instance:
        """Raises `Trapped` if a start function traps."""
        instance, trap = Instance(), c_void_p()
        array = (Extern * len(imports))(*imports)
        error = self.library.wasmtime_instance_new(
            self.context, module.pointer, array, len(imports), byref(instance), byref(trap)
        )
        self.check(error, trap)
        return instance

    def linked(self, module: Compiled, imports: Sequence[Extern]) -> Instance | str:
        """The same, or why it cannot be. Raises `Trapped` as well."""
        instance, trap = Instance(), c_void_p()
        array = (Extern * len(imports))(*imports)
        error = self.library.wasmtime_instance_new(
            self.context, module.pointer, array, len(imports), byref(instance), byref(trap)
        )
        if error:
            return _reason(self.library.error_text(error))
        self.check(None, trap)
        return instance

    def export(self, instance: Instance, name: str) -> Extern:
        found = self.found(instance, name)
        assert found is not None
        return found

    def variable(self, instance: Instance, name: str, of: ValueType) -> Variable:
        found = self.export(instance, name)
        assert found.kind == Extern.GLOBAL
        return Variable(self, found.of, KINDS[of])

    def exported_memory(self, instance: Instance, name: str) -> Memory:
        found = self.export(instance, name)
        if found.kind == Extern.SHARED_MEMORY:
            return SharedMemory(self.library, found.of[0])
        assert found.kind == Extern.MEMORY
        return OwnMemory(self, found.of)

    def call(self, function: Extern, arguments: Sequence[int] = (), results: int = 0) -> None:
        """Call a function that takes integers, and drop so many results. Raises `Trapped`."""
        assert function.kind == Extern.FUNCTION
        trap = c_void_p()
        count = max(len(arguments), results)
        slots = (c_uint64 * (SLOT // 8 * max(count, 1)))()
        for place, value in enumerate(arguments):
            slots[SLOT // 8 * place] = value & 0xFFFFFFFFFFFFFFFF
        error = self.library.wasmtime_func_call_unchecked(
            self.context, function.of, slots, count, byref(trap)
        )
        self.check(error, trap)

    def found(self, instance: Instance, name: str) -> Extern | None:
        """An export, if it is there."""
        found, text = Extern(), name.encode()
        exists = self.library.wasmtime_instance_export_get(
            self.context, byref(instance), text, len(text), byref(found)
        )
        return found if exists else None

    def global_(self, mutable: bool, value: int) -> Extern:
        """A new global of type i32."""
        declared = self.library.wasm_globaltype_new(
            self.library.wasm_valtype_new(KINDS[ValueType("i32")]), int(mutable)
        )
        initial = Value(Value.I32, (c_uint64 * 3)(value & _BITS[Value.I32]))
        found = (c_uint64 * 3)()
        error = self.library.wasmtime_global_new(self.context, declared, byref(initial), found)
        self.library.wasm_globaltype_delete(declared)
        self.check(error)
        return Extern(Extern.GLOBAL, found)

    def table(self, of: TableType) -> Extern:
        """A new table of functions, which is empty."""
        most = 0xFFFFFFFF if of.limits.maximum is None else of.limits.maximum
        declared = self.library.wasm_tabletype_new(
            self.library.wasm_valtype_new(KINDS[FUNCREF]), byref(Limits(of.limits.minimum, most))
        )
        initial, found = Value(Value.FUNCREF), (c_uint64 * 3)()
        error = self.library.wasmtime_table_new(self.context, declared, byref(initial), found)
        self.library.wasm_tabletype_delete(declared)
        self.check(error)
        return Extern(Extern.TABLE, found)

    def grow_table(self, table: Extern, count: int) -> int | None:
        """Empty elements more: the first of them, or None if there is no room."""
        initial, before = Value(Value.FUNCREF), c_uint64()
        error = self.library.wasmtime_table_grow(
            self.context, table.of, count, byref(initial), byref(before)
        )
        return _grown(self.library, error, before)

    def function_at(self, table: Extern, index: int) -> Extern | None:
        """The function in a table of functions, if there is one."""
        found = Value()
        exists = self.library.wasmtime_table_get(self.context, table.of, index, byref(found))
        if not exists or found.kind != Value.FUNCREF or not found.of[0]:
            return None
        return Extern(Extern.FUNCTION, found.of)

    def place(self, table: Extern, index: int, function: Extern | None) -> bool:
        """Put a function there, or nothing; False if there is no such place."""
        value = Value(Value.FUNCREF)
        if function is not None:
            value.of[:] = function.of[:]
        error = self.library.wasmtime_table_set(self.context, table.of, index, byref(value))
        if error:
            self.library.wasmtime_error_delete(error)
        return not error

    def type_of(self, function: Extern) -> FunctionType:
        """Only for functions of types that `KINDS` has: wasmtime aborts at others."""
        declared = self.library.wasmtime_func_type(self.context, function.of)
        lists = []
        for read in (self.library.wasm_functype_params, self.library.wasm_functype_results):
            values = Bytes.from_address(read(declared))
            pointers = ctypes.cast(values.data, POINTER(c_void_p))
            kinds = [self.library.wasm_valtype_kind(pointers[at]) for at in range(values.size)]
            lists.append(tuple(TYPES[kind] for kind in kinds))
        self.library.wasm_functype_delete(declared)
        return FunctionType(*lists)

    def call_values(self, function: Extern, of: FunctionType, values: bytes) -> bytes:
        """Call a function of bytes, with those of its arguments one after the other; and those of
        its results. Raises `Trapped`."""
        count = max(len(of.params), len(of.results), 1)
        slots = (ctypes.c_ubyte * (SLOT * count))()
        area, offset = memoryview(slots).cast("B"), 0
        for place, value in enumerate(of.params):
            size = SIZES[value]
            area[SLOT * place : SLOT * place + size] = values[offset : offset + size]
            offset += size
        trap = c_void_p()
        error = self.library.wasmtime_func_call_unchecked(
            self.context, function.of, slots, count, byref(trap)
        )
        self.check(error, trap)
        return b"".join(
            bytes(area[SLOT * place : SLOT * place + SIZES[value]])
            for place, value in enumerate(of.results)
        )

    def check(self, error: int | None, trap: c_void_p | None = None) -> None:
        """Raises `Trapped` for what a function of wasmtime's answered, which is freed."""
        if error:
            raise Trapped(_reason(self.library.error_text(error)))
        if trap:
            text = self.library.taken(self.library.wasm_trap_message, trap)
            frames = self._frames(trap)
            self.library.wasm_trap_delete(trap)
            raise Trapped(_reason(text), frames)

    def _frames(self, trap: c_void_p) -> list[Site]:
        vector = Bytes()
        self.library.wasm_trap_trace(trap, byref(vector))
        frames = ctypes.cast(vector.data, POINTER(c_void_p))
        found = []
        for index in range(vector.size):
            name = self.library.wasmtime_frame_func_name(frames[index])
            found.append(
                Site(
                    self.library.wasm_frame_func_index(frames[index]),
                    self.library.wasm_frame_module_offset(frames[index]),
                    Bytes.from_address(name).text() if name else None,
                )
            )
        self.library.wasm_frame_vec_delete(byref(vector))
        return found


def _extern(kind: int, of: ctypes.Structure) -> Extern:
    found = Extern(kind)
    ctypes.memmove(found.of, byref(of), ctypes.sizeof(of))
    return found


def _reason(text: str) -> str:
    """What wasmtime gives as the reason at the end of a longer text."""
    return text.strip().rpartition("\n")[2].rpartition("wasm trap: ")[2].strip()
