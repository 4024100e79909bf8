"""The same few operations on our filesystems and on Linux, so that answers can be compared.

An answer is a value, or the name of an error (`"noent"`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from wasix.abi import Errno
from wasix.abi.types import Fdflags, Filetype
from wasix.fs import walk
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory
from wasix.fs.mount import Namespace
from wasix.fs.opening import Opening

Answer = object
KINDS = {
    Filetype.DIRECTORY: "directory",
    Filetype.REGULAR_FILE: "file",
    Filetype.SYMBOLIC_LINK: "link",
    Filetype.CHARACTER_DEVICE: "device",
}


class System(Protocol):
    """A directory and what can be done below it."""

    def mkdir(self, path: str) -> Answer: ...
    def rmdir(self, path: str) -> Answer: ...
    def unlink(self, path: str) -> Answer: ...
    def rename(self, path: str, new: str) -> Answer: ...
    def link(self, path: str, new: str) -> Answer: ...
    def symlink(self, target: str, path: str) -> Answer: ...
    def readlink(self, path: str) -> Answer: ...
    def stat(self, path: str) -> Answer: ...
    def lstat(self, path: str) -> Answer: ...
    def list(self, path: str) -> Answer: ...
    def read(self, path: str) -> Answer: ...
    def write(self, path: str, data: bytes, how: str, offset: int = 0) -> Answer:
        """Open with the letters of `how` (Creat, eXcl, Trunc, Append, No-follow), write, close."""

    def truncate(self, path: str, size: int) -> Answer: ...


def attempt(operation: Callable[[], Answer]) -> Answer:
    """What `operation` answers: its value, or its error by the guest's name."""
    try:
        return operation()
    except Errno as error:
        return error.code.name.lower()
    except OSError as error:
        return Errno.of(error).code.name.lower()


class Ours:
    """`base` in a namespace of our own."""

    def __init__(self, namespace: Namespace, base: Directory | None = None) -> None:
        self.namespace = namespace
        self.base = base or namespace.root

    def open(
        self, path: str, how: str = "", access: Access | None = None, *, directory: bool = False
    ) -> OpenFile:
        return walk.open_path(
            self.namespace,
            self.base,
            path,
            Opening(
                access or Access(),
                follow="N" not in how,
                create="C" in how,
                exclusive="X" in how,
                directory=directory,
            ),
        )

    @contextmanager
    def opened(self, path: str, how: str, access: Access) -> Iterator[OpenFile]:
        file = self.open(path, how, access)
        try:
            yield file
        finally:
            file.close()

    def mkdir(self, path: str) -> Answer:
        return attempt(lambda: walk.make_directory(self.namespace, self.base, path))

    def rmdir(self, path: str) -> Answer:
        return attempt(lambda: walk.remove_directory(self.namespace, self.base, path))

    def unlink(self, path: str) -> Answer:
        return attempt(lambda: walk.unlink(self.namespace, self.base, path))

    def rename(self, path: str, new: str) -> Answer:
        return attempt(lambda: walk.rename(self.namespace, self.base, path, self.base, new))

    def link(self, path: str, new: str) -> Answer:
        return attempt(lambda: walk.link(self.namespace, self.base, path, False, self.base, new))

    def symlink(self, target: str, path: str) -> Answer:
        return attempt(lambda: walk.symlink(self.namespace, target, self.base, path))

    def readlink(self, path: str) -> Answer:
        return attempt(lambda: walk.readlink(self.namespace, self.base, path))

    def _stat(self, path: str, follow: bool) -> Answer:
        st = walk.stat(self.namespace, self.base, path, follow=follow)
        size = 0 if st.filetype == Filetype.DIRECTORY else st.size
        return KINDS.get(st.filetype, "?"), st.nlink, size

    def stat(self, path: str) -> Answer:
        return attempt(lambda: self._stat(path, True))

    def lstat(self, path: str) -> Answer:
        return attempt(lambda: self._stat(path, False))

    def _list(self, path: str) -> Answer:
        file = self.open(path, directory=True)
        try:
            entries = file.entries(0)
            assert entries is not None
            return sorted((entry.name, KINDS[entry.filetype]) for entry in entries)
        finally:
            file.close()

    def list(self, path: str) -> Answer:
        return attempt(lambda: self._list(path))

    def _read(self, path: str) -> Answer:
        with self.opened(path, "", Access()) as file:
            buffer = memoryview(bytearray(1 << 20))
            return bytes(buffer[: file.read([buffer])])

    def read(self, path: str) -> Answer:
        return attempt(lambda: self._read(path))

    def _write(self, path: str, data: bytes, how: str, offset: int) -> Answer:
        flags = Fdflags.APPEND if "A" in how else 0
        access = Access(write=True, truncate="T" in how, flags=flags)
        with self.opened(path, how, access) as file:
            file.seek(offset, "set")
            return file.write([memoryview(data)]) if data else 0

    def write(self, path: str, data: bytes, how: str, offset: int = 0) -> Answer:
        return attempt(lambda: self._write(path, data, how, offset))

    def _truncate(self, path: str, size: int) -> Answer:
        with self.opened(path, "", Access(write=True)) as file:
            file.set_size(size)
            return None

    def truncate(self, path: str, size: int) -> Answer:
        return attempt(lambda: self._truncate(path, size))


