"""Decoders: from a declaration and a handler to something an engine can call.

`direct` serves engines whose linear memory Python sees as a `memoryview`: it turns pointers into
`str`, buffers and records, checks every bound before the handler runs (so a bad pointer is `fault`
and changes nothing), and stores the results.

The decoders are compiled from generated source, one function a call, because they run on every
system call of every guest: interpreting the declaration there would cost more than most handlers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from struct import Struct
from typing import Any, TypeVar

from wasix.abi.errno import E, Errno
from wasix.abi.function import (
    Count,
    Fill,
    Function,
    Gather,
    In,
    Out,
    OutRecords,
    Records,
    Scatter,
    Strings,
    Text,
)
from wasix.abi.layout import Record, Scalar, Type
from wasix.abi.types import RIGHTS

Handler = Callable[..., Any]
Call = Callable[[memoryview, Sequence[int]], int]
"""A system call of one thread: (linear memory, wasm arguments) -> errno."""

_H = TypeVar("_H", bound=Handler)


def by_descriptor(table: str) -> Callable[[_H], _H]:
    """Mark a handler `f(thread, fd, ...)` that does no more than call `thread.TABLE[fd](...)`.

    Decoders then do that themselves: in a page, a function call less is a tenth of a small read.
    """

    def mark(handler: _H) -> _H:
        handler.table = table  # type: ignore[attr-defined]  # a function's own attribute
        return handler

    return mark


def table_of(handler: Handler) -> str | None:
    """The attribute of a thread that serves `handler` by descriptor, if one does."""
    table: str | None = getattr(handler, "table", None)
    return table


MAX_BUFFERS = 65536
"""Buffers in one call; more are `inval`."""
MAX_TRANSFER = 0x7FFF_F000
"""Bytes moved by one call, as on Linux; what is over is left for the next call."""
MAX_RECORDS = 4096
"""Records in one call; more are `inval`."""

_IOVEC = Struct("<II").unpack_from


def buffers(memory: memoryview, at: int, count: int) -> list[memoryview]:
    """The views an (c)iovec array names; `fault` outside memory. What is empty may be anywhere."""
    size = len(memory)
    if count and at + 8 * count > size:
        raise Errno(E.FAULT)
    if count > MAX_BUFFERS:
        raise Errno(E.INVAL)
    views: list[memoryview] = []
    room = MAX_TRANSFER
    for offset in range(at, at + 8 * count, 8):
        start, length = _IOVEC(memory, offset)
        if length and start + length > size:
            raise Errno(E.FAULT)
        length = min(length, room)
        room -= length
        views.append(memory[start : start + length])
    return views


def text(name: str, data: str, otherwise: str) -> list[str]:
    """Lines that make `name` of UTF-8, and return `otherwise` if `data` is none."""
    return [
        "try:",
        f"    {name} = str({data}, 'utf-8')",
        "except UnicodeDecodeError:",
        f"    return {otherwise}",
    ]


def fill(memory: memoryview, at: int, length: int) -> memoryview:
    if length and at + length > len(memory):
        raise Errno(E.FAULT)
    return memory[at : at + length]


def records(memory: memoryview, at: int, count: int, record: Type) -> list[Any]:
    if count and at + count * record.size > len(memory):
        raise Errno(E.FAULT)
    if count > MAX_RECORDS:
        raise Errno(E.INVAL)
    return [record.load(memory, at + index * record.size) for index in range(count)]


def check_room(memory: memoryview, at: int, count: int, record: Type) -> None:
    if count and at + count * record.size > len(memory):
        raise Errno(E.FAULT)


def store_records(memory: memoryview, at: int, items: Sequence[Any], record: Type) -> None:
    for index, item in enumerate(items):
        record.store(memory, at + index * record.size, item)


def store_strings(memory: memoryview, pointers: int, area: int, strings: Sequence[bytes]) -> None:
    """A pointer array at `pointers` to NUL-terminated copies of `strings` from `area` on."""
    size = sum(map(len, strings)) + len(strings)
    if pointers + 4 * len(strings) > len(memory) or area + size > len(memory):
        raise Errno(E.FAULT)
    memory[area : area + size] = b"".join(string + b"\0" for string in strings)
    for index, string in enumerate(strings):
        memory[pointers + 4 * index : pointers + 4 * index + 4] = area.to_bytes(4, "little")
        area += len(string) + 1


def largest(slot: In) -> int | None:
    """The largest value of the declared type, if not every integer is one."""
    kind = slot.type
    if kind is RIGHTS:
        return None
    return 0 if kind.bits and not kind.members else kind.most


class Source:
    """A function's text under construction, and the objects it refers to by name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"Errno": Errno}

    def add(self, indent: int, line: str) -> None:
        self.lines.append("    " * indent + line)

    def name(self, value: Any, hint: str) -> str:
        self.names[hint] = value
        return hint

    def store(self, out: Out, memory: str, at: str, value: str) -> str:
        """A line that stores `value`, a name, as the result `out`."""
        kind = out.type
        if isinstance(kind, Scalar):
            pack = self.name(Struct("<" + kind.code).pack_into, f"pack_{out.name}")
        elif isinstance(kind, Record) and kind.flat:
            pack, value = self.name(kind.flat.pack_into, f"pack_{out.name}"), f"*{value}"
        else:
            pack = self.name(kind.store, f"pack_{out.name}")
        return f"{pack}({memory}, {at}, {value})"

    def compile(self, name: str) -> Callable[..., Any]:
        """The function `make` of the text."""
        scope = dict(self.names)
        exec(compile("\n".join(self.lines), f"<wasix.abi.bind {name}>", "exec"), scope)
        make: Callable[..., Any] = scope["make"]
        return make


