"""Processes that guests start, on every engine: they leave nothing behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

import wasix
from tests.guests.build import compile_wasix

FULL = "WASIX_TEST_FULL" in os.environ
EACH, TOGETHER = (500, 64) if FULL else (30, 8)


@pytest.fixture
def box(engine: str) -> wasix.Sandbox:
    return wasix.Sandbox(engine=engine, commands={"spawns": compile_wasix("spawns")})


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def settled(look: Callable[[], int], at_most: int) -> bool:
    """Whether `look` comes down to `at_most`: threads end a moment after what they told of."""
    for _ in range(200):
        if look() <= at_most:
            return True
        time.sleep(0.05)
    return False


def run(box: wasix.Sandbox, *args: str) -> str:
    done = box.run(
        [compile_wasix("spawns"), *args], env={}, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("how", "count"), [("each", EACH), ("together", TOGETHER), ("fork", EACH)])
def test_many_children(box: wasix.Sandbox, how: str, count: int) -> None:
    with box:
        run(box, how, "2")  # engines keep some things for the next guest
        threads, files = threading.active_count(), descriptors()
        assert run(box, how, str(count)) == f"{count} of {count}\nnone left\n"
        assert not box.kernel.processes
        assert settled(lambda: len(box.launcher.runs), 0)
        assert settled(threading.active_count, threads + 2)
        assert settled(descriptors, files + 8)


def test_there_are_only_so_many_processes(engine: str) -> None:
    program = compile_wasix("spawns")
    with wasix.Sandbox(engine=engine, commands={"spawns": program}, max_processes=1) as box:
        assert run(box, "each", "2") == "0 of 2\nnone left\n"


def gone(box: wasix.Sandbox) -> bool:
    return settled(lambda: len(box.launcher.runs) + len(box.kernel.processes), 0)


def test_what_a_program_leaves_behind_ends_with_it(box: wasix.Sandbox) -> None:
    with box:
        assert run(box, "leave", "0") == "left\n"
        assert gone(box)


@pytest.mark.parametrize("how", ["kill", "time"])
def test_programs_that_start_more_and_more_end_together(engine: str, how: str) -> None:
    program = compile_wasix("spawns")
    limit = 3.0 if how == "time" else None
    with wasix.Sandbox(
        engine=engine, commands={"spawns": program}, max_processes=20, time_limit=limit
    ) as box:
        process = box.Popen([program, "bomb", "0"], stdout=wasix.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        if how == "kill":
            process.kill()
        process.stdout.close()
        assert process.wait(timeout=120) == (137 if how == "kill" else 124)
        assert gone(box)


def test_closing_a_sandbox_ends_everything_in_it(engine: str) -> None:
    program = compile_wasix("spawns")
    box = wasix.Sandbox(engine=engine, commands={"spawns": program}, max_processes=20)
    process = box.Popen([program, "bomb", "0"], stdout=wasix.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    box.close()
    assert process.wait(timeout=120) == 137
    assert gone(box)
    process.stdout.close()
