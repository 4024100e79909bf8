"""A bound on what a guest may write to its standard streams, together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from wasix.abi.types import Attributes
from wasix.fs.file import OpenFile, Ready, total
from wasix.fs.inode import DirectoryEntry
from wasix.fs.modes import Modes
from wasix.proc.wait import WaitQueue


class Allowance:
    """Bytes that may still be written.

    `exceeded` ends the process that wants to write more, and gives what is to be raised.
    """

    def __init__(self, limit: int, exceeded: Callable[[], BaseException]) -> None:
        self.left = limit
        self.exceeded = exceeded


class Bounded(OpenFile):
    """`file`, whose writes are taken off `allowance`. What still fits is written."""

    def __init__(self, file: OpenFile, allowance: Allowance) -> None:
        super().__init__(file.flags)
        self.file = file
        self.allowance = allowance
        self.filetype, self.inode = file.filetype, file.inode
        self.readable, self.writable = file.readable, file.writable
        self.seekable, self.is_terminal = file.seekable, file.is_terminal
        self.unseekable = file.unseekable
        self.breaks, self.interests = file.breaks, file.interests

    def write(self, buffers: Sequence[memoryview]) -> int:
        return self._counted(buffers, self.file.write)

    def pwrite(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self._counted(buffers, lambda fitting: self.file.pwrite(fitting, offset))

    def _counted(
        self, buffers: Sequence[memoryview], write: Callable[[Sequence[memoryview]], int]
    ) -> int:
        allowance = self.allowance
        if total(buffers) <= allowance.left:
            count = write(buffers)
            allowance.left -= count
            return count
        if allowance.left:
            count = write(_first(buffers, allowance.left))
            allowance.left -= count
            # A file may take less than what fits; the guest writes the rest again.
            if allowance.left:
                return count
        raise allowance.exceeded()

    def close(self) -> None:
        self.file.close()

    def read(self, buffers: Sequence[memoryview]) -> int:
        return self.file.read(buffers)

    def pread(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self.file.pread(buffers, offset)

    def seek(self, offset: int, whence: str) -> int:
        return self.file.seek(offset, whence)

    def attributes(self) -> Attributes:
        return self.file.attributes()

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self.file.set_times(atim, mtim)

    def set_size(self, size: int) -> None:
        self.file.set_size(size)

    def allocate(self, offset: int, length: int) -> None:
        self.file.allocate(offset, length)

    def advise(self, offset: int, length: int) -> None:
        self.file.advise(offset, length)

    def sync(self, *, data_only: bool) -> None:
        self.file.sync(data_only=data_only)

    def set_flags(self, flags: int) -> None:
        self.file.set_flags(flags)
        self.flags = self.file.flags

    def modes(self) -> Modes:
        return self.file.modes()

    def set_modes(self, modes: Modes) -> Callable[[], None] | None:
        return self.file.set_modes(modes)

    def entries(self, cookie: int) -> Iterator[DirectoryEntry] | None:
        return self.file.entries(cookie)

    def extents(self) -> Iterator[tuple[int, int]]:
        return self.file.extents()

    def ready(self, event: int) -> Ready | None:
        return self.file.ready(event)

    def states(self) -> int:
        return self.file.states()

    def queue(self, event: int) -> WaitQueue:
        return self.file.queue(event)


def _first(buffers: Sequence[memoryview], size: int) -> list[memoryview]:
    """The first `size` bytes of `buffers`."""
    found = []
    for buffer in buffers:
        found.append(buffer[:size])
        size -= len(found[-1])
    return found
