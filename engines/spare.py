"""What takes long to make and holds nothing of a guest, made before it is wanted."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from engines import nursery

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that a spare waits for someone to take it, before it is freed."""

FIRST = 2
"""What is taken before any is made ahead: most processes run a program once, or make an instance of
one module, which takes one to compile it."""

_all: weakref.WeakSet[Spare[Any]] = weakref.WeakSet()


class Spare(Generic[T]):
    """Makes what is taken, from some time on one ahead. Any thread.

    `make` is called on the nursery's thread or, without `there`, also on the thread that takes;
    `free` is called for what nobody takes; `good` says whether what was made is so still.
    """

    def __init__(
        self,
        make: Callable[[], T],
        free: Callable[[T], object],
        good: Callable[[T], bool] = lambda made: True,
        *,
        there: bool = False,
    ) -> None:
        self._make, self._free, self._good, self._there = make, free, good, there
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._next: nursery.Making[T] | None = None
        self._taken = 0
        self._seen = 0
        """What `_taken` was when somebody last looked whether it is still wanted."""
        self._watched = False
        self._closed = False

    def take(self) -> T:
        """One that is the caller's from now on. Raises what `make` raises."""
        with self._lock:
            self._taken += 1
            # One that nobody has begun to make is no sooner there than another.
            found = self._next if self._next and self._next.begun else None
            if found:
                self._next = None
            if self._taken > FIRST and self._next is None and not self._closed:
                self._next = nursery.begin(self._ahead)
        if found:
            with suppress(Exception):  # one that could not be made is made again
                made = found.result()
                if self._good(made):
                    return made
                self._free(made)
        return nursery.made(self._make) if self._there else self._make()

    def clear(self) -> None:
        """Free what is there."""
        with self._lock:
            spare, self._next = self._next, None
        self._forget(spare)

    def close(self) -> None:
        """The same, and make none ahead any more."""
        with self._lock:
            self._closed = True
        self.clear()

    def _forget(self, spare: nursery.Making[T] | None) -> None:
        if spare:
            with suppress(Exception):
                self._free(spare.result())

    # On the nursery's thread.

    def _ahead(self) -> T:
        made = self._make()
        if not self._watched:
            self._watched = True
            nursery.later(PATIENCE, self._look)
        return made

    def _look(self) -> None:
        """Free what nobody has taken since the last look."""
        with self._lock:
            spare = None
            # What has been begun is done, since that was here.
            if self._seen == self._taken and (self._next is None or self._next.begun):
                spare, self._next = self._next, None
                self._watched = False
            self._seen = self._taken
        self._forget(spare)
        if self._watched:
            nursery.later(PATIENCE, self._look)


def clear() -> None:
    """Free everything that is there before somebody wants it."""
    for spare in list(_all):
        spare.clear()


def _forked() -> None:
    """What was made ahead belongs to the process that this one was forked from."""
    for spare in _all:
        spare._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
