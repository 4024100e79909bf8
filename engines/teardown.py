"""When to free what an engine holds of a guest that has ended: before that is told, or after."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import BoundedSemaphore

LITTLE = 64 << 20
"""Bytes of linear memory that may stay for a moment longer than its guest."""

_MOST = 4
"""Guests whose end has been told, and that still hold something."""

_slots = BoundedSemaphore(_MOST)


def finish(memory: int, tell: Callable[[], None], free: Callable[[], None] | None) -> None:
    """Call both: `tell` first, so that nobody waits for `free`, unless too much would stay.

    `memory` is the length of the guest's linear memory in bytes. Neither raises.
    """
    if free is None:
        tell()
        return
    slots = _slots
    if memory > LITTLE or not slots.acquire(blocking=False):
        free()
        tell()
        return
    try:
        tell()
        free()
    finally:
        slots.release()


def _forked() -> None:
    """The threads that hold slots are not in a process that was forked from theirs."""
    global _slots
    _slots = BoundedSemaphore(_MOST)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
