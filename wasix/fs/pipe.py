"""Pipes: a bounded buffer between writers and readers.

A pipe joins two guests, or a guest and the host program (which calls `feed` and `drain`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from wasix.abi import E, Errno
from wasix.abi.types import Fdflags
from wasix.fs.file import READ, Epoll, OpenFile, Ready, total
from wasix.proc.wait import Block, WaitQueue

CAPACITY = 65536


class Pipe:
    """The buffer. An end that is closed is `eof` to readers and `pipe` to writers.

    A write of up to `capacity` bytes is never split between other writers' bytes.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.size = 0
        self.chunks: deque[memoryview] = deque()
        self.readable = WaitQueue()
        self.writable = WaitQueue()
        """Woken when it is full no more."""
        self.roomier = WaitQueue()
        """Woken whenever bytes were taken: a write may wait for more room than a little."""
        self.read_closed = False
        self.write_closed = False

    def room(self) -> int:
        return self.capacity - self.size

    def put(self, data: bytes) -> None:
        """Append `data`, whatever its size; the caller has looked at `room`."""
        if data:
            self.chunks.append(memoryview(data))
            self.size += len(data)
            self.readable.wake()

    def take(self, count: int) -> list[memoryview]:
        """Remove up to `count` bytes from the front."""
        taken: list[memoryview] = []
        full = self.room() <= 0
        while count and self.chunks:
            chunk = self.chunks.popleft()
            if len(chunk) > count:
                self.chunks.appendleft(chunk[count:])
                chunk = chunk[:count]
            taken.append(chunk)
            self.size -= len(chunk)
            count -= len(chunk)
        if taken:
            self.roomier.wake()
            if full and self.room() > 0:
                self.writable.wake()
        return taken

    def close_read(self) -> None:
        """Nobody will read any more. What was there is gone, but does not make room."""
        self.read_closed = True
        self.chunks.clear()
        self.writable.wake()
        self.roomier.wake()

    def close_write(self) -> None:
        self.write_closed = True
        self.readable.wake()


class PipeReader(OpenFile):
    """The end a guest reads from."""

    writable = False

    def __init__(self, pipe: Pipe, flags: int = 0) -> None:
        super().__init__(flags)
        self.pipe = pipe

    def close(self) -> None:
        self.pipe.close_read()

    def read(self, buffers: Sequence[memoryview]) -> int:
        wanted = total(buffers)
        pipe = self.pipe
        if not pipe.size and wanted and not pipe.write_closed:
            if self.flags & Fdflags.NONBLOCK:
                raise Errno(E.AGAIN)
            raise Block([pipe.readable])
        return scatter(pipe.take(wanted), buffers)

    def ready(self, event: int) -> Ready | None:
        pipe = self.pipe
        if event != READ:
            return Ready(0)
        return Ready(pipe.size, pipe.write_closed) if pipe.size or pipe.write_closed else None

    def states(self) -> int:
        pipe = self.pipe
        return Epoll.IN * bool(pipe.size) | Epoll.HUP * pipe.write_closed

    def queue(self, event: int) -> WaitQueue:
        return self.pipe.readable


class PipeWriter(OpenFile):
    """The end a guest writes to."""

    readable = False
    breaks = True

    def __init__(self, pipe: Pipe, flags: int = 0) -> None:
        super().__init__(flags)
        self.pipe = pipe

    def close(self) -> None:
        self.pipe.close_write()

    def write(self, buffers: Sequence[memoryview]) -> int:
        pipe = self.pipe
        if pipe.read_closed:
            raise Errno(E.PIPE)
        wanted, room = total(buffers), pipe.room()
        if wanted > room and (room <= 0 or wanted <= pipe.capacity):
            if self.flags & Fdflags.NONBLOCK:
                raise Errno(E.AGAIN)
            raise Block([pipe.roomier])
        data = b"".join(buffers)[:room]
        pipe.put(data)
        return len(data)

    def ready(self, event: int) -> Ready | None:
        pipe = self.pipe
        if event == READ:
            return Ready(0)
        return Ready(pipe.room(), pipe.read_closed) if pipe.read_closed or pipe.room() > 0 else None

    def states(self) -> int:
        pipe = self.pipe
        return Epoll.OUT * (pipe.room() > 0) | Epoll.ERR * pipe.read_closed

    def queue(self, event: int) -> WaitQueue:
        return self.pipe.writable


def scatter(chunks: Sequence[memoryview], buffers: Sequence[memoryview]) -> int:
    """Copy `chunks` into `buffers` front to back; returns the bytes copied."""
    if len(chunks) == 1 and buffers and len(buffers[0]) >= len(chunks[0]):
        buffers[0][: len(chunks[0])] = chunks[0]
        return len(chunks[0])
    data = memoryview(b"".join(chunks))
    done = 0
    for buffer in buffers:
        count = min(len(buffer), len(data) - done)
        buffer[:count] = data[done : done + count]
        done += count
    return done
