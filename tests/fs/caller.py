"""A guest's view of a filesystem, for tests: every call on descriptors and paths, by a short name.

Two things answer these calls: the kernel's handlers (`KernelCaller`) and Linux (`tests.fs.linux`).
Arguments are what a guest would give, flags as letters. An answer is a value, or the name of an
error. Descriptor 0 is the directory both begin with.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import NamedTuple, ParamSpec, Protocol

from tests.fs.systems import KINDS, Answer, attempt
from wasix.abi.types import DIRENT, Dirent, Fdflags, Fdstat, Filestat, Fstflags, Oflags, Rights
from wasix.calls import HANDLERS
from wasix.fs.descriptor import WRITE_RIGHTS
from wasix.fs.inode import Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.host import Clock
from wasix.kernel import Kernel
from wasix.proc.wait import WaitQueue

MAX_FILES = 10
"""Few, so that a sequence meets the limit."""

OFLAGS = {"C": Oflags.CREAT, "X": Oflags.EXCL, "T": Oflags.TRUNC, "D": Oflags.DIRECTORY}
"""And `N`: do not follow a link at the end."""
FDFLAGS = {
    "a": Fdflags.APPEND,
    "d": Fdflags.DSYNC,
    "n": Fdflags.NONBLOCK,
    "r": Fdflags.RSYNC,
    "s": Fdflags.SYNC,
}
FSTFLAGS = {
    "a": Fstflags.ATIM,
    "A": Fstflags.ATIM_NOW,
    "m": Fstflags.MTIM,
    "M": Fstflags.MTIM_NOW,
}
ACCESS = {
    "r": Rights.ALL & ~WRITE_RIGHTS,
    "w": Rights.ALL & ~Rights.FD_READ,
    "rw": Rights.ALL,
}
_MOST_NAMES = 10_000
_LONG_AGO = 10**18
"""Times a sequence sets are earlier (before 2001), those a clock gives are later."""


class Attributes(NamedTuple):
    """What of a file's attributes can be compared."""

    kind: str
    nlink: int
    size: int
    """0 for a directory, whose size means nothing."""
    atim: int | None
    """None if a clock gave it, and for what is no regular file."""
    mtim: int | None


def attributes(kind: str, nlink: int, size: int, atim: int, mtim: int) -> Attributes:
    return Attributes(
        kind,
        nlink,
        0 if kind == "directory" else size,
        atim if kind == "file" and atim < _LONG_AGO else None,
        mtim if mtim < _LONG_AGO else None,
    )


class Caller(Protocol):
    """The calls. Paths are relative to the descriptor before them."""

    def open(self, fd: int, path: str, how: str, access: str, flags: str) -> Answer:
        """The new descriptor; `how` as `OFLAGS` and `N`, `access` r, w or rw, `flags` `FDFLAGS`."""

    def close(self, fd: int) -> Answer: ...
    def renumber(self, fd: int, to: int) -> Answer: ...
    def read(self, fd: int, lengths: Sequence[int]) -> Answer:
        """The number of bytes read into buffers of these lengths, and all bytes of these."""

    def pread(self, fd: int, lengths: Sequence[int], offset: int) -> Answer: ...
    def write(self, fd: int, parts: Sequence[bytes]) -> Answer: ...
    def pwrite(self, fd: int, parts: Sequence[bytes], offset: int) -> Answer: ...
    def seek(self, fd: int, offset: int, whence: str) -> Answer: ...
    def tell(self, fd: int) -> Answer: ...
    def advise(self, fd: int, offset: int, length: int) -> Answer: ...
    def allocate(self, fd: int, offset: int, length: int) -> Answer: ...
    def set_size(self, fd: int, size: int) -> Answer: ...
    def sync(self, fd: int) -> Answer: ...
    def datasync(self, fd: int) -> Answer: ...
    def fdstat(self, fd: int) -> Answer:
        """(kind, flags as letters)"""

    def set_flags(self, fd: int, flags: str) -> Answer: ...
    def filestat(self, fd: int) -> Answer: ...
    def set_times(self, fd: int, atim: int, mtim: int, flags: str) -> Answer: ...
    def list(self, fd: int, size: int) -> Answer:
        """Sorted (name, kind), asked for in steps of `size` bytes or what one entry takes."""

    def mkdir(self, fd: int, path: str) -> Answer: ...
    def rmdir(self, fd: int, path: str) -> Answer: ...
    def unlink(self, fd: int, path: str) -> Answer: ...
    def rename(self, fd: int, path: str, to: int, new: str) -> Answer: ...
    def link(self, fd: int, path: str, follow: bool, to: int, new: str) -> Answer: ...
    def symlink(self, fd: int, path: str, target: str) -> Answer: ...
    def readlink(self, fd: int, path: str, size: int) -> Answer: ...
    def stat(self, fd: int, path: str, follow: bool) -> Answer: ...
    def path_times(
        self, fd: int, path: str, follow: bool, atim: int, mtim: int, flags: str
    ) -> Answer: ...
    def identity(self, path: str) -> object:
        """Equal for two paths below descriptor 0 if they are names of one file."""


