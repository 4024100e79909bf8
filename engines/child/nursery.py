"""A thread that begins processes for threads which may end before these do.

Linux ends a child, which asked to end with its parent, when the thread ends that began it.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

Process = subprocess.Popen[bytes]

_lock = threading.Lock()
_queue: SimpleQueue[tuple[Callable[[], Process], Future[Process]]] | None = None


def begin(spawn: Callable[[], Process]) -> Process:
    """What `spawn` gives, called on a thread that lives as long as the program."""
    global _queue
    future: Future[Process] = Future()
    with _lock:
        if _queue is None:
            _queue = SimpleQueue()
            threading.Thread(
                target=_serve, args=(_queue,), name="wasix-nursery", daemon=True
            ).start()
        _queue.put((spawn, future))
    return future.result()


def _serve(queue: SimpleQueue[tuple[Callable[[], Process], Future[Process]]]) -> None:
    while True:
        spawn, future = queue.get()
        try:
            future.set_result(spawn())
        except BaseException as error:  # it is raised where the process was wanted
            future.set_exception(error)
        del spawn, future


def _forked() -> None:
    """The thread is not in a process that was forked from this one."""
    global _lock, _queue
    _lock, _queue = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
