"""What the tests of plain modules share: instances of modules in the text format."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import wasmtime

import wasix
from wasix.api.instance import Imports


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


OWN_PROCESS = ("jsc", "jsc-jitless", "spidermonkey")
"""Engines whose guests are stopped by ending their process, if they compute."""


def check_after_stop(on: str, found: wasix.Exports) -> None:
    """An instance can be called after a guest that computed was stopped, or says why not."""
    for _ in range(2):
        if on in OWN_PROCESS:
            with pytest.raises(wasix.InstanceLost, match="stopped while it computed, which ended"):
                found.id(4)
        else:
            assert found.id(4) == 4