_P = ParamSpec("_P")


def answers(method: Callable[_P, Answer]) -> Callable[_P, Answer]:
    """A call whose errors are answers too."""

    @wraps(method)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> Answer:
        return attempt(lambda: method(*args, **kwargs))

    return call


class _Host(Clock):
    """The machine's clock; nothing here waits."""

    def readable(self, fd: int) -> WaitQueue:
        raise NotImplementedError

    writable = readable


def bits(letters: str, table: dict[str, int]) -> int:
    found = 0
    for letter in letters:
        found |= table[letter]
    return found


def _letters(flags: int, table: dict[str, int]) -> str:
    return "".join(letter for letter, bit in table.items() if flags & bit)


def _attributes(found: Iterable[int]) -> Attributes:
    st = Filestat(*found)
    return attributes(KINDS.get(st.filetype, "?"), st.nlink, st.size, st.atim, st.mtim)


class KernelCaller:
    """A process of a kernel of its own, with `root` as a volume."""

    def __init__(self, root: Directory) -> None:
        self.root = root
        host = _Host()
        namespace = Namespace(MemoryFilesystem(time.time_ns).root, time.time_ns)
        namespace.mount("/volume", root)
        kernel = Kernel(host, namespace)
        self.process = kernel.process([], {}, [], {"/volume": root}, max_files=MAX_FILES)

    def _call(self, name: str, *args: object) -> Answer:
        return HANDLERS[name](self.process.main, *args)

    @answers
    def open(self, fd: int, path: str, how: str, access: str, flags: str) -> Answer:
        oflags = bits(how.replace("N", ""), OFLAGS)
        rights, given = ACCESS[access], bits(flags, FDFLAGS)
        return self._call("path_open", fd, "N" not in how, path, oflags, rights, Rights.ALL, given)

    @answers
    def close(self, fd: int) -> Answer:
        return self._call("fd_close", fd)

    @answers
    def renumber(self, fd: int, to: int) -> Answer:
        return self._call("fd_renumber", fd, to)

    def _read(self, name: str, fd: int, lengths: Sequence[int], *offset: int) -> Answer:
        buffers = [bytearray(length) for length in lengths]
        count = self._call(name, fd, [memoryview(buffer) for buffer in buffers], *offset)
        return count, b"".join(buffers)

    @answers
    def read(self, fd: int, lengths: Sequence[int]) -> Answer:
        return self._read("fd_read", fd, lengths)

    @answers
    def pread(self, fd: int, lengths: Sequence[int], offset: int) -> Answer:
        return self._read("fd_pread", fd, lengths, offset)

    @answers
    def write(self, fd: int, parts: Sequence[bytes]) -> Answer:
        return self._call("fd_write", fd, [memoryview(part) for part in parts])

    @answers
    def pwrite(self, fd: int, parts: Sequence[bytes], offset: int) -> Answer:
        return self._call("fd_pwrite", fd, [memoryview(part) for part in parts], offset)

    @answers
    def seek(self, fd: int, offset: int, whence: str) -> Answer:
        return self._call("fd_seek", fd, offset, whence)

    @answers
    def tell(self, fd: int) -> Answer:
        return self._call("fd_tell", fd)

    @answers
    def advise(self, fd: int, offset: int, length: int) -> Answer:
        return self._call("fd_advise", fd, offset, length, 0)

    @answers
    def allocate(self, fd: int, offset: int, length: int) -> Answer:
        return self._call("fd_allocate", fd, offset, length)

    @answers
    def set_size(self, fd: int, size: int) -> Answer:
        return self._call("fd_filestat_set_size", fd, size)

    @answers
    def sync(self, fd: int) -> Answer:
        return self._call("fd_sync", fd)

    @answers
    def datasync(self, fd: int) -> Answer:
        return self._call("fd_datasync", fd)

    @answers
    def fdstat(self, fd: int) -> Answer:
        found = Fdstat(*HANDLERS["fd_fdstat_get"](self.process.main, fd))
        return KINDS[found.filetype], _letters(found.flags, FDFLAGS)

    @answers
    def set_flags(self, fd: int, flags: str) -> Answer:
        return self._call("fd_fdstat_set_flags", fd, bits(flags, FDFLAGS))

    @answers
    def filestat(self, fd: int) -> Answer:
        return _attributes(HANDLERS["fd_filestat_get"](self.process.main, fd))

    @answers
    def set_times(self, fd: int, atim: int, mtim: int, flags: str) -> Answer:
        return self._call("fd_filestat_set_times", fd, atim, mtim, bits(flags, FSTFLAGS))

    def entries(self, fd: int, cookie: int, size: int) -> tuple[list[tuple[Dirent, str]], bool]:
        """Entries behind `cookie`, as a libc reads them: those that fit, and whether that is all.

        A buffer too small for one entry is made larger, so there is one unless the end is reached.
        """
        while True:
            buffer = bytearray(size)
            used = HANDLERS["fd_readdir"](self.process.main, fd, memoryview(buffer), cookie)
            assert 0 <= used <= size
            found, at = [], 0
            while at + DIRENT.size <= used:
                head = DIRENT.load(memoryview(buffer), at)
                end = at + DIRENT.size + head.namlen
                if end > used:
                    break
                found.append((head, os.fsdecode(bytes(buffer[at + DIRENT.size : end]))))
                at = end
            if found or used < size:
                return found, used < size
            size = 2 * size + 1

    @answers
    def list(self, fd: int, size: int) -> Answer:
        names: list[tuple[str, str]] = []
        cookie, done = 0, False
        while not done:
            found, done = self.entries(fd, cookie, size)
            for head, name in found:
                names.append((name, KINDS.get(head.type, "?")))
                if name not in (".", ".."):
                    self._same_inode(fd, name, head.ino)
                cookie = head.next
            assert len(names) < _MOST_NAMES, "the listing does not end"
        return sorted(names)

    def _same_inode(self, fd: int, name: str, ino: int) -> None:
        st = Filestat(*HANDLERS["path_filestat_get"](self.process.main, fd, 0, name))
        assert st.ino == ino, f"{name} is listed with another inode number than it has"

    @answers
    def mkdir(self, fd: int, path: str) -> Answer:
        return self._call("path_create_directory", fd, path)

    @answers
    def rmdir(self, fd: int, path: str) -> Answer:
        return self._call("path_remove_directory", fd, path)

    @answers
    def unlink(self, fd: int, path: str) -> Answer:
        return self._call("path_unlink_file", fd, path)

    @answers
    def rename(self, fd: int, path: str, to: int, new: str) -> Answer:
        return self._call("path_rename", fd, path, to, new)

    @answers
    def link(self, fd: int, path: str, follow: bool, to: int, new: str) -> Answer:
        return self._call("path_link", fd, int(follow), path, to, new)

    @answers
    def symlink(self, fd: int, path: str, target: str) -> Answer:
        return self._call("path_symlink", target, fd, path)

    @answers
    def readlink(self, fd: int, path: str, size: int) -> Answer:
        buffer = bytearray(size)
        count = HANDLERS["path_readlink"](self.process.main, fd, path, memoryview(buffer))
        return bytes(buffer[:count])

    @answers
    def stat(self, fd: int, path: str, follow: bool) -> Answer:
        return _attributes(HANDLERS["path_filestat_get"](self.process.main, fd, int(follow), path))

    @answers
    def path_times(
        self, fd: int, path: str, follow: bool, atim: int, mtim: int, flags: str
    ) -> Answer:
        chosen = bits(flags, FSTFLAGS)
        return self._call("path_filestat_set_times", fd, int(follow), path, atim, mtim, chosen)

    def identity(self, path: str) -> object:
        st = Filestat(*HANDLERS["path_filestat_get"](self.process.main, 0, 0, path))
        return st.dev, st.ino

    def again(self) -> KernelCaller:
        return KernelCaller(self.root)

    def finish(self) -> None:
        """Close every descriptor."""
        self.process.exit(0)


def tree(caller: Caller) -> dict[str, Answer]:
    """All there is below descriptor 0, by path: attributes, contents, and which names share one."""
    found: dict[str, Answer] = {".": caller.stat(0, ".", False)}
    same: dict[object, list[str]] = {}
    pending = ["."]
    while pending:
        path = pending.pop()
        fd = caller.open(0, path, "D", "r", "")
        assert isinstance(fd, int), (path, fd)
        listing = caller.list(fd, 4096)
        caller.close(fd)
        assert isinstance(listing, list), (path, listing)
        for name, kind in listing:
            below = f"{path}/{name}"
            if name in (".", ".."):
                continue
            content: Answer = None
            st = caller.stat(0, below, False)
            assert isinstance(st, Attributes), (below, st)
            if kind == "directory":
                pending.append(below)
            elif kind == "link":
                content = caller.readlink(0, below, 4096)
            elif kind == "file":
                fd = caller.open(0, below, "", "r", "")
                assert isinstance(fd, int), (below, fd)
                content = caller.read(fd, [st.size + 1])
                caller.close(fd)
                same.setdefault(caller.identity(below), []).append(below)
            found[below] = kind, st, content
    found["same"] = sorted(sorted(paths) for paths in same.values())
    return found
