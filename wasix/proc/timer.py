"""Interval timers: signals that a process gets when a time has come.

Nothing runs for them. Who carries a thread of the process looks between its calls, and sleeps no
longer than to the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wasix.proc.signal import Signal


@dataclass
class _Timer:
    deadline: int
    interval: int
    """0 for one that comes once."""


class Timers:
    """A process's timers, one a signal. Times are nanoseconds of the kernel's monotonic clock."""

    def __init__(self, now: Callable[[], int], deliver: Callable[[Signal], object]) -> None:
        self._now = now
        self._deliver = deliver
        self._timers: dict[Signal, _Timer] = {}
        self.deadline: int | None = None
        """When the next one comes; None if there is none."""

    def set(self, signal: Signal, interval: int, *, repeat: bool) -> None:
        """Signal after `interval`, and ever again if so asked; with 0 no more."""
        if interval:
            self._timers[signal] = _Timer(self._now() + interval, interval if repeat else 0)
        else:
            self._timers.pop(signal, None)
        self._look()

    def _look(self) -> None:
        self.deadline = min((timer.deadline for timer in self._timers.values()), default=None)

    def fire(self) -> None:
        """Deliver the signals whose time has come; what was missed counts once."""
        if self.deadline is None or (now := self._now()) < self.deadline:
            return
        due = [(timer.deadline, signal) for signal, timer in self._timers.items()]
        for deadline, signal in sorted(due):
            if deadline > now:
                break
            timer = self._timers[signal]
            if timer.interval:
                timer.deadline += timer.interval * ((now - deadline) // timer.interval + 1)
            else:
                del self._timers[signal]
        self._look()
        for deadline, signal in sorted(due):
            if deadline <= now:
                self._deliver(signal)

    def bound(self, deadline: int | None) -> int | None:
        """`deadline`, or that of the next timer if it is earlier."""
        if self.deadline is None:
            return deadline
        return self.deadline if deadline is None else min(deadline, self.deadline)

    def clear(self) -> None:
        self._timers.clear()
        self.deadline = None
