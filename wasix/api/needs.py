"""What a module needs of its engine, and what to say to who chose one that lacks it."""

from __future__ import annotations

from collections.abc import Collection

from engines import perf
from engines.protocol import Engine, EngineError
from engines.wasm import Module, features
from engines.wasm.features import section_features
from engines.wasm.types import Feature
from wasix.api.errors import UsageError

COMMON: frozenset[Feature] = frozenset(
    (
        *("bulk-memory", "multi-value", "mutable-globals"),
        *("nontrapping-fptoint", "reference-types", "sign-extension"),
    )
)
"""What every engine has. Almost all modules need no more, and then no engine is asked."""


def is_common(module: Module) -> bool:
    """Whether `module` needs nothing, as its sections prove, that an engine might lack."""
    return not section_features(module) - COMMON


def lacking(module: Module, engine: Engine) -> list[Feature]:
    """What `module` needs, as its sections prove, and `engine` does not have."""
    needed = section_features(module) - COMMON
    return sorted(needed - engine.features()) if needed else []


def declared_lacking(module: Module, engine: Engine) -> list[Feature]:
    """The same with what its toolchain declared: it may list more than is used."""
    needed = features(module) - COMMON
    return sorted(needed - engine.features()) if needed else []


def check_perf() -> None:
    """Raise `UsageError` if what `WASIX_PERF` says makes no sense here."""
    try:
        wanted = perf.wanted()
    except EngineError as error:
        raise UsageError(str(error)) from None
    if wanted and not perf.SUPPORTED:
        raise UsageError("WASIX_PERF=1: maps of machine code are for perf, which Linux alone has")


def unable(engine: Engine, *, profiled: bool) -> str | None:
    """What `engine` is asked for by `profile=` or `WASIX_PERF`, and cannot do; None if it can."""
    if profiled and not engine.abilities.profiles:
        return f"the engine {engine.name} cannot profile"
    if perf.wanted() and not engine.abilities.perf_map:
        return f"the engine {engine.name} writes no map of its machine code, as WASIX_PERF=1 asks"
    return None


def refusal(module: Module, names: Collection[str], missing: Collection[Feature]) -> str:
    """A line that says that no engine of `names` can run `module`, and which ones could."""
    from engines.survey import Found, survey

    having = [
        found.name
        for found in survey()
        if isinstance(found, Found) and found.features.issuperset(missing)
    ]
    lack = "lack" if len(names) > 1 else "lacks"
    have = "have" if len(having) > 1 else "has"
    return (
        f"{module.name} needs {', '.join(missing)}, which {' and '.join(names)} {lack}; "
        f"{', '.join(having) or 'no engine here'} {have} it"
    )
