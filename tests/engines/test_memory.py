"""Linear memory as the host sees it, on every engine."""

from __future__ import annotations

from collections.abc import Callable

import wasix

EMPTY = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 0)
  (func (export "_start")
    (if (i32.ne (i32.const 21)
          (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (then unreachable))
    (drop (memory.grow (i32.const 1)))
    (i32.store8 (i32.const 100) (i32.const 65))
    (i32.store (i32.const 0) (i32.const 100))
    (i32.store (i32.const 4) (i32.const 1))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
      (then unreachable))))"""


def test_a_memory_that_begins_empty(engine: str, wat: Callable[[str], str]) -> None:
    done = wasix.run([wat(EMPTY)], engine=engine, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"A")
