"""WASIX with 64-bit addresses: the same functions, by wider pointers and sizes."""

from __future__ import annotations

import pytest

import engines
import wasix
from tests.api.guests import Wat

IMPORTS = """
  (import "wasix_64v1" "fd_write" (func $write (param i32 i64 i64 i64) (result i32)))
  (import "wasix_64v1" "proc_id" (func $id (param i64) (result i32)))
  (import "wasix_64v1" "getcwd" (func $getcwd (param i64 i64) (result i32)))
  (import "wasix_64v1" "args_sizes_get" (func $sizes (param i64 i64) (result i32)))
  (import "wasix_64v1" "args_get" (func $args (param i64 i64) (result i32)))
  (memory (export "memory") i64 1)
  (data (i64.const 0) "\\10\\00\\00\\00\\00\\00\\00\\00\\03\\00\\00\\00\\00\\00\\00\\00hi\\n")
  (data (i64.const 64) "\\10\\00\\00\\00\\00\\00\\00\\00")
"""
FAULT = 21


def fits(call: str, answer: int = 0) -> str:
    return f"(if (i32.ne {call} (i32.const {answer})) (then unreachable))"


def holds(at: int, value: int) -> str:
    return f"(if (i64.ne (i64.load (i64.const {at})) (i64.const {value})) (then unreachable))"


BODY = [
    fits("(call $write (i32.const 1) (i64.const 0) (i64.const 1) (i64.const 40))"),
    holds(40, 3),
    fits("(call $id (i64.const 48))"),
    holds(48, 1),
    fits("(call $getcwd (i64.const 200) (i64.const 64))"),
    holds(64, 1),
    holds(200, ord("/")),
    fits("(call $sizes (i64.const 72) (i64.const 80))"),
    holds(72, 1),
    fits("(call $args (i64.const 300) (i64.const 400))"),
    holds(300, 400),
    # Addresses of which the lower half alone would be good.
    fits("(call $id (i64.const 0x100000000))", FAULT),
    fits("(call $write (i32.const 1) (i64.const 0x100000000) (i64.const 1) (i64.const 40))", FAULT),
    fits("(call $write (i32.const 1) (i64.const 0) (i64.const 1) (i64.const -8))", FAULT),
]


def test_calls_by_wide_addresses(engine: str, wat: Wat) -> None:
    if "memory64" not in engines.get(engine).features():
        pytest.skip(f"{engine} has no memory64")
    module = wat(f'(module {IMPORTS} (func (export "_start") {" ".join(BODY)}))')
    done = wasix.run([module], engine=engine, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hi\n", b"")
