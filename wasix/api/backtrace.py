"""How much of a backtrace is shown when a program traps: what `WASIX_BACKTRACE` says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import Enum

from engines.backtrace import unnamed
from engines.protocol import Outcome
from engines.wasm import Module
from engines.wasm.types import printable
from wasix.api.errors import UsageError
from wasix.api.trap import Frame

MOST_NAMES = 20
"""Frames of which the names alone are shown: as many as wasmtime keeps."""


class Level(Enum):
    """How much is shown."""

    NONE = "0"
    NAMES = "1"
    """What the innermost functions are called."""
    FULL = "full"
    """All that the engine tells, with indices and offsets."""


def level(environ: Mapping[str, str] = os.environ) -> Level:
    """What the environment says. Raises `UsageError`."""
    text = environ.get("WASIX_BACKTRACE") or Level.NAMES.value
    try:
        return Level(text)
    except ValueError:
        raise UsageError(
            f"WASIX_BACKTRACE={text}: write 0 for no backtrace, 1 for the names of functions, or "
            "full"
        ) from None


def frames(outcome: Outcome, module: Module) -> list[Frame]:
    """Where the guest trapped. The names are the module's own, as engines change them."""
    if not outcome.frames:
        return []
    names = module.name_section().functions
    return [Frame(site.function, names.get(site.function), site.offset) for site in outcome.frames]


def text(found: Sequence[Frame], much: Level = Level.FULL) -> str:
    """`found` in lines, without the last line's end."""
    if much is Level.NONE:
        return ""
    shown = [frame._replace(name=frame.name and printable(frame.name)) for frame in found]
    if much is Level.FULL:
        return "\n".join(f"    at {frame}" for frame in shown)
    lines = [f"    at {frame.name or unnamed(frame.function)}" for frame in shown[:MOST_NAMES]]
    if len(found) > MOST_NAMES:
        lines.append(f"    ... and {len(found) - MOST_NAMES} more: WASIX_BACKTRACE=full")
    return "\n".join(lines)
