"""Where a guest spends its time: samples of its stack, as an engine takes them."""

from __future__ import annotations

from collections.abc import Sequence

INTERVAL = 1_000_000
"""Nanoseconds between two samples, as far as the engine manages."""

MOST_FRAMES = 500
"""Of a deep recursion the innermost frames are kept."""

Stack = tuple[str, ...]
"""Names of functions, the outermost first."""


class Samples:
    """The samples of one guest in the order of time; used by one thread at a time."""

    def __init__(self) -> None:
        self.stacks: list[Stack] = []
        self.weights: list[int] = []
        """Nanoseconds spent in each stack."""
        self.count = 0
        """Samples taken; equal ones that follow each other are one entry above."""
        self._known: dict[Stack, Stack] = {}

    def add(self, stack: Sequence[str], weight: int) -> None:
        """`stack`, the outermost first, was what ran for `weight` nanoseconds."""
        self.count += 1
        new = tuple(stack[-MOST_FRAMES:])
        # Many are equal: one object stands for all of them.
        new = self._known.setdefault(new, new)
        if self.stacks and self.stacks[-1] is new:
            self.weights[-1] += weight
            return
        self.stacks.append(new)
        self.weights.append(weight)


def system_call(name: str) -> str:
    """What the frame of a system call is called."""
    return f"{name} (system call)"
