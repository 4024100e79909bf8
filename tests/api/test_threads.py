"""Programs with threads, compared with the same source on Linux."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import engines
import wasix
from tests.api.guests import exits
from tests.conformance.wasmer import is_installed, wasmer
from tests.guests.build import SHARED_OPTIONS, compile_guest, compile_native
from tests.selection import FULL
from wasix.abi import E
from wasix.proc.process import MOST_THREADS

FLAGS = {
    "calls": SHARED_OPTIONS,
    "instructions": (*SHARED_OPTIONS, "-DINSTRUCTIONS"),
    "wasi-threads": (*SHARED_OPTIONS, "-DINSTRUCTIONS", "-DWASI_THREADS"),
    "own-memory": tuple(option.replace("--import-memory,", "") for option in SHARED_OPTIONS),
}
"""How a guest begins threads and waits, and where its memory comes from."""

SECONDS = 120
"""Longer than anything here takes; a guest that hangs fails its test."""


@pytest.fixture
def threaded(engine: str) -> str:
    """The engines whose guests have threads."""
    if not engines.get(engine).abilities.threads:
        pytest.skip(f"{engine} has no threads for guests")
    return engine


@pytest.fixture(params=FLAGS)
def guest(request: pytest.FixtureRequest) -> Path:
    return compile_guest("threads", flags=FLAGS[request.param])


def native(*args: str) -> subprocess.CompletedProcess[str]:
    program = compile_native("threads", flags=("-lpthread",))
    return subprocess.run([program, *args], capture_output=True, text=True, timeout=SECONDS)


def run(engine: str, guest: Path, *args: str) -> wasix.CompletedProcess[str]:
    return wasix.run([guest, *args], engine=engine, capture_output=True, text=True, timeout=SECONDS)


ADDITIONS = "1000000" if FULL else "20000"
TURNS = "2000" if FULL else "300"
REPEATS = {"counters": 100, "ping-pong": 100} if FULL else {}
"""How often a case is run; once if it does not say."""


CASES = (
    ("counters", ADDITIONS),
    ("ping-pong", TURNS),
    ("rendezvous", "1000"),
    ("local-storage",),
    ("signals",),
    ("main-ends-first",),
    ("main-returns",),
    ("exit",),
    ("growth",),
    ("many", "25"),
)


@pytest.mark.parametrize("args", CASES, ids=lambda args: args[0])
def test_it_is_as_on_linux(threaded: str, guest: Path, args: tuple[str, ...]) -> None:
    expected = native(*args)
    for _ in range(REPEATS.get(args[0], 1)):
        done = run(threaded, guest, *args)
        assert (done.stdout, done.stderr) == (expected.stdout, expected.stderr)
        assert done.returncode == expected.returncode


_MAIN = (
    "Wasmer ends the process with its main thread; thread_exit's description says with the last "
    "one, as POSIX has it of pthread_exit"
)
DIFFERENT = {
    ("main-ends-first", "calls"): _MAIN,
    ("main-ends-first", "instructions"): _MAIN,
    ("signals", "instructions"): "Wasmer delivers none while an instruction waits",
}
"""By case and how a guest waits: why the reference host's answer is another."""


@pytest.mark.skipif(not is_installed(), reason="wasmer-sdk is not installed")
@pytest.mark.parametrize("waits", ["calls", "instructions"])
@pytest.mark.parametrize("args", CASES, ids=lambda args: args[0])
def test_the_guest_is_as_on_wasmer(waits: str, args: tuple[str, ...]) -> None:
    """Our reading of the ABI is not its own witness."""
    if reason := DIFFERENT.get((args[0], waits)):
        pytest.skip(reason)
    expected, done = native(*args), wasmer(compile_guest("threads", flags=FLAGS[waits]), args)
    assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout)


def test_a_trap_in_a_thread_ends_the_program(threaded: str, guest: Path) -> None:
    done = run(threaded, guest, "trap")
    assert (done.returncode, done.stdout) == (134, "")


def carriers() -> set[threading.Thread]:
    """The threads that see guests through."""
    names = ("wasix-v8", "wasix-cranelift")
    return {thread for thread in threading.enumerate() if thread.name in names}


