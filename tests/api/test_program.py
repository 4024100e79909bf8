"""Linking programs whose stacks can be unwound."""

from __future__ import annotations

import pytest
import wasmtime

from engines.protocol import Linked
from wasix.api.program import link

FORK = '(import "wasix_32v1" "proc_fork" (func (param i32 i32) (result i32)))'
MEMORY = '(memory (export "memory") 1)'
START = '(func (export "_start"))'
ASYNCIFY = """
  (func (export "asyncify_start_unwind") (param i32))
  (func (export "asyncify_stop_unwind"))
  (func (export "asyncify_start_rewind") (param i32))
  (func (export "asyncify_stop_rewind"))
"""


def program(*fields: str) -> Linked:
    return link(bytes(wasmtime.wat2wasm(f"(module {' '.join(fields)})")), "guest.wasm")


def test_a_program_that_suspends() -> None:
    linked = program(
        FORK,
        MEMORY,
        START,
        ASYNCIFY,
        "(global i32 (i32.const 0))",
        "(global (mut f32) (f32.const 0))",
        '(global (export "own") (mut i64) (i64.const 0))',
        "(global (mut funcref) (ref.null func))",
        "(global (mut v128) (v128.const i64x2 0 0))",
        "(global (mut i32) (i32.const 0))",
        "(global (mut i32) (i32.const 0))",
    )
    assert linked.suspends
    assert linked.variables == (
        ("__wasix_global_1", "f32"),
        ("own", "i64"),
        ("__wasix_global_5", "i32"),
        ("__wasix_global_6", "i32"),
    )
    assert linked.stack_pointer == 2


@pytest.mark.parametrize(
    "pointer",
    [
        '(global $other (export "__stack_pointer") (mut i32) (i32.const 0))',
        "(global $__stack_pointer (mut i32) (i32.const 0))",
    ],
)
def test_the_stack_pointer_is_found_by_its_name(pointer: str) -> None:
    linked = program(FORK, MEMORY, START, ASYNCIFY, "(global (mut i32) (i32.const 0))", pointer)
    assert linked.stack_pointer == 1


def test_a_stack_pointer_may_be_missing() -> None:
    assert program(FORK, MEMORY, START, ASYNCIFY).stack_pointer is None


@pytest.mark.parametrize(
    "fields",
    [
        (FORK, MEMORY, START),
        (MEMORY, START, ASYNCIFY),
        (FORK, MEMORY, START, ASYNCIFY.replace("(param i32)", "(param i64)")),
        (FORK, MEMORY, START, ASYNCIFY.replace("stop_rewind", "stop")),
        (FORK, '(memory (export "memory") i64 1)', START, ASYNCIFY),
        (FORK, MEMORY, "(memory 1)", START, ASYNCIFY),
    ],
)
def test_a_program_that_does_not_is_left_alone(fields: tuple[str, ...]) -> None:
    hidden = "(global (mut i32) (i32.const 0))"
    linked = program(*fields, hidden)
    assert (linked.suspends, linked.variables, linked.stack_pointer) == (False, (), None)
    assert linked.module.exported_as("global", 0) is None


def test_a_start_function_of_a_program_that_is_called_back() -> None:
    callback = '(import "wasix_32v1" "callback_signal" (func (param i32 i32)))'
    linked = program(callback, MEMORY, START, "(func $first)", "(start $first)")
    assert linked.start is not None
    assert linked.module.start is None
    assert program(MEMORY, START, "(func $first)", "(start $first)").start is None


def test_a_memory_that_is_given_need_not_be_exported() -> None:
    linked = program('(import "env" "memory" (memory 1 2 shared))', START)
    exported = linked.module.export("memory")
    assert exported is not None
    assert (exported.kind, exported.index, linked.shares) == ("memory", 0, True)
