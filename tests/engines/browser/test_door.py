"""The door and its decoder against the direct decoder: the same calls on the same memory.

The door runs in V8, over a staging area that Python sees, as it does over Pyodide's heap in a page.
What the handler is given, the errno, and every byte of linear memory afterwards must agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wasmtime import wat2wasm

from engines.browser.door import door, gate
from engines.v8.isolate import Isolate
from tests.selection import FULL
from wasix.abi import CALLS, NARROW, NUMBERS, SUSPEND, UPCALL, E, Errno, Function
from wasix.abi.bind import direct
from wasix.abi.function import Fill, Gather, In, Out, OutRecords, Records, Scatter, Strings, Text
from wasix.abi.layout import Blob, Record, Scalar, Type, Union
from wasix.abi.staged import (
    AGAIN,
    DATA,
    LEAST_ERRNO,
    PARKED,
    UNWOUND,
    Stage,
    Views,
    layout,
    staged,
)

FD_WRITE = next(function for function in CALLS if function.name == "fd_write")
FD_READ = next(function for function in CALLS if function.name == "fd_read")
FD_CLOSE = next(function for function in CALLS if function.name == "fd_close")
LOOKED_UP = [function for function in NARROW if not function.copied]
PAGE = 65536
ROOM = 1 << 20
_GUEST = Path(__file__).parents[3] / "engines" / "browser" / "guest.js"

_DRIVER = """
// V8 alone has no TextDecoder; this is as strict.
class TextDecoder {
  decode(bytes) {
    const hex = [...bytes].map((byte) => "%%" + byte.toString(16).padStart(2, "0"));
    decodeURIComponent(hex.join(""));
  }
}
const box = new SharedArrayBuffer(1024), longs = new BigInt64Array(box);
const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: %(shared)s });

