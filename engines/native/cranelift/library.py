"""wasmtime's C API: loading the library, and the functions used of it.

The library comes from the package `wasmtime`, whose Python code is left alone: importing it takes
ten times as long as loading the library, and its calls between Python and a guest take 20 times as
long as those of the `unchecked` functions used here. Structures and functions are those of
wasmtime's `c-api` headers; they change between major versions, so the version is pinned.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from ctypes import (
    POINTER,
    c_bool,
    c_char_p,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from engines.protocol import EngineError

MAJOR_VERSION = "50"

SLOT = 16
"""Bytes of an argument or result of an `unchecked` call."""

HostFunction = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_size_t, c_size_t)
"""`(environment, caller, arguments and results, their number)` -> a trap, or 0."""

Callback = ctypes.CFUNCTYPE(c_size_t)
"""A host function that looks at none of these: each takes ctypes as long as the call itself."""

EpochReached = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_void_p, POINTER(c_uint64), POINTER(c_uint8))
"""`(context, data, epochs until the next, kind of update)` -> an error, or 0 to go on."""


Finalizer = ctypes.CFUNCTYPE(None, c_void_p)
"""`(data)`: the object behind an externref is gone."""


class Bytes(ctypes.Structure):
    """`wasm_byte_vec_t`, and every other vector."""

    _fields_ = (("size", c_size_t), ("data", c_void_p))

    def text(self) -> str:
        return ctypes.string_at(self.data, self.size).rstrip(b"\0").decode("utf-8", "replace")


class ProfiledModule(ctypes.Structure):
    """`wasmtime_guestprofiler_modules`: where the name is, and a module."""

    _fields_ = (("name", c_void_p), ("module", c_void_p))


class Instance(ctypes.Structure):
    _fields_ = (("store", c_uint64), ("private", c_size_t))


class Func(ctypes.Structure):
    _fields_ = (("store", c_uint64), ("private", c_void_p))


class Extern(ctypes.Structure):
    """Something imported or exported; `of` holds what `kind` says."""

    FUNCTION, GLOBAL, TABLE, MEMORY, SHARED_MEMORY, TAG = range(6)

    _fields_ = (("kind", c_uint8), ("of", c_uint64 * 3))


class Value(ctypes.Structure):
    """`wasmtime_val_t`. References in it are roots, until they are let go."""

    I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = range(7)

    _fields_ = (("kind", c_uint8), ("of", c_uint64 * 3))


class Limits(ctypes.Structure):
    """`wasm_limits_t`: 32 bits of all ones are no maximum."""

    _fields_ = (("minimum", c_uint32), ("maximum", c_uint32))


_SIGNATURES: dict[str, tuple[Any, ...]] = {
    # Results first. Pointers are plain integers here.
    "wasm_byte_vec_delete": (None, c_void_p),
    "wasm_config_new": (c_void_p,),
    "wasm_engine_new_with_config": (c_void_p, c_void_p),
    "wasm_frame_func_index": (c_uint32, c_void_p),
    "wasm_frame_module_offset": (c_size_t, c_void_p),
    "wasm_frame_vec_delete": (None, c_void_p),
    "wasm_functype_delete": (None, c_void_p),
    "wasm_functype_new": (c_void_p, c_void_p, c_void_p),
    "wasm_functype_params": (c_void_p, c_void_p),
    "wasm_functype_results": (c_void_p, c_void_p),
    "wasm_globaltype_delete": (None, c_void_p),
    "wasm_globaltype_new": (c_void_p, c_void_p, c_uint8),
    "wasm_memorytype_delete": (None, c_void_p),
    "wasm_tabletype_delete": (None, c_void_p),
    "wasm_tabletype_new": (c_void_p, c_void_p, c_void_p),
    "wasm_tagtype_delete": (None, c_void_p),
    "wasm_tagtype_new": (c_void_p, c_void_p),
    "wasm_trap_delete": (None, c_void_p),
    "wasm_trap_message": (None, c_void_p, c_void_p),
    "wasm_trap_trace": (None, c_void_p, c_void_p),
    "wasm_valtype_kind": (c_uint8, c_void_p),
    "wasm_valtype_new": (c_void_p, c_uint8),
    "wasm_valtype_vec_new": (None, c_void_p, c_size_t, c_void_p),
    "wasmtime_config_async_stack_size_set": (None, c_void_p, c_uint64),
    "wasmtime_config_max_wasm_stack_set": (None, c_void_p, c_size_t),
    "wasmtime_config_profiler_set": (None, c_void_p, c_uint8),
    "wasmtime_context_gc": (c_void_p, c_void_p),
    "wasmtime_context_set_epoch_deadline": (None, c_void_p, c_uint64),
    "wasmtime_engine_increment_epoch": (None, c_void_p),
    "wasmtime_error_delete": (None, c_void_p),
    "wasmtime_error_message": (None, c_void_p, c_void_p),
    "wasmtime_error_new": (c_void_p, c_char_p),
    "wasmtime_extern_delete": (None, c_void_p),
    "wasmtime_externref_data": (c_void_p, c_void_p, c_void_p),
    "wasmtime_externref_from_raw": (None, c_void_p, c_uint32, c_void_p),
    "wasmtime_externref_new": (c_bool, c_void_p, c_void_p, Finalizer, c_void_p),
    "wasmtime_externref_to_raw": (c_uint32, c_void_p, c_void_p),
    "wasmtime_externref_unroot": (None, c_void_p),
    "wasmtime_frame_func_name": (c_void_p, c_void_p),
    "wasmtime_func_call_unchecked": (c_void_p, *[c_void_p] * 3, c_size_t, c_void_p),
    "wasmtime_func_from_raw": (None, c_void_p, c_void_p, c_void_p),
    "wasmtime_func_new_unchecked": (None, *[c_void_p] * 6),
    "wasmtime_func_to_raw": (c_void_p, c_void_p, c_void_p),
    "wasmtime_func_type": (c_void_p, c_void_p, c_void_p),
    "wasmtime_global_get": (None, c_void_p, c_void_p, c_void_p),
    "wasmtime_global_new": (c_void_p, *[c_void_p] * 4),
    "wasmtime_global_set": (c_void_p, c_void_p, c_void_p, c_void_p),
    "wasmtime_guestprofiler_delete": (None, c_void_p),
    "wasmtime_guestprofiler_finish": (c_void_p, c_void_p, c_void_p),
    "wasmtime_guestprofiler_new": (
        *(c_void_p, c_void_p, c_void_p, c_uint64),
        *(c_void_p, c_size_t),
    ),
    "wasmtime_guestprofiler_sample": (None, c_void_p, c_void_p, c_uint64),
    "wasmtime_instance_export_get": (c_bool, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p),
    "wasmtime_instance_new": (c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, *[c_void_p] * 2),
    "wasmtime_memory_data": (c_void_p, c_void_p, c_void_p),
    "wasmtime_memory_data_size": (c_size_t, c_void_p, c_void_p),
    "wasmtime_memory_grow": (c_void_p, c_void_p, c_void_p, c_uint64, c_void_p),
    "wasmtime_memory_new": (c_void_p, c_void_p, c_void_p, c_void_p),
    "wasmtime_memory_size": (c_uint64, c_void_p, c_void_p),
    "wasmtime_memorytype_new": (
        *(c_void_p, c_uint64, c_bool, c_uint64, c_bool, c_bool),
        *(c_uint8, c_void_p),
    ),
    "wasmtime_module_delete": (None, c_void_p),
    "wasmtime_module_deserialize": (c_void_p, c_void_p, c_char_p, c_size_t, c_void_p),
    "wasmtime_module_deserialize_file": (c_void_p, c_void_p, c_char_p, c_void_p),
    "wasmtime_module_new": (c_void_p, c_void_p, c_char_p, c_size_t, c_void_p),
    "wasmtime_module_serialize": (c_void_p, c_void_p, c_void_p),
    "wasmtime_module_validate": (c_void_p, c_void_p, c_char_p, c_size_t),
    "wasmtime_sharedmemory_clone": (c_void_p, c_void_p),
    "wasmtime_sharedmemory_data": (c_void_p, c_void_p),
    "wasmtime_sharedmemory_data_size": (c_size_t, c_void_p),
    "wasmtime_sharedmemory_delete": (None, c_void_p),
    "wasmtime_sharedmemory_grow": (c_void_p, c_void_p, c_uint64, c_void_p),
    "wasmtime_sharedmemory_new": (c_void_p, c_void_p, c_void_p, c_void_p),
    "wasmtime_sharedmemory_size": (c_uint64, c_void_p),
    "wasmtime_store_context": (c_void_p, c_void_p),
    "wasmtime_store_delete": (None, c_void_p),
    "wasmtime_store_epoch_deadline_callback": (None, c_void_p, EpochReached, c_void_p, c_void_p),
    "wasmtime_store_new": (c_void_p, c_void_p, c_void_p, c_void_p),
    "wasmtime_table_get": (c_bool, c_void_p, c_void_p, c_uint64, c_void_p),
    "wasmtime_table_grow": (c_void_p, c_void_p, c_void_p, c_uint64, c_void_p, c_void_p),
    "wasmtime_table_new": (c_void_p, *[c_void_p] * 4),
    "wasmtime_table_set": (c_void_p, c_void_p, c_void_p, c_uint64, c_void_p),
    "wasmtime_table_size": (c_uint64, c_void_p, c_void_p),
    "wasmtime_tag_new": (c_void_p, c_void_p, c_void_p, c_void_p),
    "wasmtime_trap_new": (c_void_p, c_char_p, c_size_t),
    "wasmtime_wat2wasm": (c_void_p, c_char_p, c_size_t, c_void_p),
}

QUICK = frozenset(
    """
    wasm_frame_func_index wasm_frame_module_offset wasm_functype_delete wasm_functype_new
    wasm_memorytype_delete wasm_tagtype_delete wasm_tagtype_new wasm_valtype_new
    wasm_valtype_vec_new wasmtime_context_set_epoch_deadline wasmtime_engine_increment_epoch
    wasmtime_func_from_raw wasmtime_func_new_unchecked wasmtime_func_to_raw wasmtime_global_get
    wasmtime_global_set wasmtime_instance_export_get wasmtime_memory_data
    wasmtime_memory_data_size wasmtime_memory_size wasmtime_memorytype_new
    wasmtime_store_context wasmtime_store_epoch_deadline_callback wasmtime_tag_new
    wasmtime_trap_new
    """.split()
)
"""Functions that are called with Python's lock held: they do next to nothing, wait for nothing and
call nothing back, and giving the lock up would take longer, most of all where another thread takes
it."""

PERF_MAP = 3
"""`WASMTIME_PROFILING_STRATEGY_PERFMAP`."""

FLAGS = {
    "epoch_interruption": True,
    "wasm_bulk_memory": True,
    "wasm_custom_page_sizes": True,
    "wasm_exceptions": True,
    "wasm_function_references": True,
    "wasm_gc": True,
    "wasm_memory64": True,
    "wasm_multi_memory": True,
    "wasm_multi_value": True,
    "wasm_reference_types": True,
    "wasm_relaxed_simd": True,
    "wasm_relaxed_simd_deterministic": True,
    "wasm_simd": True,
    "wasm_tail_call": True,
    "wasm_threads": True,
    "wasm_wide_arithmetic": True,
    "gc_support": True,
    "memory_may_move": False,
    "shared_memory": True,
}
"""Settings of the compiler that are on or off. Code depends on them, and so do artifacts."""


class Library:
    """The C functions, as attributes."""

    def __init__(self, path: Path) -> None:
        library, quick = ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
        for name, (result, *arguments) in _SIGNATURES.items():
            function = (quick if name in QUICK else library)[name]
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)
        for flag in FLAGS:
            function = library[f"wasmtime_config_{flag}_set"]
            function.restype = None
            function.argtypes = [c_void_p, c_bool]
            setattr(self, f"wasmtime_config_{flag}_set", function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def taken(self, read: Any, of: int | c_void_p) -> str:
        """The text that `read(of, vector)` fills in."""
        text = Bytes()
        read(of, ctypes.byref(text))
        try:
            return text.text()
        finally:
            self.wasm_byte_vec_delete(ctypes.byref(text))

    def error_text(self, error: int) -> str:
        """What an error says; the error is freed."""
        try:
            return self.taken(self.wasmtime_error_message, error)
        finally:
            self.wasmtime_error_delete(error)


def _package() -> Path:
    """The folder of the package, which is not imported."""
    spec = PathFinder.find_spec("wasmtime")
    if spec is None or spec.origin is None:
        raise ImportError("No module named 'wasmtime'")
    return Path(spec.origin).parent


def installed() -> str:
    """The version of wasmtime that is here.

    As `importlib.metadata` would find it, whose import takes longer than loading the library.
    """
    package = _package()
    for folder in package.parent.glob("wasmtime-*.dist-info"):
        return folder.name.removesuffix(".dist-info").partition("-")[2]
    raise ImportError(f"{package} is not an installed package")


def place() -> Path:
    package, found = _package(), installed()
    if found.partition(".")[0] != MAJOR_VERSION:
        raise EngineError(
            f"the engine cranelift needs wasmtime {MAJOR_VERSION}, not {found}: "
            f"pip install 'wasmtime=={MAJOR_VERSION}.*'"
        )
    system = "android" if hasattr(sys, "getandroidapilevel") else sys.platform
    machine = {"AMD64": "x86_64", "arm64": "aarch64", "ARM64": "aarch64"}.get(
        platform.machine(), platform.machine()
    )
    name = {"win32": "_wasmtime.dll", "darwin": "_libwasmtime.dylib"}.get(system, "_libwasmtime.so")
    path = package / f"{system}-{machine}" / name
    if not path.exists():
        raise EngineError(
            f"the engine cranelift cannot be used: wasmtime {found} has no library for "
            f"{system} on {machine}"
        )
    return path


@cache
def library() -> Library:
    """Raises `EngineError`, or `ImportError` if the package is not there."""
    return Library(place())
