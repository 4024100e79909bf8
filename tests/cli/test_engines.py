"""`wasix engines`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import engines
from engines.protocol import Engine, EngineError
from wasix.cli.app import app


def test_what_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    get = engines.get

    def without(name: str) -> Engine:
        if name != "v8":
            raise EngineError(f"the engine {name} needs this: get it")
        return get(name)

    monkeypatch.setattr(engines, "get", without)
    lines = CliRunner().invoke(app, ["engines"]).stdout.splitlines()
    assert "v8            V8, embedded by mini-racer" in lines
    assert "jsc           not here: the engine jsc needs this: get it" in lines
    rows = dict(line.rsplit(None, 1) for line in lines if line.endswith(("yes", "-")))
    assert rows["simd"] == "yes"
    assert rows["wide-arithmetic"] == "-"


def test_without_any_engine_the_reasons_are_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> Engine:
        raise EngineError("nothing works")

    monkeypatch.setattr(engines, "get", none)
    done = CliRunner().invoke(app, ["engines"])
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == len(engines.ENGINES)
