"""The guests of WASIX on every engine, compared with Wasmer, and with the same source on Linux."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import engines
from tests.conformance.answers import parse, unlike
from tests.conformance.conftest import Record
from tests.conformance.coverage import WASIX_FUNCTIONS, function_of
from tests.conformance.wasix_differences import (
    TWIN_DIFFERENCES,
    WASIX_DIFFERENCES,
    WASIX_ENDS,
    WASIX_STATED,
)
from tests.conformance.wasix_guests import (
    RAW,
    STATED,
    TWINS,
    WASMER_TWINS,
    WasixGuest,
    on_linux,
    on_wasmer,
    run,
)
from tests.conformance.wasmer import is_installed

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the oracle is Linux")
needs_wasmer = pytest.mark.skipif(not is_installed(), reason="wasmer-sdk is not for this machine")


def label(guest: WasixGuest) -> str:
    return guest.label


def expected(guest: WasixGuest) -> tuple[int, dict[str, str]]:
    """What Wasmer answers and how the guest ends there, with ours where it differs."""
    done = on_wasmer(guest)
    status, more, _ = WASIX_ENDS.get(guest.label, (done.returncode, {}, ""))
    answers = parse(done.stdout) | more
    for case in answers:
        if case.endswith("outside of memory"):
            answers[case] = "fault"
        elif case in WASIX_DIFFERENCES:
            answers[case] = WASIX_DIFFERENCES[case][0]
    return status, answers


@needs_wasmer
@pytest.mark.parametrize("guest", RAW, ids=label)
def test_answers_are_those_of_wasmer(
    guest: WasixGuest, engine: str, tmp_path: Path, record: Record
) -> None:
    status, theirs = expected(guest)
    done = run(guest, engine, tmp_path)
    ours = parse(done.stdout)
    if guest.name == "wasix_exec":
        case = f"{guest.args[1]} status"
        ours[case], theirs[case] = str(done.returncode), str(status)
    record(engine, guest.label, ours, theirs)
    assert unlike(ours, theirs) == {}
    if guest.label not in WASIX_ENDS:
        assert list(ours) == list(theirs)
    assert done.returncode == status


@pytest.mark.parametrize("guest", STATED, ids=label)
def test_answers_are_those_stated(
    guest: WasixGuest, engine: str, tmp_path: Path, record: Record
) -> None:
    theirs = WASIX_STATED[guest.label]
    done = run(guest, engine, tmp_path)
    ours = parse(done.stdout)
    record(engine, guest.label, ours, theirs)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert (done.returncode, done.stderr) == (0, "")


@needs_linux
@pytest.mark.parametrize("memory", ["own memory", "shared memory"])
@pytest.mark.parametrize("guest", TWINS, ids=label)
def test_answers_are_those_of_linux(
    guest: WasixGuest, memory: str, engine: str, tmp_path: Path, record: Record
) -> None:
    shared = memory == "shared memory"
    if shared and "threads" not in engines.get(engine).features():
        pytest.skip(f"{engine} has no shared memory")
    native = on_linux(guest)
    done = run(guest, engine, tmp_path, shared=shared)
    ours, theirs = parse(done.stdout), parse(native.stdout)
    record(engine, f"{guest.label} in its {memory}", ours, theirs)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert (done.returncode, done.stderr) == (native.returncode, native.stderr)


@needs_linux
@needs_wasmer
@pytest.mark.parametrize("guest", WASMER_TWINS, ids=label)
def test_wasmer_answers_as_linux(guest: WasixGuest) -> None:
    """So the shim is right about the calls: it was not made for this project's kernel."""
    theirs = parse(on_linux(guest).stdout)
    for case in theirs:
        theirs[case] = TWIN_DIFFERENCES.get(case, (theirs[case],))[0]
    done = on_wasmer(guest)
    assert unlike(parse(done.stdout), theirs) == {}
    assert done.returncode == 0


# Functions without a case that fails, and why.
NEVER_FAIL = {
    "closure_free": "what is no closure is left alone",
    "proc_exit2": "does not return",
    "proc_fork": "a limit on processes is tested with other limits",
    "proc_signals_get": "is asked for as many as there are",
    "stack_checkpoint": "a stack that cannot be unwound ends the guest",
    "stack_restore": "does not return",
    "thread_join": "a thread that there is not has ended",
    "thread_sleep": "POSIX names no error but intr, which has a case",
}
NEVER_SUCCEED = {
    "clock_time_set": "no guest sets the host's clocks",
    "proc_snapshot": "there is no journal",
}
BY_STATUS = {"proc_exec", "proc_exec2", "proc_exec3", "proc_exec4", "proc_exit2"}
"""Whose success is seen in the status of the process, not in a printed line."""
ELSEWHERE = {
    *("thread_spawn_v2", "thread_exit", "proc_fork_env"),
    *("dl_invalid_handle", "dlopen", "dlsym"),
}
"""Those that these guests leave to tests of their own."""


@needs_linux
@needs_wasmer
def test_every_function_has_a_case_that_succeeds_and_one_that_fails() -> None:
    answers = [answer for guest in RAW for answer in expected(guest)[1].items()]
    answers += [answer for guest in STATED for answer in WASIX_STATED[guest.label].items()]
    answers += [answer for guest in TWINS for answer in parse(on_linux(guest).stdout).items()]
    succeed, fail = set(BY_STATUS), set[str]()
    for case, answer in answers:
        (succeed if answer.startswith(("success", "ok")) else fail).add(function_of(case))
    wanted = {name for name in WASIX_FUNCTIONS if not name.startswith(("sock_", "port_"))}
    wanted -= ELSEWHERE | {"resolve"}
    assert wanted - succeed == set(NEVER_SUCCEED)
    assert wanted - fail == set(NEVER_FAIL)


@needs_wasmer
def test_every_difference_is_one() -> None:
    wasmer = {
        case: answer for guest in RAW for case, answer in parse(on_wasmer(guest).stdout).items()
    }
    assert [case for case, (ours, _) in WASIX_DIFFERENCES.items() if wasmer[case] == ours] == []
    linux = {
        case: answer for guest in TWINS for case, answer in parse(on_linux(guest).stdout).items()
    }
    assert [case for case, (theirs, _) in TWIN_DIFFERENCES.items() if linux[case] == theirs] == []
    assert [guest for guest in RAW if guest.label in WASIX_ENDS and not _ended(guest)] == []


def _ended(guest: WasixGuest) -> bool:
    status, more, _ = WASIX_ENDS[guest.label]
    done = on_wasmer(guest)
    return (done.returncode != status or bool(more)) and not set(more) & set(parse(done.stdout))
