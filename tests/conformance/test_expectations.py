"""The tests' own footing: the oracle ran, each listed difference is one, no function is missed."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conformance.answers import expected, linux_oracle, oracle, parse, stated
from tests.conformance.coverage import FUNCTIONS, add_results, function_of, load_status
from tests.conformance.differences import DIFFERENCES, STATED
from tests.conformance.guests import FAULT, GUESTS, INVALID, STATED_GUESTS, TWINS, Guest

# Functions without a case that fails, and why. Every function has one that succeeds.
NEVER_FAIL = {
    "proc_exit": "does not return",
    "sched_yield": "POSIX names no error that a host of wasm could have",
}
# Seen in the status of the process and not in a printed line.
BY_STATUS = {"proc_exit", "proc_raise"}
SOCKETS = next(guest for guest in TWINS if guest.name == "sock_stream")


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_oracle_ran_to_the_end(guest: Guest) -> None:
    done = oracle(guest)
    assert done.returncode == 0, done.stderr
    assert not [case for case in parse(done.stdout) if case.startswith("setup")]


@pytest.mark.parametrize("guest", [FAULT, INVALID], ids=lambda guest: guest.name)
def test_wasmtime_traps_where_answers_are_stated(guest: Guest) -> None:
    assert oracle(guest).returncode == 134


def test_every_case_has_a_name_of_its_own() -> None:
    seen: dict[str, list[str]] = defaultdict(list)
    for guest in GUESTS:
        for case in parse(oracle(guest).stdout):
            seen[case].append(guest.name)
    assert {case: names for case, names in seen.items() if len(names) > 1} == {}
    assert [case for case in seen if function_of(case) not in FUNCTIONS] == []


def test_every_difference_is_one() -> None:
    theirs: dict[str, str] = {}
    for guest in GUESTS:
        theirs |= parse(oracle(guest).stdout)
    alike = [case for case, (ours, _) in DIFFERENCES.items() if theirs.get(case, ours) == ours]
    assert alike == []


@pytest.mark.skipif(sys.platform != "linux", reason="the oracle for sockets is Linux")
def test_every_function_has_a_case_that_succeeds_and_one_that_fails() -> None:
    answers = [answer for guest in GUESTS for answer in expected(guest).items()]
    answers += [answer for guest in STATED_GUESTS for answer in stated(guest.name).items()]
    answers += parse(linux_oracle(SOCKETS).stdout).items()
    succeed, fail = set(BY_STATUS), set[str]()
    for case, answer in answers:
        (succeed if answer.startswith("success") else fail).add(function_of(case))
    assert set(FUNCTIONS) - succeed == set()
    assert set(FUNCTIONS) - fail == set(NEVER_FAIL)


@pytest.mark.parametrize("name", STATED)
def test_every_stated_exception_is_a_case(name: str) -> None:
    assert set(STATED[name][1]) - set(stated(name)) == set()


def test_status_merges_workers_and_drops_cases_that_failed_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    add_results({"v8": {"fd_io on host": {"fd_read simple": True, "fd_write simple": True}}}, path)
    add_results({"v8": {"fd_io on memory": {"fd_read simple": False}}}, path)
    add_results({"other": {"fd_io on host": {"fd_read simple": True}}}, path)
    status = load_status(path)
    assert status["fd_write"] == {"v8": ["fd_write simple"]}
    assert status["fd_read"] == {"other": ["fd_read simple"]}
    assert status["sock_send"] == {}
    add_results({"v8": {"fd_io on memory": {"fd_read simple": True}}}, path)
    assert load_status(path)["fd_read"]["v8"] == ["fd_read simple"]
