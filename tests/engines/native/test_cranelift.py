"""What is Cranelift's own; how guests behave on it is shown by the tests of every engine."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable

import pytest

import engines
import wasix
from engines.native.cranelift import compiler, engine, library
from engines.protocol import EngineError

Wat = Callable[[str], str]

GROWS = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $end i32)
    (loop $again
      (local.set $end (i32.mul (memory.size) (i32.const 65536)))
      (drop (memory.grow (i32.const 16)))
      ;; The text, its iovec and the result lie in what was just added.
      (i32.store8 (local.get $end) (i32.const 46))
      (i32.store (i32.add (local.get $end) (i32.const 8)) (local.get $end))
      (i32.store (i32.add (local.get $end) (i32.const 12)) (i32.const 1))
      (if (call $write (i32.const 1) (i32.add (local.get $end) (i32.const 8)) (i32.const 1)
            (i32.add (local.get $end) (i32.const 16)))
        (then unreachable))
      (br_if $again (i32.lt_u (memory.size) (i32.const 1000))))
    ;; Beyond the end there is nothing, however often memory has grown.
    (if (i32.ne (i32.const 21) (call $write (i32.const 1)
          (i32.mul (memory.size) (i32.const 65536)) (i32.const 1) (i32.const 0)))
      (then unreachable))))"""

SPINS = '(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))'


def test_memory_that_has_just_grown_is_seen(wat: Wat) -> None:
    done = wasix.run([wat(GROWS)], engine="cranelift", capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"." * 63)


def test_one_guest_of_many_is_stopped(wat: Wat) -> None:
    module = wat(SPINS)
    guests = [wasix.Popen([module], engine="cranelift") for _ in range(3)]
    guests[1].kill()
    assert guests[1].wait() == 137
    assert [guests[0].poll(), guests[2].poll()] == [None, None]
    for guest in guests:
        guest.kill()
        guest.wait()


def test_a_process_ends_while_guests_still_run(wat: Wat) -> None:
    code = f"""
import wasix
guests = [wasix.Popen([{wat(SPINS)!r}], engine="cranelift") for _ in range(3)]
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60)
    assert done.returncode == 0


def test_guests_stopped_at_the_same_moment_all_stop(wat: Wat) -> None:
    module = wat(SPINS)
    for _ in range(20):
        guests = [wasix.Popen([module], engine="cranelift") for _ in range(5)]
        for guest in guests:
            guest.kill()
        assert [guest.wait(timeout=60) for guest in guests] == [137] * 5


def test_the_version_is_the_one_that_was_installed() -> None:
    assert library.installed() == importlib.metadata.version("wasmtime")


def test_another_version_of_the_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "installed", lambda: "49.1.0")
    with pytest.raises(EngineError, match=r"needs wasmtime 50, not 49.1.0: pip install"):
        library.place()


def test_a_platform_without_a_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(EngineError, match=r"no library for linux on riscv64"):
        library.place()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    cached = (engine.engine, compiler.compiler, library.library)
    for function in cached:
        function.cache_clear()
    with pytest.raises(EngineError, match=r"pip install 'wasix\[engine-cranelift\]'"):
        engines.get("cranelift")
