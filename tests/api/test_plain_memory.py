"""Memories, globals and tables of plain modules."""

from __future__ import annotations

import struct
from typing import Any

import pytest

import wasix
from tests.api.plain import exports, instance

MEMORY = """(memory (export "m") 1 4)
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))"""


def test_bytes_are_read_and_written(on: str) -> None:
    found = exports(MEMORY, on)
    view = found.m.view()
    assert (view.format, view.readonly, len(view)) == ("B", False, 65536)
    view[8:12] = struct.pack("<i", -5)
    assert found.load(8) == -5
    found.store(12, 77)
    assert view[12] == 77
    assert found.m.typed("i32")[3] == 77
    found.m.typed("f64")[2] = 1.5
    assert struct.unpack_from("<d", view, 16) == (1.5,)
    with pytest.raises(wasix.UsageError, match="no i24 elements"):
        found.m.typed("i24")


def test_views_across_growth(on: str) -> None:
    found = exports(MEMORY, on)
    before = found.m.view()
    before[0] = 1
    assert found.m.grow(1) == 1
    assert found.grow(1) == 2
    assert found.m.size == 3
    after = found.m.view()
    assert (len(before), len(after), after[0]) == (65536, 3 * 65536, 1)
    before[1] = 2
    after[2] = 3
    assert (after[1], before[2]) == (2, 3)
    assert found.load(0) == 0x030201
    after[2 * 65536] = 9
    assert found.load(2 * 65536) == 9
    with pytest.raises(MemoryError, match="cannot grow by 2 pages"):
        found.m.grow(2)
    with pytest.raises(MemoryError):
        found.m.grow(1 << 70)
    with pytest.raises(wasix.UsageError):
        found.m.grow(-1)
    assert found.grow(2) == -1


@pytest.mark.parametrize("shared", [False, True])
def test_a_memory_of_the_host_is_imported(on: str, shared: bool) -> None:
    memory = wasix.Memory(1, 3, shared=shared)
    with pytest.raises(wasix.UsageError, match="in no instance yet"):
        memory.view()
    word = "shared" if shared else ""
    text = f"""(import "env" "m" (memory 1 3 {word}))
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))"""
    if shared and on == "spidermonkey":
        with pytest.raises(wasix.ProgramInvalid, match="needs threads, which spidermonkey lacks"):
            instance(text, on, {"env": {"m": memory}})
        return
    found = instance(text, on, {"env": {"m": memory}})
    memory.view()[4] = 42
    assert found.exports.load(4) == 42
    other = instance(text, on, {"env": {"m": memory}})
    assert other.exports.load(4) == 42
    memory.grow(1)
    assert (memory.size, len(memory.view())) == (2, 2 * 65536)
    assert other.exports.load(65536) == 0


def test_a_host_function_looks_at_memory(on: str) -> None:
    def look() -> None:
        found.m.view()[0] += 1

    found = exports(
        """(import "env" "look" (func $look)) (memory (export "m") 1)
           (func (export "f") (result i32)
             (call $look) (call $look) (drop (memory.grow (i32.const 1))) (call $look)
             (i32.load (i32.const 0)))""",
        on,
        look=look,
    )
    if on == "v8":
        with pytest.raises(wasix.UsageError, match="no new memory while a host function runs"):
            found.f()
        found.m.view()
    assert found.f() == 3


def test_a_memory_of_64_bits(on: str) -> None:
    text = """(memory (export "m") i64 1 3)
        (func (export "load") (param i64) (result i32) (i32.load (local.get 0)))"""
    if on in ("jsc", "jsc-jitless"):
        with pytest.raises(wasix.ProgramInvalid, match=f"needs memory64, which {on} lacks"):
            exports(text, on)
        return
    found = exports(text, on)
    found.m.view()[4] = 42
    assert found.load(4) == 42
    assert (found.m.grow(1), found.m.size) == (1, 2)
    found.m.view()[65540] = 43
    assert (found.load(4), found.load(65540)) == (42, 43)
    with pytest.raises(MemoryError):
        found.m.grow(2)


def test_a_memory_of_no_pages(on: str) -> None:
    found = exports('(memory (export "m") 0 1)', on)
    assert (found.m.size, len(found.m.view())) == (0, 0)
    assert found.m.grow(1) == 0
    assert len(found.m.view()) == 65536


def test_globals(on: str) -> None:
    counter = wasix.Global("i64", 5, mutable=True)
    found = instance(
        """(import "env" "counter" (global $c (mut i64))) (import "env" "step" (global $s i64))
           (global (export "pi") f64 (f64.const 3.5)) (export "again" (global $c))
           (func (export "run") (global.set $c (i64.add (global.get $c) (global.get $s))))""",
        on,
        {"env": {"counter": counter, "step": wasix.Global("i64", -7)}},
    ).exports
    found.run()
    assert counter.value == found.again.value == -2
    counter.value = 1 << 63
    assert found.again.value == -(1 << 63)
    assert found.pi.value == 3.5
    with pytest.raises(TypeError, match="not mutable"):
        found.pi.value = 1.0
    with pytest.raises(TypeError, match="is no i64"):
        counter.value = "x"
    with pytest.raises(OverflowError):
        counter.value = 1 << 64


def test_tables(on: str) -> None:
    table = wasix.Table("funcref", 1, 3)
    found = instance(
        """(import "env" "t" (table $t 1 3 funcref))
           (func (export "one") (result i32) (i32.const 1))
           (func (export "run") (param i32) (result i32)
             (call_indirect (result i32) (local.get 0)))""",
        on,
        {"env": {"t": table}},
    ).exports
    assert (len(table), table.get(0)) == (1, None)
    table.set(0, found.one)
    assert found.run(0) == 1
    assert table.grow(1, found.one) == 1
    assert (len(table), found.run(1), table.get(1)()) == (2, 1, 1)
    table.set(0, None)
    assert table.get(0) is None
    for index in (2, -1):
        with pytest.raises(IndexError, match="2 elements"):
            table.get(index)
        with pytest.raises(IndexError):
            table.set(index, None)
    with pytest.raises(MemoryError):
        table.grow(2)
    with pytest.raises(TypeError, match="only functions of instances"):
        table.set(0, len)
    other = exports('(func (export "f"))', on)
    with pytest.raises(TypeError, match="not linked to this one"):
        table.set(0, other.f)


def test_a_dozen_memories_are_seen_as_they_grow(on: str) -> None:
    memories = [wasix.Memory(1, 20) for _ in range(12)]
    shared: dict[str, Any] = {}
    for at, memory in enumerate(memories):
        # Each is linked to the ones before.
        first = '(import "env" "f" (func $f))' if at else '(func $f (export "f"))'
        found = instance(
            f"""(import "env" "m" (memory 1)) {first}
                (func (export "grow") (drop (memory.grow (i32.const 9)))
                  (i32.store8 (i32.const 600000) (i32.const {at})))""",
            on,
            {"env": {"m": memory, **shared}},
        ).exports
        if not at:
            shared["f"] = found.f
        memory.view()[5] = at
        found.grow()
    for at, memory in enumerate(memories):
        view = memory.view()
        assert (len(view), view[5], view[600000]) == (10 << 16, at, at)
