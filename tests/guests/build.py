"""Compiles the C guests with the C compiler of PyPI's `ziglang`, for wasm and for this machine.

Results are kept in `build/guests/` in the checkout, named by a hash of everything they are made
from, and renamed into place, so that test workers never see half a file and nothing is stale.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

GUESTS = Path(__file__).resolve().parent
BUILD = GUESTS.parent.parent / "build" / "guests"
WASI = "wasm32-wasi"
ASYNCIFY_OPTIONS = (
    *("--enable-bulk-memory", "--enable-multivalue", "--enable-mutable-globals"),
    *("--enable-nontrapping-float-to-int", "--enable-reference-types", "--enable-sign-ext"),
    *("--enable-simd", "--enable-threads", "--asyncify"),
)
OPTIONS = ("-O1", "-s", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")


@functools.cache
def _zig(*arguments: str) -> str:
    command = [sys.executable, "-m", "ziglang", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@functools.cache
def compile_guest(name: str, *, target: str = WASI, flags: tuple[str, ...] = ()) -> Path:
    """The compiled `tests/guests/NAME.c`. A compiler error shows in the raised `RuntimeError`."""
    source = GUESTS / f"{name}.c"
    key = hashlib.sha256(repr((_zig("version"), target, OPTIONS, flags)).encode())
    for path in [source, *sorted(GUESTS.glob("*.h"))]:
        key.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    suffix = ".wasm" if target.startswith("wasm32") else ""
    compiled = BUILD / f"{name}-{key.hexdigest()[:16]}{suffix}"
    if compiled.exists():
        return compiled

    BUILD.mkdir(parents=True, exist_ok=True)
    cache = str(BUILD / "zig-cache")
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    with tempfile.TemporaryDirectory(dir=BUILD) as directory:
        output = Path(directory) / compiled.name
        command = [sys.executable, "-m", "ziglang", "cc", "-target", target, *OPTIONS, *flags]
        built = subprocess.run(
            [*command, str(source), "-o", str(output)],
            env=environment,
            capture_output=True,
            text=True,
        )
        if built.returncode != 0:
            raise RuntimeError(f"{source.name} does not compile:\n{built.stderr}")
        os.replace(output, compiled)
    return compiled


def asyncify(module: bytes) -> bytes:
    """A module whose stack can be unwound, by Binaryen's pass of that name."""
    folder = GUESTS.parent.parent / "web" / "node_modules" / "binaryen"
    key = hashlib.sha256(repr(ASYNCIFY_OPTIONS).encode())
    key.update((folder / "package.json").read_bytes() + b"\0" + module)
    made = BUILD / f"asyncified-{key.hexdigest()[:16]}.wasm"
    if not made.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as directory:
            plain, output = Path(directory) / "plain.wasm", Path(directory) / made.name
            plain.write_bytes(module)
            command = ["node", str(folder / "bin" / "wasm-opt"), *ASYNCIFY_OPTIONS]
            subprocess.run([*command, str(plain), "-o", str(output)], check=True)
            os.replace(output, made)
    return made.read_bytes()


def compile_native(name: str, *, flags: tuple[str, ...] = ()) -> Path:
    """The same source as a program of this machine."""
    return compile_guest(name, target="native", flags=flags)
