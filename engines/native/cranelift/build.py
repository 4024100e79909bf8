"""What Cranelift's native code is made for, told without loading wasmtime's library."""

from __future__ import annotations

import hashlib

from engines.artifacts import Kept
from engines.native.cranelift.library import FLAGS, installed
from engines.native.processor import processor
from engines.protocol import Build, EngineError
from engines.wasm import Module

WASM_STACK = 8 << 20
"""Bytes of stack a guest may use before it traps. wasmtime's own default, 512 KiB, is too little
for interpreters that recurse."""


def build(stack: int = WASM_STACK) -> Build:
    """Raises `ImportError` if there is no wasmtime."""
    settings = _digest(f"{sorted(FLAGS.items())} {stack}")
    return Build("cranelift", f"wasmtime {installed()}", processor(), settings)


def key(of: Build, digest: str) -> str:
    """What the code of the module with that digest is kept under."""
    return f"cranelift-{_digest(repr(of))}-{digest[:40]}"


def is_installed() -> bool:
    """Whether there is a wasmtime; it may still not be usable."""
    try:
        build()
    except (ImportError, EngineError):
        return False
    return True


def kept(module: Module, artifacts: Kept) -> bool:
    """Whether `artifacts` have the code of `module`."""
    return is_installed() and artifacts.has(key(build(), module.digest))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
