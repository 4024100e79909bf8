"""Descriptors: a process's numbers for open files, with the rights it has on each.

Rights follow preview1: a descriptor gets those asked for at its opening, as far as the directory it
was opened from passes them on, and can only lose some. A call whose right was not kept answers
`notcapable`; one that makes no sense on that kind of file gets that file's own answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

from wasix.abi import E, Errno
from wasix.abi.types import Filetype, Rights
from wasix.fs.file import OpenFile
from wasix.fs.inode import Directory

_COMMON = (
    Rights.FD_FDSTAT_SET_FLAGS
    | Rights.FD_FILESTAT_GET
    | Rights.FD_SYNC
    | Rights.FD_DATASYNC
    | Rights.FD_FILESTAT_SET_TIMES
    | Rights.POLL_FD_READWRITE
)
_STREAM = _COMMON | Rights.FD_READ | Rights.FD_WRITE
_FILE = (
    _STREAM
    | Rights.FD_SEEK
    | Rights.FD_TELL
    | Rights.FD_ADVISE
    | Rights.FD_ALLOCATE
    | Rights.FD_FILESTAT_SET_SIZE
)
_SOCKET = _STREAM | Rights.SOCK_SHUTDOWN | Rights.SOCK_ACCEPT
_SOCKETS = (Filetype.SOCKET_DGRAM, Filetype.SOCKET_STREAM)
_DIRECTORY = _COMMON | Rights.ALL & ~_FILE & ~_SOCKET

WRITE_RIGHTS = Rights.FD_WRITE | Rights.FD_ALLOCATE | Rights.FD_FILESTAT_SET_SIZE
"""Rights that need a file opened for writing."""


def applicable(file: OpenFile) -> int:
    """The rights that mean something on `file`."""
    if file.filetype == Filetype.DIRECTORY:
        return _DIRECTORY
    rights = _FILE if file.seekable else _SOCKET if file.filetype in _SOCKETS else _STREAM
    if not file.readable:
        rights &= ~Rights.FD_READ
    return rights if file.writable else rights & ~WRITE_RIGHTS


@dataclass(slots=True)
class Descriptor:
    """One process's claim on an open file."""

    file: OpenFile
    rights: int
    inheriting: int = 0
    preopen: str | None = None
    """The name it was preopened under; empty for a socket, which has none."""
    close_on_exec: bool = False
    names: tuple[str, ...] | None = None
    """Where a directory was found: the names from the root, if that is known."""

    def directory(self) -> Directory:
        """The directory it refers to; `notdir` if that is none."""
        if self.file.filetype != Filetype.DIRECTORY:
            raise Errno(E.NOTDIR)
        return cast(Directory, self.file.inode)


def _deny(entry: Descriptor, right: int) -> None:
    """Refuse a call that needs `right`, unless the file itself has an answer to it."""
    if right & ~entry.rights & ~applicable(entry.file) == 0:
        raise Errno(E.NOTCAPABLE)


Move = Callable[[Sequence[memoryview]], int]
"""`OpenFile.read` or `OpenFile.write` of some file."""


class Moves(dict[int, Move]):
    """How bytes are moved through a descriptor: by number, a method of the open file behind it.

    It is kept ready for every descriptor with the right to it, since reads and writes are what
    guests do most. What is asked for without being there is refused by `table`, or by the file.
    """

    def __init__(self, table: DescriptorTable, right: int, method: str) -> None:
        super().__init__()
        self.right = right
        self._table = table
        self._method = method

    def __missing__(self, fd: int) -> Move:
        return self._of(self._table.file(fd, self.right))

    def _of(self, file: OpenFile) -> Move:
        move: Move = getattr(file, self._method)
        return self._table.told(move) if file.breaks and self.right == Rights.FD_WRITE else move

    def put(self, fd: int, entry: Descriptor) -> None:
        """The number `fd` means `entry` now."""
        if entry.rights & self.right:
            self[fd] = self._of(entry.file)
        else:
            self.pop(fd, None)


