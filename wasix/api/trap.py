"""Traps, and where they happened."""

from __future__ import annotations

from typing import NamedTuple

from wasix.api.errors import WasixError


class Frame(NamedTuple):
    """Where in a guest a trap happened, or what called it there."""

    function: int
    """The index of the function, imports first."""
    name: str | None
    """What the module's name section calls it."""
    offset: int | None
    """Bytes from the start of the module; None where the engine does not tell."""

    def __str__(self) -> str:
        offset = "" if self.offset is None else f":{self.offset:#x}"
        return f"{self.name or '?'} (wasm-function[{self.function}]{offset})"


class Trap(WasixError):
    """A guest trapped, or was stopped ("stopped").

    The text is the specification's ("unreachable", "out of bounds memory access", "integer divide
    by zero"...), on every engine. `backtrace` has the guest's frames, the innermost first. The
    instance can be called again, but its memory is as the guest left it, halfway; see
    `Instance.stop` for one that was stopped.
    """

    status = 134

    def __init__(self, message: str, backtrace: list[Frame] | None = None) -> None:
        super().__init__(message)
        self.backtrace: list[Frame] = backtrace or []
