"""Where in a guest something happened, as far as its engine tells."""

from __future__ import annotations

from typing import NamedTuple


class Site(NamedTuple):
    """Where a guest's function was."""

    function: int
    """The index of the function, imports first."""
    offset: int | None
    """Bytes from the start of the module; JavaScriptCore does not tell."""
    name: str | None = None


def unnamed(function: int) -> str:
    """What a function without a name is called."""
    return f"wasm-function[{function}]"
