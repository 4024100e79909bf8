"""The namespace: one tree of names, put together from filesystems.

A mount covers a name in a directory, whatever stands there; the deepest one wins because the walk
meets it last. It belongs to the directory, not to a path, so it moves with a renamed parent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Filetype
from wasix.fs.file import OpenDirectory, OpenFile
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode
from wasix.fs.memory import MemoryDirectory, MemoryFilesystem
from wasix.fs.path import Paths

_DIRECTORY = Filetype.DIRECTORY
_FIRST_MOUNT = (1 << 63) + 1
"""Cookies from here on stand for mounts; no filesystem's own reach so far."""


class Namespace:
    """The tree guests see: `root`, and what is mounted below it.

    `clock` gives the time (nanoseconds since 1970) for directories made up on the way to a mount.
    """

    def __init__(self, root: Directory, clock: Callable[[], int] = time.time_ns) -> None:
        self.root = root
        self._clock = clock
        # A directory is held here with its mounts, so that its key cannot come to mean another.
        self._mounts: dict[tuple[object, int], tuple[Directory, dict[str, Inode]]] = {}
        self.covered: set[str] = set()
        """Names of mounts anywhere: most names need no closer look."""
        self.paths = Paths()

    def mount(self, path: str, inode: Inode) -> None:
        """Put `inode`, a directory or a file, at `path`; the newest mount of a name wins.

        Missing directories on the way are made in memory, never on the host: as ordinary ones in a
        memory filesystem, as mounts of their own elsewhere. `notdir` if something else is in the
        way.
        """
        names = [name for name in path.split("/") if name]
        if not set(names).isdisjoint((".", "..")):
            raise Errno(E.INVAL)
        if not names:
            if not isinstance(inode, Directory):
                raise Errno(E.NOTDIR)
            self.root = inode
            return
        directory = self.root
        for name in names[:-1]:
            child = self.lookup(directory, name)
            if child is None:
                child = self._make_directory(directory, name)
            if not isinstance(child, Directory):
                raise Errno(E.NOTDIR)
            directory = child
        self._cover(directory, names[-1], inode)

    def spread(self, path: str, directory: Directory) -> None:
        """Mount each entry of `directory` in the directory at `path`, but for names taken there.

        So several may share a place, and leave room for other files. Errors are those of `mount`.
        """
        place: Inode | None = self.root
        for name in filter(None, path.split("/")):
            place = self.lookup(place, name) if isinstance(place, Directory) else None
        listing = directory.open(Access())
        entries = list(listing.entries(0) or ())
        listing.close()
        for entry in entries:
            inode = None if entry.name in (".", "..") else directory.lookup(entry.name)
            taken = isinstance(place, Directory) and self.lookup(place, entry.name) is not None
            if inode is not None and not taken:
                self.mount(f"{path}/{entry.name}", inode)

    def _make_directory(self, directory: Directory, name: str) -> Directory:
        if isinstance(directory, MemoryDirectory):
            directory.make_directory(name)
            child = directory.lookup(name)
            assert isinstance(child, Directory)
            return child
        made = MemoryFilesystem(self._clock).root
        self._cover(directory, name, made)
        return made

    def _cover(self, directory: Directory, name: str, inode: Inode) -> None:
        self._mounts.setdefault(directory.key, (directory, {}))[1][name] = inode
        self.covered.add(name)

    def mounts(self, directory: Directory) -> Mapping[str, Inode]:
        """What is mounted in `directory`, by name."""
        if not self._mounts:
            return {}
        here = self._mounts.get(directory.key)
        return here[1] if here else {}

    def mounted(self, directory: Directory, name: str) -> bool:
        """Whether `name` in `directory` is a mount point."""
        return name in self.covered and name in self.mounts(directory)

    def lookup(self, directory: Directory, name: str) -> Inode | None:
        """What `name` stands for in `directory`, with mounts."""
        if name in self.covered:
            mounts = self.mounts(directory)
            if name in mounts:
                return mounts[name]
        return directory.lookup(name)

    def open(self, inode: Inode, access: Access) -> OpenFile:
        """Open `inode`; a directory's listing shows what is mounted in it."""
        file = inode.open(access)
        if file.filetype == _DIRECTORY and isinstance(file, OpenDirectory):
            mounts = self.mounts(file.inode)
            if mounts:
                return _MountListing(file, mounts)
        return file


class _MountListing(OpenDirectory):
    """An open directory with mounts in it: they are listed last, and cover names of their own."""

    def __init__(self, below: OpenDirectory, mounts: Mapping[str, Inode]) -> None:
        super().__init__(below.inode, below.flags)
        self.below = below
        self.mounts = mounts

    def close(self) -> None:
        self.below.close()

    def attributes(self) -> Attributes:
        return self.below.attributes()

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self.below.set_times(atim, mtim)

    def sync(self, *, data_only: bool) -> None:
        self.below.sync(data_only=data_only)

    def entries(self, cookie: int) -> Iterator[DirectoryEntry]:
        if cookie < _FIRST_MOUNT:
            yield from (
                entry for entry in self.below.entries(cookie) if entry.name not in self.mounts
            )
        for own, (name, inode) in enumerate(self.mounts.items(), _FIRST_MOUNT):
            if own > cookie:
                yield DirectoryEntry(own, inode.stat().ino, name, inode.filetype)
