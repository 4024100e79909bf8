"""Command-line arguments."""

from __future__ import annotations

from wasix.proc.process import Thread

__all__ = ["args_get", "args_sizes_get"]


def args_get(thread: Thread) -> list[bytes]:
    return thread.process.args


def args_sizes_get(thread: Thread) -> tuple[int, int]:
    args = thread.process.args
    return len(args), sum(map(len, args)) + len(args)
