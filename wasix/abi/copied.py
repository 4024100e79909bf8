"""The decoder for calls that are rare, or whose arguments take looking around in memory.

It reads the declaration at every call, and copies what the call names through `Memory`: so it is
the same for engines whose memory Python sees and for those whose memory it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from wasix.abi.bind import MAX_BUFFERS, MAX_RECORDS, MAX_TRANSFER, Handler, largest
from wasix.abi.errno import E, Errno, Partial
from wasix.abi.function import (
    Address,
    Count,
    Fill,
    Function,
    Gather,
    In,
    Load,
    Out,
    OutRecords,
    Records,
    Scatter,
    Strings,
    Text,
    TextList,
    Update,
)
from wasix.abi.layout import Type
from wasix.abi.memory import DirectMemory, Memory

MAX_STRINGS = 65536
"""Strings of one list; more are `toobig`."""


class Thread(Protocol):
    """What a handler is called for."""

    memory: Memory


_RESULTS = (Strings, OutRecords, Out, Update)

Copied = Callable[..., int]
"""`(thread, *wasm arguments) -> errno`, or the handler's own result if the function is `plain`."""


class _Call:
    """One call under way: the arguments it passes on, and where its results go."""

    def __init__(self, function: Function, memory: Memory, raw: tuple[int, ...]) -> None:
        self.memory = memory
        self.address_size = 8 if function.wide else 4
        self.slots = dict(zip((name for name, _ in function.slots), raw, strict=True))
        self.filled: list[tuple[int, memoryview]] = []
        """What the handler fills first, and where in memory it goes."""

    def value(self, at: int, of: Type) -> Any:
        return of.load(self.memory.load(at, of.size), 0)

    def store(self, at: int, of: Type, value: Any) -> None:
        area = memoryview(bytearray(of.size))
        of.store(area, 0, value)
        self.memory.store(at, area)

    def word(self, at: int) -> int:
        return int.from_bytes(self.memory.load(at, self.address_size), "little")

    def text(self, name: str) -> str:
        data = self.memory.load(self.slots[name], self.slots[f"{name}_len"])
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError:
            raise Errno(E.ILSEQ) from None

    def strings(self, name: str) -> list[bytes] | None:
        at, count = self.slots[name], self.slots[f"{name}_len"]
        if not at:
            return None
        if count > MAX_STRINGS:
            raise Errno(E.TOOBIG)
        step = self.address_size
        self.memory.check(at, count * step)
        return [self.memory.string(self.word(at + index * step)) for index in range(count)]

    def buffers(self, name: str) -> Iterator[tuple[int, int]]:
        """(address, length) of each, cut to what one call moves."""
        at, count = self.slots[name], self.slots[f"{name}_len"]
        step, room = 2 * self.address_size, MAX_TRANSFER
        self.memory.check(at, count * step)
        if count > MAX_BUFFERS:
            raise Errno(E.INVAL)
        for place in range(at, at + count * step, step):
            start, length = self.word(place), self.word(place + self.address_size)
            self.memory.check(start, length)
            length = min(length, room)
            room -= length
            yield start, length

    def records(self, name: str, of: Type, count: int) -> list[Any]:
        at = self.slots[name]
        self.memory.check(at, count * of.size)
        if count > MAX_RECORDS:
            raise Errno(E.INVAL)
        return [self.value(at + index * of.size, of) for index in range(count)]

    def to_fill(self, start: int, length: int) -> memoryview:
        view = memoryview(bytearray(length))
        self.filled.append((start, view))
        return view

    def scatter(self, count: int) -> None:
        """Store the first `count` bytes of what was filled."""
        for start, view in self.filled:
            taken = min(count, len(view))
            self.memory.store(start, view[:taken])
            count -= taken

    def put_strings(self, pointers: int, area: int, strings: list[bytes]) -> None:
        size = sum(map(len, strings)) + len(strings)
        self.memory.check(pointers, self.address_size * len(strings))
        self.memory.check(area, size)
        self.memory.store(area, b"".join(string + b"\0" for string in strings))
        places = b""
        for string in strings:
            places += area.to_bytes(self.address_size, "little")
            area += len(string) + 1
        self.memory.store(pointers, places)


def copied(function: Function, handler: Handler) -> Copied:
    """`function` for any memory; raises what the handler raises other than `Errno`."""

    def call(thread: Thread, *raw: int) -> int:
        try:
            return _serve(function, handler, thread, raw)
        except Errno as error:
            return function.error(error.code)
        except MemoryError:
            return function.error(E.NOMEM)

    return call


def _serve(function: Function, handler: Handler, thread: Thread, raw: tuple[int, ...]) -> int:
    call = _Call(function, thread.memory, raw)
    for param in function.params:
        if isinstance(param, In):
            top = largest(param)
            if top is not None and call.slots[param.name] > top:
                raise Errno(E.INVAL)
    for param in function.params:
        if isinstance(param, Out | Update):
            thread.memory.check(call.slots[param.name], param.type.size)
        elif isinstance(param, OutRecords):
            size = call.slots[param.count] * param.type.size
            thread.memory.check(call.slots[param.name], size)
    arguments = list(_arguments(function, call))
    try:
        result = handler(thread, *arguments)
    except Partial as error:
        _store(function, call, list(error.results))
        return error.code
    if function.plain:
        return int(result)
    results = [param for param in function.params if isinstance(param, _RESULTS)]
    many = len(results) - any(isinstance(param, OutRecords) for param in results) > 1
    _store(function, call, list(result) if many else [result])
    return 0


def _arguments(function: Function, call: _Call) -> Iterator[Any]:
    slots = call.slots
    for param in function.params:
        match param:
            case In(name, kind):
                value = slots[name]
                yield kind.members[value] if kind.symbolic else value
            case Address(name):
                yield slots[name]
            case Text(name, optional):
                yield None if optional and not slots[name] else call.text(name)
            case TextList(name):
                yield call.strings(name)
            case Load(name, kind, optional):
                at = slots[name]
                yield None if optional and not at else call.value(at, kind)
            case Update(name, kind):
                yield call.value(slots[name], kind)
            case Records(name, kind, count):
                yield call.records(name, kind, slots[count])
            case Gather(name):
                yield [call.memory.load(*place) for place in call.buffers(name)]
            case Scatter(name):
                yield [call.to_fill(*place) for place in call.buffers(name)]
            case Fill(name):
                length = min(slots[f"{name}_len"], MAX_TRANSFER)
                call.memory.check(slots[name], length)
                yield call.to_fill(slots[name], length)
            case Out() | OutRecords() | Strings() | Count():
                pass


def _store(function: Function, call: _Call, results: list[Any]) -> None:
    if call.filled:
        call.scatter(results[0])
    rest = iter(results)
    listed: list[Any] | None = None
    for param in function.params:
        match param:
            case Strings(pointers, area):
                call.put_strings(call.slots[pointers], call.slots[area], next(rest))
            case OutRecords(name, kind, _):
                found = listed = next(rest)
                for index, item in enumerate(found):
                    call.store(call.slots[name] + index * kind.size, kind, item)
            case Out(name, kind) | Update(name, kind):
                value = next(rest) if listed is None else len(listed)
                call.store(call.slots[name], kind, value)
            case _:
                pass


def through_view(
    function: Function, handler: Handler, thread: Thread
) -> Callable[[memoryview, Sequence[int]], int]:
    """The same for `thread`, called as a decoder of `wasix.abi.bind`."""
    call = copied(function, handler)

    def decoded(view: memoryview, arguments: Sequence[int]) -> int:
        thread.memory = DirectMemory(view)
        return call(thread, *arguments)

    return decoded
