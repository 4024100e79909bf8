"""Shows system calls as people read them, from the declarations.

`decode` makes plain values of what a call got and gave, `show` a line of text of them:
`path_open(3, SYMLINK_FOLLOW, "a", CREAT|TRUNC, FD_WRITE, 0, 0) = 5`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

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
    Param,
    Records,
    Scatter,
    Strings,
    Text,
    TextList,
    Update,
)
from wasix.abi.layout import Record, Scalar, Type, Union
from wasix.abi.types import DIRENT, FILETYPE

SHOWN = 32
"""Bytes of a buffer, and entries of a list, that are kept."""


class Symbol(str):
    """A name the ABI has for a value, or several joined by `|`; shown without quotes."""

    __slots__ = ()


class Buffer(bytes):
    """The first `SHOWN` bytes of a buffer; `size` is all it has."""

    size: int

    @classmethod
    def of(cls, parts: Sequence[bytes | memoryview], size: int | None = None) -> Self:
        """Of the first `size` bytes of `parts`."""
        whole = sum(map(len, parts))
        size = whole if size is None else min(size, whole)
        kept, data = min(size, SHOWN), b""
        for part in parts:
            data += bytes(part[: kept - len(data)])
            if len(data) == kept:
                break
        buffer = cls(data)
        buffer.size = size
        return buffer


class Unfilled(NamedTuple):
    """A buffer that was given to be filled and was not."""

    size: int


Value = int | str | Buffer | Unfilled | list[Any] | dict[str, Any] | None
"""What arguments and results are shown as: `str` includes `Symbol`; lists and dicts hold values."""


def decode(
    function: Function, arguments: Sequence[Any] | None, raw: Sequence[int], result: object
) -> tuple[dict[str, Value], Value]:
    """(arguments by name, result) as plain values that keep nothing of the guest's memory.

    `arguments` and `result` are the handler's; an exception as result gives None. Where there are
    no arguments, `raw`, the wasm ones, are named.
    """
    if arguments is None:
        names = [name for name, _ in function.slots]
        return dict(zip(names, raw, strict=False)), None
    filled = None if isinstance(result, Exception) else _first(result)
    shown = dict(_arguments(function, iter(arguments), filled))
    return shown, None if isinstance(result, Exception) else _result(function.params, result)


def _first(result: object) -> object:
    """The handler's first result: for buffers it filled, how many bytes."""
    return result[0] if isinstance(result, tuple) and result else result


def _arguments(
    function: Function, values: Iterator[Any], filled: object
) -> Iterator[tuple[str, Value]]:
    entries = _FORMATS.get(function.name)
    for param in function.params:
        match param:
            case In(name, kind):
                value = next(values)
                yield name, Symbol(value.upper()) if isinstance(value, str) else _plain(kind, value)
            case Load(name, kind) | Update(name, kind):
                value = next(values)
                yield name, None if value is None else _plain(kind, value)
            case Address(name):
                yield name, next(values)
            case TextList(name):
                texts = next(values)
                yield name, None if texts is None else _list([*map(_text, texts[: SHOWN + 1])])
            case Text(name):
                yield name, str(next(values))
            case Gather(name):
                yield name, Buffer.of(next(values))
            case Scatter(name) | Fill(name):
                views = next(values)
                views = [views] if isinstance(param, Fill) else views
                if not isinstance(filled, int):
                    yield name, Unfilled(sum(map(len, views)))
                elif entries:
                    yield name, entries(views[0][:filled])
                else:
                    yield name, Buffer.of(views, filled)
            case Records(name, record):
                yield name, _list([_plain(record, item) for item in next(values)[: SHOWN + 1]])
            case Out() | OutRecords() | Strings() | Count():
                pass


def _result(params: tuple[Param, ...], result: object) -> Value:
    outs = [param for param in params if isinstance(param, Out | Update | OutRecords | Strings)]
    if isinstance(outs[0] if outs else None, OutRecords):
        del outs[1:]  # their number, which the list says
    if not outs:
        return result if isinstance(result, int) else None
    if len(outs) == 1:
        return _out(outs[0], result)
    assert isinstance(result, tuple)
    return {out.name: _out(out, value) for out, value in zip(outs, result, strict=True)}


def _out(param: Out | Update | OutRecords | Strings, value: Any) -> Value:
    match param:
        case Out(_, kind) | Update(_, kind):
            return _plain(kind, value)
        case OutRecords(_, record):
            return _list([_plain(record, item) for item in value[: SHOWN + 1]])
        case Strings():
            return _list([_text(string) for string in value[: SHOWN + 1]])


def _plain(kind: Type, value: Any) -> Value:
    match kind:
        case Scalar():
            return _scalar(kind, value)
        case Record():
            return {
                name: _plain(field, item)
                for (name, field, _), item in zip(kind.fields, value, strict=True)
            }
        case Union():
            tag, payload = value
            shown: dict[str, Any] = {kind.tag.name: _scalar(kind.tag, tag)}
            case = kind.cases[tag] if tag < len(kind.cases) else None
            if case is not None:
                inner = _plain(case, payload)
                shown |= inner if isinstance(inner, dict) else {case.name: inner}
            return shown
    return str(value)


def _scalar(kind: Scalar, value: int) -> Value:
    if not kind.members:
        return value
    every = (1 << len(kind.members)) - 1
    # Rights come by the dozen: what is missing is shorter to say.
    if kind.bits and len(kind.members) > 8 and 2 * (value & every).bit_count() > len(kind.members):
        missing = kind.show(every & ~value)
        text = "ALL" if missing == "0" else "ALL&~(" + missing + ")"
    else:
        text = kind.show(value)
    return int(text) if text.isdecimal() else Symbol(text.upper().replace("0X", "0x"))


def _list(items: list[Any]) -> list[Any]:
    if len(items) > SHOWN:
        items[SHOWN:] = [Symbol("...")]
    return items


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _dirents(data: memoryview) -> list[Any]:
    """What `fd_readdir` filled in: names and types; the last one may be cut."""
    entries: list[Any] = []
    at = 0
    while at + DIRENT.size <= len(data) and len(entries) <= SHOWN:
        head = DIRENT.load(data, at)
        at += DIRENT.size
        name = bytes(data[at : at + head.namlen])
        at += head.namlen
        if at <= len(data):
            entries.append({"name": _text(name), "type": _scalar(FILETYPE, head.type)})
    return _list(entries)


_FORMATS: dict[str, Callable[[memoryview], list[Any]]] = {"fd_readdir": _dirents}
"""Functions whose buffers hold more than bytes."""


def show(name: str, arguments: Mapping[str, Value], outcome: str) -> str:
    """`name(arguments) = outcome`."""
    return f"{name}({', '.join(map(show_value, arguments.values()))}) = {outcome}"


def show_value(value: Value) -> str:
    """`value` as text: quoted strings, bare symbols and numbers, `{name=...}` for records."""
    match value:
        case Symbol():
            return str(value)
        case str():
            return _quoted(value)
        case Buffer():
            return _quoted(_text(value)) + ("..." if value.size > len(value) else "")
        case Unfilled(size):
            return f"[{size} bytes]"
        case list():
            return f"[{', '.join(map(show_value, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}={show_value(item)}" for key, item in value.items()) + "}"
    return "0" if value is None else str(value)


_ESCAPES = {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", 34: '\\"'}


def _quoted(text: str) -> str:
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    escaped = text.translate(_ESCAPES)
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in escaped)
    return f'"{printable}"'
