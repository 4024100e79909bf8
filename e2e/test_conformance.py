"""The C guests of `tests/conformance` in a page: the same answers as on every other engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from e2e.conftest import Script
from tests.conformance.answers import expected, parse, stated
from tests.conformance.coverage import add_results
from tests.conformance.guests import FAULT, GUESTS, INVALID, SCRATCH, Guest
from tests.guests.build import SHARED_OPTIONS, compile_guest
from tests.selection import LONG

# A page has one filesystem, so what moves between two volumes is left out.
IN_A_PAGE = [*(guest for guest in GUESTS if guest.volumes == (SCRATCH,)), FAULT, INVALID]

QUICK = ("args", "environ", "fault", "fd_io", "invalid", "path_open", "poll", "stdio")
"""Guests without many calls, each of which takes milliseconds by a service worker."""


@pytest.mark.parametrize("guest", IN_A_PAGE, ids=lambda guest: guest.name)
def test_answers_are_those_of_every_engine(shared_script: Script, guest: Guest) -> None:
    result = run(shared_script, guest, ())
    ours = parse(result["stdout"])
    theirs = stated(guest.name) if guest in (FAULT, INVALID) else expected(guest)
    passed = {case: ours.get(case) == answer for case, answer in theirs.items()}
    add_results({"browser": {f"{guest.name} in a page": passed}})
    assert ours == theirs
    assert result["status"] == 0


@pytest.mark.parametrize("shared", [True, pytest.param(False, marks=LONG)], ids=["shared", "alone"])
@pytest.mark.parametrize("guest", IN_A_PAGE, ids=lambda guest: guest.name)
def test_answers_are_the_same_in_a_worker(
    isolated_script: Script, guest: Guest, shared: bool
) -> None:
    """Where every call goes from one worker to another, which sees the guest's memory or not."""
    result = run(isolated_script, guest, SHARED_OPTIONS if shared else (), apart=True)
    theirs = stated(guest.name) if guest in (FAULT, INVALID) else expected(guest)
    assert parse(result["stdout"]) == theirs
    assert result["status"] == 0


@pytest.mark.parametrize("guest", IN_A_PAGE, ids=lambda guest: guest.name)
def test_answers_are_the_same_by_messages(shared_script: Script, guest: Guest) -> None:
    """Where the two workers cannot share memory, but the guest can be suspended."""
    result = run(shared_script, guest, (), apart=True)
    theirs = stated(guest.name) if guest in (FAULT, INVALID) else expected(guest)
    assert parse(result["stdout"]) == theirs
    assert result["status"] == 0


@pytest.mark.parametrize(
    "guest",
    [pytest.param(one, marks=() if one.name in QUICK else LONG) for one in IN_A_PAGE],
    ids=lambda guest: guest.name,
)
def test_answers_are_the_same_by_a_service_worker(held_script: Script, guest: Guest) -> None:
    """Where the two workers cannot share memory."""
    result = run(held_script, guest, ())
    theirs = stated(guest.name) if guest in (FAULT, INVALID) else expected(guest)
    assert parse(result["stdout"]) == theirs
    assert result["status"] == 0


def run(
    script: Script, guest: Guest, flags: Sequence[str], *, apart: bool = False
) -> dict[str, Any]:
    result: dict[str, Any] = script(
        """
        await wasix.fs.mkdir("/scratch");
        const { module, ...options } = arg;
        return wasix.run({ module: new Uint8Array(module), name: options.name }, options.args,
          { ...options, preopens: ["scratch"] });
        """,
        {
            "module": compile_guest(guest.name, flags=tuple(flags)).read_bytes(),
            "name": guest.name,
            "args": list(guest.args),
            "env": dict(guest.env),
            "stdin": guest.stdin or "",
            "apart": apart,
        },
    )
    return result


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status(shared_script: Script, status: int) -> None:
    result = shared_script(
        "return wasix.run({ module: new Uint8Array(arg[0]) }, [arg[1]])",
        [compile_guest("proc_exit").read_bytes(), str(status)],
    )
    add_results(
        {"browser": {f"proc_exit {status}": {f"proc_exit {status}": result["status"] == status}}}
    )
    assert result["status"] == status


@pytest.mark.parametrize(("signal", "status"), [(0, 0), (2, 130), (9, 137), (15, 143), (16, 0)])
def test_raised_signal(shared_script: Script, signal: int, status: int) -> None:
    result = shared_script(
        "return wasix.run({ module: new Uint8Array(arg[0]) }, [arg[1]])",
        [compile_guest("proc_raise").read_bytes(), str(signal)],
    )
    passed = result["status"] == status
    add_results({"browser": {f"proc_raise {signal}": {f"proc_raise {signal}": passed}}})
    assert passed
