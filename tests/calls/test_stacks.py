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
  (import "wasix_32v1" "proc_raise_interval" (func $timer (param i32 i64 i32) (result i32)))
  (import "wasix_32v1" "fd_pipe" (func $pipe (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $__stack_pointer (export "__stack_pointer") (mut i32) (i32.const 65536))
  (data (i32.const 100) "handler")
  (func $put (param $fd i32) (param $character i32)
    (i32.store8 (i32.const 90) (local.get $character))
    (i32.store (i32.const 80) (i32.const 90))
    (i32.store (i32.const 84) (i32.const 1))
    (if (call $write (local.get $fd) (i32.const 80) (i32.const 1) (i32.const 88))
      (then unreachable)))
  (func $say (param $character i32) (call $put (i32.const 1) (local.get $character)))
  (func $open
    (if (call $pipe (i32.const 300) (i32.const 304)) (then unreachable)))
  (func $own
    ;; What the parent reads from is another pipe in the child.
    (i32.store (i32.const 308) (i32.load (i32.const 300)))
    (call $open)
    (call $put (i32.load (i32.const 304)) (i32.const 120))
    (if (call $renumber (i32.load (i32.const 300)) (i32.load (i32.const 308)))
      (then unreachable)))
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
  (func $waits
    (call $open)
    (i32.store (i32.const 312) (i32.const 330))
    (i32.store (i32.const 316) (i32.const 1))
    (if (call $timer (i32.const 28) (i64.const 20000000) (i32.const 0)) (then unreachable))
    (if (call $read (i32.load (i32.const 300)) (i32.const 312) (i32.const 1) (i32.const 320))
      (then unreachable))
    (call $say (i32.load8_u (i32.const 330))))
  (func (export "handler") (param $number i32)
    (if (i32.eq (local.get $number) (i32.const 28)) (then
      (call $split)
      (if (i32.load (i32.const 16))
        (then (call $put (i32.load (i32.const 304)) (i32.const 112)))
        (else (call $own)))))
    (if (i32.ne (local.get $number) (i32.const 10)) (then (return)))
    (call $say (i32.const 115))
    BODY)
  (func (export "_start") (local $answer i32)
    (call $callback (i32.const 100) (i32.const 7))
    START
    (if (call $checkpoint (i32.const 200) (i32.const 232)) (then unreachable))
    (local.set $answer (i32.load (i32.const 232)))
    (call $say (i32.add (i32.const 48) (local.get $answer)))
    (if (i32.lt_u (local.get $answer) (i32.const 3)) (then (call $raise)))
    (call $say (i32.const 101))))
"""


def run(engine: str, tmp_path: Path, *, body: str = "", start: str = "") -> bytes:
    path = tmp_path / "guest.wasm"
    text = GUEST.replace("BODY", body).replace("START", start)
    path.write_bytes(asyncify(bytes(wasmtime.wat2wasm(text))))
    done = wasix.run([path], engine=engine, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def test_a_fork_in_a_function_for_a_signal(engine: str, tmp_path: Path) -> None:
    assert run(engine, tmp_path, body="(call $split)") == b"0scee"


def test_a_fork_while_a_call_waits(engine: str, tmp_path: Path) -> None:
    """Both go on with the call the signal came upon, each by its own descriptors."""
    assert run(engine, tmp_path, start="(call $waits) (return)") == b"cxp"


def test_jumps_out_of_a_function_for_a_signal(engine: str, tmp_path: Path) -> None:
    body = "(call $restore (i32.const 200) (i64.add (i64.load (i32.const 232)) (i64.const 1)))"
    assert run(engine, tmp_path, body=body) == b"0s1s2s3e"
