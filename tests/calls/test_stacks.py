"""Forks and jumps in functions for signals, where calls wait for these functions to return."""

from __future__ import annotations

from pathlib import Path

import wasmtime

import wasix
from tests.guests.build import asyncify

GUEST = """(module
  (import "wasix_32v1" "proc_fork" (func $fork (param i32 i32) (result i32)))
  (import "wasix_32v1" "proc_join" (func $join (param i32 i32 i32) (result i32)))
  (import "wasix_32v1" "callback_signal" (func $callback (param i32 i32)))
  (import "wasix_32v1" "proc_id" (func $id (param i32) (result i32)))
  (import "wasix_32v1" "proc_signal" (func $signal (param i32 i32) (result i32)))
  (import "wasix_32v1" "stack_checkpoint" (func $checkpoint (param i32 i32) (result i32)))
  (import "wasix_32v1" "stack_restore" (func $restore (param i32 i64)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $__stack_pointer (export "__stack_pointer") (mut i32) (i32.const 65536))
  (data (i32.const 100) "handler")
  (func $say (param $character i32)
    (i32.store8 (i32.const 90) (local.get $character))
    (i32.store (i32.const 80) (i32.const 90))
    (i32.store (i32.const 84) (i32.const 1))
    (drop (call $write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 88))))
  (func $raise
    (drop (call $id (i32.const 40)))
    (if (call $signal (i32.load (i32.const 40)) (i32.const 10)) (then unreachable)))
  (func $split
    (if (call $fork (i32.const 1) (i32.const 16)) (then unreachable))
    (if (i32.load (i32.const 16)) (then
      ;; Any child; SIGCHLD may come first.
      (loop $again
        (br_if $again
          (i32.eq (call $join (i32.const 48) (i32.const 0) (i32.const 64)) (i32.const 27)))))
    (else (call $say (i32.const 99)))))
  (func (export "handler") (param $number i32)
    (if (i32.ne (local.get $number) (i32.const 10)) (then (return)))
    (call $say (i32.const 115))
    BODY)
  (func (export "_start") (local $answer i32)
    (call $callback (i32.const 100) (i32.const 7))
    (if (call $checkpoint (i32.const 200) (i32.const 232)) (then unreachable))
    (local.set $answer (i32.load (i32.const 232)))
    (call $say (i32.add (i32.const 48) (local.get $answer)))
    (if (i32.lt_u (local.get $answer) (i32.const 3)) (then (call $raise)))
    (call $say (i32.const 101))))
"""


def run(engine: str, tmp_path: Path, body: str) -> bytes:
    path = tmp_path / "guest.wasm"
    path.write_bytes(asyncify(bytes(wasmtime.wat2wasm(GUEST.replace("BODY", body)))))
    done = wasix.run([path], engine=engine, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def test_a_fork_in_a_function_for_a_signal(engine: str, tmp_path: Path) -> None:
    assert run(engine, tmp_path, "(call $split)") == b"0scee"


def test_jumps_out_of_a_function_for_a_signal(engine: str, tmp_path: Path) -> None:
    body = "(call $restore (i32.const 200) (i64.add (i64.load (i32.const 232)) (i64.const 1)))"
    assert run(engine, tmp_path, body) == b"0s1s2s3e"
