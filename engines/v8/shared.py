"""Gives a WebAssembly memory of one isolate to another: what threads of a guest share.

JavaScript does that by `postMessage`, which mini-racer has not; but its library shows V8's own
functions for it on Linux and macOS. They are no public interface, and some pass a
`std::shared_ptr`, which Chromium's libc++ passes in two registers. So the version is pinned
(`engines.v8.library`), and isolates share only where that has been tried with it (`TRIED`).

Everything here is called on an isolate's thread, inside a function that JavaScript called, where
V8's handles are freed when that returns. A reference that was taken from one isolate (`lend`) is
for one other (`attach`), which consumes it.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from ctypes import c_char_p, c_int, c_uint8, c_uint16, c_uint64
from functools import cache
from typing import Any, NamedTuple

from engines.v8.library import library
from engines.wasm import MemoryType

TRIED = frozenset({("linux", "x86_64")})
"""Where the pinned version has been seen to share: `sys.platform` and machine."""


class _Shared(ctypes.Structure):
    """A `std::shared_ptr`: what it points to, and the count of its owners."""

    _fields_ = (("place", c_uint64), ("owners", c_uint64))


_NEW_MEMORY = (
    "_ZN2v88internal16WasmMemoryObject3NewEPNS0_7IsolateENS0_12DirectHandleINS0_13JSArrayBufferEEEi"
    "NS0_4wasm11AddressTypeE"
)
_REGISTER = (
    "_ZN2v88internal26GlobalBackingStoreRegistry8RegisterENSt4__Cr10shared_ptrINS0_12BackingStore"
    "EEE"
)
_HANDLE = c_uint64
_SYMBOLS: dict[str, tuple[Any, ...]] = {
    # The symbol, the result, then `this` where there is one.
    "isolate": ("_ZN2v87Isolate13TryGetCurrentEv", _HANDLE),
    "context": ("_ZN2v87Isolate17GetCurrentContextEv", _HANDLE, _HANDLE),
    "globals": ("_ZN2v87Context6GlobalEv", _HANDLE, _HANDLE),
    "string": (
        "_ZN2v86String11NewFromUtf8EPNS_7IsolateEPKcNS_13NewStringTypeEi",
        *(_HANDLE, _HANDLE, c_char_p, c_int, c_int),
    ),
    "get": (
        "_ZN2v86Object3GetENS_5LocalINS_7ContextEEENS1_INS_5ValueEEE",
        *(_HANDLE, _HANDLE, _HANDLE, _HANDLE),
    ),
    "set": (
        "_ZN2v86Object3SetENS_5LocalINS_7ContextEEENS1_INS_5ValueEEES5_",
        *(c_uint16, _HANDLE, _HANDLE, _HANDLE, _HANDLE),
    ),
    "store_of": ("_ZN2v817SharedArrayBuffer15GetBackingStoreEv", _Shared, _HANDLE),
    "register": (_REGISTER, None, _Shared),
    "buffer_of": (
        "_ZN2v817SharedArrayBuffer3NewEPNS_7IsolateENSt4__Cr10shared_ptrINS_12BackingStoreEEE",
        *(_HANDLE, _HANDLE, _Shared),
    ),
    "memory_of": (
        _NEW_MEMORY,
        *(_HANDLE, _HANDLE, _HANDLE, c_int, c_uint8),
    ),
}


class _V8:
    """The functions of `_SYMBOLS`, as attributes. Raises `AttributeError` if one is not shown."""

    def __init__(self) -> None:
        handle = library().handle
        for name, (symbol, result, *arguments) in _SYMBOLS.items():
            address = ctypes.cast(getattr(handle, symbol), ctypes.c_void_p).value or 0
            setattr(self, name, ctypes.CFUNCTYPE(result, *arguments)(address))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@cache
def _v8() -> _V8:
    return _V8()


@cache
def available() -> bool:
    """Whether isolates can share memory here."""
    if (sys.platform, platform.machine()) not in TRIED:
        return False
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return False
    try:
        _v8()
    except AttributeError:
        return False
    return True


class Lent(NamedTuple):
    """A reference to the bytes of a shared memory, for one other isolate."""

    shared: _Shared
    of: MemoryType


class _Scope:
    """The globals of the isolate whose thread this is."""

    def __init__(self) -> None:
        self.v8 = _v8()
        self.isolate = self.v8.isolate()
        self._context = self.v8.context(self.isolate)
        self._globals = self.v8.globals(self._context)

    def _key(self, name: str) -> int:
        key: int = self.v8.string(self.isolate, name.encode(), 0, -1)
        return key

    def get(self, name: str) -> int:
        value: int = self.v8.get(self._globals, self._context, self._key(name))
        return value

    def set(self, name: str, value: int) -> None:
        self.v8.set(self._globals, self._context, self._key(name), value)


def lend(name: str, of: MemoryType) -> Lent:
    """Take a reference to the bytes of a memory of type `of`, whose SharedArrayBuffer is global
    under `name`."""
    scope = _Scope()
    buffer = scope.get(name)
    # Only of registered memories does an isolate that ends tell the others. Each call consumes its
    # reference.
    scope.v8.register(scope.v8.store_of(buffer))
    return Lent(scope.v8.store_of(buffer), of)


def attach(lent: Lent, name: str) -> None:
    """Make the memory a WebAssembly.Memory of this isolate's, global under `name`."""
    scope = _Scope()
    buffer = scope.v8.buffer_of(scope.isolate, lent.shared)
    maximum = lent.of.limits.maximum
    assert maximum is not None  # a shared memory has one
    memory = scope.v8.memory_of(scope.isolate, buffer, maximum, lent.of.limits.is64)
    scope.set(name, memory)
