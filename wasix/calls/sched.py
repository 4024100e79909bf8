"""Scheduling."""

from __future__ import annotations

from wasix.proc.process import Thread

__all__ = ["sched_yield"]


def sched_yield(thread: Thread) -> None:
    """Nothing to do: other guests run on threads of their own, or get their turn when one waits."""
