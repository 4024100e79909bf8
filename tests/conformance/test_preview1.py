"""Every guest on every engine, on a directory of the host and in memory, compared with wasmtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.answers import expected, oracle, parse, stated
from tests.conformance.conftest import Record
from tests.conformance.guests import GUESTS, STATED_GUESTS, Guest, Volume, run
from tests.conformance.oracle import linux
from tests.guests.build import compile_native


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_answers_are_those_of_wasmtime(
    guest: Guest, engine: str, volume: Volume, record: Record
) -> None:
    done = run(guest, engine, volume)
    ours, theirs = parse(done.stdout), expected(guest)
    record(engine, f"{guest.name} on {volume.kind}", ours, theirs)
    assert list(ours.items()) == list(theirs.items())
    assert (done.returncode, done.stderr) == (0, oracle(guest).stderr)
    if volume.kind == "host":
        assert list(volume.source.iterdir()) == []


@pytest.mark.parametrize("guest", STATED_GUESTS, ids=lambda guest: guest.name)
def test_bad_arguments_are_answered_with_an_errno(
    guest: Guest, engine: str, volume: Volume, record: Record
) -> None:
    done = run(guest, engine, volume)
    ours = parse(done.stdout)
    theirs = stated(guest.name)
    record(engine, f"{guest.name} on {volume.kind}", ours, theirs)
    assert list(ours.items()) == list(theirs.items())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("status", [0, 1, 2, 42, 125, 126, 127, 128, 200, 255])
def test_exit_status(status: int, engine: str, tmp_path: Path, record: Record) -> None:
    native = linux([str(compile_native("proc_exit")), str(status)], cwd=tmp_path)
    done = run(Guest("proc_exit", (str(status),)), engine)
    case = f"proc_exit status {status}"
    record(engine, case, {case: str(done.returncode)}, {case: str(native.returncode)})
    assert done.returncode == native.returncode


@pytest.mark.parametrize("signal", range(16))
def test_raised_signal(signal: int, engine: str, tmp_path: Path, record: Record) -> None:
    native = linux([str(compile_native("proc_raise")), str(signal)], cwd=tmp_path)
    done = run(Guest("proc_raise", (str(signal),)), engine)
    case = f"proc_raise signal {signal}"
    record(engine, case, {case: str(done.returncode)}, {case: str(native.returncode)})
    assert (done.returncode, done.stdout) == (native.returncode, native.stdout)
