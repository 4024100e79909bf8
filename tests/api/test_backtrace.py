"""Where a program trapped, and how much of that is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import wasix
from engines.js.backtrace import lines
from tests.cli.test_run import wasix as command

Wat = Callable[[str], str]

DEPTH = 12
TRAPS = f"""(module $program
  (memory (export "memory") 1)
  (func $sink (param i32)
    (if (i32.eqz (local.get 0)) (then unreachable))
    (call $sink (i32.sub (local.get 0) (i32.const 1))))
  (func (call $sink (i32.const {DEPTH - 3})))
  (func $_start (export "_start") (call 1)))"""
NAMES = ["sink"] * (DEPTH - 2) + [None, "_start"]


def test_every_engine_tells_the_same_functions(engine: str, wat: Wat) -> None:
    with wasix.Popen([wat(TRAPS)], engine=engine) as process:
        assert process.wait() == 134
    assert [frame.function for frame in process.frames] == [0] * (DEPTH - 2) + [1, 2]
    assert [frame.name for frame in process.frames] == NAMES
    assert process.backtrace.splitlines()[-1].startswith("    at _start (wasm-function[2]")


def test_one_that_ends_otherwise_has_none(engine: str, wat: Wat) -> None:
    module = wat('(module (memory (export "memory") 1) (func (export "_start")))')
    with wasix.Popen([module], engine=engine) as process:
        pass
    assert (process.frames, process.backtrace) == ([], "")


@pytest.mark.parametrize(
    ("much", "shown"),
    [
        ({"WASIX_BACKTRACE": "0"}, []),
        ({}, ["    at sink"] * (DEPTH - 2) + ["    at wasm-function[1]", "    at _start"]),
        ({"WASIX_BACKTRACE": ""}, ["    at sink"] * (DEPTH - 2) + [..., "    at _start"]),
    ],
)
def test_names_are_shown_unless_told_otherwise(
    engine: str, wat: Wat, much: dict[str, str], shown: list[object]
) -> None:
    done = command("run", "--engine", engine, wat(TRAPS), env=much)
    first, *rest = done.stderr.splitlines()
    assert (done.returncode, first) == (134, "wasix: guest.wasm: trap: unreachable")
    assert [
        line for line, wanted in zip(rest, shown, strict=True) if wanted not in (line, ...)
    ] == []


def test_full_shows_indices_and_offsets(wat: Wat) -> None:
    done = command(
        *("run", "--engine", "v8", wat(TRAPS)), env={"WASIX_BACKTRACE": "full"}
    ).stderr.splitlines()
    assert len(done) == 1 + DEPTH
    assert done[1].startswith("    at sink (wasm-function[0]:0x")
    assert done[-2].startswith("    at ? (wasm-function[1]:0x")


def test_names_of_a_deep_recursion_are_few(wat: Wat) -> None:
    deep = TRAPS.replace(f"i32.const {DEPTH - 3}", "i32.const 60")
    shown = command("run", "--engine", "v8", wat(deep)).stderr.splitlines()
    assert len(shown) == 1 + 20 + 1
    assert shown[-1] == "    ... and 43 more: WASIX_BACKTRACE=full"


def test_another_value_is_refused_before_anything_runs(wat: Wat) -> None:
    done = command("run", wat(TRAPS), env={"WASIX_BACKTRACE": "all"})
    assert done.returncode == 2
    assert done.stderr == (
        "wasix: WASIX_BACKTRACE=all: write 0 for no backtrace, 1 for the names of functions, or "
        "full\n"
    )


def test_a_name_cannot_control_the_terminal(wat: Wat) -> None:
    named = wat(
        '(module (memory (export "memory") 1) (func $"a\\1b[2J" (export "_start") unreachable))'
    )
    shown = command("run", "--engine", "cranelift", named).stderr
    assert shown.splitlines()[1] == "    at a\\x1b[2J"


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("Error: x\n    at m.f (wasm://wasm/m-12:wasm-function[3]:0x1f)", (3, 0x1F, "f")),
        ("    at wasm://wasm/12ab:wasm-function[0]:0x5", (0, 5, None)),
        ("f@a line 3 > eval line 4 > WebAssembly.Module:wasm-function[3]:0x1f", (3, 0x1F, "f")),
        ("@a > WebAssembly.Module:wasm-function[3]:0x1f", (3, 0x1F, None)),
        ("f@<?>:wasm-function[3]\nstart@\nglobal code@", (3, None, "f")),
        ("(null)@<?>:wasm-function[3]", (3, None, None)),
    ],
)
def test_frames_are_read_from_every_engines_text(
    stack: str, expected: tuple[int, int | None, str | None]
) -> None:
    assert [tuple(line.site) for line in lines(stack)] == [expected]
