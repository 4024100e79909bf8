"""Programs that count what they execute: what a system call costs, and keeping what was made.

Instructions cost what `engines.wasm.meter` says. A system call costs `CALL`, and for what it does
with its arguments: a unit for each 16 bytes it moves or is given as text, `BUFFER` for each buffer,
`RECORD` for each subscription of a poll.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from engines.artifacts import Artifacts
from engines.protocol import Fuel
from engines.wasm import DecodeError, Module, decode
from engines.wasm.meter import PER_BYTES, VERSION, Amount, Cost, Meter, instrument
from wasix.abi import Function
from wasix.abi.function import Count, Fill, Gather, Scatter, Text

CALL = 1000
BUFFER = 16
RECORD = 1000

LARGE = 1 << 20
"""Bytes of a module from which on the instrumented one is kept on disk."""

_PER_BYTES = PER_BYTES.bit_length() - 1


def cost(function: Function) -> Cost:
    """What a call of `function` costs."""
    places = {name: place for place, (name, _) in enumerate(function.slots)}
    amounts = []
    moves = False
    for param in function.params:
        match param:
            case Text(name) | Fill(name):
                amounts.append(Amount(places[name + "_len"], shift=_PER_BYTES))
            case Gather(name) | Scatter(name):
                amounts.append(Amount(places[name + "_len"], multiplier=BUFFER))
                moves = True
            case Count(name):
                amounts.append(Amount(places[name], multiplier=RECORD))
    # The first result of a function that moves bytes is how many.
    if moves and function.outs:
        place = places[function.outs[0].name]
        amounts.append(Amount(place, shift=_PER_BYTES, stored=True))
    return Cost(CALL, tuple(amounts))


def metered(
    module: Module, functions: Mapping[tuple[str, str], Function], artifacts: Artifacts | None
) -> tuple[Module, Fuel, str | None]:
    """`module` instrumented, how its fuel is set (0 for now), and the export that was its start
    function. Raises `DecodeError`."""
    costs = {name: cost(function) for name, function in functions.items()}
    made = _kept(module, costs, artifacts) if module.size >= LARGE else None
    if made is None:
        made = _instrumented(module, costs)
        if artifacts is not None and module.size >= LARGE:
            artifacts.store(_key(module, costs), made.module.join())
    assert made.fuel is not None
    return made.module, Fuel(0, made.fuel), made.start


def _instrumented(module: Module, costs: Mapping[tuple[str, str], Cost]) -> Meter:
    memory = module.export("memory")
    return instrument(module, costs=costs, memory=memory.index if memory else 0)


def _key(module: Module, costs: Mapping[tuple[str, str], Cost]) -> str:
    settings = hashlib.sha256(repr(sorted(costs.items())).encode()).hexdigest()[:16]
    return f"metered-{VERSION}-{settings}-{module.digest[:40]}"


def _kept(
    module: Module, costs: Mapping[tuple[str, str], Cost], artifacts: Artifacts | None
) -> Meter | None:
    path = artifacts.load(_key(module, costs)) if artifacts is not None else None
    if path is None:
        return None
    try:
        return Meter.of(decode(path.read_bytes(), module.name), module)
    except (OSError, DecodeError):
        return None
