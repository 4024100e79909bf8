"""Contexts that take turns, on every engine."""

from __future__ import annotations

from pathlib import Path

import pytest

import wasix
from tests.conformance.wasmer import is_installed, wasmer
from tests.guests.build import compile_guest, compile_suspending
from wasix.abi import E

FLAGS = ("-Wno-cast-function-type", "-Wno-cast-function-type-mismatch")

SAID = """\
create: 0 0 1 2
active: 0 28
first 0: 210
second 0: 465
first 1: 231
switch: 0
main
second 1: 496
first 2: 253
second 2: 528
first 3: 276
switch: 0
main again
invalid: 28 28 28 28
fault: 21
main: 0 28
destroy: 0 0 28
fork: 58
1024 contexts
counted 110
"""


@pytest.fixture
def program() -> str:
    return str(compile_suspending("contexts", flags=FLAGS))


def test_contexts_take_turns(engine: str, program: str) -> None:
    done = wasix.run([program], engine=engine, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", SAID)


@pytest.mark.parametrize(
    ("how", "status", "message"),
    [
        ("returns", 129, ": the function of context 1 returned, which none may"),
        ("traps", 134, ": trap: unreachable"),
        ("leaves", 7, None),
    ],
)
def test_what_ends_a_context_ends_the_program(
    engine: str, program: str, how: str, status: int, message: str | None
) -> None:
    with (
        wasix.Sandbox(engine=engine) as box,
        box.Popen([program, how], stdout=wasix.PIPE, text=True) as process,
    ):
        output = process.communicate(timeout=120)[0]
    assert process.returncode == status
    said = process.message and process.message.removeprefix(Path(program).name)
    assert said == message
    assert output in ("", "returns\n")


def test_a_program_whose_stack_cannot_be_unwound_has_none(engine: str) -> None:
    program = str(compile_guest("contexts", flags=FLAGS))
    done = wasix.run([program], engine=engine, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith(f"create: {int(E.NOTSUP)} {int(E.NOTSUP)} 0 0\n")


@pytest.mark.skipif(not is_installed(), reason="wasmer-sdk is not installed")
def test_wasmer_switches_alike() -> None:
    program = compile_guest("contexts", flags=(*FLAGS, "-Wl,--export-table"))
    done = wasmer(program, ["turns"])
    # Their contexts have one stack in linear memory, which they write over each other.
    ours = [line.partition(":")[0] for line in SAID[: SAID.index("fork")].splitlines()]
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ours
    assert "create: 0 0 1 2" in done.stdout
    assert "invalid: 28 28 28 28" in done.stdout
    assert "main: 0 28\ndestroy: 0 0 28\n" in done.stdout
    for how, status in (("returns", 129), ("leaves", 7)):
        assert wasmer(program, [how]).returncode == status
