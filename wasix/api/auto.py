"""Which engine runs a module when nobody says: the choice, and its reason for a person.

An engine that lacks what the module needs is no choice. Native code that is kept wins. Else V8
begins at once, and a compiler is left behind to fill the cache for next time (`wasix.api.fill`).
What is small is compiled in less time than V8 needs to start.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import engines
from engines.artifacts import Artifacts
from engines.native.cranelift import build
from engines.protocol import Engine, EngineError
from engines.wasm import MemoryType, Module
from engines.wasm.types import Feature
from wasix.api.errors import ProgramInvalid
from wasix.api.needs import is_common, lacking, refusal, unable

SMALL = 256 << 10
"""Bytes of a module that Cranelift compiles at once."""

Get = Callable[[str], Engine]


class Choice(NamedTuple):
    """An engine, and why it was taken."""

    engine: Engine
    reason: str
    fill: str | None = None
    """The engine whose artifact is worth making."""
    source: Path | None = None
    """A file that holds the module, as it is compiled, if there is one."""


def _shares(module: Module) -> bool:
    """Whether it has memory that threads could share."""
    memories = module.index_space("memory")
    return any(isinstance(of, MemoryType) and of.limits.shared for of in memories)


def choose(
    module: Module, artifacts: Artifacts | None, get: Get = engines.get, *, profiled: bool = False
) -> Choice:
    """The engine for `module`; with `profiled` one that tells where a guest spends its time.

    Raises `EngineError` if none can be used here, `ProgramInvalid` if none here can run it.
    """
    missing: list[str] = []
    unfit: dict[str, list[Feature]] = {}

    def found(name: str) -> Engine | None:
        try:
            engine = get(name)
        except EngineError as error:
            missing.append(str(error))
            return None
        if why := unable(engine, profiled=profiled):
            missing.append(why)
            return None
        if lack := lacking(module, engine):
            unfit[name] = lack
            return None
        return engine

    def only(otherwise: str) -> str:
        if not unfit:
            return otherwise
        return "; ".join(f"{name} lacks {', '.join(lack)}" for name, lack in unfit.items())

    # wasmtime's library is loaded only if it is of use, since that takes as long as V8's.
    native = build.is_installed()
    kept = native and artifacts is not None and build.kept(module, artifacts)
    small = module.size <= SMALL
    cranelift = found("cranelift") if kept or small or not is_common(module) else None
    if cranelift and kept:
        return Choice(cranelift, "its native code is in the cache")
    if cranelift and small:
        return Choice(cranelift, "it is small, so compiling it takes no time")
    v8 = found("v8")
    if v8 and cranelift and _shares(module) and not v8.abilities.threads:
        return Choice(cranelift, "there it can have threads, and on V8 it cannot")
    if v8:
        if artifacts and (cranelift or (native and "cranelift" not in unfit and not missing)):
            reason = "it starts at once; native code will be in the cache for next time"
            return Choice(v8, reason, fill="cranelift")
        return Choice(v8, only("it starts at once"))
    cranelift = cranelift or found("cranelift")
    if cranelift:
        return Choice(cranelift, only("it is the only engine here"))
    for name in engines.ENGINES:
        if name not in ("v8", "cranelift") and (other := found(name)):
            return Choice(other, only("neither V8 nor Cranelift is here"))
    if unfit:
        raise ProgramInvalid(refusal(module, list(unfit), sorted(set().union(*unfit.values()))))
    raise EngineError("no engine can be used here: " + "; ".join(missing))
