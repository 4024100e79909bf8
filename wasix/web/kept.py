"""Files of a page that stay when it is left."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from wasix.abi import E, Errno
from wasix.fs.image import Image, ImageDirectory, ImageFile, ImageInode, ImageSymlink
from wasix.fs.journal import Journal
from wasix.fs.memory import MemoryDirectory, MemoryFile, MemoryFilesystem, MemorySymlink
from wasix.fs.quota import MOST


class Part(Protocol):
    """JavaScript's side of a store: `web/storage.js`."""

    def read(self, offset: int, length: int) -> Any: ...
    def write(self, offset: int, data: Any) -> int: ...
    def truncate(self, size: int) -> None: ...
    def flush(self) -> None: ...


class PageStore:
    """Bytes in the origin's private file system: a `wasix.fs.journal.Store`."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def read(self, offset: int, length: int) -> bytes:
        found: bytes = _tried(lambda: self._part.read(offset, length)).to_bytes()
        return found

    def write(self, offset: int, data: bytes) -> None:
        from pyodide.ffi import to_js

        # Chromium gives an error as a huge number where the specification wants an exception.
        if _tried(lambda: self._part.write(offset, to_js(data))) != len(data):
            raise OSError(errno.ENOSPC, "it was not written in full")

    def truncate(self, size: int) -> None:
        _tried(lambda: self._part.truncate(size))

    def flush(self) -> None:
        _tried(self._part.flush)


def _tried(action: Callable[[], Any]) -> Any:
    from pyodide.ffi import JsException

    try:
        return action()
    except JsException as error:
        full = getattr(error, "name", "") == "QuotaExceededError"
        raise OSError(errno.ENOSPC if full else errno.EIO, str(error)) from None


class Kept:
    """The files of a journal.

    Browsers do not tell how much room there is. When it has once not sufficed, files take no more
    until it does.
    """

    def __init__(self, clock: Callable[[], int], parts: Sequence[Part], *, writable: bool) -> None:
        """Raises `OSError`, `wasix.fs.journal.Damaged`."""
        self.files = MemoryFilesystem(clock)
        first, second = map(PageStore, parts)
        self._journal = Journal(self.files, (first, second))
        self.image = None if writable else image_of(self.files)
        """What is shown of them instead if they may not be changed here."""
        self.files.synced = self.save

    def save(self) -> None:
        """Have what has changed be there for good. Raises `Errno`."""
        if self.image is not None:
            return
        quota = self.files.quota
        try:
            self._journal.commit()
        except Errno as error:
            if error.code == E.NOSPC:
                quota.limit = quota.used
            raise
        quota.limit = MOST


class _Content:
    """The bytes of a file that nothing changes any more."""

    def __init__(self, file: MemoryFile) -> None:
        self._file = file

    @property
    def size(self) -> int:
        return self._file.size

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self._file.read_at(buffers, offset)

    def extents(self) -> Iterator[tuple[int, int]]:
        return self._file.extents()


class _Target:
    """The target of a link, as content."""

    def __init__(self, link: MemorySymlink) -> None:
        self._bytes = link.target().encode("utf-8", "surrogateescape")
        self.size = len(self._bytes)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        done = 0
        for buffer in buffers:
            part = self._bytes[offset + done : offset + done + len(buffer)]
            buffer[: len(part)] = part
            done += len(part)
        return done

    def extents(self) -> Iterator[tuple[int, int]]:
        yield 0, self.size


def image_of(files: MemoryFilesystem) -> Image:
    """The same files for reading only."""
    image = Image(files.root.mtim)
    made: dict[int, ImageInode] = {}
    pending = [(image.root, files.root)]
    while pending:
        directory, source = pending.pop()
        for name, inode in source.items():
            new = made.get(inode.ino)
            if new is not None:
                new.nlink += 1
            elif isinstance(inode, MemoryDirectory):
                new = ImageDirectory(image.tree, inode.mtim, directory)
                pending.append((new, inode))
            elif isinstance(inode, MemorySymlink):
                new = ImageSymlink(image.tree, inode.mtim, _Target(inode))
            else:
                assert isinstance(inode, MemoryFile)
                new = ImageFile(image.tree, inode.mtim, _Content(inode))
            made[inode.ino] = new
            directory.put(name, new)
    return image
