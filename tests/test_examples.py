"""The examples, as a reader would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def example(name: str, *args: str) -> str:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *args],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ).stdout


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("print(6 * 7)", "42\n"),
        ("while True: pass", "it took too long\n"),
        ("x = bytearray(1 << 28)", "MemoryError"),
        ("open('/big', 'wb').write(bytes(1 << 25))", "No space left on device"),
    ],
)
def test_untrusted(code: str, text: str) -> None:
    assert text in example("untrusted.py", code)


def test_pipeline() -> None:
    assert example("pipeline.py") == "animals: 2\n"
