"""Sandboxes leave nothing: no memory, descriptors, threads, processes or files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests import selection
from tests.api.guests import CAT

SLACK = 1.05
"""How much more memory may be resident."""


def test_soak_sandboxes_leave_nothing(wat: Callable[..., str], engine: str) -> None:
    count, at_once = (200, 32) if selection.FULL else (40, 32)
    if not selection.FULL and engine not in selection.ALWAYS:
        count, at_once = 8, 4
    numbers = map(str, (count, at_once))
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.sandboxes", engine, *numbers, wat(CAT)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    start, one_by_one, first_together, together = json.loads(done.stdout)
    print(f"{engine}: {count} sandboxes, {at_once} at a time: {done.stdout}")
    assert one_by_one[1:] == start[1:]
    assert together[1:] == first_together[1:] == start[1:]
    assert one_by_one[0] <= SLACK * start[0]
    assert together[0] <= SLACK * first_together[0]
