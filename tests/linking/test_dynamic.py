"""Functions whose type is known only when they are called, and closures, on every engine."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

import wasix
from tests.conformance.wasmer import is_installed, wasmer
from tests.guests.build import compile_guest
from wasix.abi import E

Wat = Callable[..., str]
FLAGS = ("-Wno-cast-function-type",)

SAID = """\
mixed: 0 cacheable 1 (0123) -> (1)
nothing: 0 cacheable 1 () -> ()
half: 0 cacheable 1 (2) -> (3)
null: 28 cacheable 0 ()
outside: 28 cacheable 0 ()
small: 61 4 1, untouched 9 9
sizes: 61
fault: 21 21
mixed: 0 20000000005
nothing
nothing: 0
half: 0 1.5
strict: 28 28 28 28
lax: 0 1
cut: 0 5
null: 28, outside: 28
fault: 21
allocate: 0
empty: 28 cacheable 0 ()
prepare: 0
closure: 0 cacheable 0 (0123) -> (1)
data: 1 2 3.5 4.25
call: 51
data: 5 6 7 8
dynamic: 0 103
again: 0
recursive: 5050
allocate: 0 1
free: 0
freed: 28 cacheable 0 ()
invalid: 28 28
type: 28
fault: 21 21
free: 0 0
"""


def run(engine: str, *args: str) -> CompletedProcess[str]:
    program = compile_guest("dynamic", flags=FLAGS)
    return wasix.run(
        [str(program), *args], engine=engine, capture_output=True, text=True, timeout=300
    )


def test_functions_are_called_and_made_by_their_types(engine: str) -> None:
    done = run(engine)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SAID


def test_there_are_only_so_many_closures_but_their_slots_are_used_again(engine: str) -> None:
    done = run(engine, "many")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("4096 closures, then 48; the last counts to 55\nand still to 55\n")


# Tells, by its exit status, what the calls answer that a test puts in place of CALL.
GUEST = """
(module
  (import "wasix_32v1" "call_dynamic"
    (func $call (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasix_32v1" "reflect_signature"
    (func $reflect (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasix_32v1" "closure_allocate" (func $allocate (param i32) (result i32)))
  (import "wasix_32v1" "closure_prepare"
    (func $prepare (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (global $data (mut i64) (i64.const 7))
  TABLE
  (func $vector VECTOR)
  (func $reference (param externref))
  (func $two (result i32 f64) (i32.const 1) (f64.const nan:0x123456789))
  (func $dies (unreachable))
  (func $leaves (call $exit (i32.const 5)))
  (elem (i32.const 1) func $vector $reference $two $dies $leaves $yield)
  (func (export "_start") (call $exit CALL)))
"""
TABLE = "(table 8 8 funcref)"


def status(engine: str, path: str) -> int:
    return wasix.run([path], engine=engine, capture_output=True, timeout=60).returncode


def guest(wat: Wat, call: str, table: str = TABLE) -> str:
    vector = ""
    if "v128" in call:  # which not every engine has
        vector = "(param v128) (result v128) (i32x4.add (local.get 0) (local.get 0))"
    text = GUEST.replace("CALL", call).replace("TABLE", table)
    return wat(text.replace("VECTOR", vector))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        # What engines cannot pass as numbers is passed bit by bit.
        (
            (
                "(block (result i32) (v128.store (i32.const 16) (v128.const i32x4 1 2 3 21))"
                " (drop (call $call (i32.const 1) (i32.const 16) (i32.const 16) (i32.const 32)"
                " (i32.const 16) (i32.const 1))) (i32.load (i32.const 44)))"
            ),
            42,
        ),
        (
            (
                "(block (result i32) (drop (call $call (i32.const 3) (i32.const 0) (i32.const 0)"
                " (i32.const 32) (i32.const 12) (i32.const 1)))"
                " (i64.eq (i64.load (i32.const 36)) (i64.const 0x7ff0000123456789)))"
            ),
            1,
        ),
        # A function over references has no type that could be told.
        ("(call $call (i32.const 2) " + "(i32.const 0) " * 4 + "(i32.const 0))", 28),
        ("(call $reflect (i32.const 2) " + "(i32.const 0) " * 4 + "(i32.const 0))", 28),
        ("(call $call (i32.const 4) " + "(i32.const 0) " * 4 + "(i32.const 0))", 134),
        ("(call $call (i32.const 5) " + "(i32.const 0) " * 4 + "(i32.const 0))", 5),
        # A system call is a function like others.
        (
            (
                "(block (result i32) (i32.store (i32.const 32) (i32.const 9)) (drop (call $call"
                " (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 32) (i32.const 4)"
                " (i32.const 1))) (i32.load (i32.const 32)))"
            ),
            0,
        ),
    ],
)
def test_a_function_of_any_type_is_called(engine: str, wat: Wat, call: str, expected: int) -> None:
    assert status(engine, guest(wat, call)) == expected


def test_a_program_without_a_table_has_none_to_call(engine: str, wat: Wat) -> None:
    text = GUEST.replace(GUEST[GUEST.index("  (elem") : GUEST.index("  (func (export")], "")
    call = "(call $call (i32.const 1) " + "(i32.const 0) " * 4 + "(i32.const 0))"
    path = wat(text.replace("TABLE", "").replace("VECTOR", "").replace("CALL", call))
    assert status(engine, path) == E.NOTSUP


def test_a_closure_needs_a_stack(engine: str, wat: Wat) -> None:
    call = (
        "(block (result i32) (if (call $allocate (i32.const 16)) (then (unreachable)))"
        " (call $prepare (i32.const 4) (i32.load (i32.const 16)) "
        + "(i32.const 0) " * 4
        + "(i32.const 0)))"
    )
    assert status(engine, guest(wat, call)) == E.NOTSUP


def test_a_table_has_a_limit(engine: str, wat: Wat) -> None:
    path = guest(wat, "(call $allocate (i32.const 16))")
    with wasix.Sandbox(engine=engine, table_limit=8) as box:
        assert box.run([path], timeout=60).returncode == E.NOMEM
    with wasix.Sandbox(engine=engine, table_limit=9) as box:
        assert box.run([path], timeout=60).returncode == 0


DIFFERENCES = {
    # What lies outside of memory is `memviolation` there, as for all calls, and `fault` here.
    ("fault: 21 21", "fault: 78 78"),
    ("fault: 21", "fault: 78"),
    # Nothing is said in the ABI of the answer of a call that fails.
    ("null: 28 cacheable 0 ()", "null: 28 cacheable 1 ()"),
}


@pytest.mark.skipif(not is_installed(), reason="wasmer-sdk is not installed")
def test_wasmer_calls_functions_alike() -> None:
    flags = (*FLAGS, "-Wl,--export-table")
    done = wasmer(compile_guest("dynamic", flags=flags), ["calls"])
    ours = SAID[: SAID.index("allocate")].splitlines()
    assert done.returncode == 0
    theirs = done.stdout.splitlines()
    assert len(theirs) == len(ours)
    assert {pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]} == DIFFERENCES
