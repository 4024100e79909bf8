"""Maps of machine code: what `perf` reads to name a guest's functions."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import engines
from engines.protocol import EngineError
from tests.cli.test_run import ROOT, command, wasix
from wasix.api.auto import SMALL

Wat = Callable[[str], str]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="perf is Linux's")

WORKS = """(module
  (memory (export "memory") 8)
  {data}
  (func $hot (param $n i32)
    (loop $again (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func $main (export "_start") (call $hot (i32.const 1000))))"""
SMALL_ONE = WORKS.replace("{data}", "")
LARGE_ONE = WORKS.replace("{data}", f'(data (i32.const 0) "{"x" * SMALL}")')

_LINE = re.compile(r"(?:0x)?([0-9a-f]+) ([0-9a-f]+) (.+)")


def functions(pid: int) -> list[str]:
    """What the map of a process names, which is removed."""
    path = Path(f"/tmp/perf-{pid}.map")
    try:
        lines = path.read_text(errors="replace").splitlines()
    finally:
        path.unlink()
    found = [_LINE.fullmatch(line) for line in lines]
    # V8 has a few lines of another form.
    return [line[3] for line in found if line and int(line[1], 16) and int(line[2], 16)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--engine", "cranelift"], SMALL_ONE),
        (["--engine", "v8"], SMALL_ONE),
        # On V8, while Cranelift has been asked whether it has the code.
        ([], LARGE_ONE),
    ],
)
def test_the_map_names_the_guests_functions(
    options: list[str], text: str, wat: Wat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"WASIX_PERF": "1", "WASIX_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    empty = tmp_path / "here"
    empty.mkdir()
    with subprocess.Popen(command("run", *options, wat(text)), cwd=empty) as process:
        assert process.wait(timeout=60) == 0
    assert list(empty.iterdir()) == []
    names = functions(process.pid)
    for function in ("hot", "main"):
        assert [name for name in names if re.search(rf"\b{function}\b", name)], names[-20:]


def test_code_that_was_kept_is_named_too(
    wat: Wat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASIX_CACHE", str(tmp_path / "cache"))
    module = wat(SMALL_ONE)
    assert wasix("run", "--engine", "cranelift", module).returncode == 0
    monkeypatch.setenv("WASIX_PERF", "1")
    with subprocess.Popen(command("run", "--engine", "cranelift", module)) as process:
        assert process.wait(timeout=60) == 0
    assert "hot" in functions(process.pid)


@pytest.mark.parametrize("name", ["cranelift", "v8"])
def test_there_is_none_unless_it_is_asked_for(name: str, wat: Wat) -> None:
    with subprocess.Popen(command("run", "--engine", name, wat(SMALL_ONE))) as process:
        assert process.wait(timeout=60) == 0
    assert not Path(f"/tmp/perf-{process.pid}.map").exists()


@pytest.mark.parametrize(
    "name", [name for name in engines.ENGINES if name not in ("cranelift", "v8")]
)
def test_an_engine_that_writes_none_is_refused(name: str, wat: Wat) -> None:
    try:
        engines.get(name)
    except EngineError as error:
        pytest.skip(str(error))
    done = wasix("run", "--engine", name, wat(SMALL_ONE), env={"WASIX_PERF": "1"})
    assert done.returncode == 2
    assert done.stderr == (
        f"wasix: the engine {name} writes no map of its machine code, as WASIX_PERF=1 asks; "
        "--engine cranelift can\n"
    )


def test_another_value_is_refused_in_a_line(wat: Wat) -> None:
    done = wasix("run", wat(SMALL_ONE), env={"WASIX_PERF": "yes"})
    assert done.returncode == 2
    assert done.stderr == (
        "wasix: WASIX_PERF=yes: write 1 for maps of machine code, for perf, or 0\n"
    )
