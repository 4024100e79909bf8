"""The decoder for engines whose linear memory Python cannot see cheaply.

Glue (`engines.browser.door`) checks ranges and bounds, gathers what the guest sends into a staging
area and calls with integers only: the scalars as they are, a count of records, and a length in
bytes for every text and every set of buffers. What lies in the staging area is laid out by one rule
that both sides follow: the packed outs first, from `DATA` on everything that has a length, one
after the other in the order of the parameters.

A call answers 0 or more (below 2^31) on success, `-errno`, or what its carrier makes of a call that
waits or does not return (below `LEAST_ERRNO`). On success the value is the first of these that the
function has: the bytes filled (Fill, Scatter), the number of records (OutRecords), the bytes of
strings, NULs included (Strings), a first result that is a u32; else 0. Other results lie packed at
the start of the area.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from wasix.abi.bind import (
    Handler,
    Source,
    records,
    store_records,
    table_of,
    text,
)
from wasix.abi.copied import copied
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
from wasix.abi.layout import Scalar

DATA = 128
"""Where the data of a call begins; the outs of every function fit below."""
MAX_STAGE = 64 << 20
"""Bytes the area may grow to. Longer transfers are cut short, other data is `nomem`."""
LEAST_ERRNO = -255
"""Answers below are not errnos."""
PARKED = -1000
"""The call waits; it is to be made again when its thread is woken."""
UNWOUND = -1001
"""The guest must not go on."""
AGAIN = -1004
"""No answer of a call's, but of who carries its thread: it is to be made again. Between them lie
`wasix.abi.SUSPEND` and `wasix.abi.UPCALL`."""


MAX_VIEWS = 256
"""Views that are kept, one for each length of data that was seen."""


class Views(dict[int, list[memoryview]]):
    """By length, the first data of a call, as the only buffer. Making a view takes a fifth of the
    time of a whole small write, and programs use few lengths."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def __missing__(self, length: int) -> list[memoryview]:
        if len(self) >= MAX_VIEWS:
            self.clear()
        found = self[length] = [self._stage.view[DATA : DATA + length]]
        return found


class Stage:
    """The staging area: `view` is all of it. It moves when it grows."""

    def __init__(self, size: int = DATA + 65536) -> None:
        self.views = Views(self)
        self._replace(size)

    def _replace(self, size: int) -> None:
        self.view = memoryview(bytearray(size))
        self.views.clear()

    def reserve(self, size: int) -> bool:
        """Make room for `size` bytes; False if that is more than can be had."""
        if size <= len(self.view):
            return True
        if size > MAX_STAGE + DATA:
            return False
        try:
            self._replace(max(size, min(2 * len(self.view), MAX_STAGE + DATA)))
        except MemoryError:
            return False
        return True


class PackedOut(NamedTuple):
    """A result that lies in the staging area, `offset` bytes from its start."""

    out: Out
    offset: int


class Layout(NamedTuple):
    """How one function uses the area and its answer; glue and decoder both follow it.

    `value` is the out that gets the answer's value, if one does.
    """

    arguments: tuple[str, ...]
    value: Out | None
    packed: tuple[PackedOut, ...]


