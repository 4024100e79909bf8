"""Renders the JavaScript glue for engines whose linear memory Python cannot see cheaply.

For every function a guest may import there is one of JavaScript's that checks, gathers and scatters
by the rule of `wasix.abi.staged`, and calls Python with integers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from wasix.abi import CALLS, E, Function
from wasix.abi.bind import MAX_BUFFERS, MAX_RECORDS, MAX_TRANSFER
from wasix.abi.function import (
    Fill,
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
from wasix.abi.staged import (
    DATA,
    LEAST_ERRNO,
    MAX_STAGE,
    PARKED,
    UNWOUND,
    Layout,
    layout,
    range_checks,
)

_CONSTANTS = {
    "DATA": DATA,
    "LEAST_ERRNO": LEAST_ERRNO,
    "MAX_BUFFERS": MAX_BUFFERS,
    "MAX_RECORDS": MAX_RECORDS,
    "MAX_TRANSFER": min(MAX_TRANSFER, MAX_STAGE),
    "PARKED": PARKED,
    "UNWOUND": UNWOUND,
    **{code.name: code.value for code in (E.FAULT, E.ILSEQ, E.INVAL, E.NOMEM)},
}

# Names of parameters that are keywords in JavaScript.
_KEYWORDS = frozenset("in new delete default function this typeof var void with".split())


def identifier(name: str) -> str:
    return f"{name}_" if name in _KEYWORDS else name


@dataclass(frozen=True)
class Piece:
    """Something with a length that is staged. `pointer` to `texts` are JavaScript.

    `pointer` is its address in linear memory, `bytes` its length and `place` where it lies in the
    staging area; `texts` are addresses and lengths of the texts before it. `item` is the size of
    one record.
    """

    kind: str
    pointer: str
    bytes: str
    place: str
    texts: str
    item: int

    def failed(self, errno: str) -> str:
        """The errno of a fault in this piece: an earlier text that is not UTF-8 comes first."""
        return f"guest.isText({self.texts}) ? {errno} : ILSEQ" if self.texts else errno


@dataclass(frozen=True)
class Glue:
    """A declaration as the template reads it."""

    function: Function
    layout: Layout

    @property
    def slots(self) -> list[tuple[str, str]]:
        """The wasm parameters: (identifier, its type for Python)."""
        return [(identifier(name), _number(scalar)) for name, scalar in self.function.slots]

    @property
    def parameters(self) -> str:
        return ", ".join(name for name, _ in self.slots)

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """What Python gets: (expression, its type)."""
        numbers = dict(self.slots)
        lengths = {f"{piece.pointer}_len": piece.bytes for piece in self.pieces}
        return [
            (lengths.get(argument, argument), numbers[argument])
            for argument in map(identifier, self.layout.arguments)
        ]

    @property
    def checks(self) -> list[tuple[str, str]]:
        """What is looked at before anything is gathered: (expression true of a fault, errno)."""
        ranges = range_checks(self.function)
        checks: list[tuple[str, str]] = []
        for param in self.function.params:
            name = identifier(param.name)
            match param:
                case In() if param.name in ranges:
                    assert param.type.wasm == "i32"
                    checks.append((ranges[param.name], "INVAL"))
                case Out(_, type):
                    checks.append((f"{name} + {type.size} > guest.size", "FAULT"))
                case OutRecords(_, record, count):
                    room = f"{name} + {count} * {record.size} > guest.size"
                    checks.append((f"{count} && {room}", "FAULT"))
                case _:
                    pass
        return checks

    @property
    def pieces(self) -> list[Piece]:
        pieces: list[Piece] = []
        place, texts = "DATA", list[str]()
        for param in self.function.params:
            name, item = identifier(param.name), 1
            match param:
                case Text() | Fill():
                    size = f"{name}_len"
                case Gather() | Scatter():
                    size = f"{name}_bytes"
                case Records(_, record, count) | OutRecords(_, record, count):
                    size, item = f"{count} * {record.size}", record.size
                case _:
                    continue
            kind = type(param).__name__
            pieces.append(Piece(kind, name, size, place, ", ".join(texts), item))
            place += f" + {size}"
            if isinstance(param, Text):
                texts += [name, size]
        # The glue keeps one list of buffers, and one region is filled.
        kinds = [piece.kind for piece in pieces]
        assert sum(kind in ("Gather", "Scatter") for kind in kinds) <= 1
        assert sum(kind in ("Scatter", "Fill", "OutRecords") for kind in kinds) <= 1
        return pieces

    @property
    def staged_bytes(self) -> str:
        """Room needed in the staging area; empty for a function without pieces."""
        return " + ".join(["DATA", *(piece.bytes for piece in self.pieces)]) if self.pieces else ""

    @property
    def strings(self) -> str:
        """Where strings go: the addresses of the pointers and of the text."""
        for param in self.function.params:
            if isinstance(param, Strings):
                return f"{identifier(param.pointers)}, {identifier(param.text)}"
        return ""


def _number(scalar: Scalar | None) -> str:
    """How a wasm parameter becomes Python's int: a method of `Caller` in `engines/browser`."""
    if scalar is None or scalar.size < 8:
        return "u32"
    return "s64" if scalar.code.islower() else "u64"


def staged(functions: Sequence[Function] = CALLS) -> str:
    """The glue as the text of an ES module.

    Its `FUNCTIONS` lists the functions by call number (their place in `functions`).
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("staged.js.j2").render(
        constants=_CONSTANTS,
        functions=[Glue(function, layout(function)) for function in functions],
    )