// Python's ints are places in a list here; place 0 stands for none, as a null pointer does.
const python = { memory: new WebAssembly.Memory({ initial: %(pages)d }), objects: [null], live: 0 };
python.HEAPU8 = new Uint8Array(python.memory.buffer);
const object = (value) => {
  python.live++;
  return python.objects.push(value) - 1;
};
Object.assign(python, {
  _malloc: () => 8,
  _PyLong_FromUnsignedLong: (value) => object(BigInt(value >>> 0)),
  _PyLong_FromUnsignedLongLong: (value) => object(BigInt.asUintN(64, value)),
  _PyLong_FromLongLong: object,
  _PyLong_AsLong: (place) => Number(python.objects[place]),
  _PyErr_Clear: () => {},
  _Py_DecRef: () => python.live--,
  _PyObject_Vectorcall(callee, array, count) {
    const places = new Uint32Array(python.memory.buffer, array, count);
    longs[0] = BigInt(count);
    places.forEach((place, i) => {
      const value = python.objects[place];
      longs[1 + 2 * i] = BigInt.asIntN(64, value);
      longs[2 + 2 * i] = value >> 64n;
    });
    callHost();
    return object(longs[0]);
  },
});
const stage = new Stage(python, () => ({ base: 1024, size: %(room)d }), () => false);
const carrier = {
  credit: new WebAssembly.Global({ value: "i32", mutable: true }, 1),
  made: new WebAssembly.Global({ value: "i32", mutable: true }, 0),
  suspends: false,
  mayGoOn: () => true,
  wait: () => { throw "waits"; },
  finished: () => {},
  stack: { apart: new WebAssembly.Global({ value: "i32", mutable: true }, 0) },
  reached: () => { throw "is apart"; },
};
const guest = new Guest(stage, carrier);
const { calls, ...made } = new WebAssembly.Instance(new WebAssembly.Module(GATE)).exports;
const early = made[%(fd_write)d](1, 0, 0, 0);
guest.open(calls, memory, new Array(calls.length).fill(1));
// Arguments as wasm passes them: 32 bits as a signed number, 64 bits as a signed BigInt.
function invoke(number, ...types) {
  const args = types.map((type, i) =>
    type === "i64" ? longs[1 + i] : Number(BigInt.asIntN(32, longs[1 + i])));
  try {
    return made[number](...args);
  } catch (error) {
    return error instanceof WebAssembly.RuntimeError && guest.unwinding ? "unwound" : String(error);
  }
}
globalThis.test = { box, early, invoke, memory, python };
"""


def _classic(module: str) -> str:
    """An ES module as a part of a classic script."""
    module = re.sub(r"^import .*?;\n", "", module, flags=re.M | re.S)
    return re.sub(r"^export ", "", module, flags=re.M)


def _glue(two_memories: bool) -> str:
    """What `#glue` is in a bundle. Without `two_memories`, the engine seems to lack them."""
    modules = {
        "GATE": wat2wasm(gate()),
        "DOOR": wat2wasm(door()) if two_memories else b"",
        "DOOR_ONE_MEMORY": wat2wasm(door(two_memories=False)),
    }
    lines = [f"const {name} = Uint8Array.of({list(data)});" for name, data in modules.items()]
    lines.append(f"const ARGUMENTS_SIZE = 64, DATA = {DATA}, ILSEQ = {int(E.ILSEQ)};")
    return "\n".join(lines).replace("of([", "of(").replace("])", ")")


class FixedStage(Stage):
    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.views = Views(self)

    def reserve(self, size: int) -> bool:
        return size <= len(self.view)


class Page:
    """The door in V8, called like a guest calls it."""

    def __init__(self, *, two_memories: bool = True, shared: bool = False) -> None:
        self.isolate = Isolate()
        self.isolate.define("callHost", self._serve)
        values = {
            "shared": "true" if shared else "false",
            "pages": ROOM // PAGE + 1,
            "room": ROOM,
            "fd_write": NUMBERS[FD_WRITE],
        }
        parts = [_glue(two_memories), _classic(_GUEST.read_text()), _DRIVER % values]
        self.isolate.evaluate("(() => {" + "\n".join(parts) + "})()")
        self.box = self._buffer("test.box").cast("q")
        self.memory = self._buffer("test.memory.buffer")
        self.stage = FixedStage(self._buffer("test.python.memory.buffer")[1024 : 1024 + ROOM])

    def _buffer(self, code: str) -> memoryview:
        value = self.isolate.evaluate(code)
        assert isinstance(value, memoryview)
        return value

    def _serve(self) -> None:
        count = self.box[0]
        args = [(self.box[1 + 2 * i] % 2**64) + (self.box[2 + 2 * i] << 64) for i in range(count)]
        self.box[0] = self.call(*args)

    def invoke(self, function: Function, handler: Any, args: Sequence[int]) -> Any:
        self.call = staged(function, handler, None, self.stage, self._otherwise)
        for index, value in enumerate(args):
            self.box[1 + index] = value - 2**64 if value >= 2**63 else value
        types = "".join(f", '{kind}'" for kind in function.wasm_params)
        return self.isolate.evaluate(f"test.invoke({NUMBERS[function]}{types})")

    def _otherwise(self, error: BaseException) -> int:
        self.raised = error
        return UNWOUND


@pytest.fixture(
    scope="module",
    params=[{}, {"two_memories": False}, {"shared": True}],
    ids=["two-memories", "one-memory", "shared-memory"],
)
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    page = Page(**request.param)
    yield page
    page.isolate.close()


class Script:
    """A handler that notes what it is given and answers from `data`, the same each time."""

    def __init__(self, function: Function, data: st.DataObject) -> None:
        self.function = function
        self.data = data
        self.seen: list[Any] = []
        self.errno = data.draw(st.sampled_from([None] * 6 + [E.NOENT, E.IO]))
        self.fraction = data.draw(st.sampled_from([0, 1, 1, 3, 100]))
        self.results = [self._result(param) for param in function.params]

    def _result(self, param: object) -> Any:
        match param:
            case Out(_, kind):
                drawn = self.data.draw(value(kind))
                return drawn % 2**31 if param == layout(self.function).value else drawn
            case OutRecords(_, record, _):
                return self.data.draw(st.lists(value(record), max_size=3))
            case Strings():
                return self.data.draw(
                    st.lists(
                        st.binary(max_size=9).map(lambda b: b.replace(b"\0", b"0")), max_size=4
                    )
                )
        return None

    def __call__(self, thread: object, *args: Any) -> Any:
        sent = iter(args)
        filled: int | None = None
        results: list[Any] = []
        counts: dict[str, int] = {}
        for param, result in zip(self.function.params, self.results, strict=True):
            match param:
                case Scatter():
                    filled = self._fill(next(sent))
                case Fill():
                    filled = self._fill([next(sent)])
                case Gather():
                    self.seen.append(b"".join(next(sent)))
                case Records(count=count):
                    found = next(sent)
                    counts[count] = len(found)
                    self.seen.append(found)
                case OutRecords(count=count):
                    results.append((count, result))
                case Out():
                    if filled is not None:
                        results.append(filled)
                        filled = None
                    elif not any(isinstance(p, OutRecords) for p in self.function.params):
                        results.append(result)
                case Strings():
                    results.append(result)
                case Text():
                    self.seen.append(next(sent))
                case In(name):
                    self.seen.append(next(sent))
                    counts[name] = self.seen[-1]
        if self.errno is not None:
            raise Errno(self.errno)
        if filled is not None:
            return filled
        if any(isinstance(param, OutRecords) for param in self.function.params):
            count, items = results[0]
            return items[: counts[count]]
        return results[0] if len(results) == 1 else tuple(results)

    def _fill(self, buffers: Sequence[memoryview]) -> int:
        total = sum(map(len, buffers))
        self.seen.append(total)
        count = min(total, total // self.fraction if self.fraction else 0)
        if self.errno is None:
            data = bytes(index % 251 for index in range(count))
            for buffer in buffers:
                part = data[: len(buffer)]
                buffer[: len(part)] = part
                data = data[len(part) :]
        return count


def value(kind: Type) -> st.SearchStrategy[Any]:
    """Any value a result of type `kind` can have."""
    if isinstance(kind, Scalar):
        bits = 8 * kind.size - (1 if kind.code == "q" else 0)
        return st.integers(0, 2**bits - 1)
    if isinstance(kind, Blob):
        return st.binary(min_size=kind.size, max_size=kind.size)
    if isinstance(kind, Record):
        return st.tuples(*(value(field) for _, field, _ in kind.fields))
    assert isinstance(kind, Union)
    cases = [(tag, case) for tag, case in enumerate(kind.cases) if case]
    return st.one_of(*(st.tuples(st.just(tag), value(case)) for tag, case in cases))


POINTERS = st.one_of(
    st.integers(0, 2048).map(lambda n: 8 * n),
    st.sampled_from([0, 1, PAGE - 64, PAGE - 9, PAGE - 8, PAGE - 4, PAGE - 1, PAGE, PAGE + 1]),
    st.sampled_from([2**31, 2**32 - 1]),
)
LENGTHS = st.one_of(
    st.integers(0, 40), st.sampled_from([1024, 4096, 4097, PAGE, 65537, 2**31, 2**32 - 1])
)
I64 = st.one_of(
    st.integers(0, 4),
    st.sampled_from([2**31, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)


@cache
def contents(seed: int) -> bytes:
    """A page of linear memory: places for buffers and records, text, some of it not UTF-8."""
    random = Random(seed)
    spans = bytearray()
    for _ in range(1100):
        pointer = random.choice([random.randrange(PAGE - 300), PAGE - 8])
        length = random.choice([0, 1, 8, 25, 300, 300, PAGE]) if random.random() < 0.02 else 8
        spans += pointer.to_bytes(4, "little") + length.to_bytes(4, "little")
    text = bytes(random.choice(b"abc/.") for _ in range(4000)) + "héß→".encode() * 50 + b"\xff" * 50
    records = b"".join(random.choice([0, 0, 1, 2, 3]).to_bytes(8, "little") for _ in range(4000))
    page = spans + text + records
    return bytes(page + bytes(PAGE - len(page)))


@pytest.mark.parametrize("function", LOOKED_UP, ids=lambda f: f"{NUMBERS[f]}-{f.name}")
@settings(max_examples=40 if FULL else 20, deadline=None)
@given(data=st.data())
def test_answers_as_the_direct_decoder(page: Page, function: Function, data: st.DataObject) -> None:
    memory = contents(data.draw(st.integers(0, 7), label="memory"))
    args: list[int] = []
    for name, kind in function.slots:
        if kind is None:
            args.append(data.draw(LENGTHS if name.endswith("_len") else POINTERS, label=name))
        elif kind.size == 8:
            args.append(data.draw(I64, label=name))
        else:
            few = st.integers(0, 9)
            args.append(data.draw(st.one_of(few, few, st.just(2**32 - 1)), label=name))
    script = Script(function, data)

    seen = bytearray(memory)
    signed = [
        arg - 2**64 if kind and kind.code == "q" and arg >= 2**63 else arg
        for arg, (_, kind) in zip(args, function.slots, strict=True)
    ]
    expected = direct(function, script, None)(memoryview(seen), signed)
    given, script.seen = script.seen, []

    page.memory[:] = memory
    page.stage.view[:] = bytes([0xAA]) * len(page.stage.view)  # what must never reach a guest
    answer = page.invoke(function, script, args)

    if function.void:
        expected = None  # type: ignore[assignment]  # whatever the handler answers
    assert (answer, script.seen) == (expected, given)
    assert bytes(page.memory) == bytes(seen)
    assert page.isolate.evaluate("test.python.live") == 0


def test_a_call_before_there_is_a_memory_is_a_fault(page: Page) -> None:
    assert page.isolate.evaluate("test.early") == E.FAULT


def test_a_call_that_does_not_return_traps(page: Page) -> None:
    def handler(thread: object, fd: int) -> None:
        raise KeyboardInterrupt

    assert page.invoke(FD_CLOSE, handler, [3]) == "unwound"
    assert isinstance(page.raised, KeyboardInterrupt)


def test_buffers_may_lie_over_the_array_that_names_them(page: Page) -> None:
    """The first buffer is the array itself; what is read into it changes no later buffer."""
    spans = [(0, 24), (4096, 8), (8192, 8)]
    array = b"".join(n.to_bytes(4, "little") for span in spans for n in span)
    memory = bytearray(array + bytes(PAGE - len(array)))

    def handler(thread: object, fd: int, buffers: Sequence[memoryview]) -> int:
        data = bytes(range(1, 41))
        for buffer in buffers:
            buffer[:], data = data[: len(buffer)], data[len(buffer) :]
        return 40

    args = [0, 0, 3, 16384]
    page.memory[:] = memory
    assert direct(FD_READ, handler, None)(memoryview(memory), args) == 0
    assert page.invoke(FD_READ, handler, args) == 0
    assert bytes(page.memory) == bytes(memory)


def test_more_than_the_area_can_hold_is_nomem(page: Page) -> None:
    # 1024 buffers of 4 KiB are four times the room there is here.
    iovec = (4096).to_bytes(4, "little") + (4096).to_bytes(4, "little")
    page.memory[:8192] = iovec * 1024
    assert page.invoke(FD_WRITE, lambda *args: 0, [1, 0, 1024, 8192]) == E.NOMEM


def test_answers_do_not_overlap() -> None:
    special = {PARKED, UNWOUND, SUSPEND, UPCALL, AGAIN}
    assert -max(E) >= LEAST_ERRNO > max(special)
    assert len(special) == 5


def test_the_area_grows_and_keeps_a_bound() -> None:
    stage = Stage(DATA)
    assert stage.reserve(1 << 20)
    assert len(stage.view) >= 1 << 20
    assert not stage.reserve(1 << 30)
