"""What a JavaScript engine is to the child process that runs a guest on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class JavaScriptError(Exception):
    """An evaluation threw; the text is the engine's."""


class Context(Protocol):
    """A JavaScript global object, used from one thread."""

    def evaluate(self, code: str) -> str:
        """The value of `code` as a string. Raises `JavaScriptError`."""

    def buffer(self, code: str) -> memoryview:
        """The bytes of the ArrayBuffer that `code` gives; whoever uses them keeps that alive."""

    def define(self, name: str, function: Callable[[], None]) -> None:
        """Make `function` a JavaScript global. It must not raise."""
