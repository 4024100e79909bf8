"""The tests' own footing: the oracle ran, each listed difference is one, no function is missed."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests.conformance.answers import expected, oracle, parse
from tests.conformance.coverage import FUNCTIONS, add_results, function_of, load_status
from tests.conformance.differences import DIFFERENCES, STATED
from tests.conformance.guests import GUESTS, STATED_GUESTS, Guest

# Functions without a case that succeeds, or without one that fails, and why.
NEVER_SUCCEED = {
    "sock_accept": "preview1 has no call that makes a socket",
    "sock_recv": "preview1 has no call that makes a socket",
    "sock_send": "preview1 has no call that makes a socket",
    "sock_shutdown": "preview1 has no call that makes a socket",
}
NEVER_FAIL = {
    "proc_exit": "does not return",
    "sched_yield": "POSIX names no error that a host of wasm could have",
}
# Seen in the status of the process and not in a printed line.
BY_STATUS = {"proc_exit", "proc_raise"}


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_oracle_ran_to_the_end(guest: Guest) -> None:
    done = oracle(guest)
    assert done.returncode == 0, done.stderr
    assert not [case for case in parse(done.stdout) if case.startswith("setup")]


@pytest.mark.parametrize("guest", STATED_GUESTS, ids=lambda guest: guest.name)
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


def test_every_function_has_a_case_that_succeeds_and_one_that_fails() -> None:
    succeed, fail = set(BY_STATUS), set[str]()
    answers = [answer for guest in GUESTS for answer in expected(guest).items()]
    for name, (_, named) in STATED.items():
        answers += named.items()
        fail.update(function_of(case) for case in stated_cases(name))
    for case, answer in answers:
        (succeed if answer.startswith("success") else fail).add(function_of(case))
    assert set(FUNCTIONS) - succeed == set(NEVER_SUCCEED)
    assert set(FUNCTIONS) - fail == set(NEVER_FAIL)


def stated_cases(name: str) -> list[str]:
    """The cases named in the source of a guest that no oracle runs to its end."""
    source = Path(__file__).parent.parent / "guests" / f"{name}.c"
    macro = "INVALID(" if name == "invalid" else "FAULT("
    return [
        line.split('"')[1]
        for line in source.read_text().splitlines()
        if line.lstrip().startswith(macro)
    ]


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
