"""Copying trees between the host and guests, over the kernel's own filesystems.

The host's side is a volume (`wasix.fs.host`), which opens every name relative to its directory and
follows no link: what a guest puts into a tree, or changes while it is copied, cannot lead out.
"""

from __future__ import annotations

import os
import secrets
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass

from wasix.abi import E, Errno
from wasix.abi.types import Filetype
from wasix.api.file import Path, os_error
from wasix.api.files import directory_of
from wasix.api.tree import Names, Tree
from wasix.fs.file import OpenFile
from wasix.fs.host import HostVolume
from wasix.fs.inode import Access, Directory, Inode, Symlink
from wasix.fs.memory import MemoryFile
from wasix.fs.mount import Namespace
from wasix.fs.pages import PAGE_BITS
from wasix.fs.walk import Place
from wasix.kernel import Kernel

_CHUNK = 1 << 20
_ZEROS = bytes(_CHUNK)


@dataclass
class Source:
    """A file, or the root of a tree, to be copied; `path` is for messages."""

    kernel: Kernel | None
    namespace: Namespace
    inode: Inode
    path: Path


@dataclass
class Target:
    """Where a copy is to be: the name `name` in `directory`, and what has it now."""

    kernel: Kernel | None
    namespace: Namespace
    directory: Directory
    name: str
    inode: Inode | None
    path: Path


def guest_source(kernel: Kernel, inode: Inode | None, path: Path) -> Source:
    if inode is None:
        raise os_error(Errno(E.NOENT), path)
    return Source(kernel, kernel.namespace, inode, path)


def guest_target(kernel: Kernel, place: Place, path: Path) -> Target:
    directory, name, inode, _ = place
    return Target(kernel, kernel.namespace, directory, name, inode, path)


def host_source(path: Path) -> Source:
    try:
        root = HostVolume(path, read_only=True).root()
    except Errno as error:
        raise os_error(error, path) from None
    # A namespace has a directory as its root; of a file nothing is looked up in it.
    directory = root if isinstance(root, Directory) else None
    return Source(None, _namespace(directory, path), root, path)


def _namespace(directory: Directory | None, path: Path) -> Namespace:
    if directory is None:
        directory = directory_of(HostVolume(os.path.dirname(os.path.realpath(path))).root())
    return Namespace(directory)


def host_target(path: Path) -> Target:
    # Links in the path are the user's own; below it none is followed.
    above, name = os.path.split(os.path.realpath(path))
    try:
        directory = directory_of(HostVolume(above).root())
        inode = directory.lookup(name) if name else directory
    except Errno as error:
        raise os_error(error, path) from None
    return Target(None, Namespace(directory), directory, name, inode, path)


def copy(source: Source, target: Target, *, exist_ok: bool, limit: int | None) -> None:
    """Copy `source` to `target`, as `Files.copy_in` and `copy_out` say. Raises `OSError`."""
    try:
        _Copy(source, target, limit).run(exist_ok=exist_ok)
    except Errno as error:
        raise os_error(error, source.path, target.path) from None


