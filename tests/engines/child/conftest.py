"""These tests count processes: none is to be made ahead."""

from __future__ import annotations

import pytest

from engines import spare
from tests.settled import settle


@pytest.fixture(autouse=True)
def nothing_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "FIRST", 1 << 60)
    settle()
