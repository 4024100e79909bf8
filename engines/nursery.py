"""A thread that makes things for others, and lives as long as the program.

What it makes outlives the thread that wanted it: Linux ends a child process, which asked to end
with its parent, when the thread ends that began it. And some things are made before anybody wants
them (`engines.spare`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

NAME = "wasix-nursery"
"""Of the thread."""


class Making(Generic[T]):
    """Something that is to be made."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._done = threading.Event()
        self._result: list[T] = []
        self._error: BaseException | None = None
        self.begun = False

    def run(self) -> None:
        self.begun = True
        try:
            self._result.append(self._make())
        except BaseException as error:  # it is raised where the thing is wanted
            self._error = error
        del self._make
        self._done.set()

    def result(self) -> T:
        """Wait until it is made. Raises what making it raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result[0]


class _Thread:
    """The thread, and what it has been given to do."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Making[Any]] = SimpleQueue()
        self.chores: list[tuple[float, Callable[[], object]]] = []
        """What is to be done later, and when (of `time.monotonic`)."""
        threading.Thread(target=self._serve, name=NAME, daemon=True).start()

    def _serve(self) -> None:
        while True:
            soonest = min((when for when, _ in self.chores), default=None)
            with suppress(Empty):
                wait = None if soonest is None else max(0.0, soonest - time.monotonic())
                self.queue.get(timeout=wait).run()
            now = time.monotonic()
            due = [chore for when, chore in self.chores if when <= now]
            self.chores = [(when, chore) for when, chore in self.chores if when > now]
            for chore in due:
                chore()


_lock = threading.Lock()
_thread: _Thread | None = None


def begin(make: Callable[[], T]) -> Making[T]:
    """Have `make` called on the thread, after what it was given before."""
    global _thread
    making = Making(make)
    with _lock:
        if _thread is None:
            _thread = _Thread()
        _thread.queue.put(making)
    return making


def made(make: Callable[[], T]) -> T:
    """What `make` gives, called on the thread. Raises what it raises."""
    return begin(make).result()


def later(seconds: float, chore: Callable[[], object]) -> None:
    """Have `chore` called, which does not raise, after some time. From the thread itself."""
    assert _thread is not None
    _thread.chores.append((time.monotonic() + seconds, chore))


def _forked() -> None:
    """The thread is not in a process that was forked from this one."""
    global _lock, _thread
    _lock, _thread = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
