"""Read-only filesystems: a tree that is complete when it is mounted, with content read when wanted.

What is in it, and how the bytes of a file are found, is decided by who builds it
(`wasix.fs.archive`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Filetype
from wasix.fs.file import OpenDirectory, RegularFile
from wasix.fs.inode import Access, DirectoryEntry, Inode, ReadOnlyDirectory, Symlink, new_device

DIRECTORY_SIZE = 4096
_MOST_TIME = (1 << 63) - 1
"""What a host takes for a time, in nanoseconds."""


class Content(Protocol):
    """The bytes of a file. Between `open` and `close` they may be read, by several at once."""

    @property
    def size(self) -> int: ...
    def open(self) -> None: ...
    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int: ...
    def extents(self) -> Iterator[tuple[int, int]]:
        """As of an open file."""
        ...

    def close(self) -> None: ...


class Image:
    """A read-only tree below `root`. `time` (nanoseconds since 1970) is that of the root."""

    def __init__(self, time: int) -> None:
        self.tree = Tree()
        self.root = ImageDirectory(self.tree, time, None)


class Tree:
    """What the inodes of an image share; it does not hold them, so that they go with the image."""

    def __init__(self) -> None:
        self.device = new_device()
        self.count = 0
        """Inodes made so far."""


class ImageInode(Inode):
    """What files, directories and links of an image have in common."""

    __slots__ = ("ino", "nlink", "time", "tree")

    def __init__(self, tree: Tree, time: int) -> None:
        tree.count += 1
        self.tree = tree
        self.ino = tree.count
        self.nlink = 1
        self.set_time(time)

    def set_time(self, time: int) -> None:
        self.time = min(max(0, time), _MOST_TIME)

    @property
    def key(self) -> tuple[object, int]:
        return self.tree, self.ino

    @property
    def size(self) -> int:
        raise NotImplementedError

    def attributes(self) -> Attributes:
        time, tree = self.time, self.tree
        return tree.device, self.ino, self.filetype, self.nlink, self.size, time, time, time

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        raise Errno(E.ROFS)


class ImageSymlink(ImageInode, Symlink):
    """A link; its target is the content."""

    __slots__ = ("content",)

    def __init__(self, tree: Tree, time: int, content: Content) -> None:
        super().__init__(tree, time)
        self.content = content

    @property
    def size(self) -> int:
        return self.content.size

    def target(self) -> str:
        data = bytearray(self.size)
        self.content.open()
        try:
            count = self.content.read_at([memoryview(data)], 0)
        finally:
            self.content.close()
        return bytes(data[:count]).decode("utf-8", "surrogateescape")


class ImageFile(ImageInode):
    """A regular file, and its own `FileData`."""

    __slots__ = ("content",)

    filetype = Filetype.REGULAR_FILE

    def __init__(self, tree: Tree, time: int, content: Content) -> None:
        super().__init__(tree, time)
        self.content = content

    @property
    def size(self) -> int:
        return self.content.size

    def open(self, access: Access) -> RegularFile:
        if access.write or access.truncate:
            raise Errno(E.ROFS)
        self.content.open()
        return RegularFile(self, self, Access(flags=access.flags))

    def close(self) -> None:
        self.content.close()

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self.content.read_at(buffers, offset)

    def extents(self) -> Iterator[tuple[int, int]]:
        return self.content.extents()

    def write_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        raise Errno(E.ROFS)

    def append(self, buffers: Sequence[memoryview]) -> tuple[int, int]:
        raise Errno(E.ROFS)

    def set_size(self, size: int) -> None:
        raise Errno(E.ROFS)

    def allocate(self, offset: int, length: int) -> None:
        raise Errno(E.ROFS)

    def sync(self, *, data_only: bool) -> None:
        """There is nothing that could have changed."""


class ImageDirectory(ImageInode, ReadOnlyDirectory):
    """A directory. Whoever builds the image puts inodes into it before it is mounted."""

    __slots__ = ("_entries", "_names", "above")

    size = DIRECTORY_SIZE

    def __init__(self, tree: Tree, time: int, parent: ImageDirectory | None) -> None:
        super().__init__(tree, time)
        self.nlink = 2
        self.above = self.ino if parent is None else parent.ino
        """The number of the directory that holds it."""
        self._names: dict[str, ImageInode] = {}
        self._entries: tuple[str, ...] = ()
        """The names once more when they are first listed: a cookie is a place among them."""

    def put(self, name: str, inode: ImageInode) -> None:
        """Let `name` stand for `inode`, also if something else had it."""
        self.remove(name)
        self._names[name] = inode
        if isinstance(inode, ImageDirectory):
            self.nlink += 1

    def remove(self, name: str) -> None:
        old = self._names.pop(name, None)
        if isinstance(old, ImageDirectory):
            self.nlink -= 1
        elif old is not None:
            old.nlink -= 1

    def lookup(self, name: str) -> ImageInode | None:
        return self._names.get(name)

    def open(self, access: Access) -> ImageListing:
        if access.write or access.truncate:
            raise Errno(E.ISDIR)
        return ImageListing(self, access.flags)

    def after(self, cookie: int) -> Iterator[DirectoryEntry]:
        """Entries behind `cookie`; those of the first two, `.` and `..`, are not among them."""
        if len(self._entries) != len(self._names):
            self._entries = tuple(self._names)
        for place in range(max(0, cookie - 2), len(self._entries)):
            name = self._entries[place]
            inode = self._names[name]
            yield DirectoryEntry(place + 3, inode.ino, name, inode.filetype)


class ImageListing(OpenDirectory):
    inode: ImageDirectory

    def entries(self, cookie: int) -> Iterator[DirectoryEntry]:
        directory = self.inode
        if cookie < 1:
            yield DirectoryEntry(1, directory.ino, ".", Filetype.DIRECTORY)
        if cookie < 2:
            yield DirectoryEntry(2, directory.above, "..", Filetype.DIRECTORY)
        yield from directory.after(cookie)
