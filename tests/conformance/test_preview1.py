"""Every guest on every engine and kind of volume, compared with wasmtime."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

import wasix
from tests.conformance.answers import expected, oracle, parse, stated, unlike
from tests.conformance.conftest import Record, VolumeKind
from tests.conformance.guests import FAULT, GUESTS, INVALID, LIMITS, READ_ONLY, SCRATCH, Guest, run
from tests.conformance.oracle import linux
from tests.guests.build import compile_native


def check_stated(
    guest: Guest, engine: str, where: str, done: CompletedProcess[str], record: Record
) -> None:
    ours, theirs = parse(done.stdout), stated(guest.name)
    record(engine, f"{guest.name} on {where}", ours, theirs)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_answers_are_those_of_wasmtime(
    guest: Guest, engine: str, volume_kind: VolumeKind, record: Record
) -> None:
    volumes = volume_kind.make(guest.volumes)
    done = run(guest, engine, volumes)
    ours, theirs = parse(done.stdout), expected(guest)
    record(engine, f"{guest.name} on {volume_kind.name}", ours, theirs)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert (done.returncode, done.stderr) == (0, oracle(guest).stderr)
    if volume_kind.name == "host":
        assert [list(volume.iterdir()) for volume in volumes.values()] == [[] for _ in volumes]


@pytest.mark.parametrize("guest", [FAULT, INVALID], ids=lambda guest: guest.name)
def test_bad_arguments_are_answered_with_an_errno(
    guest: Guest, engine: str, volume_kind: VolumeKind, record: Record
) -> None:
    volumes = volume_kind.make(guest.volumes)
    done = run(guest, engine, volumes)
    check_stated(guest, engine, volume_kind.name, done, record)


def test_read_only_volume(engine: str, tmp_path: Path, record: Record) -> None:
    (tmp_path / "f").write_text("hello")
    (tmp_path / "link").symlink_to("f")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "g").write_text("nested")
    volume = wasix.HostVolume(tmp_path, read_only=True)
    done = run(READ_ONLY, engine, {SCRATCH: volume})
    check_stated(READ_ONLY, engine, "a read-only volume", done, record)


def test_limits_of_a_sandbox(engine: str, record: Record) -> None:
    volume = wasix.memory(limit=1 << 20)
    done = run(LIMITS, engine, {SCRATCH: volume}, max_files=64)
    check_stated(LIMITS, engine, "a bounded volume", done, record)


@pytest.mark.parametrize("status", [0, 1, 2, 42, 125, 126, 127, 128, 200, 255])
def test_exit_status(status: int, engine: str, tmp_path: Path, record: Record) -> None:
    native = linux([str(compile_native("proc_exit")), str(status)], cwd=tmp_path)
    done = run(Guest("proc_exit", (str(status),)), engine, {})
    case = f"proc_exit status {status}"
    record(engine, case, {case: str(done.returncode)}, {case: str(native.returncode)})
    assert done.returncode == native.returncode


@pytest.mark.parametrize("signal", range(16))
def test_raised_signal(signal: int, engine: str, tmp_path: Path, record: Record) -> None:
    native = linux([str(compile_native("proc_raise")), str(signal)], cwd=tmp_path)
    done = run(Guest("proc_raise", (str(signal),)), engine, {})
    case = f"proc_raise signal {signal}"
    record(engine, case, {case: str(done.returncode)}, {case: str(native.returncode)})
    assert (done.returncode, done.stdout) == (native.returncode, native.stdout)
