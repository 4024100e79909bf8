"""What every engine can do, as each of them tells it here and now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import engines
from engines.protocol import Abilities, EngineError
from engines.wasm.types import Feature

TITLES = {
    "v8": "V8, embedded by mini-racer",
    "cranelift": "Cranelift, of wasmtime",
    "spidermonkey": "SpiderMonkey, embedded by pythonmonkey",
    "jsc": "JavaScriptCore, the system's library",
    "jsc-jitless": "JavaScriptCore making no machine code",
}

ABILITIES = {
    "stops": "ends a guest that computes: kill, timeout",
    "memory_limit": "bounds linear memory",
    "artifacts": "keeps compiled code for the next run",
    "own_process": "a process for each guest",
    "threads": "starts threads of a guest",
    "profiles": "tells where a guest spends its time: `--profile`",
    "links": "links libraries to a guest, and makes functions for it, while it runs",
    "perf_map": "names its machine code for Linux's perf: `WASIX_PERF=1`",
}
"""What the fields of `Abilities` mean."""


class Found(NamedTuple):
    """An engine that can be used here."""

    name: str
    features: frozenset[Feature]
    abilities: Abilities


class Missing(NamedTuple):
    """An engine that cannot; `reason` names the remedy."""

    name: str
    reason: str


def survey() -> Iterator[Found | Missing]:
    """Every engine in turn. Starts each, which takes up to half a second."""
    for name in engines.ENGINES:
        try:
            engine = engines.get(name)
        except EngineError as error:
            yield Missing(name, str(error))
        else:
            yield Found(name, engine.features(), engine.abilities)