class DescriptorTable:
    """The descriptors of a process. `limit` bounds their number (`mfile`).

    `on_broken_pipe` is called when a write finds nobody left to read, before it answers `pipe`.
    """

    def __init__(self, limit: int = 1024) -> None:
        self.limit = limit
        self.on_broken_pipe: Callable[[], None] | None = None
        self.entries: dict[int, Descriptor] = {}
        self.readers = Moves(self, Rights.FD_READ, "read")
        self.writers = Moves(self, Rights.FD_WRITE, "write")
        self._used = 0
        """Bit n is set while the number n is in use: the lowest free one is found without a
        search."""

    def get(self, fd: int, right: int = 0) -> Descriptor:
        """The descriptor `fd`; `badf` if it is not open, `notcapable` if it lacks `right`."""
        entry = self.entries.get(fd)
        if entry is None:
            raise Errno(E.BADF)
        if right & ~entry.rights:
            _deny(entry, right)
        return entry

    def file(self, fd: int, right: int = 0) -> OpenFile:
        """The open file behind `fd`, checked as by `get`."""
        entry = self.entries.get(fd)
        if entry is None:
            raise Errno(E.BADF)
        if right & ~entry.rights:
            _deny(entry, right)
        return entry.file

    def directory(self, fd: int, right: int = 0) -> Directory:
        """The directory behind `fd`; `notdir` if it is none."""
        return self.get(fd, right).directory()

    def path(self, fd: int) -> str:
        """Where the directory `fd` was found, from the root; `notsup` if that is not known."""
        self.directory(fd)
        names = self.entries[fd].names
        if names is None:
            raise Errno(E.NOTSUP)
        return "/" + "/".join(names)

    def told(self, write: Move) -> Move:
        """`write` with a broken pipe told of."""

        def move(buffers: Sequence[memoryview]) -> int:
            try:
                return write(buffers)
            except Errno as error:
                if error.code is E.PIPE:
                    self.broken()
                raise

        return move

    def broken(self) -> None:
        """A write found nobody left to read."""
        if self.on_broken_pipe is not None:
            self.on_broken_pipe()

    def check_room(self, count: int = 1) -> None:
        """`mfile` unless `count` more descriptors can be had."""
        if len(self.entries) + count > self.limit:
            raise Errno(E.MFILE)

    def _free(self, least: int = 0) -> int:
        """The lowest free number from `least` on; `mfile` if there is none below the limit."""
        self.check_room()
        used = self._used >> least
        fd = least + (~used & (used + 1)).bit_length() - 1
        if fd >= self.limit:
            raise Errno(E.MFILE)
        return fd

    def add(
        self,
        file: OpenFile,
        rights: int = Rights.ALL,
        inheriting: int = 0,
        *,
        preopen: str | None = None,
        close_on_exec: bool = False,
        names: tuple[str, ...] | None = None,
    ) -> int:
        """Give `file` the lowest free number, with those of `rights` that mean something on it."""
        fd = self._free()
        self.set(fd, file, rights, inheriting, preopen, close_on_exec, names)
        return fd

    def set(
        self,
        fd: int,
        file: OpenFile,
        rights: int = Rights.ALL,
        inheriting: int = 0,
        preopen: str | None = None,
        close_on_exec: bool = False,
        names: tuple[str, ...] | None = None,
    ) -> None:
        """Give `file` the free number `fd`."""
        file.references += 1
        self._used |= 1 << fd
        rights &= applicable(file)
        self._put(fd, Descriptor(file, rights, inheriting, preopen, close_on_exec, names))

    def clone(self, fd: int, least: int = 0, *, close_on_exec: bool = False) -> int:
        """Another descriptor for what `fd` is, under the lowest free number from `least` on.

        It has the same rights; it is no preopened one, and closed on exec only if so asked.
        `inval` for a number that no descriptor can have.
        """
        source = self.get(fd)
        if least >= self.limit:
            raise Errno(E.INVAL)
        number = self._free(least)
        rights, inheriting = source.rights, source.inheriting
        self.set(number, source.file, rights, inheriting, None, close_on_exec, source.names)
        return number

    @property
    def preopened_root(self) -> Descriptor | None:
        """The preopened descriptor of `/`, if there is one."""
        return next((entry for entry in self.entries.values() if entry.preopen == "/"), None)

    def _put(self, fd: int, entry: Descriptor) -> None:
        self.entries[fd] = entry
        self.readers.put(fd, entry)
        self.writers.put(fd, entry)

    def _take(self, fd: int) -> Descriptor:
        """The descriptor `fd`, which is one no longer; `badf` if there is none."""
        entry = self.entries.pop(fd, None)
        if entry is None:
            raise Errno(E.BADF)
        self.readers.pop(fd, None)
        self.writers.pop(fd, None)
        return entry

    def duplicate(self, fd: int, to: int) -> None:
        """Make `to` another descriptor for what `fd` is, closing what it was (dup2)."""
        source = self.get(fd)
        if fd == to:
            source.close_on_exec = False
            return
        self.replace(to, source.file, source.rights, source.inheriting, source.names)

    def replace(
        self,
        fd: int,
        file: OpenFile,
        rights: int = Rights.ALL,
        inheriting: int = 0,
        names: tuple[str, ...] | None = None,
    ) -> None:
        """Give `file` the number `fd`, closing what has it; `badf` from `limit` on."""
        if fd >= self.limit and fd not in self.entries:
            raise Errno(E.BADF)
        replaced = self.entries.get(fd)
        self.set(fd, file, rights, inheriting, names=names)
        if replaced:
            self._drop(replaced)

    def copy(self) -> DescriptorTable:
        """The same descriptors for another process; they share their open files."""
        new = DescriptorTable(self.limit)
        for fd, entry in self.entries.items():
            entry.file.references += 1
            new._used |= 1 << fd
            new._put(fd, replace(entry))
        return new

    def close_on_exec(self) -> None:
        """Close those that are marked so. Preopened directories stay: libc finds files by them."""
        for fd, entry in tuple(self.entries.items()):
            if entry.close_on_exec and not entry.preopen:
                with suppress(Errno):
                    self.close(fd)

    def restrict(self, fd: int, rights: int, inheriting: int) -> None:
        """Leave the descriptor `fd` these rights; `notcapable` if it lacks one of them."""
        entry = self.get(fd)
        if rights & ~entry.rights or inheriting & ~entry.inheriting:
            raise Errno(E.NOTCAPABLE)
        entry.rights, entry.inheriting = rights, inheriting
        self._put(fd, entry)

    def close(self, fd: int) -> None:
        entry = self._take(fd)
        self._used ^= 1 << fd
        self._release(entry)

    def renumber(self, fd: int, to: int) -> None:
        """Give the descriptor `fd` the number `to`, closing what has it; `badf` from `limit` on."""
        moved = self.get(fd)
        if to >= self.limit and to not in self.entries:
            raise Errno(E.BADF)
        if fd == to:
            return
        replaced = self.entries.get(to)
        self._put(to, moved)
        self._take(fd)
        self._used = self._used ^ 1 << fd | 1 << to
        if replaced:
            self._drop(replaced)

    def close_all(self) -> None:
        self._used = 0
        self.readers.clear()
        self.writers.clear()
        while self.entries:
            self._drop(self.entries.popitem()[1])

    def _drop(self, entry: Descriptor) -> None:
        """Give up `entry`; an error of closing the file is lost, as in Linux's dup2 and exit."""
        with suppress(Errno):
            self._release(entry)

    @staticmethod
    def _release(entry: Descriptor) -> None:
        file = entry.file
        file.references -= 1
        if not file.references:
            for interest in tuple(file.interests):
                interest.leave()
            file.close()
