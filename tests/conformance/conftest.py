"""Records which cases passed on which engine, for the ABI status table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import wasix
from tests.conformance.coverage import Results, add_results
from tests.conformance.guests import SCRATCH, Volume

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


@pytest.fixture(params=["host", "memory"])
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> Volume:
    """A fresh volume of each kind."""
    if request.param == "memory":
        return Volume("memory", wasix.memory())
    directory = tmp_path / SCRATCH
    directory.mkdir()
    return Volume("host", directory)


def pytest_sessionfinish(session: pytest.Session) -> None:
    add_results(session.config.stash.get(RESULTS, {}))
