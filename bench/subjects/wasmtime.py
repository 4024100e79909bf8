"""PyPI's wasmtime: its own WASI in native code, or with one call served by a Python function."""

from __future__ import annotations

import importlib.metadata
import os
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import wasmtime

from bench.guests import guest
from bench.subjects import Unsupported
from bench.subjects.memory import resident

_PYTHON = {"yield": "sched_yield"}
"""Calls that a Python function which does nothing can serve, by kind."""


class Wasmtime:
    def __init__(self, folder: str, define_func: bool) -> None:
        self.folder = folder
        self.define_func = define_func
        self.engine = wasmtime.Engine()
        self.module = cache(self._module)

    def versions(self) -> dict[str, str]:
        return {"wasmtime": importlib.metadata.version("wasmtime")}

    def _module(self, path: str | Path) -> wasmtime.Module:
        return wasmtime.Module.from_file(self.engine, str(path))

    def _run(self, module: wasmtime.Module, config: wasmtime.WasiConfig, python: str = "") -> None:
        store = wasmtime.Store(self.engine)
        store.set_wasi(config)
        linker = wasmtime.Linker(self.engine)
        linker.define_wasi()
        if python:
            kind = next(item.type for item in module.imports if item.name == python)
            linker.allow_shadowing = True
            linker.define_func("wasi_snapshot_preview1", python, kind, lambda *args: 0)
        try:
            linker.instantiate(store, module).exports(store)["_start"](store)
        except wasmtime.ExitTrap as end:
            if end.code:
                raise

    def call(self, kind: str, count: int, place: str, descriptors: int = 0) -> float:
        python = _PYTHON.get(kind, "") if self.define_func else ""
        if self.define_func and not python:
            raise Unsupported("a function that does nothing cannot serve this call")
        if place == "memory" and kind not in ("yield", "clock", "random", "poll", "output"):
            raise Unsupported("wasmtime has no files in memory")
        with TemporaryDirectory(dir=self.folder) as folder:
            config = wasmtime.WasiConfig()
            config.argv = ["calls", kind, str(count), "/data", str(descriptors)]
            config.stdout_file = os.devnull
            config.stderr_file = errors = str(Path(folder, "errors"))
            config.preopen_dir(folder, "/data")
            try:
                self._run(self.module(guest("calls")), config, python)
            except wasmtime.ExitTrap:
                raise Unsupported(Path(errors).read_text().strip()) from None
            nanoseconds, calls = map(int, Path(errors).read_text().split())
            return nanoseconds / calls / 1e9

    def _once(self, module: wasmtime.Module, args: Sequence[str]) -> None:
        config = wasmtime.WasiConfig()
        config.argv = args
        config.stdout_file = os.devnull
        self._run(module, config)

    def once(self, program: str, args: Sequence[str]) -> float:
        module = self.module(program)
        begin = time.perf_counter()
        self._once(module, ["guest", *args])
        return time.perf_counter() - begin

    def start(self, module: str) -> list[float]:
        config = wasmtime.Config()
        settings = Path(self.folder, "cache.toml")
        settings.write_text(f'[cache]\ndirectory = "{Path(self.folder, "cache").absolute()}"\n')
        config.cache = str(settings)
        self.engine = wasmtime.Engine(config)
        self._once(self._module(guest("hello")), [])
        times = []
        for _ in range(2):
            begin = time.perf_counter()
            self._once(self._module(module), [])
            times.append(time.perf_counter() - begin)
        return times

    def live(self, more: int) -> dict[str, float]:
        begin = time.perf_counter()
        for _ in range(more):
            folder = Path(mkdtemp(dir=self.folder))
            names = [str(folder / name) for name in ("in", "out")]
            for name in names:
                os.mkfifo(name)
            # Opened for both, so that neither side waits for the other.
            _, out = (os.open(name, os.O_RDWR) for name in names)
            config = wasmtime.WasiConfig()
            config.stdin_file, config.stdout_file = names
            args = (self.module(guest("wait")), config)
            threading.Thread(target=self._run, args=args, daemon=True).start()
            with open(out, "rb", closefd=False) as stream:
                assert stream.readline() == b"ready\n"
        return {"seconds": time.perf_counter() - begin, "memory": resident()}


def make(name: str, folder: str) -> Wasmtime:
    return Wasmtime(folder, name == "define_func")
