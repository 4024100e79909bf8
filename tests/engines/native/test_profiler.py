"""What is Cranelift's own in profiling; what profiles say is in `tests/api/test_profile.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import wasix
from engines.native.cranelift import profiler
from engines.profile import INTERVAL

Wat = Callable[[str], str]

WORKS = """(module
  (memory (export "memory") 1)
  (func (export "_start") (local $n i32)
    (loop $again
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 500000000))))))"""


def test_a_long_run_has_fewer_samples_in_time(
    wat: Wat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiler, "DOUBLING", 8)
    taken: list[int] = []
    finish = profiler.Profiler.finish

    def finished(self: profiler.Profiler, *args: object) -> None:
        taken.extend(weight for weight, _ in self._taken)
        finish(self, *args)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(profiler.Profiler, "finish", finished)
    path = tmp_path / "out.json"
    wasix.run([wat(WORKS)], engine="cranelift", profile=path, check=True)
    assert len(taken) > 16
    for number, weight in enumerate(taken):
        assert weight >= (INTERVAL << number // 8) - INTERVAL // 2
    assert json.loads(path.read_text())["profiles"][0]["endValue"] == sum(taken)
