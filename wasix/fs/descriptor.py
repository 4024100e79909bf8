"""Descriptors: a process's numbers for open files, with the rights it has on each.

Rights follow preview1: a descriptor gets those asked for at its opening, as far as the directory it
was opened from passes them on, and can only lose some. A call whose right was not kept answers
`notcapable`; one that makes no sense on that kind of file gets that file's own answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

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
_IS_DIRECTORY = Filetype.DIRECTORY
_SOCKETS = (Filetype.SOCKET_DGRAM, Filetype.SOCKET_STREAM)
_DIRECTORY = _COMMON | Rights.ALL & ~_FILE & ~_SOCKET

WRITE_RIGHTS = Rights.FD_WRITE | Rights.FD_ALLOCATE | Rights.FD_FILESTAT_SET_SIZE
"""Rights that need a file opened for writing."""


_ROOM = 32
"""Numbers that may come into use before there is to be room for more."""


def _modes(rights: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """What is left of `rights` on a file: by whether it is readable, and whether writable."""
    unread = rights & ~Rights.FD_READ
    return (unread & ~WRITE_RIGHTS, unread), (rights & ~WRITE_RIGHTS, rights)


_ON_FILE, _ON_SOCKET, _ON_STREAM = map(_modes, (_FILE, _SOCKET, _STREAM))


def applicable(file: OpenFile) -> int:
    """The rights that mean something on `file`."""
    if file.seekable:
        return _ON_FILE[file.readable][file.writable]
    if file.filetype == _IS_DIRECTORY:
        return _DIRECTORY
    modes = _ON_SOCKET if file.filetype in _SOCKETS else _ON_STREAM
    return modes[file.readable][file.writable]


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
    directory: Directory | None = None
    """The directory it refers to, if it does to one."""
    moved: bool = False
    """Whether a table of moves has its number."""


def _deny(entry: Descriptor, right: int) -> None:
    """Refuse a call that needs `right`, unless the file itself has an answer to it."""
    if right & ~entry.rights & ~applicable(entry.file) == 0:
        raise Errno(E.NOTCAPABLE)


Move = Callable[[Sequence[memoryview]], int]
"""`OpenFile.read` or `OpenFile.write` of some file."""


class Moves(dict[int, Move]):
    """How bytes are moved through a descriptor: by number, a method of the open file behind it.

    Reads and writes are what guests do most, so what a number means is found out once. It is taken
    out again when the number may come to mean something else (`Descriptor.moved`).
    """

    def __init__(self, table: DescriptorTable, right: int, method: str) -> None:
        super().__init__()
        self.right = right
        self._table = table
        self._method = method

    def __missing__(self, fd: int) -> Move:
        table, right = self._table, self.right
        entry = table.entries.get(fd)
        if entry is None or not entry.rights & right:
            entry = table.get(fd, right)  # what is wrong with it
        file = entry.file
        move: Move = getattr(file, self._method)
        if file.breaks and self._method == "write":
            move = table.told(move)
        if entry.rights & right:
            self[fd] = move
            entry.moved = True
        return move


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
        self.root: Descriptor | None = None
        """The preopened descriptor of `/`, if there is one."""
        self._used = bytearray()
        """1 for each number in use: so the lowest free one is found in no time."""

    def get(self, fd: int, right: int = 0) -> Descriptor:
        """The descriptor `fd`; `badf` if it is not open, `notcapable` if it lacks `right`."""
        entry = self.entries.get(fd)
        if entry is None:
            raise Errno(E.BADF)
        if entry.rights & right != right:
            _deny(entry, right)
        return entry

    def file(self, fd: int, right: int = 0) -> OpenFile:
        """The open file behind `fd`, checked as by `get`."""
        entry = self.entries.get(fd)
        if entry is None:
            raise Errno(E.BADF)
        if entry.rights & right != right:
            _deny(entry, right)
        return entry.file

    def directory(self, fd: int, right: int = 0) -> Directory:
        """The directory behind `fd`; `notdir` if it is none."""
        directory = self.get(fd, right).directory
        if directory is None:
            raise Errno(E.NOTDIR)
        return directory

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

    def free(self, least: int = 0) -> int:
        """The lowest free number from `least` on; `mfile` if there is none below the limit."""
        used = self._used
        fd = used.find(0, least)
        if fd < 0:
            fd = max(least, len(used))
        if fd >= self.limit or len(self.entries) >= self.limit:
            raise Errno(E.MFILE)
        return fd

    def _use(self, fd: int) -> None:
        used = self._used
        if fd >= len(used):
            used.extend(bytes(fd + _ROOM - len(used)))
        used[fd] = 1

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
        fd = self.free()
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
        # Those of most files, without a call: programs open many.
        rights &= _ON_FILE[file.readable][file.writable] if file.seekable else applicable(file)
        entry = Descriptor(file, rights, inheriting, preopen, close_on_exec, names)
        if file.filetype == _IS_DIRECTORY:
            entry.directory = file.inode  # type: ignore[assignment]  # such a file's is one
        self.entries[fd] = entry
        try:
            self._used[fd] = 1
        except IndexError:
            self._use(fd)
        if preopen is not None:
            self._find_root()

    def clone(self, fd: int, least: int = 0, *, close_on_exec: bool = False) -> int:
        """Another descriptor for what `fd` is, under the lowest free number from `least` on.

        It has the same rights; it is no preopened one, and closed on exec only if so asked.
        `inval` for a number that no descriptor can have.
        """
        source = self.get(fd)
        if least >= self.limit:
            raise Errno(E.INVAL)
        number = self.free(least)
        rights, inheriting = source.rights, source.inheriting
        self.set(number, source.file, rights, inheriting, None, close_on_exec, source.names)
        return number

    def _find_root(self) -> None:
        entries = self.entries.values()
        self.root = next((entry for entry in entries if entry.preopen == "/"), None)

    def _take(self, fd: int) -> Descriptor:
        """The descriptor `fd`, which is one no longer; `badf` if there is none."""
        entry = self.entries.pop(fd, None)
        if entry is None:
            raise Errno(E.BADF)
        self._used[fd] = 0
        if entry.moved:
            self.readers.pop(fd, None)
            self.writers.pop(fd, None)
        if entry.preopen is not None:
            self._find_root()
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
        replaced = self._take(fd) if fd in self.entries else None
        self.set(fd, file, rights, inheriting, names=names)
        if replaced:
            self._drop(replaced)

    def copy(self) -> DescriptorTable:
        """The same descriptors for another process; they share their open files."""
        new = DescriptorTable(self.limit)
        for fd, entry in self.entries.items():
            entry.file.references += 1
            new.entries[fd] = replace(entry)
        new._used = bytearray(self._used)
        new._find_root()
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
        self.readers.pop(fd, None)
        self.writers.pop(fd, None)

    def close(self, fd: int) -> None:
        self._release(self._take(fd))

    def renumber(self, fd: int, to: int) -> None:
        """Give the descriptor `fd` the number `to`, closing what has it; `badf` from `limit` on."""
        moved = self.get(fd)
        if to >= self.limit and to not in self.entries:
            raise Errno(E.BADF)
        if fd == to:
            return
        replaced = self._take(to) if to in self.entries else None
        self._take(fd)
        self.entries[to] = moved
        self._use(to)
        if moved.preopen is not None:
            self._find_root()
        if replaced:
            self._drop(replaced)

    def close_all(self) -> None:
        self._used.clear()
        self.root = None
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
            if file.interests:
                for interest in tuple(file.interests):
                    interest.leave()
            file.close()
