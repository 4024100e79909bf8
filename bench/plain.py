"""The cost of a call of a plain module's function, and of a host function, beside wasmtime-py's."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from typing import Any

import wasmtime

import engines
import wasix
from bench.figures import Effort, Result, Row, calibrated, in_turns
from bench.subjects import TITLES
from engines.protocol import EngineError

MODULE = wasmtime.wat2wasm("""(module
  (import "env" "host" (func $host (param i32) (result i32)))
  (func (export "call") (param i32) (result i32) (local.get 0))
  (func (export "back") (param i32) (result i32)
    (loop $again
      (drop (call $host (local.get 0)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.const 0)))""")

ROWS = (
    ("call", "Python calls a function of the guest's, an i32 each way"),
    ("back", "the guest calls a function of Python's, an i32 each way"),
)


def _host(value: int) -> int:
    return value


def _wasix(engine: str) -> Callable[[str], Callable[[int], Any]]:
    instance = wasix.Instance(wasix.Module(MODULE, engine), {"env": {"host": _host}})
    return lambda name: instance.exports[name]


def _wasmtime() -> Callable[[str], Callable[[int], Any]]:
    store = wasmtime.Store()
    linker = wasmtime.Linker(store.engine)
    i32 = wasmtime.ValType.i32()
    linker.define_func("env", "host", wasmtime.FuncType([i32], [i32]), _host)
    exports = linker.instantiate(store, wasmtime.Module(store.engine, MODULE)).exports(store)

    def find(name: str) -> Callable[[int], Any]:
        function: Any = exports[name]
        return lambda value: function(store, value)

    return find


def _timer(kind: str, function: Callable[[int], Any]) -> Callable[[int], float]:
    def call(count: int) -> float:
        begin = time.perf_counter()
        if kind == "back":
            function(count)
        else:
            for _ in range(count):
                function(7)
        return (time.perf_counter() - begin) / count

    return call


def measure(effort: Effort) -> Result:
    subjects = {}
    for name in engines.PLAIN:
        try:
            engines.get_plain(name)
        except EngineError:
            continue
        subjects[TITLES[f"wasix-{name}"]] = _wasix(name)
    subjects[TITLES["define_func"]] = _wasmtime()
    versions = {"wasix": wasix.__version__, "wasmtime": importlib.metadata.version("wasmtime")}
    result = Result(versions=versions)
    for kind, title in ROWS:
        measures = {
            who: calibrated(effort, _timer(kind, find(kind))) for who, find in subjects.items()
        }
        samples, absent = in_turns(effort, measures, calls=True)
        result.rows.append(Row(f"plain/{kind}", title, "s", samples, absent))
    return result
