"""Shows system calls as people read them, from the declarations: `fd_write(1, "hi\\n") = 3`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wasix.abi.errno import Errno
from wasix.abi.function import (
    Count,
    Fill,
    Function,
    Gather,
    In,
    Out,
    OutRecords,
    Param,
    Records,
    Scatter,
    Strings,
    Text,
)

_SHOWN = 32
"""Bytes of a buffer that are shown."""


def show_call(function: Function, arguments: tuple[Any, ...], result: object) -> str:
    """One line. `arguments` are the decoded ones; `result` is the handler's or its exception."""
    shown = ", ".join(_arguments(function.params, arguments, result))
    return f"{function.name}({shown}) = {_result(result)}"


def _arguments(
    params: tuple[Param, ...], arguments: tuple[Any, ...], result: object
) -> Iterator[str]:
    values = iter(arguments)
    for param in params:
        match param:
            case In(_, kind):
                value = next(values)
                yield value if isinstance(value, str) else kind.show(value)
            case Text():
                yield _quoted(next(values).encode("utf-8", "surrogateescape"))
            case Gather():
                yield _quoted(b"".join(next(values)))
            case Scatter():
                yield _filled(b"".join(next(values)), result)
            case Fill():
                yield _filled(bytes(next(values)), result)
            case Records():
                yield f"[{', '.join(map(str, next(values)))}]"
            case Out() | OutRecords() | Strings() | Count():
                pass


def _filled(data: bytes, result: object) -> str:
    count = result[0] if isinstance(result, tuple) else result
    return _quoted(data[:count]) if isinstance(count, int) else f"[{len(data)} bytes]"


def _quoted(data: bytes) -> str:
    text = data[:_SHOWN].decode("utf-8", "backslashreplace")
    escaped = text.translate({ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", 34: '\\"'})
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in escaped)
    return f'"{printable}"' + ("..." if len(data) > _SHOWN else "")


def _result(result: object) -> str:
    if isinstance(result, Errno):
        return result.code.name
    if isinstance(result, Exception):
        return "?"
    return "0" if result is None else str(result)
