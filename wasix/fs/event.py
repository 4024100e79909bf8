"""Events: a counter that is read and written 8 bytes at a time (eventfd)."""

from __future__ import annotations

from collections.abc import Sequence

from wasix.abi import E, Errno
from wasix.abi.types import Fdflags
from wasix.fs.file import READ, Epoll, OpenFile, Ready, total
from wasix.fs.pipe import scatter
from wasix.proc.wait import Block, WaitQueue

_SIZE = 8
_MOST = (1 << 64) - 2


class Event(OpenFile):
    """A counter. A read waits until it is not 0, takes all of it (one, of a semaphore) and gives
    that as a u64; a write adds a u64, and waits while the sum were beyond 2^64 - 2.
    """

    def __init__(self, count: int, flags: int = 0, *, semaphore: bool = False) -> None:
        super().__init__(flags)
        self.count = count
        self.semaphore = semaphore
        self.increased = WaitQueue()
        self.decreased = WaitQueue()

    def read(self, buffers: Sequence[memoryview]) -> int:
        if total(buffers) < _SIZE:
            raise Errno(E.INVAL)
        if not self.count:
            raise self._would_block(self.increased)
        taken = 1 if self.semaphore else self.count
        self.count -= taken
        self.decreased.wake()
        return scatter([memoryview(taken.to_bytes(_SIZE, "little"))], buffers)

    def write(self, buffers: Sequence[memoryview]) -> int:
        data = b"".join(buffers)[:_SIZE]
        added = int.from_bytes(data, "little")
        if len(data) < _SIZE or added > _MOST:
            raise Errno(E.INVAL)
        if self.count + added > _MOST:
            raise self._would_block(self.decreased)
        self.count += added
        self.increased.wake()
        return _SIZE

    def _would_block(self, queue: WaitQueue) -> Errno | Block:
        return Errno(E.AGAIN) if self.flags & Fdflags.NONBLOCK else Block([queue])

    def ready(self, event: int) -> Ready | None:
        if event == READ:
            return Ready(_SIZE) if self.count else None
        return Ready(_SIZE) if self.count < _MOST else None

    def states(self) -> int:
        # A counter that starts with more than writes can make of it is an error, as on Linux.
        found = Epoll.IN * (self.count > 0) | Epoll.OUT * (self.count < _MOST)
        return found | Epoll.ERR * (self.count > _MOST)

    def queue(self, event: int) -> WaitQueue:
        return self.increased if event == READ else self.decreased
