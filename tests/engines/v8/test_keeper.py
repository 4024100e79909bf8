"""Modules kept compiled between guests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.v8 import keeper as kept
from engines.v8.keeper import Keeper
from engines.v8.library import library
from engines.wasm import Module, decode

Wat = Callable[..., str]


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    keeper.close()


def modules(wat: Wat, count: int) -> list[Module]:
    """Modules of one size that differ in a constant."""
    texts = (f'(module (func (export "f") (result i32) i32.const {n}))' for n in range(count))
    return [decode(Path(wat(text)).read_bytes()) for text in texts]


def isolates() -> int:
    count: int = library().mr_context_count()
    return count


def test_a_module_is_kept_from_its_second_use_on(keeper: Keeper, wat: Wat) -> None:
    before = isolates()
    (module,) = modules(wat, 1)
    keeper.used(module)
    assert isolates() == before
    assert not keeper.keeps(module)
    keeper.used(module)
    keeper.used(module)
    assert isolates() == before + 1
    assert keeper.keeps(module)


def test_what_was_not_used_for_longest_goes_first(
    keeper: Keeper, wat: Wat, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = modules(wat, 3)
    monkeypatch.setattr(kept, "MOST_BYTES", 2 * first.size)
    for module in (first, first, second, second, first, third, third):
        keeper.used(module)
    assert keeper.keeps(first)
    assert not keeper.keeps(second)
    assert keeper.keeps(third)


def test_a_closed_keeper_keeps_nothing(keeper: Keeper, wat: Wat) -> None:
    before = isolates()
    (module,) = modules(wat, 1)
    keeper.used(module)
    keeper.close()
    keeper.used(module)
    keeper.used(module)
    assert isolates() == before
