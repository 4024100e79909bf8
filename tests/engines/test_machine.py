"""Upcalls, stacks that are unwound and rewound, and copies of guests, on every engine."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from struct import Struct

import pytest
import wasmtime

import engines
from engines.protocol import End, Linked
from tests.engines.doors import Run, ScriptedDoor, snapshot
from tests.guests.build import asyncify
from wasix.abi import UNWIND, E
from wasix.abi.instance import Suspended
from wasix.api.program import link

WORD = Struct("<I")

IMPORTS = """
  (import "wasix_32v1" "proc_fork" (func $fork (param i32 i32) (result i32)))
  (import "wasix_32v1" "stack_checkpoint" (func $checkpoint (param i32 i32) (result i32)))
  (import "wasix_32v1" "stack_restore" (func $restore (param i32 i64)))
  (import "wasi_snapshot_preview1" "fd_close" (func $tell (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
"""


@cache
def guest(text: str, *, memory: int | None = None, fuel: bool = False) -> Linked:
    """The module of `IMPORTS`, a memory of one page, and `text`, made able to unwind its stack."""
    assembled = bytes(
        wasmtime.wat2wasm(f'(module {IMPORTS} (memory $memory (export "memory") 1) {text})')
    )
    return link(asyncify(assembled), "guest.wasm", memory=memory, fuel=fuel)


def plain(text: str) -> Linked:
    """The same as it is."""
    assembled = wasmtime.wat2wasm(f'(module {IMPORTS} (memory $memory (export "memory") 1) {text})')
    return link(bytes(assembled), "guest.wasm")


def needs(engine: str, feature: str) -> None:
    if feature not in engines.get(engine).features():
        pytest.skip(f"{engine} has no {feature}")


# Adds up what its frames hold, 1 to 100, and what the call at the bottom of them answers.
DEEP = """
  (func $sum (param $n i32) (result i32)
    (local $kept i32)
    (if (i32.eqz (local.get $n)) (then (return (call $fork (i32.const 1) (i32.const 0)))))
    (local.set $kept (i32.mul (local.get $n) (i32.const 10)))
    (i32.add (call $sum (i32.sub (local.get $n) (i32.const 1)))
      (i32.div_u (local.get $kept) (i32.const 10))))
  (func (export "_start")
    (drop (call $tell (call $sum (i32.const 100))))
    (drop (call $tell (call $sum (i32.const 3)))))
"""


def test_a_stack_is_unwound_and_rewound(engine: str) -> None:
    seen: list[int] = []

    def then(guest: Suspended) -> int:
        (top,) = WORD.unpack_from(guest.memory, guest.area)
        seen.append(top - guest.area)
        return 7 if len(seen) == 1 else 9

    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(then))
    assert Run(engine, guest(DEEP), door).outcome().end is End.RETURNED
    assert door.told == [5050 + 7, 6 + 9]
    assert seen[0] > seen[1] > 8


def test_a_guest_that_is_not_rewound_ends(engine: str) -> None:
    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(lambda guest: None))
    assert Run(engine, guest(DEEP), door).outcome().end is End.UNWOUND
    assert door.told == []


# Has its number, what it has in globals of every type, and where its memory ends, told.
FORKS = """
  (global $i32 (mut i32) (i32.const -1))
  (global $i64 (mut i64) (i64.const 1))
  (global $f32 (mut f32) (f32.const 1))
  (global $f64 (mut f64) (f64.const 1))
  (func $globals
    (drop (call $tell (global.get $i32)))
    (drop (call $tell (i32.wrap_i64 (i64.shr_u (global.get $i64) (i64.const 32)))))
    (drop (call $tell (i32.reinterpret_f32 (global.get $f32))))
    (drop (call $tell (i32.wrap_i64 (i64.shr_u (i64.reinterpret_f64 (global.get $f64))
      (i64.const 32))))))
  (func $start (drop (call $tell (i32.const 1000))))
  (start $start)
  (func (export "_start") (local $number i32) (local $place i32)
    (global.set $i32 (i32.const -2))
    (global.set $i64 (i64.const -3))
    (global.set $f32 (f32.const -0.5))
    (global.set $f64 (f64.const -1.25))
    (local.set $place (i32.shl (memory.grow (i32.const 3)) (i32.const 16)))
    (i32.store (local.get $place) (i32.const 44))
    (local.set $number (call $fork (i32.const 1) (i32.const 0)))
    (drop (call $tell (local.get $number)))
    (call $globals)
    (i32.store (local.get $place) (i32.add (i32.load (local.get $place)) (local.get $number)))
    (global.set $i32 (local.get $number))
    (drop (call $fork (i32.const 1) (i32.const 0)))
    (drop (call $tell (i32.load (local.get $place))))
    (drop (call $tell (global.get $i32))))
"""
GLOBALS = [0xFFFFFFFE, 0xFFFFFFFF, 0xBF000000, 0xBFF40000]


def test_a_copy_of_a_guest_goes_on_from_the_same_place(engine: str) -> None:
    program = guest(FORKS)
    child = ScriptedDoor(proc_fork=lambda *_: child.suspend(lambda guest: 0))
    runs: list[Run] = []

    def then(guest: Suspended) -> int:
        if not runs:
            runs.append(Run(engine, program, child, snapshot(guest, 5)))
        return 6

    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(then))
    assert Run(engine, program, door).outcome().end is End.RETURNED
    assert runs[0].outcome().end is End.RETURNED
    assert door.told == [1000, 6, *GLOBALS, 50, 6]
    assert child.told == [5, *GLOBALS, 49, 5]


def test_variables_that_are_set_are_those_of_the_guest(engine: str) -> None:
    program = guest(FORKS)
    assert program.stack_pointer == 0

    def then(guest: Suspended) -> int:
        assert guest.stack_pointer == 0
        assert list(guest.variables)[:4] == [
            0xFFFFFFFE,
            0xFFFFFFFFFFFFFFFD,
            0xBF000000,
            0xBFF4000000000000,
        ]
        new = [0xFFFFFFFF, 0x80000000_00000001, 0x7F800000, 0x7FF0000000000000]
        guest.variables = (*new, *guest.variables[4:])
        return 0

    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(then))
    Run(engine, program, door).outcome()
    assert door.told[2:6] == [0xFFFFFFFF, 0x80000000, 0x7F800000, 0x7FF00000]


def test_fuel_goes_on_in_a_copy(engine: str) -> None:
    program = guest(DEEP, fuel=True)
    assert program.fuel is not None
    program = replace(program, fuel=program.fuel._replace(limit=1_000_000))
    child = ScriptedDoor(proc_fork=lambda *_: child.suspend(lambda guest: 0))
    runs: list[Run] = []

    def then(guest: Suspended) -> int:
        if not runs:
            runs.append(Run(engine, program, child, snapshot(guest, 0)))
        return 0

    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(then))
    left = Run(engine, program, door).outcome().fuel
    assert left is not None
    assert 0 < left < 1_000_000
    assert runs[0].outcome().fuel == left


# `signal(n)` tells n, and 100 + n when its own call has returned.
SIGNALS = """
  (func (export "signal") (param $n i32) (result i64)
    (drop (call $tell (local.get $n)))
    (drop (call $tell (i32.add (i32.const 100) (call $yield))))
    (i64.const 1))
  (func (export "wide") (param i64) unreachable)
  (func (export "_start") (drop (call $tell (call $yield))))
"""


def test_upcalls_within_upcalls(engine: str) -> None:
    numbers = iter([1, 2, 3])

    def answer() -> int:
        number = next(numbers, 0)
        return door.call("signal", number, answer=10 * number) if number else 0

    door = ScriptedDoor(sched_yield=answer)
    assert Run(engine, guest(SIGNALS), door).outcome().end is End.RETURNED
    assert door.told == [1, 2, 3, 100, 130, 120, 10]


def test_one_upcall_after_another(engine: str) -> None:
    class Door(ScriptedDoor):
        def proceed(self, memory: memoryview, answer: object = None) -> int:
            return self.call("signal", 2) if self.told == [1, 100] else 33

    door = Door(sched_yield=lambda: door.call("signal", 1) if not door.told else 0)
    assert Run(engine, guest(SIGNALS), door).outcome().end is End.RETURNED
    assert door.told == [1, 100, 2, 100, 33]


@pytest.mark.parametrize("name", ["missing", "memory", "wide", "_start"])
def test_what_cannot_be_called_is_not(engine: str, name: str) -> None:
    door = ScriptedDoor(sched_yield=lambda: door.call(name, 1, answer=5))
    assert Run(engine, guest(SIGNALS), door).outcome().end is End.RETURNED
    assert door.told == [5]


def test_what_gives_a_vector_is_not_called(engine: str) -> None:
    needs(engine, "simd")
    text = SIGNALS + '(func (export "vector") (param i32) (result v128) unreachable)'
    door = ScriptedDoor(sched_yield=lambda: door.call("vector", 1, answer=5))
    assert Run(engine, guest(text), door).outcome().end is End.RETURNED
    assert door.told == [5]


def test_arguments_of_all_bits(engine: str) -> None:
    values = [0xFFFFFFFF, 0x80000000, 0xFFFFFFFE]
    text = """
      (func (export "signal") (param i32 i32 i32)
        (drop (call $tell (local.get 0)))
        (drop (call $tell (local.get 1)))
        (drop (call $tell (local.get 2))))
      (func (export "_start") (drop (call $yield)))"""
    door = ScriptedDoor(sched_yield=lambda: door.call("signal", *values))
    assert Run(engine, guest(text), door).outcome().end is End.RETURNED
    assert door.told == values


def test_a_guest_ends_within_an_upcall(engine: str) -> None:
    door = ScriptedDoor(
        sched_yield=lambda: UNWIND if door.told else door.call("signal", 1),
    )
    assert Run(engine, guest(SIGNALS), door).outcome().end is End.UNWOUND
    assert door.told == [1]


def test_a_trap_within_an_upcall(engine: str) -> None:
    text = """
      (func (export "signal") unreachable)
      (func (export "_start") (drop (call $yield)) (drop (call $tell (i32.const 1))))"""
    door = ScriptedDoor(sched_yield=lambda: door.call("signal"))
    outcome = Run(engine, guest(text), door).outcome()
    assert outcome.end is End.TRAPPED
    assert "unreachable" in outcome.message.lower()
    assert door.told == []


def test_upcalls_do_not_nest_for_ever(engine: str) -> None:
    door = ScriptedDoor(sched_yield=lambda: door.call("signal", 1))
    outcome = Run(engine, guest(SIGNALS), door).outcome()
    assert outcome.end is End.TRAPPED
    assert "stack overflow" in outcome.message


def test_a_guest_is_stopped_within_an_upcall(engine: str) -> None:
    text = """
      (func (export "signal") (drop (call $tell (i32.const 1))) (loop $again (br $again)))
      (func (export "_start") (drop (call $yield)))"""
    reached = threading.Event()

    def told(*_: int) -> int:
        reached.set()
        return 0

    door = ScriptedDoor(sched_yield=lambda: door.call("signal"), fd_close=told)
    run = Run(engine, guest(text), door)
    assert reached.wait(120)
    run.guest.stop()
    assert run.outcome().end is End.UNWOUND


# Makes a checkpoint, tells what it answers, and waits. `signal(0)` goes back to it; `signal(1)`
# makes one itself, and goes back to that.
JUMPS = """
  (func (export "signal") (param $own i32) (local $answer i32)
    (drop (call $tell (i32.const 1)))
    (if (local.get $own) (then
      (local.set $answer (call $checkpoint (i32.const 0) (i32.const 0)))
      (drop (call $tell (local.get $answer)))
      (if (local.get $answer) (then (return)))))
    (call $restore (i32.const 0) (i64.const 1))
    (drop (call $tell (i32.const 2))))
  (func $outer (param $n i32) (result i32) (local $answer i32)
    (local.set $answer (call $checkpoint (i32.const 0) (i32.const 0)))
    (drop (call $tell (i32.add (local.get $n) (local.get $answer))))
    (local.set $n (i32.const 1))
    (if (i32.eqz (local.get $answer)) (then (drop (call $tell (call $yield)))))
    (local.get $n))
  (func (export "_start") (drop (call $tell (i32.add (i32.const 50) (call $outer (i32.const 10))))))
"""


class Jumps(ScriptedDoor):
    """Keeps one checkpoint: the unwound stack, and how many upcalls it is in."""

    def __init__(self, own: int) -> None:
        super().__init__(
            stack_checkpoint=lambda *_: self.suspend(self.keep),
            stack_restore=lambda *_: self.suspend(self.jump),
            sched_yield=lambda: self.call("signal", own, answer=77),
        )
        self.kept = b""
        self.depth = 0

    def keep(self, guest: Suspended) -> int:
        (top,) = WORD.unpack_from(guest.memory, guest.area)
        self.kept, self.depth = bytes(guest.memory[guest.area : top]), len(self.held)
        return 0

    def jump(self, guest: Suspended) -> int:
        guest.memory[guest.area : guest.area + len(self.kept)] = self.kept
        del self.held[self.depth :]
        return 5


def test_a_jump_out_of_an_upcall(engine: str) -> None:
    door = Jumps(own=0)
    assert Run(engine, guest(JUMPS), door).outcome().end is End.RETURNED
    assert door.told == [10, 1, 15, 51]


def test_a_jump_within_an_upcall(engine: str) -> None:
    door = Jumps(own=1)
    assert Run(engine, guest(JUMPS), door).outcome().end is End.RETURNED
    assert door.told == [10, 1, 0, 5, 77, 51]


# Forks in a signal function within a signal function.
NESTED = """
  (func (export "first") (param i32) (local $answer i32)
    (local.set $answer (call $yield))
    (drop (call $tell (i32.add (local.get 0) (local.get $answer)))))
  (func (export "second") (param i32) (param i32)
    (drop (call $tell (i32.add (local.get 1) (call $fork (i32.const 1) (i32.const 0))))))
  (func (export "_start") (drop (call $tell (call $yield))))
"""


def test_a_copy_is_made_within_upcalls(engine: str) -> None:
    program = guest(NESTED)
    child = ScriptedDoor()
    runs: list[Run] = []

    def then(guest: Suspended) -> int:
        child.held = [11, 12]
        runs.append(Run(engine, program, child, snapshot(guest, 1)))
        return 2

    calls = iter([("first", 100), ("second", 0, 1000)])

    def yielded() -> int:
        name, *arguments = next(calls)
        return door.call(str(name), *map(int, arguments), answer=21 + len(door.held))

    door = ScriptedDoor(sched_yield=yielded, proc_fork=lambda *_: door.suspend(then))
    assert Run(engine, program, door).outcome().end is End.RETURNED
    assert runs[0].outcome().end is End.RETURNED
    assert door.told == [1002, 122, 21]
    assert child.told == [1001, 112, 11]


def test_no_memory_for_the_stack(engine: str) -> None:
    text = """
      (func (export "_start")
        (drop (call $tell (call $fork (i32.const 1) (i32.const 0)))))"""
    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(lambda guest: 0))
    program = guest(text, memory=16 << 16)
    assert Run(engine, program, door).outcome().end is End.RETURNED
    assert door.told == [E.NOMEM]
    door.told.clear()
    assert Run(engine, guest(text, memory=17 << 16), door).outcome().end is End.RETURNED
    assert door.told == [0]


def test_a_stack_that_has_no_room(engine: str) -> None:
    text = """
      (func $deep (param $n i64) (result i64) (local $a i64) (local $b i64)
        (local.set $a (i64.mul (local.get $n) (i64.const 3)))
        (local.set $b (i64.mul (local.get $n) (i64.const 5)))
        (if (i64.eqz (local.get $n)) (then
          (return (i64.extend_i32_u (call $fork (i32.const 1) (i32.const 0))))))
        (i64.add (i64.add (call $deep (i64.sub (local.get $n) (i64.const 1))) (local.get $a))
          (i64.add (local.get $b) (local.get $n))))
      (func (export "_start") (drop (call $deep (i64.const 32000))))"""
    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(lambda guest: 0))
    assert Run(engine, guest(text), door).outcome().end is End.TRAPPED


HOSTILE = """
  (func (export "asyncify_start_unwind") (param i32))
  (func (export "asyncify_stop_unwind"))
  (func (export "asyncify_start_rewind") (param i32))
  (func (export "asyncify_stop_rewind"))
"""
FORK = "(drop (call $fork (i32.const 1) (i32.const 0)))"
TELL = "(drop (call $tell (i32.const 1)))"


def test_a_guest_that_does_not_unwind(engine: str) -> None:
    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(lambda guest: 0))
    program = plain(f'{HOSTILE} (func (export "_start") {FORK} {TELL})')
    assert program.suspends
    outcome = Run(engine, program, door).outcome()
    assert (outcome.end, door.told) == (End.TRAPPED, [])
    assert "unwind" in outcome.message


def test_a_guest_that_does_not_rewind(engine: str) -> None:
    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(lambda guest: 0))
    text = f"""{HOSTILE}
      (global $again (mut i32) (i32.const 0))
      (func (export "_start")
        (if (global.get $again) (then (return)))
        (global.set $again (i32.const 1))
        {FORK})"""
    outcome = Run(engine, plain(text), door).outcome()
    assert outcome.end is End.TRAPPED
    assert "rewind" in outcome.message


@pytest.mark.parametrize("name", ["start_unwind", "stop_unwind", "start_rewind", "stop_rewind"])
@pytest.mark.parametrize("does", [FORK, "unreachable", TELL])
def test_asyncify_functions_that_do_something_else(engine: str, name: str, does: str) -> None:
    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(lambda guest: 0))
    functions = [
        f'(func (export "asyncify_{each}") {"(param i32)" if "start" in each else ""}'
        f" {does if each == name else ''})"
        for each in ("start_unwind", "stop_unwind", "start_rewind", "stop_rewind")
    ]
    program = plain(f'{" ".join(functions)} (func (export "_start") {FORK})')
    assert Run(engine, program, door).outcome().end is End.TRAPPED
    assert door.told == []


@pytest.mark.parametrize("top", [0, 12, 1 << 31, 0xFFFFFFFF])
@pytest.mark.parametrize("count", [1, 65, 1 << 30, 0xFFFFFFFF])
def test_an_unwound_stack_that_is_damaged(engine: str, top: int, count: int) -> None:
    def then(guest: Suspended) -> int:
        place = WORD.unpack_from(guest.memory, guest.area)[0] if top == 12 else guest.area + top
        WORD.pack_into(guest.memory, guest.area, place & 0xFFFFFFFF)
        if top == 12:
            WORD.pack_into(guest.memory, place - 4, count)
            WORD.pack_into(guest.memory, place - 8, 0xFFFF)
        return 0

    door = ScriptedDoor(proc_fork=lambda *_: door.suspend(then))
    assert Run(engine, guest(DEEP), door).outcome().end is End.TRAPPED


def test_upcalls_that_were_never_made(engine: str) -> None:
    program = guest(SIGNALS + f'(func (export "fork") {FORK})')
    place = [export.name for export in program.module.exports].index("signal")

    def then(guest: Suspended) -> int:
        (top,) = WORD.unpack_from(guest.memory, guest.area)
        WORD.pack_into(guest.memory, top - 4, place)
        WORD.pack_into(guest.memory, top, 1)
        WORD.pack_into(guest.memory, guest.area, top + 4)
        return 0

    times = iter([True])
    door = ScriptedDoor(sched_yield=lambda: door.suspend(then) if next(times, False) else 0)
    assert Run(engine, program, door).outcome().end is not End.RETURNED


def test_an_exception_does_not_leave_an_upcall(engine: str) -> None:
    needs(engine, "exceptions")
    text = """
      (tag $tag)
      (func (export "signal") (throw $tag))
      (func (export "_start")
        (block $caught (try_table (catch_all $caught) (drop (call $yield))))
        (drop (call $tell (i32.const 1))))"""
    assembled = wasmtime.wat2wasm(f'(module {IMPORTS} (memory (export "memory") 1) {text})')
    door = ScriptedDoor(sched_yield=lambda: door.call("signal"))
    outcome = Run(engine, link(bytes(assembled), "guest.wasm"), door).outcome()
    assert (outcome.end, door.told) == (End.TRAPPED, [])
