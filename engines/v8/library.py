"""mini-racer's C library: loading it, and the functions used of it.

The Python API of mini-racer reaches V8 through asyncio only (about 70 µs a call). What is used here
instead is not documented: callbacks made by `mr_make_js_callback` run synchronously on the
isolate's thread, and values have the layout of `RawValue`. So the version is pinned, and
`engines.v8.engine` tests the behaviour at start.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

from engines.perf import SUPPORTED, wanted
from engines.protocol import EngineError

VERSION = "0.14.1"
V8_VERSION = "14.4.258.23"
"""What that release of mini-racer contains; its Python package misstates its own version."""

Callback = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_void_p)
"""`(callback id, raw value)`, called on the isolate's thread."""

_MARGIN_KIB = 1536
"""Stack left below V8's limit for the system call a guest makes at its deepest."""


class _Payload(ctypes.Union):
    _fields_ = (
        ("pointer", ctypes.c_void_p),
        ("text", ctypes.POINTER(ctypes.c_char)),
        ("integer", ctypes.c_int64),
        ("number", ctypes.c_double),
    )


class RawValue(ctypes.Structure):
    """A JavaScript value as mini-racer hands it out."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("value", _Payload), ("len", ctypes.c_size_t), ("type", ctypes.c_uint8))


class ValueType:
    """Values of `RawValue.type` that are used here."""

    NULL, BOOL, INTEGER, DOUBLE, STRING = 1, 2, 3, 4, 5
    ARRAY_BUFFERS = (101, 102)
    """An ArrayBuffer and a SharedArrayBuffer."""
    EXCEPTIONS = 200
    """From here on: exceptions, with their text; of them those of a stopped task:"""
    TERMINATED = (203, 204)


_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "mr_init_context": (ctypes.c_uint64, Callback),
    "mr_free_context": (None, ctypes.c_uint64),
    "mr_eval": (ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64),
    "mr_cancel_task": (None, ctypes.c_uint64, ctypes.c_uint64),
    "mr_free_value": (None, ctypes.c_uint64, ctypes.c_void_p),
    "mr_alloc_string_val": (
        *(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_uint64),
        ctypes.c_uint8,
    ),
    "mr_make_js_callback": (ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64),
    "mr_set_object_item": (
        *(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p),
        ctypes.c_void_p,
    ),
    "mr_context_count": (ctypes.c_size_t,),
    "mr_v8_version": (ctypes.c_char_p,),
}


class Library:
    """The C functions, prototyped so that values stay plain integers."""

    def __init__(self, handle: ctypes.CDLL) -> None:
        for name, (result, *arguments) in _SIGNATURES.items():
            address = ctypes.cast(getattr(handle, name), ctypes.c_void_p).value or 0
            setattr(self, name, ctypes.CFUNCTYPE(result, *arguments)(address))
        self.handle = handle

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(name)


def _stack_kib() -> int:
    """What V8 may use of an isolate thread's stack.

    glibc gives a thread the soft limit of the main stack, or 2 MiB where that is unlimited; other
    platforms give less than V8's own default of 984 KiB needs for a large guest, so that stays.
    """
    if sys.platform != "linux":
        return 984
    import resource

    soft = resource.getrlimit(resource.RLIMIT_STACK)[0]
    size = 2048 if soft == resource.RLIM_INFINITY else min(soft // 1024, 8192)
    return max(984, size - _MARGIN_KIB)


_loading = threading.Lock()


def library() -> Library:
    """V8, loaded at the first use. Any thread. Raises `EngineError`."""
    with _loading:
        return _load()


@contextmanager
def _loader() -> Iterator[ModuleType]:
    """mini-racer's module `_dll`, which knows whether V8 has been initialized in this process.

    Its package would import asyncio and much more, which takes as long as V8 does to start; so an
    empty one stands in for it meanwhile. Whoever imports it afterwards gets it whole, with this
    very module.
    """
    package, module = "py_mini_racer", "py_mini_racer._dll"
    if package in sys.modules:
        yield import_module(module)
        return
    spec = PathFinder.find_spec(package)
    if spec is None:
        raise ImportError(f"No module named '{package}'")
    sys.modules[package] = module_from_spec(spec)
    try:
        yield import_module(module)
    finally:
        del sys.modules[package]


@cache
def _load() -> Library:
    """Load V8 with the flags guests need. Raises `EngineError` if it is missing or another one."""
    # Its default, --single-threaded, would never optimise a guest's code.
    flags = ["--no-single-threaded", f"--stack-size={_stack_kib()}"]
    if SUPPORTED and wanted():
        # It opens a log as well, in the working directory.
        flags += ["--perf-basic-prof", "--no-logfile-per-isolate", "--logfile=/dev/null"]
    try:
        with _loader() as loader:
            handle = _initialized(loader, flags)
    except ImportError as error:
        raise EngineError(
            f"the engine v8 needs the package mini-racer: pip install 'wasix[engine-v8]' ({error})"
        ) from None
    found = handle.mr_v8_version().decode()
    if found != V8_VERSION:
        raise EngineError(
            f"the engine v8 is made for mini-racer {VERSION} (V8 {V8_VERSION}), but here is V8 "
            f"{found}: pip install mini-racer=={VERSION}"
        )
    return Library(handle)


def _initialized(loader: ModuleType, flags: Sequence[str]) -> ctypes.CDLL:
    try:
        handle: ctypes.CDLL = loader.init_mini_racer(flags=flags)
    except loader.LibAlreadyInitializedError:
        raise EngineError(
            "the engine v8 must start before anything else in this process uses mini-racer"
        ) from None
    except (loader.LibNotFoundError, OSError, AttributeError) as error:
        raise EngineError(f"the engine v8 cannot load mini-racer's V8: {error}") from None
    return handle
