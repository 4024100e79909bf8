"""The cost of a system call: a guest that calls N times, each engine timed by the wall clock."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import wasmtime

import engines
import wasix
from bench.figures import Figure, alternately
from engines.protocol import Linked, Outcome
from engines.wasm import decode
from wasix.abi import Function, lookup

CALLS = 200_000
ROUNDS = 7

_HEAD = """
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread"
    (func $pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 0) "\\00\\10\\00\\00\\40\\00\\00\\00")  ;; 64 bytes at 4096
  (data (i32.const 8) "\\00\\20\\00\\00\\00\\10\\00\\00") ;; 4096 bytes at 8192
"""
BODIES = {
    "no-op (sched_yield)": "(call $yield)",
    "clock_time_get": "(call $clock (i32.const 1) (i64.const 0) (i32.const 64))",
    "fd_write 64 B": "(call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))",
    "fd_pread 4 KiB": (
        "(call $pread (i32.const 0) (i32.const 8) (i32.const 1) (i64.const 0) (i32.const 64))"
    ),
}


def guest(body: str) -> bytes:
    loop = f"""
    (module {_HEAD}
      (func (export "_start") (local $i i32)
        (local.set $i (i32.const {CALLS}))
        (loop $again
          (drop {body})
          (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))"""
    data: bytes = wasmtime.wat2wasm(loop)
    return data


class _EmptyDoor:
    """A kernel that does nothing: what is left is the engine's door."""

    def entry(self, function: Function) -> object:
        return lambda memory, arguments: 0


def door(data: bytes) -> float:
    """µs a call through the engine's door, without the kernel."""
    module = decode(data)
    functions = {
        (item.module, item.name): lookup(item.module, item.name)[0] for item in module.imports
    }
    ended = threading.Event()

    def done(outcome: Outcome) -> None:
        ended.set()

    begin = time.perf_counter()
    engines.get("v8").start(Linked(module, functions), _EmptyDoor(), done)  # type: ignore[arg-type]  # a door that skips the kernel
    ended.wait()
    return (time.perf_counter() - begin) / CALLS * 1e6


def ours(data: bytes, folder: Path) -> float:
    """µs a whole call, kernel included. The guest's start is part of it."""
    path = folder / "guest.wasm"
    path.write_bytes(data)
    with (folder / "input").open("rb") as stdin, open("/dev/null", "wb") as stdout:
        begin = time.perf_counter()
        wasix.run([str(path)], engine="v8", stdin=stdin, stdout=stdout, check=True)
        return (time.perf_counter() - begin) / CALLS * 1e6


def define_func(data: bytes) -> float:
    """µs a call into a Python function that does nothing, through wasmtime-py's `define_func`."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    module = wasmtime.Module(engine, data)
    for item in module.imports:
        linker.define_func(item.module, item.name, item.type, lambda *args: 0)
    start = linker.instantiate(store, module).exports(store)["_start"]
    begin = time.perf_counter()
    start(store)
    return (time.perf_counter() - begin) / CALLS * 1e6


def wasmtime_wasi(data: bytes, folder: Path) -> float:
    """µs a call served by wasmtime's own WASI, in native code."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    config = wasmtime.WasiConfig()
    config.stdin_file = str(folder / "input")
    config.stdout_file = "/dev/null"
    store.set_wasi(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    start = linker.instantiate(store, wasmtime.Module(engine, data)).exports(store)["_start"]
    begin = time.perf_counter()
    start(store)
    return (time.perf_counter() - begin) / CALLS * 1e6


def measure() -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "input").write_bytes(bytes(65536))
        for what, body in BODIES.items():
            data = guest(body)
            samples = alternately(
                ROUNDS,
                **{
                    "wasix on v8, whole call": lambda d=data: ours(d, folder),
                    "wasix on v8, door only": lambda d=data: door(d),
                    "wasmtime-py define_func, empty function": lambda d=data: define_func(d),
                    "wasmtime's own WASI": lambda d=data: wasmtime_wasi(d, folder),
                },
            )
            figures += [Figure(what, who, "µs", values) for who, values in samples.items()]
    return figures
