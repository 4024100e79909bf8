"""What the tests of plain modules share: instances of modules in the text format."""

from __future__ import annotations

from functools import cache
from typing import Any

import wasmtime

import engines
import wasix
from wasix.api.instance import Imports

ENGINES = tuple(engines.PLAIN)


@cache
def assembled(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def module(text: str, on: str) -> wasix.Module:
    return wasix.Module(assembled(f"(module {text})"), engine=on)


def instance(text: str, on: str, imports: Imports | None = None) -> wasix.Instance:
    return wasix.Instance(module(text, on), imports)


def exports(text: str, on: str, **host: Any) -> wasix.Exports:
    """The exports of an instance that imports from `env`."""
    return instance(text, on, {"env": host}).exports
