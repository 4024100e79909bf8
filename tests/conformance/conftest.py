"""Records which cases passed on which engine, for the ABI status table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.coverage import Results, add_results

RESULTS = pytest.StashKey[Results]()

# engine, run, case -> passed
Record = Callable[[str, str, dict[str, bool]], None]


@pytest.fixture
def record(pytestconfig: pytest.Config) -> Record:
    """Notes the cases of one run, a guest on a volume, as passed or not."""

    def note(engine: str, run: str, cases: dict[str, bool]) -> None:
        results = pytestconfig.stash.setdefault(RESULTS, {})
        results.setdefault(engine, {}).setdefault(run, {}).update(cases)

    return note


def pytest_sessionfinish(session: pytest.Session) -> None:
    add_results(session.config.stash.get(RESULTS, {}))
