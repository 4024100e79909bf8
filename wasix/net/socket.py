"""Sockets as open files: what the socket calls ask of one, wherever it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from wasix.abi import E, Errno
from wasix.fs.file import OpenFile


class SocketFile(OpenFile, ABC):
    """An open socket. Its calls raise `Block` if they have to wait, as those of any open file."""

    pending: E | None = None
    """An error that came after a call had moved some bytes: the next call's answer."""

    @abstractmethod
    def accept(self, flags: int) -> SocketFile:
        """The next connection of a listening socket, with `flags` (`nonblock` or none)."""

    @abstractmethod
    def receive(self, buffers: Sequence[memoryview], *, peek: bool = False) -> tuple[int, bool]:
        """Fill `buffers` with what is there: (bytes, whether the rest of a datagram was lost).

        0 bytes are the end of a stream. With `peek` they stay to be received again.
        """

    @abstractmethod
    def send(self, buffers: Sequence[memoryview]) -> int:
        """Send as much of `buffers` as can be sent without waiting, a datagram whole."""

    @abstractmethod
    def shutdown(self, *, receiving: bool, sending: bool) -> None:
        """End one direction of a connection, or both."""

    def read(self, buffers: Sequence[memoryview]) -> int:
        return self.receive(buffers)[0]

    def write(self, buffers: Sequence[memoryview]) -> int:
        return self.send(buffers)

    def raise_pending(self) -> None:
        code, self.pending = self.pending, None
        if code is not None:
            raise Errno(code)


def part(buffers: Sequence[memoryview], start: int, count: int) -> list[memoryview]:
    """The `count` bytes from `start` on of all `buffers`, without those left empty."""
    found: list[memoryview] = []
    for buffer in buffers:
        piece = buffer[start : start + count]
        start = max(0, start - len(buffer))
        if len(piece):
            found.append(piece)
            count -= len(piece)
            if not count:
                break
    return found
