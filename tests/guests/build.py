"""Compiles the C guests with the C compiler of PyPI's `ziglang`, for wasm and for this machine.

Results are kept in `build/guests/` in the checkout, named by a hash of everything they are made
from, and renamed into place, so that test workers never see half a file and nothing is stale.

Guests of WASIX are linked with the shim in `tests/guests/wasix`, which adds to wasi-libc what it
lacks of POSIX, and get Binaryen's asyncify pass, so that their stacks can be unwound.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

GUESTS = Path(__file__).resolve().parent
ROOT = GUESTS.parent.parent
BUILD = ROOT / "build" / "guests"
SHIM = GUESTS / "wasix"
WASI = "wasm32-wasi"
NATIVE = "native"
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unused-function")
OPTIONS = ("-O1", "-s", *WARNINGS)

_EXPORTED = ("__stack_pointer", "__stack_low", "__stack_high", "__data_end", "__heap_base")
WASIX_OPTIONS = (
    "-D_WASI_EMULATED_GETPID",
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
    "-lwasi-emulated-process-clocks",
    *(f"-Wl,--export={name}" for name in _EXPORTED),
    "-Wl,-z,stack-size=1048576",
)
SHARED_OPTIONS = (
    "-mcpu=generic+atomics+bulk_memory",
    "-Wl,--shared-memory,--import-memory,--export-memory,--max-memory=67108864",
)
"""Memory as WASIX's own C library has it: imported, and shared between threads."""

ASYNCIFY_OPTIONS = (
    *("--enable-bulk-memory", "--enable-multivalue", "--enable-mutable-globals"),
    *("--enable-nontrapping-float-to-int", "--enable-reference-types", "--enable-sign-ext"),
    *("--enable-simd", "--enable-threads", "--asyncify"),
)