class Linux:
    """A directory of the host's, by the host's own calls."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def _path(self, path: str) -> str:
        return f"{self.base}/{path}" if path else ""

    def mkdir(self, path: str) -> Answer:
        return attempt(lambda: os.mkdir(self._path(path)))

    def rmdir(self, path: str) -> Answer:
        return attempt(lambda: os.rmdir(self._path(path)))

    def unlink(self, path: str) -> Answer:
        return attempt(lambda: os.unlink(self._path(path)))

    def rename(self, path: str, new: str) -> Answer:
        return attempt(lambda: os.rename(self._path(path), self._path(new)))

    def link(self, path: str, new: str) -> Answer:
        return attempt(lambda: os.link(self._path(path), self._path(new), follow_symlinks=False))

    def symlink(self, target: str, path: str) -> Answer:
        return attempt(lambda: os.symlink(target, self._path(path)))

    def readlink(self, path: str) -> Answer:
        return attempt(lambda: os.readlink(self._path(path)))

    def _stat(self, path: str, follow: bool) -> Answer:
        st = os.stat(self._path(path), follow_symlinks=follow)
        size = 0 if stat.S_ISDIR(st.st_mode) else st.st_size
        kinds = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "link"}
        return kinds[stat.S_IFMT(st.st_mode)], st.st_nlink, size

    def stat(self, path: str) -> Answer:
        return attempt(lambda: self._stat(path, True))

    def lstat(self, path: str) -> Answer:
        return attempt(lambda: self._stat(path, False))

    def _list(self, path: str) -> Answer:
        found = [(".", "directory"), ("..", "directory")]
        for entry in os.scandir(self._path(path)):
            is_directory = entry.is_dir(follow_symlinks=False)
            kind = "link" if entry.is_symlink() else "directory" if is_directory else "file"
            found.append((entry.name, kind))
        return sorted(found)

    def list(self, path: str) -> Answer:
        return attempt(lambda: self._list(path))

    def _open(self, path: str, flags: int) -> int:
        return os.open(self._path(path), flags, 0o666)

    def _read(self, path: str) -> Answer:
        fd = self._open(path, os.O_RDONLY)
        try:
            return os.read(fd, 1 << 20)
        finally:
            os.close(fd)

    def read(self, path: str) -> Answer:
        return attempt(lambda: self._read(path))

    def _write(self, path: str, data: bytes, how: str, offset: int) -> Answer:
        letters = {
            "C": os.O_CREAT,
            "X": os.O_EXCL,
            "T": os.O_TRUNC,
            "A": os.O_APPEND,
            "N": os.O_NOFOLLOW,
        }
        fd = self._open(path, os.O_RDWR | sum(letters[letter] for letter in how))
        try:
            os.lseek(fd, offset, os.SEEK_SET)
            return os.write(fd, data) if data else 0
        finally:
            os.close(fd)

    def write(self, path: str, data: bytes, how: str, offset: int = 0) -> Answer:
        return attempt(lambda: self._write(path, data, how, offset))

    def _truncate(self, path: str, size: int) -> Answer:
        fd = self._open(path, os.O_RDWR)
        try:
            os.ftruncate(fd, size)
            return None
        finally:
            os.close(fd)

    def truncate(self, path: str, size: int) -> Answer:
        return attempt(lambda: self._truncate(path, size))


def tree(system: System, path: str = ".") -> dict[str, Answer]:
    """Everything below `path`: kinds, link counts, sizes, contents and targets."""
    found: dict[str, Answer] = {path: system.lstat(path)}
    listing = system.list(path)
    assert isinstance(listing, list), listing
    for name, kind in listing:
        below = f"{path}/{name}"
        if name in (".", ".."):
            continue
        if kind == "directory":
            found |= tree(system, below)
        else:
            content = system.readlink(below) if kind == "link" else system.read(below)
            found[below] = system.lstat(below), content
    return found
