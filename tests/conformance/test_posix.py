"""C sources compiled for wasm and for Linux: the same program prints the same on both."""

from __future__ import annotations

import pytest

from tests.conformance.answers import linux_oracle, parse
from tests.conformance.conftest import Record
from tests.conformance.guests import TWINS, Guest, Volume, run


@pytest.mark.parametrize("guest", TWINS, ids=lambda guest: guest.name)
def test_answers_are_those_of_linux(
    guest: Guest, engine: str, volume: Volume, record: Record
) -> None:
    native = linux_oracle(guest)
    done = run(guest, engine, volume)
    ours, theirs = parse(done.stdout), parse(native.stdout)
    record(engine, f"{guest.name} on {volume.kind}", ours, theirs)
    assert list(ours.items()) == list(theirs.items())
    assert (done.returncode, done.stderr) == (native.returncode, native.stderr)