@cache
def _direct(function: Function, table: str | None) -> Callable[[Handler, Any], Call]:
    source = Source()
    source.name(MAX_TRANSFER, "MAX_TRANSFER")
    prepared: list[str] = []
    arguments: list[str] = []
    checks: list[str] = []
    stores: list[str] = []
    values: list[str] = []
    for param in function.params:
        match param:
            case In(name, kind):
                members = source.name(kind.members, f"{name}_names") if kind.symbolic else ""
                arguments.append(f"{members}[{name}]" if members else name)
                if (top := largest(param)) is not None:
                    checks.append(f"if {name} > {top}: return {int(E.INVAL)}")
            case Text(name):
                end = f"{name} + {name}_len"
                prepared.append(f"if {name}_len and {end} > size_: return {int(E.FAULT)}")
                prepared += text(f"text_{name}", f"memory[{name} : {end}]", str(int(E.ILSEQ)))
                arguments.append(f"text_{name}")
            case Gather(name) | Scatter(name):
                source.name(buffers, "buffers")
                source.name(_IOVEC, "iovec")
                # One buffer, as nearly always, without a call.
                prepared += [
                    f"buffers_{name} = None",
                    f"if {name}_len == 1 and {name} + 8 <= size_:",
                    f"    start_, length_ = iovec(memory, {name})",
                    "    end_ = start_ + length_",
                    "    if end_ <= size_ and length_ <= MAX_TRANSFER:",
                    f"        buffers_{name} = [memory[start_:end_]]",
                    f"if buffers_{name} is None:",
                    f"    buffers_{name} = buffers(memory, {name}, {name}_len)",
                ]
                arguments.append(f"buffers_{name}")
            case Fill(name):
                source.name(fill, "fill")
                arguments.append(f"fill(memory, {name}, {name}_len)")
            case Records(name, record, count):
                source.name(records, "records")
                record_name = source.name(record, f"{name}_type")
                arguments.append(f"records(memory, in_{name}, {count}, {record_name})")
            case OutRecords(name, record, count):
                source.name(store_records, "store_records")
                source.name(check_room, "check_room")
                record_name = source.name(record, f"{name}_type")
                checks.append(f"check_room(memory, in_{name}, {count}, {record_name})")
                values.append("items")
                stores.append(f"store_records(memory, in_{name}, items, {record_name})")
            case Strings(pointers, area):
                source.name(store_strings, "store_strings")
                values.append("strings")
                stores.append(f"store_strings(memory, {pointers}, {area}, strings)")
            case Out(name, kind):
                checks.append(f"if {name} + {kind.size} > size_: return {int(E.FAULT)}")
                value = "len(items)" if values == ["items"] else f"value_{name}"
                if value != "len(items)":
                    values.append(value)
                stores.append(source.store(param, "memory", name, value))
            case Count():
                pass
    # `in` is a Python keyword and poll_oneoff's parameter.
    arrays = {p.name for p in function.params if isinstance(p, Records | OutRecords)}
    slots = [f"in_{name}" if name in arrays else name for name, _ in function.slots]
    if table:
        # A thread's tables change when it is lent to another process.
        call = f"thread.{table}[{arguments[0]}]({', '.join(arguments[1:])})"
    else:
        call = f"handler({', '.join(['thread', *arguments])})"
    body = [*checks, *prepared, f"{', '.join(values)} = {call}" if values else call, *stores]
    source.add(0, "def make(handler, thread):")
    source.add(1, f"def {function.name}(memory, arguments):")
    if slots:
        source.add(2, f"{', '.join(slots)}, = arguments")
    source.add(2, "try:")
    if any("size_" in line for line in body):
        source.add(3, "size_ = len(memory)")
    for line in body:
        source.add(3, line)
    source.add(2, "except Errno as error:")
    source.add(3, "return error.code")
    source.add(2, f"except MemoryError: return {int(E.NOMEM)}")
    source.add(2, "return 0")
    source.add(1, f"return {function.name}")
    return source.compile(function.name)


def direct(function: Function, handler: Handler, thread: Any) -> Call:
    """The decoder of `function` for `thread`; its arguments are unsigned integers.

    Only `filedelta` parameters are signed. The memory is the whole linear memory as a writable
    `memoryview` of bytes. Raises whatever the handler raises other than `Errno`.
    """
    if function.copied:
        from wasix.abi.copied import through_view

        return through_view(function, handler, thread)
    return _direct(function, table_of(handler))(handler, thread)
