"""WebAssembly text, assembled by wasmtime."""

from __future__ import annotations

import ctypes
import re
from ctypes import byref

from engines.native.cranelift.library import Bytes, library
from engines.plain import Refused


def assemble(text: bytes) -> bytes:
    """The binary module. Raises `Refused`; `EngineError` or `ImportError` without wasmtime."""
    wasmtime, made = library(), Bytes()
    error = wasmtime.wasmtime_wat2wasm(text, len(text), byref(made))
    if error:
        # The reason, then where, with the line itself drawn below it.
        reason = wasmtime.error_text(error)
        place = re.search(r"-->.*:(\d+):(\d+)$", reason, re.MULTILINE)
        where = f"line {place[1]}, column {place[2]}: " if place else ""
        raise Refused(where + reason.partition("\n")[0])
    try:
        return ctypes.string_at(made.data, made.size)
    finally:
        wasmtime.wasm_byte_vec_delete(byref(made))
