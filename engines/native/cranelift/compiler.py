"""wasmtime's engine: its settings, compiled modules, and the epoch that interrupts guests."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ctypes import byref, c_void_p
from functools import cache, lru_cache, partial
from typing import Protocol

from engines.artifacts import Kept
from engines.native.cranelift.build import WASM_STACK, build, key
from engines.native.cranelift.library import (
    FLAGS,
    PERF_MAP,
    Bytes,
    Library,
    library,
)
from engines.perf import SUPPORTED, wanted
from engines.wasm import FunctionType, ValueType
from engines.wasm.types import Feature

_KEPT = 16
"""Compiled modules kept for further guests, the last used ones: of most, two."""

KINDS = {
    ValueType("i32"): 0,
    ValueType("i64"): 1,
    ValueType("f32"): 2,
    ValueType("f64"): 3,
    ValueType("externref"): 128,
    ValueType("funcref"): 129,
}
"""What wasmtime calls the value types that its interface has words for."""

TYPES = {kind: value for value, kind in KINDS.items()}
"""The same, the other way round."""

_TYPES = 256
"""Types of functions that are kept."""


_FIRST_PAUSE, _LAST_PAUSE = 0.001, 0.1
"""Seconds between two interrupts, while a guest has not stopped yet."""


class Invalid(Exception):
    """The compiler refused a module; the text says why."""


class Source(Protocol):
    """A module as it is compiled, or is known to have been compiled before."""

    @property
    def digest(self) -> str: ...
    def join(self) -> bytes: ...


class Compiled:
    """A module that is being compiled, or has been: a `wasmtime_module_t` at `pointer`."""

    def __init__(self, library: Library) -> None:
        self.lock = threading.Lock()
        self.pointer = 0
        self._delete = library.wasmtime_module_delete

    def __del__(self) -> None:
        if self.pointer:
            self._delete(self.pointer)


class DeclaredFunction:
    """A function's type, a `wasm_functype_t` at `pointer`."""

    def __init__(self, library: Library, of: FunctionType) -> None:
        self.pointer = function_type(library, of)
        self._delete = library.wasm_functype_delete

    def __del__(self) -> None:
        self._delete(self.pointer)


def function_type(library: Library, of: FunctionType) -> int:
    """A new `wasm_functype_t`, which whoever gets it must delete."""
    vectors = []
    for values in (of.params, of.results):
        kinds = [library.wasm_valtype_new(KINDS[value]) for value in values]
        vector = Bytes()
        array = (c_void_p * len(kinds))(*kinds)
        library.wasm_valtype_vec_new(byref(vector), len(kinds), array)
        vectors.append(vector)
    return int(library.wasm_functype_new(*map(byref, vectors)))


class Compiler:
    """One for the process: guests of one engine can share what was compiled."""

    def __init__(self, stack: int = WASM_STACK) -> None:
        self.library = library()
        config = self.library.wasm_config_new()
        for flag, on in FLAGS.items():
            getattr(self.library, f"wasmtime_config_{flag}_set")(config, on)
        # The one may not exceed the other, though nothing runs on a stack of that kind.
        self.library.wasmtime_config_async_stack_size_set(config, stack)
        self.library.wasmtime_config_max_wasm_stack_set(config, stack)
        if SUPPORTED and wanted():
            self.library.wasmtime_config_profiler_set(config, PERF_MAP)
        self.engine = self.library.wasm_engine_new_with_config(config)
        self._lock = threading.Lock()
        self.build = build(stack)
        self._modules: OrderedDict[str, Compiled] = OrderedDict()
        self._stopping: list[Callable[[], bool]] = []
        self.declared = lru_cache(_TYPES)(partial(DeclaredFunction, self.library))
        """The type of a function, as wasmtime has it; most guests import the same ones."""

    def key(self, module: Source) -> str:
        """What the artifact of `module` is kept under."""
        return key(self.build, module.digest)

    def module(self, module: Source, artifacts: Kept | None = None) -> Compiled:
        """`module`, compiled now or before; kept in `artifacts` for others. Raises `Invalid`."""
        with self._lock:
            compiled = self._modules.setdefault(module.digest, Compiled(self.library))
            self._modules.move_to_end(module.digest)
            if len(self._modules) > _KEPT:
                self._modules.popitem(last=False)
        with compiled.lock:
            if not compiled.pointer and artifacts is not None:
                compiled.pointer = self._load(module, artifacts)
            if not compiled.pointer:
                compiled.pointer = self._compile(module)
                if artifacts is not None:
                    self.store(module, compiled, artifacts)
        return compiled

    def _load(self, module: Source, artifacts: Kept) -> int:
        key = self.key(module)
        code = artifacts.load(key)
        if code is None:
            return 0
        found = c_void_p()
        if isinstance(code, bytes):
            error = self.library.wasmtime_module_deserialize(
                self.engine, code, len(code), byref(found)
            )
        else:
            error = self.library.wasmtime_module_deserialize_file(
                self.engine, os.fsencode(code), byref(found)
            )
        if error:  # another build of wasmtime made it, or for another processor
            self.library.wasmtime_error_delete(error)
            artifacts.reject(key)
            return 0
        return found.value or 0

    def store(self, module: Source, compiled: Compiled, artifacts: Kept) -> None:
        """Keep the code of `module`, if that is possible."""
        code = Bytes()
        error = self.library.wasmtime_module_serialize(compiled.pointer, byref(code))
        if error:
            self.library.wasmtime_error_delete(error)
            return
        try:
            area = (ctypes.c_ubyte * code.size).from_address(code.data)
            artifacts.store(self.key(module), memoryview(area).cast("B"))
        finally:
            self.library.wasm_byte_vec_delete(byref(code))

    def _compile(self, module: Source) -> int:
        data = module.join()
        found = c_void_p()
        error = self.library.wasmtime_module_new(self.engine, data, len(data), byref(found))
        if error:
            raise Invalid(self.library.error_text(error))
        assert found.value
        return found.value

    def features(self) -> frozenset[Feature]:
        """The proposals it compiles."""
        from engines.wasm.probes import PROBES

        return frozenset(name for name, probe in PROBES.items() if self._valid(probe.module))

    def _valid(self, data: bytes) -> bool:
        error = self.library.wasmtime_module_validate(self.engine, data, len(data))
        if error:
            self.library.wasmtime_error_delete(error)
        return not error

    def interrupt(self, stopping: Callable[[], bool]) -> None:
        """Have every running guest ask whether it is to stop, until `stopping` is no longer true.

        Once is not enough: a guest that has just asked, for another's sake, sets its next epoch
        only after that, and would miss this one.
        """
        self.library.wasmtime_engine_increment_epoch(self.engine)
        with self._lock:
            self._stopping.append(stopping)
            if len(self._stopping) == 1:
                threading.Thread(target=self._tick, name="wasix-epoch", daemon=True).start()

    def _tick(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            time.sleep(pause)
            self.library.wasmtime_engine_increment_epoch(self.engine)
            pause = min(2 * pause, _LAST_PAUSE)
            with self._lock:
                self._stopping = [stopping for stopping in self._stopping if stopping()]
                if not self._stopping:
                    return


@cache
def compiler() -> Compiler:
    """Raises `EngineError`, or `ImportError` if the package `wasmtime` is not there."""
    return Compiler()