def test_a_deadlock_can_be_killed_and_leaves_no_thread(threaded: str, guest: Path) -> None:
    before = carriers()
    with wasix.Popen([guest, "deadlock"], engine=threaded, stdout=wasix.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.kill()
        assert process.wait(SECONDS) == 137
    for thread in carriers() - before:
        thread.join(SECONDS)
        assert not thread.is_alive()


def test_a_time_limit_ends_all_threads(threaded: str, guest: Path) -> None:
    done = wasix.run([guest, "deadlock"], engine=threaded, time_limit=0.5, capture_output=True)
    assert done.returncode == 124


def test_threads_that_cannot_be_are_an_error_of_the_call(engine: str) -> None:
    if engines.get(engine).abilities.threads:
        pytest.skip(f"{engine} has them")
    if "threads" not in engines.get(engine).features():
        pytest.skip(f"{engine} refuses shared memory")
    done = run(engine, compile_guest("threads", flags=SHARED_OPTIONS), "counters")
    assert (done.returncode, done.stdout) == (1, f"thread 0: error {int(E.NOTSUP)}\n")


def test_metered_programs_have_none(threaded: str) -> None:
    """What threads execute together is not the same in two runs."""
    done = wasix.run(
        [compile_guest("threads", flags=SHARED_OPTIONS), "counters"],
        engine=threaded,
        fuel=10**9,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"thread 0: error {int(E.NOTSUP)}\n"


@pytest.mark.parametrize("wait", ["memory.atomic.wait32", "memory.atomic.notify"])
def test_a_program_of_one_thread_may_wait_too(
    engine: str, wat: Callable[..., str], wait: str
) -> None:
    if "threads" not in engines.get(engine).features():
        pytest.skip(f"{engine} refuses shared memory")
    operands = "(i32.const 0) (i32.const 0)" + ("" if "notify" in wait else " (i64.const 1000)")
    path = wat(
        f"""(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1 1 shared)
          (func $start (i32.store (i32.const 8) ({wait} {operands})))
          (start $start)
          (func (export "_start")
            (call $exit (i32.add (i32.const 40) (i32.load (i32.const 8))))))"""
    )
    done = wasix.run([path], engine=engine, capture_output=True, timeout=SECONDS)
    assert done.returncode == (40 if "notify" in wait else 42)


def test_each_call_starts_one_thread_while_memory_grows(
    threaded: str, wat: Callable[..., str]
) -> None:
    """Numbers of threads are none of errno's, though the call answers with either."""
    path = wat(
        """(module
          (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1 100 shared)
          (func (export "wasi_thread_start") (param i32 i32)
            (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
            (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
          (func (export "_start") (local $started i32)
            (loop $next
              (drop (memory.grow (i32.const 1)))
              (if (i32.le_s (call $spawn (i32.const 0)) (i32.const 0)) (then unreachable))
              (loop $wait
                (if (i32.eq (i32.atomic.load (i32.const 0)) (local.get $started)) (then
                  (drop
                    (memory.atomic.wait32 (i32.const 0) (local.get $started) (i64.const -1)))
                  (br $wait))))
              (local.set $started (i32.add (local.get $started) (i32.const 1)))
              (br_if $next (i32.lt_u (local.get $started) (i32.const 40))))
            (call $exit (i32.atomic.load (i32.const 0)))))"""
    )
    done = wasix.run([path], engine=threaded, capture_output=True, timeout=SECONDS)
    assert done.returncode == 40


def test_a_thread_executes_another_program_in_place_of_all(
    threaded: str, wat: Callable[..., str]
) -> None:
    seven = wat(exits(7), "seven.wasm")
    guest = wat(
        """(module
          (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
          (import "wasix_32v1" "proc_exec3" (func $exec
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1 1 shared)
          (data (i32.const 16) "/bin/seven")
          (func (export "wasi_thread_start") (param i32 i32)
            (loop $spin (br_if $spin (i32.eqz (local.get 1))))
            (drop (call $exec (i32.const 16) (i32.const 10) (i32.const 21) (i32.const 5)
              (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
            unreachable)
          (func (export "_start")
            (drop (call $spawn (i32.const 0)))
            (drop (call $spawn (i32.const 1)))
            (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))"""
    )
    with wasix.Sandbox(engine=threaded, commands={"seven": seven}) as box:
        assert box.run([guest], timeout=SECONDS).returncode == 7


@pytest.mark.skipif(not FULL, reason="long: `make test-full`")
def test_there_are_so_many_threads_and_no_more(threaded: str, wat: Callable[..., str]) -> None:
    path = wat(
        f"""(module
          (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1 1 shared)
          (func (export "wasi_thread_start") (param i32 i32)
            (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
          (func (export "_start") (local $count i32) (local $answer i32)
            (loop $next
              (local.set $count (i32.add (local.get $count) (i32.const 1)))
              (local.set $answer (call $spawn (i32.const 0)))
              (br_if $next (i32.gt_s (local.get $answer) (i32.const 0))))
            (if (i32.ne (local.get $answer) (i32.const -{int(E.AGAIN)})) (then unreachable))
            (if (i32.ne (local.get $count) (i32.const {MOST_THREADS})) (then unreachable))))"""
    )
    before = carriers()
    done = wasix.run([path], engine=threaded, capture_output=True, timeout=SECONDS)
    assert done.returncode == 0
    for thread in carriers() - before:
        thread.join(SECONDS)
        assert not thread.is_alive()


def test_calls_of_threads_are_told_by_thread(threaded: str) -> None:
    calls: list[wasix.Call] = []
    guest = compile_guest("threads", flags=FLAGS["wasi-threads"])
    done = wasix.run(
        [guest, "many", "30"], engine=threaded, capture_output=True, trace=calls.append
    )
    assert done.stdout == b"120 threads\n"
    started = [call.result for call in calls if call.name == "thread-spawn"]
    assert len(set(started)) == 120
    callers = {call.tid for call in calls if call.name == "memory_atomic_notify"}
    main = {call.tid for call in calls if call.tid == call.pid}  # it also makes memory at the start
    assert callers <= set(started) | main


def test_threads_of_programs_with_64_bit_addresses(threaded: str, wat: Callable[..., str]) -> None:
    path = wat(
        """(module
          (import "wasix_64v1" "thread_spawn_v2" (func $spawn (param i64 i64) (result i32)))
          (import "wasix_64v1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") i64 1 2 shared)
          (func (export "wasi_thread_start") (param i32 i64)
            (i64.store (i64.const 8) (local.get 1))
            (i32.atomic.store (i64.const 0) (local.get 0))
            (drop (memory.atomic.notify (i64.const 0) (i32.const 1))))
          (func (export "_start")
            (if (call $spawn (i64.const 1024) (i64.const 16)) (then (call $exit (i32.const 1))))
            (drop (memory.atomic.wait32 (i64.const 0) (i32.const 0) (i64.const -1)))
            (if (i32.ne (i32.load (i64.const 16)) (i32.atomic.load (i64.const 0)))
              (then (call $exit (i32.const 2))))
            (call $exit (i32.wrap_i64 (i64.div_u (i64.load (i64.const 8)) (i64.const 100))))))"""
    )
    done = wasix.run([path], engine=threaded, capture_output=True, timeout=SECONDS)
    assert done.returncode == 10
