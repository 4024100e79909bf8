"""Environment variables."""

from __future__ import annotations

from wasix.proc.process import Thread

__all__ = ["environ_get", "environ_sizes_get"]


def environ_get(thread: Thread) -> list[bytes]:
    return thread.process.environ


def environ_sizes_get(thread: Thread) -> tuple[int, int]:
    environ = thread.process.environ
    return len(environ), sum(map(len, environ)) + len(environ)
