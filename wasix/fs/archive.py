"""Archives as read-only filesystems: zip, and tar, also compressed with gzip, bzip2 or xz.

What both have in common; the formats are in `wasix.fs.zipped` and `wasix.fs.tarred`, loaded when
needed. Modes and owners are disregarded, devices and pipes left out. Of members with the same name
the last one counts; directories that are no members are made up.
"""

from __future__ import annotations

import errno
import io
import os
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import IO

from wasix.abi import E, Errno
from wasix.fs.image import Image, ImageDirectory, ImageInode

MOST_INODES = 1 << 19
_CHUNK = 1 << 20


class ArchiveError(Exception):
    """A file is no archive, or none that can be mounted. The text names it and what is wrong."""


class Source(ABC):
    """Bytes by offset: an archive, or what was unpacked from one. `size` is their number."""

    size: int

    @abstractmethod
    def read(self, offset: int, length: int) -> bytes | memoryview:
        """At most `length` bytes; fewer at the end only. Raises `OSError`."""


class BytesSource(Source):
    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data).cast("B").toreadonly()
        self.size = len(self._data)

    def read(self, offset: int, length: int) -> memoryview:
        return self._data[offset : offset + length]


class HostSource(Source):
    """An open host file, which this object closes. Raises `OSError`."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size

    def read(self, offset: int, length: int) -> bytes:
        found = self._read(offset, length)
        # The host may give less at a time, over a network say.
        while 0 < len(found) < length:
            piece = self._read(offset + len(found), length - len(found))
            if not piece:
                break
            found += piece
        return found

    def _read(self, offset: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._fd, length, offset)
        os.lseek(self._fd, offset, os.SEEK_SET)
        return os.read(self._fd, length)

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self._fd)


class _Raw(io.RawIOBase):
    def __init__(self, source: Source) -> None:
        self._source = source
        self._offset = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self._source.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._offset = base + offset
        return self._offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._source.read(self._offset, len(buffer))
        buffer[: len(piece)] = piece
        self._offset += len(piece)
        return len(piece)


def reader(source: Source) -> IO[bytes]:
    """A file object on `source`."""
    return io.BufferedReader(_Raw(source), 1 << 16)


class Stored:
    """Content that lies in `source` as it is. See `wasix.fs.image.Content`.

    pieces: (offset in the file, length) of what is there, in order and one behind the other from
        `start` on; the rest of `size` bytes is zero. None for all of it.
    """

    __slots__ = ("_pieces", "_source", "_start", "size")

    def __init__(
        self, source: Source, start: int, size: int, pieces: Sequence[tuple[int, int]] | None = None
    ) -> None:
        self._source = source
        self._start = start
        self.size = size
        self._pieces = None if pieces is None else _Pieces(pieces)

    def open(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        start = offset
        for buffer in buffers:
            length = max(0, min(len(buffer), self.size - offset))
            if self._pieces is None:
                self._fill(buffer[:length], self._start + offset)
            else:
                self._fill_sparse(buffer[:length], offset, self._pieces)
            offset += length
        return offset - start

    def extents(self) -> Iterator[tuple[int, int]]:
        if self._pieces is None:
            yield 0, self.size
        else:
            for start, _, length in self._pieces.overlapping(0, self.size):
                yield start, start + length

    def _fill_sparse(self, buffer: memoryview, offset: int, pieces: _Pieces) -> None:
        for at in range(0, len(buffer), _CHUNK):
            buffer[at : at + _CHUNK] = bytes(min(_CHUNK, len(buffer) - at))
        for start, stored, length in pieces.overlapping(offset, offset + len(buffer)):
            self._fill(buffer[start - offset :][:length], self._start + stored)

    def _fill(self, buffer: memoryview, offset: int) -> None:
        for at in range(0, len(buffer), _CHUNK):
            length = min(_CHUNK, len(buffer) - at)
            try:
                piece = self._source.read(offset + at, length)
            except OSError as error:
                raise Errno.of(error) from None
            if len(piece) < length:  # the archive has become shorter
                raise Errno(E.IO)
            buffer[at : at + length] = piece


class _Pieces:
    """The pieces of a sparse file."""

    def __init__(self, pieces: Sequence[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in pieces]
        self._stored = [0, *accumulate(length for _, length in pieces)]

    def overlapping(self, offset: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(offset in the file, offset in what is stored, length) of all there is in a range."""
        for place in range(max(0, bisect_right(self._starts, offset) - 1), len(self._starts)):
            start, stored = self._starts[place], self._stored[place]
            if start >= end:
                break
            length = self._stored[place + 1] - stored
            first, last = max(start, offset), min(start + length, end)
            if first < last:
                yield first, stored + first - start, last - first


class Builder:
    """Puts members into an image. `name` is what errors call the archive."""

    def __init__(self, name: str, time: int) -> None:
        self.name = name
        self.image = Image(time)

    def error(self, member: str, text: str) -> ArchiveError:
        return ArchiveError(f"{self.name}: its member {member!r} {text}")

    def _names(self, member: str) -> list[str]:
        """The components of a member's name. One that is absolute starts at the root as well."""
        names = [name for name in member.split("/") if name and name != "."]
        for name in names:
            if name == "..":
                raise self.error(member, "leads out of it: pack it again without `..`")
            if "\0" in name or len(name.encode("utf-8", "surrogateescape")) > 255:
                raise self.error(member, "has a name that no file can have")
        return names

    def _directory(self, member: str, names: list[str]) -> ImageDirectory:
        """The directory with those names, made with its parents where missing."""
        directory = self.image.root
        for name in names:
            child = directory.lookup(name)
            if child is None:
                child = ImageDirectory(self.image.tree, self.image.root.time, directory)
                directory.put(name, child)
                self._check_count()
            if not isinstance(child, ImageDirectory):
                raise self.error(member, "lies below another one that is no directory")
            directory = child
        return directory

    def _check_count(self) -> None:
        if self.image.tree.count > MOST_INODES:
            raise ArchiveError(
                f"{self.name}: it has more than {MOST_INODES} members: unpack it, and mount the "
                "directory"
            )

    def put(self, member: str, inode: ImageInode) -> None:
        """Put `inode` where the name of `member` says."""
        self._check_count()
        *above, name = self._names(member) or [""]
        directory = self._directory(member, above)
        if not name:
            raise self.error(member, "is no directory, but has the name of one")
        directory.put(name, inode)

    def put_directory(self, member: str, time: int) -> None:
        names = self._names(member)
        if names:
            *above, name = names
            parent = self._directory(member, above)
            child = parent.lookup(name)
            if child is not None and not isinstance(child, ImageDirectory):
                parent.remove(name)
        self._directory(member, names).set_time(time)

    def link(self, member: str, target: str) -> None:
        """A further name for the member `target`."""
        inode: ImageInode | None = self.image.root
        for name in self._names(target):
            inode = inode.lookup(name) if isinstance(inode, ImageDirectory) else None
        if inode is None:
            raise self.error(member, f"is a hard link to {target!r}, which is not there")
        if isinstance(inode, ImageDirectory):
            raise self.error(member, f"is a hard link to the directory {target!r}")
        inode.nlink += 1
        self.put(member, inode)
