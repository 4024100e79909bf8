"""Where compiled code is kept, and how a program is compiled for next time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeAlias

from engines.artifacts import LIMIT, Artifacts
from engines.protocol import Engine
from engines.wasm import Module
from wasix import cache
from wasix.api import fill
from wasix.api.auto import Choice
from wasix.api.errors import UsageError
from wasix.api.size import size

Foreground: TypeAlias = Callable[[Engine, Module, Callable[[], None]], None]
"""Carries out a compilation that somebody waits for: the engine, the module, the work."""

PATIENCE = 5.0
"""Seconds a program runs before it is compiled beside it; a short one first ends."""


def kept() -> Artifacts:
    """The artifacts of this user. `WASIX_CACHE_SIZE` bounds them. Raises `UsageError`."""
    limit = os.environ.get("WASIX_CACHE_SIZE")
    try:
        bound = size(limit) if limit else LIMIT
    except UsageError as error:
        raise UsageError(f"WASIX_CACHE_SIZE: {error}") from None
    return Artifacts(cache.directory() / "artifacts", bound)


class Filler:
    """Has a program compiled in the background once: `PATIENCE` after its start, or at its end."""

    def __init__(self, choice: Choice, module: Module) -> None:
        assert choice.fill
        self._what = choice.fill, module, kept(), choice.source
        self._lock = threading.Lock()
        self._timer = threading.Timer(PATIENCE, self.fill)
        self._timer.daemon = True
        self._timer.start()

    def fill(self) -> None:
        self._timer.cancel()
        if self._lock.acquire(blocking=False):
            fill.start(*self._what)


def allowed() -> bool:
    """Whether the environment lets processes be left behind."""
    return os.environ.get("WASIX_BACKGROUND", "1") != "0"
