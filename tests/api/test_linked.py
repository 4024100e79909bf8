"""Programs are linked once, and again when they have changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wasix import catalogue
from wasix.api import linked as module
from wasix.api.errors import ProgramInvalid, ProgramNotFound
from wasix.api.linked import linked

Wat = Callable[..., str]

TEXT = '(module (memory (export "memory") 1) (func (export "_start") {}))'
OLD = 1_000_000_000_000_000_000


@pytest.fixture
def program(wat: Wat) -> Path:
    return Path(wat(TEXT.format("")))


@pytest.fixture(autouse=True)
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files seem to have been there for a while."""
    monkeypatch.setattr(module, "_SETTLED", -(10**12))


def test_a_program_is_linked_once(program: Path) -> None:
    found = catalogue.find(str(program))
    first = linked(found, abi="latest", memory=None)
    assert linked(found, abi="latest", memory=None) is first


def test_other_limits_are_another_program(program: Path) -> None:
    found = catalogue.find(str(program))
    first = linked(found, abi="latest", memory=None)
    assert linked(found, abi="latest", memory=1 << 20) is not first
    assert linked(found, abi="preview1", memory=None) is not first


def test_a_changed_file_is_read_again(program: Path, wat: Wat) -> None:
    found = catalogue.find(str(program))
    linked(found, abi="latest", memory=None)
    before = program.stat().st_mtime_ns
    wat(TEXT.format("nop"))
    os.utime(program, ns=(OLD, before + 1))
    changed = linked(found, abi="latest", memory=None)
    assert changed.module.join() == program.read_bytes()


def test_a_file_that_has_just_changed_is_not_kept(
    program: Path, wat: Wat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SETTLED", 10**18)
    found = catalogue.find(str(program))
    first = linked(found, abi="latest", memory=None)
    assert linked(found, abi="latest", memory=None) is not first


def test_a_file_that_has_gone_or_broken_is_an_error(program: Path) -> None:
    found = catalogue.find(str(program))
    linked(found, abi="latest", memory=None)
    program.write_bytes(b"nothing")
    with pytest.raises(ProgramInvalid):
        linked(found, abi="latest", memory=None)
    program.unlink()
    with pytest.raises(ProgramNotFound):
        linked(found, abi="latest", memory=None)


def test_no_more_is_kept_than_the_bound(
    program: Path, wat: Wat, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = catalogue.find(str(program))
    first = linked(found, abi="latest", memory=None)
    monkeypatch.setattr(module, "MOST_BYTES", first.module.size)
    other = catalogue.find(wat(TEXT.format(""), "other.wasm"))
    second = linked(other, abi="latest", memory=None)
    assert linked(other, abi="latest", memory=None) is second
    assert linked(found, abi="latest", memory=None) is not first
