"""Every row of the bench still runs; what it shows is of no interest here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.startup import SLOW
from bench.subjects import TITLES, ours
from bench.visits import TRIED
from docs.performance import render

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "bench" / "quick"


def measured(name: str) -> dict[str, list[dict[str, Any]]]:
    """What `python -m bench --quick NAME` found."""
    (RESULTS / f"{name}.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench", "--quick", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize(
    ("name", "mine"),
    [
        ("calls", [TITLES[name] for name in ours()]),
        ("startup", [TITLES[name] for name in ours()]),
        ("growth", [TITLES[name] for name in ours()]),
        ("splits", ["door", "decoder", "whole"]),
        ("plain", [TITLES["wasix-cranelift"], TITLES["wasix-v8"]]),
        ("fuel", [TITLES["wasix-cranelift"], TITLES["wasix-v8"]]),
        ("page", ["wasix in a page", "wasix in an isolated page"]),
        ("visits", [TRIED]),
    ],
)
def test_every_row_has_figures_of_ours_and_is_shown(
    name: str, mine: list[str], tmp_path: Path
) -> None:
    found = measured(name)
    assert found["rows"] or found["curves"]
    for row in found["rows"]:
        subjects = set(["door", "decoder", "whole"] if "splits" in row["key"] else mine)
        if name == "startup" and row["key"].endswith(("python", "python/cold", "python/warm")):
            subjects -= SLOW
        assert subjects <= row["figures"].keys(), row["key"]
    for curve in found["curves"]:
        assert all(len(curve["points"][who]) > 1 for who in mine), curve["key"]
    shutil.copy(RESULTS / f"{name}.json", tmp_path)
    text = render(tmp_path, tmp_path / "plots")
    assert text is not None
    assert all(f"| {row['title']} |" in text for row in found["rows"])
    assert all((tmp_path / "plots" / f"{plot}.svg").exists() for plot in plots(found))


def plots(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    return [curve["key"].replace("/", "-") for curve in found["curves"]]


def test_what_was_not_measured_keeps_its_section(tmp_path: Path) -> None:
    machine = {"processor": "P", "cores": 2, "system": "S", "load": 0.0}
    found = {"date": "today", "machine": machine, "versions": {}, "rows": [], "curves": []}
    (tmp_path / "fuel.json").write_text(json.dumps(found))
    before = "# Head\n\n## System calls\n\nas it was\n\n## Fuel\n\nold\n"
    text = render(tmp_path, tmp_path / "plots", before)
    assert text is not None
    assert "## System calls\n\nas it was\n\n## Fuel\n" in text
    assert "old" not in text
    assert render(tmp_path / "none", tmp_path / "plots", before) is None
