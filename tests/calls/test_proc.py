"""How processes end, and what signals do."""

from __future__ import annotations

import pytest

from tests.calls.conftest import Guest
from wasix.abi import Unwind

# The status a shell shows for Linux's signal of that name.
FATAL = {"hup": 129, "int": 130, "abrt": 134, "kill": 137, "segv": 139, "term": 143, "sys": 159}
HARMLESS = ["none", "chld", "cont", "urg", "winch"]


@pytest.mark.parametrize(("name", "status"), FATAL.items())
def test_a_fatal_signal_is_the_status(guest: Guest, name: str, status: int) -> None:
    with pytest.raises(Unwind):
        guest.call("proc_raise", name)
    assert guest.process.status == status


@pytest.mark.parametrize("name", HARMLESS)
def test_signals_that_are_ignored_by_default(guest: Guest, name: str) -> None:
    guest.call("proc_raise", name)
    assert guest.process.status is None


def test_only_the_first_end_counts(guest: Guest) -> None:
    with pytest.raises(Unwind):
        guest.call("proc_exit", 3)
    guest.process.exit(9)
    assert guest.process.status == 3


def test_statuses_are_eight_bits(guest: Guest) -> None:
    with pytest.raises(Unwind):
        guest.call("proc_exit", 0x1FF)
    assert guest.process.status == 0xFF


def test_the_end_closes_every_descriptor(guest: Guest) -> None:
    with pytest.raises(Unwind):
        guest.call("proc_exit", 0)
    assert not guest.process.descriptors.entries
    assert guest.stdin.read_closed
    assert guest.stdout.write_closed
