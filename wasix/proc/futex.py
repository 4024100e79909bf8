"""Futexes: words of memory that threads wait at until another thread wakes them.

A waiter is in its queue from the moment its call has compared the word, under the kernel lock, to
the end of its wait. Who wakes takes the first ones out and marks them: so a woken waiter is done,
whatever the word holds by then, and nobody is woken twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasix.proc.wait import WaitQueue

if TYPE_CHECKING:
    from wasix.proc.process import Thread


class Waiter:
    """One wait of a thread, at an address; `queue` is woken when it is over."""

    __slots__ = ("address", "queue", "thread", "woken")

    def __init__(self, thread: Thread, address: int) -> None:
        self.thread = thread
        self.address = address
        self.queue = WaitQueue()
        self.woken = False


class Futexes:
    """Those of one linear memory. Addresses with no waiter take no room."""

    def __init__(self) -> None:
        self._waiters: dict[int, dict[Waiter, None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiters.values()))

    def wait(self, thread: Thread, address: int) -> Waiter:
        waiter = Waiter(thread, address)
        self._waiters.setdefault(address, {})[waiter] = None
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        found = self._waiters.get(waiter.address, {})
        found.pop(waiter, None)
        if not found:
            self._waiters.pop(waiter.address, None)

    def wake(self, address: int, count: int) -> int:
        """Wake at most `count` that wait at `address`, in order of arrival; how many they were."""
        woken = list(self._waiters.get(address, ()))[:count]
        for waiter in woken:
            self.leave(waiter)
            waiter.woken = True
            waiter.queue.wake()
        return len(woken)

    def forget(self, thread: Thread) -> None:
        """A thread has ended, maybe out of a signal that came while it waited."""
        waiters = [waiter for found in self._waiters.values() for waiter in found]
        for waiter in waiters:
            if waiter.thread is thread:
                self.leave(waiter)
