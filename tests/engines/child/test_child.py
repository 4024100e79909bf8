"""Guests in processes of their own: what can happen to such a process, and what it shares."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import engines
import wasix
from engines import spare
from engines.child import process as host_side
from engines.child.engine import ChildEngine
from engines.protocol import EngineError
from tests import selection
from tests.engines.child.hostile import MESSAGES
from tests.settled import freed, settle
from wasix.proc.process import STATUS_INTERNAL

Wat = Callable[[str], str]

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

SPINS = '(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))'

# Grows by itself, without a call, and has the host read what was written there.
GROWS = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $end i32)
    (loop $again
      (local.set $end (i32.mul (memory.size) (i32.const 65536)))
      (drop (memory.grow (i32.const 1)))
      (drop (memory.grow (i32.const 40)))
      ;; The text, its iovec and the result lie in what was just added.
      (i32.store8 (local.get $end) (i32.const 46))
      (i32.store (i32.add (local.get $end) (i32.const 8)) (local.get $end))
      (i32.store (i32.add (local.get $end) (i32.const 12)) (i32.const 1))
      (if (call $write (i32.const 1) (i32.add (local.get $end) (i32.const 8)) (i32.const 1)
            (i32.add (local.get $end) (i32.const 16)))
        (then unreachable))
      (if (i32.ne (i32.load (i32.add (local.get $end) (i32.const 16))) (i32.const 1))
        (then unreachable))
      (br_if $again (i32.lt_u (memory.size) (i32.const 1000))))
    ;; Beyond the end there is nothing, however often memory has grown.
    (if (i32.ne (i32.const 21) (call $write (i32.const 1)
          (i32.mul (memory.size) (i32.const 65536)) (i32.const 1) (i32.const 0)))
      (then unreachable))))"""

# Reads a byte into its memory and exits with it.
WAITS = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $exit (i32.load8_u (i32.const 64)))))"""

# Says that it runs, and computes.
COMPUTES = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (loop $again (br $again))))"""

HOST = """
import sys, wasix
process = wasix.Popen([sys.argv[1]], engine=sys.argv[2], stdin=wasix.PIPE)
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=[name for name in engines.ENGINES if name not in selection.ALWAYS])
def child_engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    try:
        found = engines.get(name)
    except EngineError as error:
        pytest.skip(str(error))
    assert isinstance(found, ChildEngine)
    return name


def children(pid: int) -> list[int]:
    """Processes that any thread of a process began."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, listing.read_text().split())
    return found


def the_child(before: set[int]) -> int:
    """The child process that is not among `before`; it is begun on another thread."""
    while True:
        new = set(children(os.getpid())) - before
        if new:
            return new.pop()


def test_memory_that_has_just_grown_is_seen(wat: Wat, child_engine: str) -> None:
    done = wasix.run([wat(GROWS)], engine=child_engine, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"." * 25)


@linux
def test_a_child_that_is_killed_is_a_failure_of_the_engine(wat: Wat, child_engine: str) -> None:
    before = set(children(os.getpid()))
    with wasix.Popen([wat(SPINS)], engine=child_engine) as process:
        os.kill(the_child(before), signal.SIGKILL)
        assert process.wait(60) == STATUS_INTERNAL
    assert process.message == "guest.wasm: engine: its process was ended by SIGKILL"


@linux
def test_nothing_is_left_of_a_guest_that_was_killed(wat: Wat, child_engine: str) -> None:
    before = set(children(os.getpid()))
    handles = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with wasix.Popen([wat(SPINS)], engine=child_engine) as process:
            process.kill()
            assert process.wait(60) == 137
    settle()
    assert set(children(os.getpid())) <= before
    assert len(os.listdir("/proc/self/fd")) <= handles


@pytest.fixture
def ready(wat: Wat, child_engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The process that waits for the next guest, after one of `WAITS`."""
    monkeypatch.setattr(spare, "FIRST", 0)
    before = set(children(os.getpid()))
    assert wasix.run([wat(WAITS)], engine=child_engine, input=b"\1").returncode == 1
    freed()
    (found,) = set(children(os.getpid())) - before
    yield found
    settle()
    assert set(children(os.getpid())) <= before


@linux
def test_a_process_is_ready_for_the_next_guest(wat: Wat, child_engine: str, ready: int) -> None:
    with wasix.Popen([wat(COMPUTES)], engine=child_engine, stdout=wasix.PIPE) as process:
        assert process.stdout
        process.stdout.read(1)
        os.kill(ready, signal.SIGKILL)
        assert process.wait(60) == STATUS_INTERNAL
    assert process.message == "guest.wasm: engine: its process was ended by SIGKILL"


@linux
def test_a_process_that_died_before_it_was_wanted_is_replaced(
    wat: Wat, child_engine: str, ready: int
) -> None:
    watched = os.pidfd_open(ready)
    os.kill(ready, signal.SIGKILL)
    assert select.select([watched], [], [], 60)[0]
    os.close(watched)
    assert wasix.run([wat(WAITS)], engine=child_engine, input=b"\2").returncode == 2


@linux
def test_keys_that_signal_are_the_hosts_to_interpret(wat: Wat, child_engine: str) -> None:
    before = set(children(os.getpid()))
    with wasix.Popen([wat(WAITS)], engine=child_engine, stdin=wasix.PIPE) as process:
        child = the_child(before)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
            os.kill(child, number)
        process.communicate(b"\x2a")
    assert process.returncode == 42


@linux
@pytest.mark.parametrize("guest", [SPINS, WAITS], ids=["computing", "waiting"])
def test_guests_end_with_their_host(wat: Wat, child_engine: str, guest: str) -> None:
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, wat(guest), child_engine],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with host:
        assert host.stdout
        assert host.stdout.readline() == b"started\n"
        while not (found := children(host.pid)):
            assert host.poll() is None
        watched = os.pidfd_open(found[0])
        host.kill()
    assert select.select([watched], [], [], 60)[0]
    os.close(watched)


@pytest.mark.parametrize("said", [*MESSAGES, "hangs up"])
def test_a_child_that_was_taken_over_harms_nobody(
    wat: Wat, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        engines.get("jsc")
    except EngineError as error:
        pytest.skip(str(error))
    hostile = host_side.Program("tests.engines.child.hostile", {"WASIX_HOSTILE": said})
    monkeypatch.setattr(engines.get("jsc"), "program", hostile)
    monkeypatch.setattr(host_side, "_DYING", 0.0)
    done = wasix.run([wat(WAITS)], engine="jsc", capture_output=True, input=b"")
    assert (done.returncode, done.stdout) == (STATUS_INTERNAL, b"")
