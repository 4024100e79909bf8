"""A system call's declaration: its name, and its parameters in order with their direction.

Everything about a call is derived from this: the wasm type of the import, the decoder
(`wasix.abi.bind`), the JavaScript glue (`engines.js`), the tracer and `docs/abi.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from wasix.abi.layout import Scalar, Type


class In(NamedTuple):
    """An integer."""

    name: str
    type: Scalar


class Text(NamedTuple):
    """A UTF-8 string, passed as pointer and length; the handler gets a `str`.

    With `optional` a null pointer is None.
    """

    name: str
    optional: bool = False


class Gather(NamedTuple):
    """Buffers to read from (`ciovec_array`): the handler gets a list of read-only views."""

    name: str


class Scatter(NamedTuple):
    """Buffers to fill (`iovec_array`): the handler gets a list of writable views.

    The handler's first result is the number of bytes it filled, front to back.
    """

    name: str


class Fill(NamedTuple):
    """One buffer to fill, passed as pointer and length; the handler's first result is as above."""

    name: str


@dataclass(frozen=True)
class Records:
    """An array of records to read; its length is the `Count` of that name."""

    name: str
    type: Type
    count: str


@dataclass(frozen=True)
class OutRecords:
    """An array for up to `Count` records; the handler's first result is the list of them.

    Where the function also has an `Out` for their number, that is filled by the decoder.
    """

    name: str
    type: Type
    count: str


class Count(NamedTuple):
    """The length of the arrays that name it; no argument of the handler's."""

    name: str


class Strings(NamedTuple):
    """A pointer array and a text area to fill with NUL-terminated strings (`args_get`).

    The handler's first result is the list of strings, as bytes without the NUL.
    """

    pointers: str
    text: str

    @property
    def name(self) -> str:
        return self.pointers


class Out(NamedTuple):
    """A pointer where a result is stored."""

    name: str
    type: Type


class Load(NamedTuple):
    """A pointer to a value to read. With `optional` a null pointer is None."""

    name: str
    type: Type
    optional: bool = False


class Update(NamedTuple):
    """A pointer to a value that is read, and replaced by a result as `Out` has it."""

    name: str
    type: Type


class TextList(NamedTuple):
    """An array of pointers to NUL-terminated strings, passed as pointer and length.

    The handler gets a list of bytes without the NUL; None for a null pointer.
    """

    name: str


class Address(NamedTuple):
    """A pointer that means itself: the handler gets the number, and may look in `thread.memory`."""

    name: str


Param = (
    In
    | Text
    | Gather
    | Scatter
    | Fill
    | Records
    | OutRecords
    | Count
    | Strings
    | Out
    | Load
    | Update
    | TextList
    | Address
)

POINTER64 = Scalar("pointer64", "Q")
U32 = Scalar("u32", "I")

_MOST_TEXTS = 2
"""Texts of a function whose decoder is made for speed."""


def _slots(param: Param) -> list[tuple[str, Scalar | None]]:
    """The wasm parameters that carry `param`: (name, integer type or None for a u32)."""
    match param:
        case In(name, type):
            return [(name, type)]
        case Text(name) | Gather(name) | Scatter(name) | Fill(name) | TextList(name):
            return [(name, None), (name + "_len", None)]
        case Strings(pointers, text):
            return [(pointers, None), (text, None)]
        case _:
            return [(param.name, None)]


@dataclass(frozen=True)
class Function:
    """One importable function.

    `handler` names the kernel's function that serves it (its own name by default). `void` marks a
    function without a result, `plain` one whose result is the handler's, or a negative errno; every
    other function gives an errno. Only a function that `blocks` may wait; engines that suspend
    guests wrap no other. A `constant` function takes nothing and gives the same as long as its
    program runs. With `wide` addresses and lengths are 64 bits.
    """

    name: str
    params: tuple[Param, ...]
    doc: str = ""
    handler: str = ""
    void: bool = False
    blocks: bool = False
    plain: bool = False
    constant: bool = False
    wide: bool = False

    @property
    def served_by(self) -> str:
        return self.handler or self.name

    @property
    def identifier(self) -> str:
        """Its name as a variable's."""
        return self.name.replace("-", "_")

    def error(self, code: int) -> int:
        """What it answers for an errno."""
        return -code if self.plain else code

    @cached_property
    def copied(self) -> bool:
        """Whether it is decoded by `wasix.abi.copied`: what it names in memory is rarely looked at,
        or not of one of the few shapes that decoders made for speed know."""
        texts = sum(isinstance(param, Text) for param in self.params)
        rare = any(isinstance(param, Load | Update | TextList | Address) for param in self.params)
        return (
            rare
            or self.wide
            or self.plain
            or texts > _MOST_TEXTS
            or any(isinstance(param, Text) and param.optional for param in self.params)
        )

    @cached_property
    def slots(self) -> tuple[tuple[str, Scalar | None], ...]:
        """The wasm parameters in order: (name, declared integer type or None for a u32)."""
        address = POINTER64 if self.wide else None
        return tuple(
            (name, scalar or address) for param in self.params for name, scalar in _slots(param)
        )

    @cached_property
    def wasm_params(self) -> tuple[str, ...]:
        return tuple(scalar.wasm if scalar else "i32" for _, scalar in self.slots)

    @property
    def wasm_results(self) -> tuple[str, ...]:
        return () if self.void else ("i32",)

    @cached_property
    def argument_format(self) -> str:
        """A `struct` format that unpacks the wasm parameters from a C struct of them."""
        text, offset = "<", 0
        for _, scalar in self.slots:
            wide = scalar is not None and scalar.size == 8
            if wide and offset % 8:
                text, offset = text + "4x", offset + 4
            text += scalar.code if scalar and wide else "I"
            offset += 8 if wide else 4
        return text

    @property
    def outs(self) -> tuple[Out, ...]:
        return tuple(param for param in self.params if isinstance(param, Out))

    @cached_property
    def integers(self) -> Function:
        """The same function with nothing but integers for parameters."""
        params = tuple(In(name, scalar or U32) for name, scalar in self.slots)
        return replace(self, params=params)


class Interface(NamedTuple):
    """The functions a guest may import from one module name; a name may have several variants."""

    module: str
    doc: str
    functions: tuple[Function, ...]

    def variants(self, name: str) -> tuple[Function, ...]:
        return tuple(function for function in self.functions if function.name == name)


def replace_types(functions: Iterable[Function], types: dict[Type, Type]) -> tuple[Function, ...]:
    """The same functions with some types exchanged, for a revision that differs in layouts only."""

    def changed(param: Param) -> Param:
        match param:
            case In(name, type) if type in types:
                new = types[type]
                assert isinstance(new, Scalar)
                return In(name, new)
            case Out(name, type) if type in types:
                return Out(name, types[type])
            case Load(name, type, optional) if type in types:
                return Load(name, types[type], optional)
            case Update(name, type) if type in types:
                return Update(name, types[type])
            case Records(name, type, count) | OutRecords(name, type, count) if type in types:
                return param.__class__(name, types[type], count)
            case _:
                return param

    return tuple(
        replace(function, params=tuple(changed(param) for param in function.params))
        for function in functions
    )
