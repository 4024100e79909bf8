"""Renders the JavaScript that runs a guest for an engine whose linear memory Python sees."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import jinja2

from engines.js.backtrace import MOST
from engines.js.mailbox import ARGUMENTS, FUEL, MAILBOX_SIZE
from wasix.abi import CALLS, UNWIND, Function


class Slot(NamedTuple):
    """A wasm parameter, and its place in the mailbox counted in 4- or (`wide`) 8-byte words."""

    name: str
    place: int
    wide: bool


class Call(NamedTuple):
    name: str
    slots: list[Slot]
    noreturn: bool


def environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


def _call(function: Function) -> Call:
    slots, offset = [], ARGUMENTS
    for position, carrier in enumerate(function.wasm_params):
        wide = carrier == "i64"
        size = 8 if wide else 4
        offset = -(-offset // size) * size
        slots.append(Slot(f"p{position}", offset // size, wide))
        offset += size
    assert offset <= MAILBOX_SIZE
    return Call(function.name, slots, function.noreturn)


@cache
def direct() -> str:
    """The script that defines `guest`; see its comments."""
    return (
        environment()
        .get_template("direct.js.j2")
        .render(
            mailbox_size=MAILBOX_SIZE,
            fuel=FUEL // 8,
            frames=MOST,
            unwind=UNWIND,
            calls=[_call(function) for function in CALLS],
        )
    )
