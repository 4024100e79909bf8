"""Every limit on every engine: what is over it ends as documented, and the host goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import wasix
from tests.api.guests import CAT, FLOOD, SPIN, Wat, exits
from wasix.abi import E
from wasix.api.errors import ProgramInvalid, UsageError
from wasix.api.limits import LIMITS, Limit

MEMORY = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) {table}
  (func (export "_start") (local $count i32)
    (loop $again
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br_if $again (i32.ne (i32.const -1) {grow})))
    (call $exit (local.get $count))))"""
"""Grows until that fails, and exits with how often it tried."""

FILES = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2) (data (i32.const 64) "file")
  (global $open (mut i32) (i32.const 0))
  (func (export "_start") (local $errno i32)
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 60000))
    (loop $again
      (local.set $errno (call $open (i32.const {directory}) (i32.const 0) (i32.const 64)
        (i32.const 4) (i32.const 1) (i64.const 0x1fffffff) (i64.const 0) (i32.const 0)
        (i32.const 8)))
      (if (i32.or (local.get $errno) (i32.const {many})) (then
        (br_if $again (i32.eqz (local.get $errno)))
        (call $exit (local.get $errno)))))
    (loop $again
      (local.set $errno
        (call $write (i32.load (i32.const 8)) (i32.const 0) (i32.const 1) (i32.const 12)))
      (br_if $again (i32.eqz (local.get $errno))))
    (call $exit (local.get $errno))))"""
"""Opens a file again and again, or once and writes, until that fails; exits with the errno."""


@dataclass(frozen=True)
class Case:
    """A guest over the limit; `status` where the guest itself tells what it saw."""

    text: str
    options: dict[str, Any]
    status: int = 0
    host: Callable[[Path], dict[str, Any]] = field(default=lambda folder: {})


CASES = {
    "memory": Case(
        MEMORY.format(table="", grow="(memory.grow (i32.const 4))"),
        {"memory_limit": "1 MiB"},
        # 1 page, and 4 more three times.
        4,
    ),
    "initial memory": Case(
        '(module (memory (export "memory") 17) (func (export "_start")))', {"memory_limit": "1 MiB"}
    ),
    "tables": Case(
        MEMORY.format(
            table="(table $t 10 funcref)", grow="(table.grow $t (ref.null func) (i32.const 30))"
        ),
        {"table_limit": 100},
        4,
    ),
    "initial tables": Case(
        '(module (memory (export "memory") 1) (table 101 funcref) (func (export "_start")))',
        {"table_limit": 100},
    ),
    "fuel": Case(SPIN, {"fuel": 1_000_000}),
    "time": Case(SPIN, {"time_limit": 0.05}),
    "output": Case(FLOOD, {"output_limit": 100_000}),
    "files": Case(FILES.format(directory=3, many=1), {"max_files": 10}, E.MFILE),
    "memory files": Case(FILES.format(directory=3, many=0), {"filesystem_limit": "1 MiB"}, E.NOSPC),
    "volume": Case(
        FILES.format(directory=4, many=0),
        {},
        E.DQUOT,
        lambda folder: {"volumes": {"/v": wasix.HostVolume(folder, limit=1_000_000)}},
    ),
}


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: str(limit.name))
def test_over_the_limit(wat: Wat, engine: str, tmp_path: Path, limit: Limit) -> None:
    case = CASES[limit.name]
    (tmp_path / "v").mkdir()
    program, ends = wat(case.text), wat(exits(3), "ends.wasm")
    options = case.options | case.host(tmp_path / "v")
    with wasix.Sandbox(engine=engine, **options) as box:
        if limit.status == 126:
            with pytest.raises(ProgramInvalid, match=limit.message) as told:
                box.run([program])
            message: str | None = str(told.value)
        else:
            guest = box.Popen([program], stdout=wasix.PIPE, stderr=wasix.DEVNULL)
            out, _ = guest.communicate(timeout=60)
            assert guest.returncode == (case.status if limit.status is None else limit.status)
            assert len(out) <= case.options.get("output_limit", 0)
            message = guest.message
        if limit.status is None:
            assert message is None
        else:
            assert message
            assert limit.message in message
            assert "\n" not in message
    assert wasix.run([ends], engine=engine).returncode == 3
    assert sum(file.stat().st_size for file in (tmp_path / "v").iterdir()) <= 1_000_000


def test_every_limit_is_tested() -> None:
    assert list(CASES) == [limit.name for limit in LIMITS]


def test_every_limit_is_an_option_and_is_described() -> None:
    for limit in LIMITS:
        name = limit.option.rstrip("=")
        if "(" not in name:
            assert f"    {name}:" in (wasix.Sandbox.__doc__ or ""), name


def test_output_up_to_the_limit_arrives(wat: Wat, engine: str) -> None:
    cat = wat(CAT)
    options = {"engine": engine, "capture_output": True}
    fits = wasix.run([cat], input=b"x" * 5000, output_limit=5000, **options)  # type: ignore[call-overload]
    assert (fits.returncode, len(fits.stdout)) == (0, 5000)
    over = wasix.run([cat], input=b"x" * 5000, output_limit=4999, **options)  # type: ignore[call-overload]
    assert (over.returncode, len(over.stdout)) == (153, 4999)


def test_both_outputs_count_together(engine: str) -> None:
    code = "import os; os.write(1, b'a' * 60); os.write(2, b'b' * 60); os.write(1, b'c')"
    done = wasix.run(
        ["python", "-c", code], engine=engine, capture_output=True, output_limit=100, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (153, b"a" * 60, b"b" * 40)


def test_a_descriptor_moved_elsewhere_is_still_bounded(wat: Wat, engine: str) -> None:
    text = """(module
      (import "wasi_snapshot_preview1" "fd_renumber" (func $move (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (drop (call $move (i32.const 1) (i32.const 3)))
        (i32.store (i32.const 4) (i32.const 100))
        (loop $again
          (br_if $again (i32.eqz
            (call $write (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 8)))))))"""
    done = wasix.run([wat(text)], engine=engine, capture_output=True, output_limit=250)
    assert (done.returncode, len(done.stdout)) == (153, 250)


def test_a_limit_of_time_also_ends_a_guest_that_waits(wat: Wat, engine: str) -> None:
    reading, writing = os.pipe()
    try:
        with wasix.Popen([wat(CAT)], engine=engine, stdin=reading, time_limit=0.05) as guest:
            assert guest.wait() == 124
            assert guest.message == "guest.wasm: ended after 0.05 s, its time limit"
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize(
    "options", [{"output_limit": 0}, {"time_limit": 0}, {"time_limit": -1.0}, {"table_limit": -5}]
)
def test_senseless_limits_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="must be positive"):
        wasix.Sandbox(**options)
