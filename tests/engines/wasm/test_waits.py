"""Modules that wait at shared memory call their host instead, and trap where they did."""

from __future__ import annotations

import pytest

import wasix
from engines.wasm import DecodeError, Module, decode
from engines.wasm.waits import FILLER, NOWHERE, exchange
from tests.engines.wasm.test_rewrite import assemble, checked

PAGE = 1 << 16
NAMES = ("wait32", "wait64", "notify")


def waiting(memory: str, address: str, offset: int) -> str:
    return f"""(module
  {memory}
  (func (export "wait32") (param {address} i32 i64) (result i32)
    local.get 0 local.get 1 local.get 2 memory.atomic.wait32 offset={offset})
  (func (export "wait64") (param {address} i64 i64) (result i32)
    local.get 0 local.get 1 local.get 2 memory.atomic.wait64 offset={offset})
  (func (export "notify") (param {address} i32) (result i32)
    local.get 0 local.get 1 memory.atomic.notify offset={offset}))"""


SHARED = '(memory (export "memory") 1 2 shared)'


class Served:
    """An instance whose host answers 2, as when time is over, and notes what it is asked."""

    def __init__(self, module: Module) -> None:
        self.asked: list[tuple[object, ...]] = []
        waits = exchange(module)
        assert waits is not None
        checked(waits.module)
        self.instance = wasix.Instance(wasix.Module(waits.module.join(), engine="cranelift"))

        def answer(name: str, *arguments: object) -> int:
            self.asked.append((name, *arguments))
            return 2

        def serve(name: str) -> object:
            return lambda *arguments: answer(name, *arguments)

        given = {str(index): serve(name) for index, name in enumerate(NAMES)}
        given["table"] = self.instance.exports[waits.table]
        wasix.Instance(wasix.Module(FILLER, engine="cranelift"), imports={"": given})


def test_what_the_host_is_asked() -> None:
    served = Served(assemble(waiting(SHARED, "i32", 16)))
    exports = served.instance.exports
    assert exports.wait32(4, 0, -1) == 2
    assert exports.wait64(8, 0, 5) == 2
    assert exports.notify(0, -1) == 2
    assert served.asked == [("wait32", 20, 0, -1), ("wait64", 24, 0, 5), ("notify", 16, -1)]


def test_another_value_is_not_waited_at() -> None:
    served = Served(assemble(waiting(SHARED, "i32", 0)))
    assert served.instance.exports.wait32(4, 1, -1) == 1
    assert served.instance.exports.wait64(8, 1 << 32, -1) == 1
    assert not served.asked


@pytest.mark.parametrize("offset", [0, 1, 2, 4, PAGE - 4, 0xFFFF_FFFC, 0xFFFF_FFFF])
@pytest.mark.parametrize("name", NAMES)
def test_it_traps_where_the_instruction_does(name: str, offset: int) -> None:
    module = assemble(waiting(SHARED, "i32", offset))
    native = wasix.Instance(wasix.Module(module.join(), engine="cranelift"))
    served = Served(module)
    for address in (0, 1, 2, 4, 8, PAGE - 8, PAGE - 4, PAGE, -4, -8, -1):
        outcomes = []
        for instance in (native, served.instance):
            try:
                # In time, the instruction finds that it is over as well; there is nobody to wake.
                rest = (0,) if name == "notify" else (0, 0)
                answer = instance.exports[name](address, *rest)
            except wasix.Trap:
                answer = "trap"
            outcomes.append(answer if name != "notify" or answer == "trap" else "woken")
        assert outcomes[0] == outcomes[1], (address, outcomes)


def test_addresses_of_64_bits() -> None:
    memory = '(memory (export "memory") i64 1 2 shared)'
    served = Served(assemble(waiting(memory, "i64", 16)))
    assert served.instance.exports.wait32(8, 0, -1) == 2
    assert served.asked == [("wait32", 24, 0, -1)]
    for address in (-16, -8, PAGE, 1 << 62):
        with pytest.raises(wasix.Trap):
            served.instance.exports.wait32(address, 0, -1)


def test_another_memory_than_the_programs_is_nowhere() -> None:
    module = assemble(
        f"""(module {SHARED} (memory 1 1 shared)
          (func (export "wait32") (param i32 i32 i64) (result i32)
            local.get 0 local.get 1 local.get 2 memory.atomic.wait32 1 offset=4))"""
    )
    served = Served(module)
    assert served.instance.exports.wait32(0, 0, 9) == 2
    assert served.asked == [("wait32", NOWHERE - (1 << 64), 0, 9)]


@pytest.mark.parametrize(
    "text",
    [
        "(module)",
        "(module (memory 1) (func i32.const 0 i32.const 0 memory.atomic.notify drop))",
        f"(module {SHARED} (func i32.const 0 i32.atomic.load drop))",
        # A constant that only looks like the instruction.
        f"(module {SHARED} (func i32.const -254 drop i64.const 0x7ffffffffffffe01 drop))",
        f"(module {SHARED} (func unreachable i32.const 0 i32.const 0 memory.atomic.notify drop))",
    ],
)
def test_what_does_not_wait_at_shared_memory_stays_as_it_is(text: str) -> None:
    assert exchange(assemble(text)) is None


def test_what_a_function_does_beside_waiting_stays() -> None:
    module = assemble(
        f"""(module {SHARED}
          (func $before (result i32) i32.const 1)
          (func (export "wait") (result i32) (local i32)
            (block i32.const 0 br_if 0 i32.const 40 local.set 0)
            i32.const 0 i32.const 0 i64.const -1 memory.atomic.wait32 call $after i32.add
            local.get 0 i32.add)
          (func $after (result i32)
            i32.const 0xfe00 i32.const 0xfdff i32.sub call $before i32.add))"""
    )
    assert Served(module).instance.exports.wait() == 2 + (1 + 1) + 40


def test_padded_numbers_are_seen() -> None:
    """An encoder may write any of these numbers longer than need be."""
    plain = assemble(
        f"""(module {SHARED} (func (export "notify") (result i32)
          i32.const 0 i32.const 1 memory.atomic.notify))"""
    ).join()
    body = b"\x00\x41\x00\x41\x01\xfe\x00\x02\x00\x0b"
    padded = b"\x00\x41\x00\x41\x01\xfe\x80\x00\x82\x00\x80\x00\x0b"
    section = bytes([10, len(body) + 2, 1, len(body)]) + body
    assert section in plain
    longer = bytes([10, 0x80 | len(padded) + 3, 0, 1, 0x80 | len(padded), 0]) + padded
    module = decode(plain.replace(section, longer), "padded.wasm")
    waits = exchange(module)
    assert waits is not None
    checked(waits.module)


def test_a_body_that_cannot_be_read() -> None:
    plain = assemble(
        f"""(module {SHARED} (func (export "notify") (result i32)
          i32.const 0 i32.const 1 memory.atomic.notify))"""
    ).join()
    broken = plain.replace(b"\xfe\x00\x02\x00\x0b", b"\xfe\x00\x02\x00\xff")
    assert broken != plain
    with pytest.raises(DecodeError, match=r"bad.wasm: .*offset 0x"):
        exchange(decode(broken, "bad.wasm"))
