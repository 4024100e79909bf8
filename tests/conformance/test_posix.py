"""C sources compiled for wasm and for Linux: the same program prints the same on both."""

from __future__ import annotations

import sys

import pytest

from tests.conformance.answers import linux_oracle, parse, unlike
from tests.conformance.conftest import Record, VolumeKind
from tests.conformance.guests import TWINS, Guest, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the oracle is Linux")


@pytest.mark.parametrize("guest", TWINS, ids=lambda guest: guest.name)
def test_answers_are_those_of_linux(
    guest: Guest, engine: str, volume_kind: VolumeKind, record: Record
) -> None:
    native = linux_oracle(guest)
    volumes = volume_kind.make(guest.volumes)
    done = run(guest, engine, volumes)
    ours, theirs = parse(done.stdout), parse(native.stdout)
    record(engine, f"{guest.name} on {volume_kind.name}", ours, theirs)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert (done.returncode, done.stderr) == (native.returncode, native.stderr)
