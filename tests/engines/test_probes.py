"""The modules that engines are asked about, and what they answer."""

from __future__ import annotations

from typing import get_args

import pytest
import wasmtime

import engines
from engines.protocol import Abilities
from engines.survey import ABILITIES, TITLES
from engines.wasm import decode
from engines.wasm.features import section_features
from engines.wasm.probes import PROBES
from engines.wasm.types import Feature
from wasix.api.needs import COMMON

UNKNOWN_TO_THE_ASSEMBLER = ("half-precision", "legacy-exceptions")


def test_there_is_one_for_every_feature() -> None:
    assert set(PROBES) == set(get_args(Feature))


@pytest.mark.parametrize("name", [n for n in PROBES if n not in UNKNOWN_TO_THE_ASSEMBLER])
def test_the_bytes_are_those_of_the_text(name: Feature) -> None:
    assert PROBES[name].module == wasmtime.wat2wasm(PROBES[name].text)


@pytest.mark.parametrize(
    "name", ["compact-imports", "custom-page-sizes", "memory64", "multi-memory", "threads"]
)
def test_sections_show_the_feature(name: Feature) -> None:
    assert section_features(decode(PROBES[name].module, name)) == {name}


def test_what_is_common_is_common(engine: str) -> None:
    assert engines.get(engine).features() >= COMMON


KNOWN = {
    "v8": ({"simd", "threads", "legacy-exceptions", "gc"}, {"wide-arithmetic"}),
    "cranelift": ({"simd", "threads", "wide-arithmetic"}, {"legacy-exceptions"}),
    "spidermonkey": ({"simd", "legacy-exceptions", "memory64"}, {"threads"}),
    "jsc": ({"simd", "legacy-exceptions"}, {"multi-memory"}),
    "jsc-jitless": ({"legacy-exceptions"}, {"simd", "multi-memory"}),
}
"""What an engine surely has, and lacks."""


def test_answers_are_true(engine: str) -> None:
    has, lacks = KNOWN[engine]
    features = engines.get(engine).features()
    assert features >= has
    assert not features & lacks


def test_every_engine_and_ability_has_a_title() -> None:
    assert set(TITLES) == set(engines.ENGINES)
    assert set(ABILITIES) == set(Abilities._fields)
