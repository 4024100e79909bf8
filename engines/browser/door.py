"""Renders the glue for engines whose linear memory Python cannot see, as WebAssembly text.

For every function a guest may import there is one here that checks, gathers and scatters by the
rule of `wasix.abi.staged`, and calls Python with integers only. Python has to be in a linear memory
of the same engine, as Pyodide is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jinja2

from wasix.abi import NARROW, E, Function
from wasix.abi.bind import MAX_BUFFERS, MAX_RECORDS, MAX_TRANSFER, largest
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
from wasix.abi.staged import AGAIN, DATA, LEAST_ERRNO, MAX_STAGE, UNWOUND, Layout, layout

ARGUMENTS_SIZE = 64
"""Bytes of Python's memory that the arguments of a call take: pointers to its ints."""

_CONSTANTS = {
    "AGAIN": AGAIN,
    "DATA": DATA,
    "LEAST_ERRNO": LEAST_ERRNO,
    "MAX_BUFFERS": MAX_BUFFERS,
    "MAX_RECORDS": MAX_RECORDS,
    "MAX_STAGE": MAX_STAGE,
    "MAX_TRANSFER": min(MAX_TRANSFER, MAX_STAGE - 8 * MAX_BUFFERS),
    "UNWOUND": UNWOUND,
    "errno": {code.name: code.value for code in (E.FAULT, E.INVAL, E.NOMEM)},
}


def _get(local: str) -> str:
    return f"(local.get ${local})"


def _wide(value: str) -> str:
    return f"(i64.extend_i32_u {value})"


@dataclass(frozen=True)
class Piece:
    """Something with a length that is staged.

    `pointer` and `count` are the parameters that hold its address and how many items of `item`
    bytes it has. What follows is WebAssembly: `bytes` is its length and `place` where it lies in
    the staging area; `texts` are addresses and lengths of the texts before it.
    """

    kind: str
    pointer: str
    count: str
    item: int
    place: str
    texts: str

    @property
    def bytes(self) -> str:
        """Its length before anything has been checked: an i64."""
        if self.kind in ("Gather", "Scatter"):
            return _wide(_get(f"{self.pointer}_bytes"))
        if self.item == 1:
            return _wide(_get(self.count))
        return f"(i64.mul {_wide(_get(self.count))} (i64.const {self.item}))"

    def failed(self, errno: int | str) -> str:
        """The errno of a fault in this piece: an earlier text that is not UTF-8 comes first."""
        value = f"(i32.const {errno})" if isinstance(errno, int) else errno
        return f"(call $unless_text {value} {self.texts})" if self.texts else value


class Door(NamedTuple):
    """A declaration as the template reads it."""

    function: Function
    layout: Layout

    @property
    def slots(self) -> list[tuple[str, str]]:
        """The wasm parameters: (name, type)."""
        names = [name for name, _ in self.function.slots]
        return list(zip(names, self.function.wasm_params, strict=True))

    @property
    def parameters(self) -> str:
        return "".join(f" (param ${name} {kind})" for name, kind in self.slots)

    @property
    def signature(self) -> str:
        return self.parameters + "".join(f" (result {t})" for t in self.function.wasm_results)

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """What Python gets: (local, how it becomes an int)."""
        numbers = dict(self.function.slots)
        lengths = {
            f"{piece.pointer}_len": f"{piece.pointer}_bytes"
            for piece in self.pieces
            if piece.kind in ("Gather", "Scatter")
        }
        assert len(self.layout.arguments) * 4 <= ARGUMENTS_SIZE
        return [
            (lengths.get(argument, argument), _number(numbers[argument]))
            for argument in self.layout.arguments
        ]

    @property
    def ranges(self) -> list[tuple[str, int]]:
        """Parameters that do not take every integer, with the largest they do take."""
        found = []
        for param in self.function.params:
            if isinstance(param, In) and (top := largest(param)) is not None:
                assert param.type.wasm == "i32"
                found.append((param.name, top))
        return found

    @property
    def targets(self) -> list[tuple[str, str]]:
        """Where results go: (parameter with the address, length as an i64)."""
        found = []
        for param in self.function.params:
            match param:
                case Out(name, type):
                    found.append((name, f"(i64.const {type.size})"))
                case OutRecords(name, record, count):
                    found.append(
                        (name, f"(i64.mul {_wide(_get(count))} (i64.const {record.size}))")
                    )
                case _:
                    pass
        return found

    @property
    def pieces(self) -> list[Piece]:
        pieces = list(self._pieces())
        kinds = [piece.kind for piece in pieces]
        # One text at most is looked at again, and one region is filled.
        assert kinds.count("Text") <= 2
        assert sum(kind in ("Scatter", "Fill", "OutRecords") for kind in kinds) <= 1
        return pieces

    def _pieces(self) -> Iterator[Piece]:
        place, texts = f"(i32.const {DATA})", list[str]()
        for param in self.function.params:
            name, item = param.name if not isinstance(param, Strings) else "", 1
            match param:
                case Text() | Fill() | Gather() | Scatter():
                    count = f"{name}_len"
                case Records(_, record, count) | OutRecords(_, record, count):
                    item = record.size
                case _:
                    continue
            kind = type(param).__name__
            yield Piece(kind, name, count, item, place, " ".join(texts))
            place = f"(i32.add {place} {_get(f'{name}_bytes')})"
            if isinstance(param, Text):
                texts += [_get(name), _get(count)]

    @property
    def staged_bytes(self) -> str:
        """Room needed in the staging area: an i64."""
        size = f"(i64.const {DATA})"
        for piece in self.pieces:
            size = f"(i64.add {size} {piece.bytes})"
            if piece.kind == "Scatter":  # and a copy of the array
                size = f"(i64.add {size} (i64.shl {_wide(_get(piece.count))} (i64.const 3)))"
        return size

    @property
    def strings(self) -> str:
        """Where strings go: the addresses of the pointers and of the text."""
        for param in self.function.params:
            if isinstance(param, Strings):
                return f"{_get(param.pointers)} {_get(param.text)}"
        return ""

    def attempt(self, number: int) -> str:
        return f"(call $try_{number} {' '.join(_get(name) for name, _ in self.slots)})"


def _number(scalar: Scalar | None) -> str:
    """How a wasm parameter becomes Python's int: a function of the template's."""
    if scalar is None or scalar.size < 8:
        return "u32"
    return "s64" if scalar.code.islower() else "u64"


def _render(template: str, functions: Sequence[Function], **values: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    doors = [
        # What a decoder looks for in memory by itself is but numbers here.
        Door(function.integers if function.copied else function, layout(function))
        for function in functions
    ]
    return environment.get_template(template).render(doors=doors, **_CONSTANTS, **values)


def gate(functions: Sequence[Function] = NARROW) -> str:
    """What a guest is linked with: a module that exports each function by its call number, and the
    table `calls` that says what they do."""
    return _render("gate.wat.j2", functions)


def door(functions: Sequence[Function] = NARROW, *, two_memories: bool = True) -> str:
    """What fills that table for one guest thread. Its imports are listed at its top.

    two_memories: whether it reaches linear memory by itself; else it does through JavaScript.
    """
    return _render("door.wat.j2", functions, two_memories=two_memories)