@cache
def layout(function: Function) -> Layout:
    if function.copied:
        return Layout(tuple(name for name, _ in function.slots), None, ())
    arguments: list[str] = []
    for param in function.params:
        match param:
            case In(name) | Count(name):
                arguments.append(name)
            case Text(name) | Gather(name) | Scatter(name) | Fill(name):
                arguments.append(f"{name}_len")
            case _:
                pass
    outs = list(function.outs)
    value = None
    if outs and isinstance(outs[0].type, Scalar) and outs[0].type.code == "I":
        value = outs.pop(0)
    packed, offset = [], 0
    for out in outs:
        offset = -(-offset // out.type.align) * out.type.align
        packed.append(PackedOut(out, offset))
        offset += out.type.size
    assert offset <= DATA
    return Layout(tuple(arguments), value, tuple(packed))


def join_strings(stage: Stage, strings: list[bytes]) -> int:
    data = b"".join(string + b"\0" for string in strings)
    if not stage.reserve(DATA + len(data)):
        raise Errno(E.NOMEM)
    stage.view[DATA : DATA + len(data)] = data
    return len(data)


Make = Callable[[Handler, Any, Stage, Callable[[BaseException], int]], Callable[..., int]]


@cache
def _staged(function: Function, table: str | None) -> Make:
    plan = layout(function)
    source = Source()
    arguments: list[str] = []
    prepared: list[str] = []
    sizes: list[str] = []  # of what lies in the area before the next piece of data

    def at() -> str:
        return " + ".join([str(DATA), *sizes])

    def piece(name: str) -> str:
        if not sizes:
            return f"views[{name}_len][0]"
        return f"stage.view[{at()} : {at()} + {name}_len]"

    values: list[str] = []
    stores: list[str] = []
    answer = "0"
    for param in function.params:
        match param:
            case In(name, kind):
                if kind.symbolic:
                    arguments.append(f"{source.name(kind.members, f'{name}_names')}[{name}]")
                else:
                    arguments.append(name)
            case Text(name):
                prepared += text(f"text_{name}", piece(name), str(-E.ILSEQ))
                arguments.append(f"text_{name}")
                sizes.append(f"{name}_len")
            case Gather(name) | Scatter(name):
                assert not sizes
                arguments.append(f"views[{name}_len]")
                sizes.append(f"{name}_len")
                if isinstance(param, Scatter):
                    values, answer = ["filled"], "filled"
            case Fill(name):
                arguments.append(piece(name))
                sizes.append(f"{name}_len")
                values, answer = ["filled"], "filled"
            case Records(name, record, count):
                source.name(records, "records")
                layout_of = source.name(record, f"{name}_type")
                arguments.append(f"records(stage.view, {at()}, {count}, {layout_of})")
                sizes.append(f"{record.size} * {count}")
            case OutRecords(name, record, count):
                source.name(store_records, "store_records")
                layout_of = source.name(record, f"{name}_type")
                stores.append(f"store_records(stage.view, {at()}, items, {layout_of})")
                sizes.append(f"{record.size} * {count}")
                values, answer = ["items"], "len(items)"
            case Strings():
                source.name(join_strings, "join_strings")
                values, answer = ["strings"], "join_strings(stage, strings)"
            case Out() | Count():
                pass
    if plan.value and answer == "0":
        values, answer = ["value"], "value"
    for packed in plan.packed:
        out, value = packed.out, f"value_{packed.out.name}"
        values.append(value)
        stores.append(source.store(out, "stage.view", str(packed.offset), value))
    call = f"handler({', '.join(['thread', *arguments])})"
    if table:
        # A thread's tables change when it is lent to another process.
        call = f"thread.{table}[{arguments[0]}]({', '.join(arguments[1:])})"
    source.add(0, "def make(handler, thread, stage, otherwise):")
    source.add(1, "views = stage.views")
    source.add(1, f"def {function.name}({', '.join(plan.arguments)}):")
    source.add(2, "try:")
    for line in prepared:
        source.add(3, line)
    if values == [answer] and not stores:
        source.add(3, f"return {call}")
    else:
        source.add(3, f"{', '.join(values)} = {call}" if values else call)
        for store in stores:
            source.add(3, store)
        source.add(3, f"return {answer}")
    source.add(2, "except Errno as error:")
    source.add(3, "return -error.code")
    source.add(2, f"except MemoryError: return {-int(E.NOMEM)}")
    source.add(2, "except BaseException as error:")
    source.add(3, "return otherwise(error)")
    source.add(1, f"return {function.name}")
    return source.compile(function.name)


def staged(
    function: Function,
    handler: Handler,
    thread: Any,
    stage: Stage,
    otherwise: Callable[[BaseException], int],
) -> Callable[..., int]:
    """`function` for `thread`, called with `layout(function).arguments`; never raises.

    `otherwise` makes an answer of what the handler raises other than `Errno`: `Block`, `Unwind`, or
    a defect. It must not raise.
    """
    if function.copied:
        return _through_memory(function, handler, thread, otherwise)
    return _staged(function, table_of(handler))(handler, thread, stage, otherwise)


def _through_memory(
    function: Function,
    handler: Handler,
    thread: Any,
    otherwise: Callable[[BaseException], int],
) -> Callable[..., int]:
    """As `staged`, for functions whose decoder looks into memory by itself."""
    decoded = copied(function, handler)

    def call(*arguments: int) -> int:
        try:
            answer = decoded(thread, *arguments)
        except BaseException as error:
            return otherwise(error)
        return answer if function.plain else -answer

    return call