@functools.cache
def _version() -> str:
    command = [sys.executable, "-m", "ziglang", "version"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _run(command: Sequence[str], what: str) -> None:
    cache = str(BUILD / "zig-cache")
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{what}:\n{done.stderr}")


def compile_sources(
    name: str,
    sources: Sequence[Path],
    *,
    headers: Sequence[Path] = (),
    target: str = WASI,
    options: Sequence[str] = OPTIONS,
    includes: Sequence[Path] = (),
    unwinds: bool = False,
) -> Path:
    """The program NAME of C sources, and of headers that they include; `unwinds` is for asyncify.

    An error of the compiler or of Binaryen shows in the raised `RuntimeError`.
    """
    wasm = target.startswith("wasm32")
    passes = unwinds and ASYNCIFY_OPTIONS
    key = hashlib.sha256(repr((_version(), target, options, passes)).encode())
    for path in [*sources, *headers]:
        key.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    compiled = BUILD / f"{name}-{key.hexdigest()[:16]}{'.wasm' if wasm else ''}"
    if compiled.exists():
        return compiled

    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as directory:
        output = Path(directory) / compiled.name
        folders = [option for folder in includes for option in ("-I", str(folder))]
        built = ("-target", target, *folders, *options, *map(str, sources), "-o", str(output))
        command = [sys.executable, "-m", "ziglang", "cc", *built]
        _run(command, f"{name} does not compile")
        if unwinds:
            output.write_bytes(asyncify(output.read_bytes(), "-O1"))
        os.replace(output, compiled)
    return compiled


PIC = ("-fPIC", "-fvisibility=default", "-fno-builtin")
_LINK = (
    *("--experimental-pic", "--unresolved-symbols=import-dynamic", "--export=__wasm_call_ctors"),
    "--export-if-defined=__wasm_apply_data_relocs",
)
_SHARED = ("--shared-memory", "--max-memory=268435456")
_THREADS = ("-matomics", "-mbulk-memory", "-pthread")


@functools.cache
def compile_linked(name: str, *libraries: str, main: bool = False, shared: bool = False) -> Path:
    """`tests/guests/NAME.c` as a library, or as a program that is linked when it starts.

    `libraries` are sources of those that it needs, by the names `NAME.so`. With `shared` its memory
    is.
    """
    needed = [compile_linked(library, shared=shared) for library in libraries]
    flags = (*PIC, *(_THREADS if shared else ()), "-w")
    key = hashlib.sha256(repr((_version(), OPTIONS, flags, _LINK, main, needed)).encode())
    key.update((GUESTS / f"{name}.c").read_bytes())
    folder = BUILD / f"{name}-{key.hexdigest()[:16]}"
    compiled = folder / (f"{name}.wasm" if main else f"{name}.so")
    if compiled.exists():
        return compiled
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as directory:
        out, unlinked = Path(directory) / compiled.name, Path(directory) / "unlinked.o"
        zig = (sys.executable, "-m", "ziglang")
        source = str(GUESTS / f"{name}.c")
        target = ("-target", "wasm32-wasi-musl")
        _run([*zig, "cc", *target, *OPTIONS, *flags, "-c", source, "-o", str(unlinked)], source)
        kind = ("-pie", "--import-memory", "--export-all") if main else ("-shared",)
        memory = _SHARED if shared else ()
        objects = map(str, (unlinked, *needed))
        _run([*zig, "wasm-ld", *kind, *_LINK, *memory, *objects, "-o", str(out)], source)
        folder.mkdir(exist_ok=True)
        os.replace(out, compiled)
    return compiled


def asyncify(module: bytes, *options: str) -> bytes:
    """A module whose stack can be unwound, by Binaryen's pass of that name."""
    folder = ROOT / "web" / "node_modules" / "binaryen"
    options = (*ASYNCIFY_OPTIONS, *options)
    key = hashlib.sha256(repr(options).encode())
    key.update((folder / "package.json").read_bytes() + b"\0" + module)
    made = BUILD / f"asyncified-{key.hexdigest()[:16]}.wasm"
    if not made.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as directory:
            plain, output = Path(directory) / "plain.wasm", Path(directory) / made.name
            plain.write_bytes(module)
            command = ["node", str(folder / "bin" / "wasm-opt"), *options]
            _run(
                [*command, str(plain), "-o", str(output)], "a module does not get through asyncify"
            )
            os.replace(output, made)
    return made.read_bytes()


@functools.cache
def compile_guest(name: str, *, target: str = WASI, flags: tuple[str, ...] = ()) -> Path:
    """The compiled `tests/guests/NAME.c`."""
    return compile_sources(
        name,
        [GUESTS / f"{name}.c"],
        headers=sorted(GUESTS.glob("*.h")),
        target=target,
        options=(*OPTIONS, *flags),
    )


def compile_suspending(name: str, *, flags: tuple[str, ...] = ()) -> Path:
    """`compile_guest`, with a stack that can be unwound."""
    compiled = compile_guest(name, flags=flags)
    made = compiled.with_name(f"suspending-{compiled.name}")
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=BUILD) as directory:
            output = Path(directory) / made.name
            output.write_bytes(asyncify(compiled.read_bytes()))
            os.replace(output, made)
    return made


def compile_native(name: str, *, flags: tuple[str, ...] = ()) -> Path:
    """The same source as a program of this machine."""
    return compile_guest(name, target=NATIVE, flags=flags)


def compile_with_shim(
    name: str,
    sources: Sequence[Path],
    *,
    headers: Sequence[Path] = (),
    options: Sequence[str] = OPTIONS,
    includes: Sequence[Path] = (),
    shared: bool = False,
) -> Path:
    """A program for WASIX of C sources that are written for POSIX."""
    shim = sorted(SHIM.glob("*.c"))
    included = [*headers, *sorted(SHIM.rglob("*.h"))]
    memory = SHARED_OPTIONS if shared else ()
    return compile_sources(
        name,
        [*sources, *shim],
        headers=included,
        options=(*options, *WASIX_OPTIONS, *memory),
        includes=(SHIM / "include", *includes),
        unwinds=True,
    )


@functools.cache
def compile_wasix(name: str, *, shared: bool = False) -> Path:
    """The compiled `tests/guests/NAME.c`, linked with the shim.

    `shared` is for hosts that fork only what has such a memory.
    """
    return compile_with_shim(
        name, [GUESTS / f"{name}.c"], headers=sorted(GUESTS.glob("*.h")), shared=shared
    )
