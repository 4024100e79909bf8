"""No change of a module's bytes crashes the host, hangs it, or makes it fail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.guests import CAT, FLOOD
from tests.guests.build import compile_guest
from tests.selection import FULL

COUNT = 1000 if FULL else 80
SLOW = () if FULL else ("jsc", "jsc-jitless", "spidermonkey")
"""They start a process for each guest: a tenth of the mutants."""
DEADLINE = 900 if FULL else 120

TABLES = """(module (type $t (func (result i32))) (table 4 8 funcref) (elem (i32.const 0) $a $b)
  (memory (export "memory") 1 4) (global $g (mut i64) (i64.const 5)) (data "passive")
  (tag $e (param i32))
  (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.wrap_i64 (global.get $g)))
  (func (export "_start") (local $n i32)
    (block $h (result i32) (try_table (catch $e $h) (throw $e (i32.const 3))) (i32.const 0)) (drop)
    (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 7))
    (loop $l
      (drop (call_indirect (type $t) (i32.and (local.get $n) (i32.const 1))))
      (drop (v128.const i64x2 1 2))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $n) (i32.const 100))))))"""


def test_fuzz_mutants_end_as_guests_do(engine: str, wat: Callable[..., str]) -> None:
    modules = [wat(text, f"{place}.wasm") for place, text in enumerate((CAT, FLOOD, TABLES))]
    modules += [str(compile_guest(name)) for name in ("stdio", "args")]
    count = COUNT // 10 if engine in SLOW else COUNT
    command = [sys.executable, "-m", "tests.engines.mutants", engine, str(count), *modules]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            cwd=Path(__file__).parents[2],
        )
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"mutant {(error.stderr or b'').split()[-1:]} did not end")
    assert done.returncode == 0, done.stderr[-2000:]
    ends = json.loads(done.stdout)
    print(f"{engine}: {count} mutants: {ends}")
    assert sum(ends.values()) == count
    assert not [end for end in ends if end.startswith("70")], ends
    assert "ProgramInvalid" in ends
    assert "0" in ends
