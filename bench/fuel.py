"""How many times as long a guest takes that counts what it executes, beside wasmtime's own fuel."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import wasmtime

import engines
import wasix
from bench.figures import Effort, Result, Row, in_turns
from bench.guests import guest
from bench.subjects import TITLES
from engines.protocol import EngineError

KINDS = {
    "calls": "calls of small functions (fib)",
    "sieve": "a sieve of primes, bytes in memory",
    "mix": "a loop of a multiplication, shifts and additions",
    "product": "a product of matrices, floating point",
}
_PEER = "wasmtime (PyPI), its fuel"
_LOTS = 1 << 60

Run = Callable[[str, int, bool], float]
"""(kind, rounds, whether to count) -> nanoseconds, as the guest's own clock has them."""


def _wasix(engine: str) -> Run:
    def run(kind: str, count: int, fuel: bool) -> float:
        done = wasix.run(
            [guest("compute"), kind, str(count)],
            engine=engine,
            fuel=_LOTS if fuel else None,
            stderr=wasix.PIPE,
            check=True,
        )
        return float(done.stderr)

    return run


def _wasmtime() -> Run:
    made = {}
    for fuel in (False, True):
        config = wasmtime.Config()
        config.consume_fuel = fuel
        engine = wasmtime.Engine(config)
        made[fuel] = engine, wasmtime.Module.from_file(engine, str(guest("compute")))

    def run(kind: str, count: int, fuel: bool) -> float:
        engine, module = made[fuel]
        store = wasmtime.Store(engine)
        if fuel:
            store.set_fuel(_LOTS)
        wasi = wasmtime.WasiConfig()
        wasi.argv = ["compute", kind, str(count)]
        with TemporaryDirectory() as folder:
            wasi.stderr_file = errors = os.path.join(folder, "errors")
            store.set_wasi(wasi)
            linker = wasmtime.Linker(engine)
            linker.define_wasi()
            start = linker.instantiate(store, module).exports(store)["_start"]
            assert isinstance(start, wasmtime.Func)
            start(store)
            del store
            return float(Path(errors).read_text())

    return run


def _slowdown(run: Run, kind: str, effort: Effort) -> Callable[[], float]:
    rounds = 1 if effort.quick else 40

    def measure() -> float:
        plain = min(run(kind, rounds, False) for _ in range(2))
        return min(run(kind, rounds, True) for _ in range(2)) / plain

    return measure


def measure(effort: Effort) -> Result:
    result = Result(versions={"wasmtime": importlib.metadata.version("wasmtime")})
    runs: dict[str, Run] = {}
    for name in ("v8", "cranelift"):
        try:
            engines.get(name)
        except EngineError:
            continue
        runs[TITLES[f"wasix-{name}"]] = _wasix(name)
    runs[_PEER] = _wasmtime()
    for kind, title in KINDS.items():
        measures = {who: _slowdown(run, kind, effort) for who, run in runs.items()}
        samples, absent = in_turns(effort, measures)
        result.rows.append(Row(f"fuel/{kind}", title, "times", samples, absent))
    return result