class _Copy:
    def __init__(self, source: Source, target: Target, limit: int | None) -> None:
        self.source, self.target, self.left = source, target, limit
        self.here = Tree(
            source.kernel,
            source.namespace,
            source.inode if isinstance(source.inode, Directory) else source.namespace.root,
        )
        self.there = Tree(target.kernel, target.namespace, target.directory)
        self.temporary = f".wasix-{secrets.token_hex(8)}"

    def run(self, *, exist_ok: bool) -> None:
        source, target = self.source, self.target
        if not isinstance(source.inode, Directory):
            if isinstance(target.inode, Directory):
                raise Errno(E.ISDIR)
            if source.inode.filetype != Filetype.REGULAR_FILE:
                raise Errno(E.NOTSUP)
            self._replace(source.inode, (), target.name)
            return
        if isinstance(target.inode, Directory):
            if not exist_ok:
                raise Errno(E.EXIST)
            self.there = Tree(target.kernel, target.namespace, target.inode)
            self._fill((), fresh=False)
        elif target.inode is not None:
            raise Errno(E.EXIST)
        else:
            self._make(target.name)

    def _make(self, name: str) -> None:
        """Copy the tree under a temporary name, and rename it when it is complete."""
        root = (self.temporary,)
        try:
            with self.there.step():
                self.target.directory.make_directory(self.temporary)
            self._fill(root, fresh=True)
            with self.there.step():
                directory = self.target.directory
                if self.target.namespace.lookup(directory, name) is not None:
                    raise Errno(E.EXIST)
                directory.rename(self.temporary, directory, name)
        except BaseException:
            with suppress(Errno, OSError):
                with self.there.step():
                    made = directory_of(self.target.directory.lookup(self.temporary))
                Tree(self.target.kernel, self.target.namespace, made).clear("")
                with self.there.step():
                    self.target.directory.remove_directory(self.temporary)
            raise

    def _fill(self, root: Names, *, fresh: bool) -> None:
        """Copy what is below the source's root to the directory `root`, which is there."""
        with self.there.step():
            top = self.there.directory(root).stat()
        pending: list[Names] = [()]
        while pending:
            names = pending.pop()
            for entry in self.here.entries(names):
                below = (*names, entry.name)
                with self.here.step():
                    try:
                        directory = self.here.directory(names)
                        inode = self.here.namespace.lookup(directory, entry.name)
                        st = inode.stat() if inode else None
                    except Errno as error:
                        if error.code not in (E.NOENT, E.NOTDIR):
                            raise
                        inode = st = None
                if inode is None or st is None:  # it has gone meanwhile
                    continue
                if isinstance(inode, Directory):
                    # A copy into the tree itself is not copied again.
                    if (st.dev, st.ino) != (top.dev, top.ino):
                        self._directory((*root, *names), entry.name)
                        pending.append(below)
                elif fresh and inode.filetype == Filetype.REGULAR_FILE:
                    self._file(inode, (*root, *names), entry.name)
                else:
                    self._replace(inode, (*root, *names), entry.name)

    def _directory(self, names: Names, name: str) -> None:
        """Have a directory `name` at `names`; `exist` if something else has the name."""
        with self.there.step():
            above = self.there.directory(names)
            found = self.there.namespace.lookup(above, name)
            if found is None:
                above.make_directory(name)
            elif not isinstance(found, Directory):
                raise Errno(E.EXIST)

    def _replace(self, inode: Inode, names: Names, name: str) -> None:
        """Copy a file or link to `name`, over what has it, in one step when it is complete."""
        if isinstance(inode, Symlink):
            with self.here.step():
                text = inode.target()
            with self.there.step():
                self.there.directory(names).copy_symlink(self.temporary, text)
        elif inode.filetype != Filetype.REGULAR_FILE:
            return
        try:
            if not isinstance(inode, Symlink):
                self._file(inode, names, self.temporary)
            with self.there.step():
                directory = self.there.directory(names)
                if self.there.namespace.mounted(directory, name):
                    raise Errno(E.BUSY)
                directory.rename(self.temporary, directory, name)
        except BaseException:
            with suppress(Errno), self.there.step():
                self.there.directory(names).unlink(self.temporary)
            raise

    def _file(self, inode: Inode, names: Names, name: str) -> None:
        """Copy a regular file's content to the new file `name`."""
        try:
            with self.here.step():
                source = inode.open(Access())
        except Errno as error:
            if error.code is E.NOENT:  # it has gone meanwhile
                return
            raise
        try:
            with self.there.step():
                target = self.there.directory(names).create(name).open(Access(write=True))
            try:
                self._content(inode, source, target)
            finally:
                with self.there.step():
                    target.close()
        finally:
            with self.here.step():
                source.close()

    def _content(self, inode: Inode, source: OpenFile, target: OpenFile) -> None:
        with self.here.step():
            st = source.stat()
            holes = _Holes(inode, st.size)
        if self.left is not None:
            self.left -= st.size
            if self.left < 0:
                raise Errno(E.FBIG)
        buffer = memoryview(bytearray(min(_CHUNK, max(1, st.size))))
        # A file that grows meanwhile is copied as long as it was.
        offset = holes.skip(0)
        while offset < st.size:
            with self.here.step():
                count = source.pread([buffer[: st.size - offset]], offset)
            if not count:
                break
            data = bytes(buffer[:count])
            # What is zero becomes a hole.
            if data != _ZEROS[:count]:
                rest, at = memoryview(data), offset
                while len(rest):
                    with self.there.step():
                        done = target.pwrite([rest], at)
                    rest, at = rest[done:], at + done
            offset = holes.skip(offset + count)
        with self.there.step():
            target.set_size(st.size)
            with suppress(Errno):  # a time of the guest's that the host cannot have
                target.set_times(st.atim, st.mtim)


class _Holes:
    """Where a file has nothing: a guest can make one of exabytes for nothing."""

    def __init__(self, inode: Inode, size: int) -> None:
        self._size = size
        self._pages = sorted(inode.pages) if isinstance(inode, MemoryFile) else None

    def skip(self, offset: int) -> int:
        """The first offset from `offset` on where there may be data."""
        if self._pages is None:
            return offset
        place = bisect_left(self._pages, offset >> PAGE_BITS)
        if place == len(self._pages):
            return self._size
        return max(offset, self._pages[place] << PAGE_BITS)
