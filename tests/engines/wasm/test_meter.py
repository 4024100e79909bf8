"""Instrumented modules do what the originals do, and count: wasmtime's own fuel is the oracle."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.wasm import Module, binary, decode
from engines.wasm.meter import PERIOD, Amount, Cost, Interrupt, Meter, instrument

LOTS = 1 << 40


def config(*, fuel: bool = False) -> wasmtime.Config:
    made = wasmtime.Config()
    for feature in (
        *("exceptions", "gc", "function_references", "memory64", "multi_memory"),
        *("tail_call", "threads", "wide_arithmetic"),
    ):
        setattr(made, f"wasm_{feature}", True)
    made.shared_memory = True
    made.consume_fuel = fuel
    return made


ENGINE = wasmtime.Engine(config())
FUELLED = wasmtime.Engine(config(fuel=True))


def assemble(text: str) -> Module:
    return decode(bytes(wasmtime.wat2wasm(text)), "guest.wasm")


class Run:
    """An instance of an instrumented module with so much fuel."""

    def __init__(
        self, meter: Meter, fuel: int = LOTS, imports: dict[str, Callable[..., Any]] | None = None
    ) -> None:
        self.meter = meter
        self.store = wasmtime.Store(ENGINE)
        module = wasmtime.Module(ENGINE, meter.module.join())
        functions: list[wasmtime.AsExtern] = []
        for item in module.imports:
            assert isinstance(item.type, wasmtime.FuncType)
            function = (imports or {})[item.name or ""]
            functions.append(wasmtime.Func(self.store, item.type, function))
        self.instance = wasmtime.Instance(self.store, module, functions)
        if meter.fuel is not None:
            self.export(meter.fuel).set_value(self.store, wasmtime.Val.i64(fuel))
        if meter.start is not None:
            self.call(meter.start)

    def export(self, name: str) -> Any:
        return self.instance.exports(self.store)[name]

    def call(self, name: str, *args: int) -> Any:
        return self.export(name)(self.store, *args)

    @property
    def left(self) -> int:
        value: int = self.export(self.meter.fuel or "").value(self.store)
        return value

    def used(self, name: str, *args: int) -> int:
        before = self.left
        self.call(name, *args)
        return before - self.left


def wasmtimes(module: Module, name: str, *args: int) -> int:
    """What wasmtime itself charges for a call."""
    store = wasmtime.Store(FUELLED)
    store.set_fuel(LOTS)
    instance = wasmtime.Instance(store, wasmtime.Module(FUELLED, module.join()), [])
    before = store.get_fuel()
    function = instance.exports(store)[name]
    assert isinstance(function, wasmtime.Func)
    function(store, *args)
    return int(before - store.get_fuel())


COUNTED = {
    "nothing": '(func (export "f") (param i32))',
    "straight": """(func (export "f") (param i32) (result i32)
      (nop) (drop (i32.const 1)) (i32.add (local.get 0) (i32.const 2)))""",
    "loop": """(func (export "f") (param i32)
      (loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br_if $l (i32.gt_s (local.get 0) (i32.const 0)))) (drop (i32.const 1)))""",
    "nested": """(func (export "f") (param $n i32) (local $i i32) (local $j i32)
      (block $out (loop $a
        (br_if $out (i32.ge_s (local.get $i) (local.get $n)))
        (local.set $j (i32.const 0))
        (loop $b
          (if (i32.and (local.get $j) (i32.const 1)) (then (nop) (drop (local.get $j)))
            (else (local.set $j (i32.add (local.get $j) (i32.const 2)))))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br_if $b (i32.lt_s (local.get $j) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $a))))""",
    "recursion": """(func $f (export "f") (param i32) (result i32)
      (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
        (else (i32.add (call $f (i32.sub (local.get 0) (i32.const 1)))
                       (call $f (i32.sub (local.get 0) (i32.const 2)))))))""",
    "switch": """(func (export "f") (param i32) (result i32)
      (block $a (block $b (block $c (br_table $a $b $c (i32.and (local.get 0) (i32.const 3))))
        (return (i32.const 1))) (drop (i32.const 2)) (drop (i32.const 3)))
      (i32.const 4))""",
    "early": """(func (export "f") (param i32) (result i32)
      (block $b (br_if $b (local.get 0)) (return (i32.const 9)) (drop (i32.const 1)))
      (if (i32.eq (local.get 0) (i32.const 3)) (then (return (i32.const 5))))
      (i32.const 7))""",
    "tail": """(func $f (export "f") (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
      (return_call $f (i32.sub (local.get 0) (i32.const 1))))""",
    "indirect": """(type $t (func (param i32) (result i32))) (table funcref (elem $g))
      (func $g (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
      (func (export "f") (param i32) (result i32)
        (call_indirect (type $t) (local.get 0) (i32.const 0)))""",
    "references": """(type $t (func (param i32) (result i32))) (elem declare func $g)
      (func $g (param i32) (result i32) (local.get 0))
      (func (export "f") (param i32) (result i32) (local (ref null $t))
        (if (local.get 0) (then (local.set 1 (ref.func $g))))
        (block $null (return (call_ref $t (local.get 0) (br_on_null $null (local.get 1)))))
        (i32.const 3))""",
    "exceptions": """(tag $t (param i32))
      (func $g (param i32) (if (local.get 0) (then (throw $t (local.get 0)))))
      (func (export "f") (param i32) (result i32)
        (block $h (result i32)
          (try_table (catch $t $h) (call $g (local.get 0)))
          (i32.const 100)))""",
    "memory": """(memory 1) (func (export "f") (param i32) (result i32)
      (i32.store offset=300 (local.get 0) (i32.const 70000)) (i32.load8_u (local.get 0)))""",
    "numbers": """(func (export "f") (param i32) (result i64)
      (drop (f32.const 1)) (drop (f64.const 2)) (drop (v128.const i32x4 1 2 3 4))
      (drop (i64.trunc_sat_f64_s (f64.const 3))) (i64.mul_wide_u (i64.const 5)
      (i64.const -7)) (drop) (drop) (i64.const -9000000000000000000))""",
    "objects": """(type $s (struct (field i32))) (func (export "f") (param i32) (result i32)
      (struct.get $s 0 (struct.new $s (local.get 0))))""",
    "dead": """(func (export "f") (param i32) (block $b (br $b) (loop $l (drop (i32.const 1))
      (br_if $l (i32.const 0)) (br $l)) (if (i32.const 0) (then (nop)) (else (unreachable)))))""",
}


@pytest.mark.parametrize("arg", [0, 1, 2, 3, 7, 10])
@pytest.mark.parametrize("name", COUNTED)
def test_the_count_is_wasmtimes(name: str, arg: int) -> None:
    module = assemble(f"(module {COUNTED[name]})")
    meter = instrument(module)
    if name == "exceptions" and arg:
        # wasmtime charges a call's caller afterwards, so what is thrown over is not charged.
        assert Run(meter).used("f", arg) - wasmtimes(module, "f", arg) == 1
        return
    assert Run(meter).used("f", arg) == wasmtimes(module, "f", arg)


@given(st.sampled_from(sorted(COUNTED)), st.integers(0, 12))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_fuel_is_enough_or_it_is_not(name: str, arg: int) -> None:
    meter = instrument(assemble(f"(module {COUNTED[name]})"))
    free = Run(meter)
    result = free.call("f", arg)
    needed = LOTS - free.left
    enough = Run(meter, needed)
    assert enough.call("f", arg) == result
    assert enough.left == 0
    short = Run(meter, needed - 1)
    with suppress(wasmtime.Trap):  # the end comes at the next check, or when it ends anyway
        short.call("f", arg)
    assert short.left < 0


ENDLESS = {
    "loop": '(func (export "f") (loop $l (br $l)))',
    "loop in one arm": """(func (export "f") (loop $l (if (i32.const 1) (then (br $l)))))""",
    "recursion by tail": '(func $f (export "f") (return_call $f))',
    "recursion by pointer": """(type $t (func)) (table funcref (elem $f))
      (func $f (export "f") (return_call_indirect (type $t) (i32.const 0)))""",
    "handler of everything": """(func (export "f") (loop $l
      (block $h (try_table (catch_all $h) (loop $m (br $m)))) (br $l)))""",
    "handler that is a loop": """(func $g (throw_ref (ref.null exn))) (tag $t)
      (func (export "f") (loop $l (try_table (catch_all $l) (throw $t))))""",
    "switch": '(func (export "f") (loop $l (br_table $l $l (i32.const 1))))',
    "fill": """(memory 1) (func (export "f")
      (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $l)))""",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_runs_out_of_fuel(name: str) -> None:
    run = Run(instrument(assemble(f"(module {ENDLESS[name]})")), 100_000)
    with pytest.raises(wasmtime.Trap):
        run.call("f")
    assert run.left < 0


MEASURED = {
    "memory.fill": ("(memory.fill (i32.const 0) (i32.const 1) (local.get 0))", 16),
    "memory.copy": ("(memory.copy (i32.const 0) (i32.const 9) (local.get 0))", 16),
    "memory.init": ("(memory.init $d (i32.const 0) (i32.const 0) (local.get 0))", 16),
    "memory.copy, 64 bits": (
        "(memory.copy $w $w (i64.const 0) (i64.const 9) (i64.extend_i32_u (local.get 0)))",
        16,
    ),
    "memory.copy, both": ("(memory.copy $w $m (i64.const 0) (i32.const 9) (local.get 0))", 16),
    "memory.fill, 64 bits": (
        "(memory.fill $w (i64.const 0) (i32.const 9) (i64.extend_i32_u (local.get 0)))",
        16,
    ),
    "memory.grow": ("(drop (memory.grow (local.get 0)))", 1),
    "table.fill": ("(table.fill $t (i32.const 0) (ref.null func) (local.get 0))", 1),
    "table.copy": ("(table.copy $t $t (i32.const 0) (i32.const 1) (local.get 0))", 1),
    "table.init": ("(table.init $t $e (i32.const 0) (i32.const 0) (local.get 0))", 1),
    "table.grow": ("(drop (table.grow $t (ref.null func) (local.get 0)))", 1),
    "table.fill, 64 bits": (
        "(table.fill $x (i64.const 0) (ref.null func) (i64.extend_i32_u (local.get 0)))",
        1,
    ),
    "array.new": ("(drop (array.new $a (i32.const 1) (local.get 0)))", 1),
    "array.new_default": ("(drop (array.new_default $a (local.get 0)))", 1),
    "array.new_data": ("(drop (array.new_data $a $d (i32.const 0) (local.get 0)))", 1),
    "array.new_elem": ("(drop (array.new_elem $r $e (i32.const 0) (local.get 0)))", 1),
    "array.fill": ("(array.fill $a (global.get $g) (i32.const 0) (i32.const 1) (local.get 0))", 1),
    "array.copy": (
        """(array.copy $a $a (global.get $g) (i32.const 0) (global.get $g) (i32.const 0)
             (local.get 0))""",
        1,
    ),
    "array.init_data": (
        "(array.init_data $a $d (global.get $g) (i32.const 0) (i32.const 0) (local.get 0))",
        1,
    ),
    "array.init_elem": (
        "(array.init_elem $r $e (global.get $h) (i32.const 0) (i32.const 0) (local.get 0))",
        1,
    ),
}


@pytest.mark.parametrize("name", MEASURED)
def test_bulk_work_costs_what_it_moves(name: str) -> None:
    code, per = MEASURED[name]
    meter = instrument(
        assemble(
            f"""(module (type $a (array (mut i8))) (type $r (array (mut funcref)))
              (memory $m 1) (memory $w i64 1) (table $t 2000 funcref) (table $x i64 2000 funcref)
              (global $g (ref $a) (array.new_default $a (i32.const 2000)))
              (global $h (ref $r) (array.new_default $r (i32.const 2000)))
              (data $d "{"x" * 1600}") (elem $e func {"$f " * 1600})
              (func $f (export "f") (param i32) {code}))"""
        )
    )
    nothing = Run(meter).used("f", 0)
    assert Run(meter).used("f", 1600) - nothing == 1600 // per
    assert nothing < 10


def test_a_length_beyond_everything_ends_without_wrapping() -> None:
    for code in (
        "(memory.fill $w (i64.const 0) (i32.const 1) (i64.const -1))",
        "(table.fill $x (i64.const 0) (ref.null func) (i64.const -1))",
        "(table.fill $x (i64.const 0) (ref.null func) (i64.const 0x4000000000000001))",
    ):
        text = f'(module (memory $w i64 1) (table $x i64 1 funcref) (func (export "f") {code}))'
        run = Run(instrument(assemble(text)), 1000)
        with pytest.raises(wasmtime.Trap):
            run.call("f")
        assert run.left < 0


CALLS = """(module
  (type $t (func (param i32 i32) (result i32)))
  (import "os" "move" (func $move (type $t)))
  (import "os" "free" (func $free))
  (global (ref $t) (ref.func $move))
  (table $t 4 funcref) (elem (i32.const 0) $move) (elem (i32.const 1) funcref (ref.func $move))
  (elem declare func $move)
  (table $u 1 (ref $t) (ref.func $move))
  (memory 1) (export "again" (func $move))
  (func (export "direct") (param i32 i32) (result i32) (call $move (local.get 0) (local.get 1)))
  (func (export "tail") (param i32 i32) (result i32)
    (return_call $move (local.get 0) (local.get 1)))
  (func (export "pointer") (param i32 i32) (result i32)
    (call_indirect $t (type $t) (local.get 0) (local.get 1) (i32.const 0)))
  (func (export "pointer 2") (param i32 i32) (result i32)
    (call_indirect $t (type $t) (local.get 0) (local.get 1) (i32.const 1)))
  (func (export "pointer 3") (param i32 i32) (result i32)
    (call_indirect $u (type $t) (local.get 0) (local.get 1) (i32.const 0)))
  (func (export "reference") (param i32 i32) (result i32)
    (call_ref $t (local.get 0) (local.get 1) (ref.func $move)))
  (func (export "variable") (param i32 i32) (result i32)
    (call_ref $t (local.get 0) (local.get 1) (global.get 0)))
  (func (export "free") (call $free))
  (func (export "put") (param i32 i32) (i32.store (local.get 0) (local.get 1))))"""
COSTS = {
    ("os", "move"): Cost(1000, (Amount(0, multiplier=3), Amount(1, shift=2, stored=True))),
}
WAYS = ("direct", "tail", "pointer", "pointer 2", "pointer 3", "reference", "variable")


@pytest.mark.parametrize("way", WAYS)
def test_a_call_of_the_host_costs_what_it_does_however_it_is_reached(way: str) -> None:
    meter = instrument(assemble(CALLS), costs=COSTS)
    results = iter([0, 5])
    asked: list[tuple[int, int]] = []

    def move(first: int, second: int) -> int:
        asked.append((first, second))
        return next(results)

    run = Run(meter, imports={"move": move, "free": lambda: None})
    run.call("put", 64, 4000)
    served = run.used(way, 7, 64)
    failed = run.used(way, 7, 64)
    assert asked == [(7, 64), (7, 64)]
    assert served - failed == 4000 >> 2
    assert 1000 + 7 * 3 < failed < 1000 + 7 * 3 + 10
    assert run.used("free") < 10


@pytest.mark.parametrize("way", WAYS)
def test_the_host_is_not_called_once_fuel_is_short(way: str) -> None:
    def refuse(*_args: int) -> int:
        raise AssertionError("it was called")

    run = Run(
        instrument(assemble(CALLS), costs=COSTS),
        1000,
        imports={"move": refuse, "free": lambda: None},
    )
    with pytest.raises(wasmtime.Trap):
        run.call(way, 0, 64)
    assert run.left < 0


def test_fuel_runs_out_in_a_guest_called_by_the_host_it_called() -> None:
    text = """(module (import "os" "back" (func $back))
      (func (export "spin") (loop $l (br $l)))
      (func (export "f") (block $h (try_table (catch_all $h) (call $back))) (loop $l (br $l))))"""
    runs: list[Run] = []

    def back() -> None:
        runs[0].call("spin")

    runs.append(Run(instrument(assemble(text)), 10_000, imports={"back": back}))
    with pytest.raises(wasmtime.Trap):
        runs[0].call("f")
    assert runs[0].left < 0


def test_a_start_function_waits_for_its_fuel() -> None:
    text = """(module (global $n (export "n") (mut i32) (i32.const 0))
      (func $s (global.set $n (i32.const 7))) (start $s))"""
    meter = instrument(assemble(text))
    assert meter.start is not None
    run = Run(meter, 3)
    assert run.export("n").value(run.store) == 7
    assert run.left == 0
    with pytest.raises(wasmtime.Trap):
        Run(meter, 2)


def test_no_index_of_the_guests_changes() -> None:
    module = assemble(CALLS)
    made = instrument(module, costs=COSTS, interrupt="call").module
    assert made.exports[: len(module.exports)] == module.exports
    assert made.imports == module.imports
    kinds = binary.KINDS
    for kind in kinds:
        before = module.index_space(kind)
        assert made.index_space(kind)[: len(before)] == before


def test_names_do_not_clash_with_the_guests() -> None:
    text = """(module (global (export "__wasix_fuel") (mut i64) (i64.const 1000000000))
      (func (export "f") (loop $l (br $l))))"""
    run = Run(instrument(assemble(text)), 100)
    with pytest.raises(wasmtime.Trap):
        run.call("f")
    assert run.meter.fuel == "__wasix__fuel"


def test_what_tells_positions_in_code_is_dropped_and_names_are_kept() -> None:
    text = """(module (func $f (export "f") (if (@metadata.code.branch_hint "\\00") (i32.const 0)
      (then))) (@custom ".debug_line" "x") (@custom "producers" "y"))"""
    made = instrument(assemble(text)).module
    assert made.name_section().functions == {0: "f"}
    assert [name for name, _ in made.custom_sections if name != "name"] == ["producers"]


SPINS = '(module (func (export "f") (loop $l (br $l))) (func (export "g")))'


def test_a_question_decides_whether_a_guest_goes_on() -> None:
    meter = instrument(assemble(SPINS), fuel=False, interrupt="call")
    assert meter.fuel is None
    run = Run(meter)
    answers = itertools.chain([0] * 5, [1])
    asked = 0

    def ask() -> int:
        nonlocal asked
        asked += 1
        return next(answers)

    function = wasmtime.Func(run.store, wasmtime.FuncType([], [wasmtime.ValType.i32()]), ask)
    run.export(meter.interrupt or "").set(run.store, 0, function)
    with pytest.raises(wasmtime.Trap):
        run.call("f")
    assert asked == 6


def test_few_steps_are_not_worth_a_question() -> None:
    meter = instrument(assemble(SPINS), fuel=False, interrupt="call")
    run = Run(meter)
    for _ in range(PERIOD - 1):
        run.call("g")
    with pytest.raises(wasmtime.Trap):  # nobody to ask
        run.call("g")


def test_a_word_stops_a_guest() -> None:
    meter = instrument(assemble(SPINS), fuel=False, interrupt="word")
    run = Run(meter)
    run.call("g")
    memory = run.export(meter.interrupt or "")
    memory.data_ptr()[0] = 1
    with pytest.raises(wasmtime.Trap):
        run.call("f")
    with pytest.raises(wasmtime.Trap):
        run.call("g")


@pytest.mark.parametrize("interrupt", [None, "call", "word"])
@pytest.mark.parametrize("fuel", [False, True])
@pytest.mark.parametrize("name", COUNTED)
def test_every_combination_is_valid(name: str, fuel: bool, interrupt: Interrupt | None) -> None:
    module = assemble(f"(module {COUNTED[name]})")
    made = instrument(module, fuel=fuel, interrupt=interrupt).module.join()
    wasmtime.Module.validate(ENGINE, made)
