"""Records which cases passed on which engine, for the ABI status table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wasix
from tests.conformance.coverage import Results, add_results

RESULTS = pytest.StashKey[Results]()

# engine, run, our answers, the expected answers
Record = Callable[[str, str, dict[str, str], dict[str, str]], None]


@pytest.fixture
def record(pytestconfig: pytest.Config) -> Record:
    """Notes which of the expected answers one run, a guest on a volume, gave."""

    def note(engine: str, run: str, ours: dict[str, str], theirs: dict[str, str]) -> None:
        results = pytestconfig.stash.setdefault(RESULTS, {})
        results.setdefault(engine, {})[run] = {
            case: ours.get(case) == answer for case, answer in theirs.items()
        }

    return note


@dataclass(frozen=True)
class VolumeKind:
    """A kind of filesystem, of which `make` gives volumes to mount."""

    name: str
    directory: Path

    def make(self, names: Iterable[str]) -> dict[str, Any]:
        """A fresh, empty volume for each name."""
        if self.name == "memory":
            return {name: wasix.memory() for name in names}
        if self.name == "overlay":
            return {name: wasix.overlay(wasix.memory()) for name in names}
        for name in names:
            (self.directory / name).mkdir()
        return {name: self.directory / name for name in names}


@pytest.fixture(params=["host", "memory", "overlay"])
def volume_kind(request: pytest.FixtureRequest, tmp_path: Path) -> VolumeKind:
    """Each kind of volume."""
    return VolumeKind(request.param, tmp_path)


def pytest_sessionfinish(session: pytest.Session) -> None:
    add_results(session.config.stash.get(RESULTS, {}))
