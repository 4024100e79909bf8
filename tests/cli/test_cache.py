"""`wasix cache`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from engines.artifacts import Artifacts
from wasix.api import fill

ROOT = Path(__file__).parents[2]


def wasix(cache: Path | str, *args: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "wasix", *args],
        env={"WASIX_CACHE": str(cache), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_native_code_is_listed_and_removed(wat: Callable[[str], str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    program = wat('(module (memory (export "memory") 1) (func (export "_start")))')
    assert wasix(cache, "cache", "path") == f"{cache}\n"
    assert wasix(cache, "cache", "ls") == ""
    wasix(cache, "run", "--engine", "cranelift", program)
    [line] = wasix(cache, "cache", "ls").splitlines()
    assert "native code by cranelift, used " in line
    wasix(cache, "cache", "clean")
    assert wasix(cache, "cache", "ls") == ""
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_relative_one_is_where_the_program_was_started(tmp_path: Path) -> None:
    assert wasix("kept", "cache", "path", cwd=tmp_path) == f"{tmp_path / 'kept'}\n"


def test_what_is_being_compiled_is_listed(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path / "artifacts")
    key = fill.key("cranelift", "0123456789abcdef" * 4)
    artifacts.lock(key)
    artifacts.hold(key)
    [line] = wasix(tmp_path, "cache", "ls").splitlines()
    assert line.startswith("0123456789ab ")
    assert "native code by cranelift, being made since " in line
    artifacts.unlock(key)
    assert wasix(tmp_path, "cache", "ls") == ""
