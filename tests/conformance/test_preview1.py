"""Every guest on every engine, on a directory of the host and in memory, compared with wasmtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import wasix
from tests.conformance.answers import expected, oracle, parse, stated
from tests.conformance.conftest import Record
from tests.conformance.guests import GUESTS, SCRATCH, STATED_GUESTS, Guest
from tests.conformance.oracle import linux
from tests.guests.build import compile_guest, compile_native


@pytest.fixture(params=["host", "memory"])
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Any]:
    """A kind of volume and a fresh one of it."""
    return (request.param, tmp_path if request.param == "host" else wasix.memory())


def run(guest: Guest, engine: str, volumes: Mapping[str, Any]) -> CompletedProcess[str]:
    return wasix.run(
        [str(compile_guest(guest.name)), *guest.args],
        volumes=volumes,
        engine=engine,
        env=dict(guest.env),
        input=guest.stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


def compare(
    ours: dict[str, str], theirs: dict[str, str], engine: str, where: str, record: Record
) -> None:
    record(engine, where, {case: ours.get(case) == answer for case, answer in theirs.items()})
    assert list(ours.items()) == list(theirs.items())


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_answers_are_those_of_wasmtime(
    guest: Guest, engine: str, volume: tuple[str, Any], record: Record
) -> None:
    done = run(guest, engine, {SCRATCH: volume[1]})
    compare(parse(done.stdout), expected(guest), engine, f"{guest.name} on {volume[0]}", record)
    assert (done.returncode, done.stderr) == (0, oracle(guest).stderr)


@pytest.mark.parametrize("guest", STATED_GUESTS, ids=lambda guest: guest.name)
def test_bad_arguments_are_answered_with_an_errno(
    guest: Guest, engine: str, volume: tuple[str, Any], record: Record
) -> None:
    done = run(guest, engine, {SCRATCH: volume[1]})
    ours = parse(done.stdout)
    theirs = stated(guest.name, ours)
    record(
        engine,
        f"{guest.name} on {volume[0]}",
        {case: ours.get(case) == answer for case, answer in theirs.items()},
    )
    assert ours == theirs
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_nothing_is_left_in_the_volume(guest: Guest, engine: str, tmp_path: Path) -> None:
    run(guest, engine, {SCRATCH: tmp_path})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [0, 1, 2, 42, 125, 126, 127, 128, 200, 255])
def test_exit_status(status: int, engine: str, tmp_path: Path, record: Record) -> None:
    guest = Guest("proc_exit", (str(status),))
    native = linux([str(compile_native("proc_exit")), str(status)], cwd=tmp_path)
    done = run(guest, engine, {})
    passed = done.returncode == native.returncode
    record(engine, f"proc_exit {status}", {f"proc_exit status {status}": passed})
    assert done.returncode == native.returncode


@pytest.mark.parametrize("signal", range(16))
def test_raised_signal(signal: int, engine: str, tmp_path: Path, record: Record) -> None:
    guest = Guest("proc_raise", (str(signal),))
    native = linux([str(compile_native("proc_raise")), str(signal)], cwd=tmp_path)
    done = run(guest, engine, {})
    passed = (done.returncode, done.stdout) == (native.returncode, native.stdout)
    record(engine, f"proc_raise {signal}", {f"proc_raise signal {signal}": passed})
    assert (done.returncode, done.stdout) == (native.returncode, native.stdout)
