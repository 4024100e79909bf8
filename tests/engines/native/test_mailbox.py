"""The WebAssembly between guests on Cranelift and the callbacks that serve them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue

import pytest

import engines
import wasix
from engines.native.cranelift.mailbox import Mailbox
from engines.protocol import End, Entry, Linked, Outcome
from engines.wasm import FunctionType, decode
from wasix.abi import CALLS, UNWIND, Function
from wasix.abi.instance import Suspended, Upcall
from wasix.proc.carrier import OsThreadCarrier

Wat = Callable[[str], str]

# What comes out of a slot whose neighbour reaches into it, or that is cut short, is another number.
VALUES = {"i32": 0x89ABCD00, "i64": 0xFEDCBA98_89ABCD00}
# Some names have two functions, which a guest cannot both import by them.
IMPORTED = {f"{number}-{function.name}": function for number, function in enumerate(CALLS)}


class Recording:
    """A door that answers every call with the number of those before, and notes its arguments."""

    def __init__(self) -> None:
        self.seen: list[tuple[Function, tuple[int, ...]]] = []

    def entry(self, function: Function) -> Entry:
        def enter(memory: memoryview, arguments: Sequence[int]) -> int:
            self.seen.append((function, tuple(arguments)))
            return len(self.seen) - 1

        return enter

    def upcall(self) -> Upcall:
        raise NotImplementedError

    def proceed(self, memory: memoryview, answer: object = None) -> int:
        raise NotImplementedError

    def suspended(self, guest: Suspended) -> int | None:
        raise NotImplementedError


def arguments(function: Function) -> list[int]:
    return [VALUES[kind] + place for place, kind in enumerate(function.wasm_params)]


def call(place: int, function: Function) -> str:
    """Calls it, and traps if the answer is not its place among all."""
    values = zip(function.wasm_params, arguments(function), strict=True)
    given = " ".join(f"({kind}.const {value})" for kind, value in values)
    made = f"(call ${place} {given})"
    if function.void:
        return made
    return f"(if (i32.ne {made} (i32.const {place})) (then unreachable))"


def run(module: str, door: Recording) -> Outcome:
    with open(module, "rb") as file:
        decoded = decode(file.read(), module)
    functions = {("abi", name): function for name, function in IMPORTED.items()}
    ended: SimpleQueue[Outcome] = SimpleQueue()
    guest = engines.get("cranelift").start(Linked(decoded, functions), door, ended.put)
    outcome = ended.get()
    guest.close()
    return outcome


def test_every_call_gets_its_arguments_and_answers(wat: Wat) -> None:
    imports, calls = [], []
    for place, (name, function) in enumerate(IMPORTED.items()):
        params = " ".join(function.wasm_params)
        results = f"(result {' '.join(function.wasm_results)})"
        imports.append(f'(import "abi" "{name}" (func ${place} (param {params}) {results}))')
        calls.append(call(place, function))
    lines = [*imports, '(memory (export "memory") 1)', '(func (export "_start")', *calls, ")"]
    door = Recording()
    assert run(wat("\n".join(["(module", *lines, ")"])), door) == Outcome(End.RETURNED)
    for function, seen in door.seen:
        signed = [
            value - 2**64 if scalar and scalar.code == "q" else value
            for value, (_, scalar) in zip(arguments(function), function.slots, strict=True)
        ]
        assert seen == tuple(signed), function.name
    assert [function for function, _ in door.seen] == list(CALLS)


def test_a_module_is_named_by_its_types() -> None:
    types = (FunctionType.of(["i32"], ["i32"]), FunctionType.of(["i64"]))
    assert Mailbox(types).digest == Mailbox(types).digest
    assert Mailbox(types).digest != Mailbox(types[::-1]).digest


EXITS = """(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $yield))
    (loop $again (br $again))))"""


def test_a_callback_that_fails_ends_the_guest(wat: Wat, monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(carrier: OsThreadCarrier, function: Function) -> Entry:
        def enter(memory: memoryview, arguments: Sequence[int]) -> int:
            raise KeyboardInterrupt("here")

        return enter

    monkeypatch.setattr(OsThreadCarrier, "entry", entry)
    with wasix.Sandbox(engine="cranelift") as box:
        process = box.Popen([wat(EXITS)])
        assert process.wait(timeout=60) == 70
        assert process.message is not None
        assert process.message.endswith("engine: KeyboardInterrupt: here")


def test_no_answer_unwinds(wat: Wat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OsThreadCarrier, "entry", lambda *_: lambda *_: UNWIND)
    done = wasix.run([wat(EXITS)], engine="cranelift")
    assert done.returncode == 70, "ended by its engine, not by a trap"
