"""Isolates that share a WebAssembly memory, and let go of it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.v8.isolate import Isolate
from engines.v8.library import library
from engines.v8.shared import Lent, attach, available, lend
from engines.wasm import Limits, MemoryType

SHARED = MemoryType(Limits(1, 64, shared=True))
PAGE = 1 << 16


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    library()
    if not available():
        pytest.skip("isolates are not known to share memory here")


@pytest.fixture
def isolates() -> Iterator[list[Isolate]]:
    made = [Isolate() for _ in range(3)]
    yield made
    for isolate in made:
        isolate.close()


def share(lender: Isolate, borrower: Isolate) -> None:
    """Give `memory` of one isolate to another under the same name."""
    lent: list[Lent] = []
    lender.define("lend", lambda: lent.append(lend("buffer", SHARED)))
    lender.evaluate("globalThis.buffer = memory.buffer; lend()")
    borrower.define("attach", lambda: attach(lent.pop(), "memory"))
    borrower.evaluate("attach()")


def make(isolate: Isolate) -> None:
    isolate.evaluate(
        "globalThis.memory = new WebAssembly.Memory({ initial: 1, maximum: 64, shared: true }); 0"
    )


def test_what_one_stores_the_others_see(isolates: list[Isolate]) -> None:
    first, second, third = isolates
    make(first)
    share(first, second)
    share(second, third)
    first.evaluate("new Int32Array(memory.buffer)[5] = 1234")
    for isolate in (second, third):
        assert isolate.evaluate("new Int32Array(memory.buffer)[5]") == 1234
    assert third.evaluate("memory instanceof WebAssembly.Memory ? 1 : 0") == 1
    for isolate in isolates:
        isolate.evaluate("Atomics.add(new Int32Array(memory.buffer), 9, 1)")
    assert first.evaluate("Atomics.load(new Int32Array(memory.buffer), 9)") == 3


def test_it_grows_for_all(isolates: list[Isolate]) -> None:
    first, second, third = isolates
    make(first)
    share(first, second)
    assert second.evaluate("memory.grow(2)") == 1
    assert first.evaluate("memory.buffer.byteLength") == 3 * PAGE
    share(first, third)
    assert third.evaluate("memory.buffer.byteLength") == 3 * PAGE
    assert third.evaluate("memory.grow(1)") == 3
    assert first.evaluate("memory.grow(0)") == second.evaluate("memory.grow(0)") == 4


def test_it_does_not_grow_beyond_its_maximum(isolates: list[Isolate]) -> None:
    first, second, _ = isolates
    make(first)
    share(first, second)
    failed = "(() => { try { memory.grow(64); return 0 } catch { return 1 } })()"
    assert second.evaluate(failed) == 1
    assert second.evaluate("memory.grow(63)") == 1


@pytest.mark.parametrize("rounds", [20])
def test_isolates_that_have_ended_are_forgotten(isolates: list[Isolate], rounds: int) -> None:
    """Growing tells every isolate that has the memory: none that is gone."""
    first = isolates[0]
    make(first)
    for _ in range(rounds):
        borrower = Isolate()
        share(first, borrower)
        borrower.evaluate("new Int32Array(memory.buffer)[0]++")
        borrower.close()
        first.evaluate("memory.grow(1)")
    assert first.evaluate("new Int32Array(memory.buffer)[0]") == rounds
    assert first.evaluate("memory.buffer.byteLength") == (1 + rounds) * PAGE


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_memory_is_freed_with_the_last_isolate_that_has_it() -> None:
    first, second = Isolate(), Isolate()
    make(first)
    share(first, second)
    view = second.evaluate("memory.buffer")
    assert isinstance(view, memoryview)
    base = ctypes.addressof(ctypes.c_char.from_buffer(view))
    del view
    first.close()
    assert second.evaluate("new Int32Array(memory.buffer)[0]") == 0
    assert mapped(base)
    second.close()
    assert not mapped(base)


def mapped(address: int) -> bool:
    """Whether memory can be read and written there."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        region, access, *_ = line.split()
        start, end = (int(part, 16) for part in region.split("-"))
        if start <= address < end:
            return "w" in access
    return False
