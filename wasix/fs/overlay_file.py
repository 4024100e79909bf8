"""Files and links of an overlay: in its upper layer or, until they are copied, in a lower one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from weakref import WeakSet

from wasix.abi import E, Errno
from wasix.abi.types import Attributes
from wasix.fs import copyup
from wasix.fs.file import OpenFile, Ready
from wasix.fs.inode import Access, Inode, Symlink
from wasix.fs.layers import Place
from wasix.proc.wait import WaitQueue

if TYPE_CHECKING:
    from wasix.fs.overlay import OverlayFilesystem


class OverlayInode(Inode):
    """A file of an overlay, in its upper layer or, until it is copied, in a lower one."""

    __slots__ = (
        "__weakref__",
        "filesystem",
        "filetype",
        "lost",
        "lower",
        "name",
        "number",
        "openings",
        "parent",
        "upper",
    )

    def __init__(self, filesystem: OverlayFilesystem, number: int, inode: Inode) -> None:
        self.filesystem = filesystem
        self.number = number
        self.filetype = inode.filetype
        self.upper: Inode | None = None
        self.lower = inode
        self.parent: Place | None = None
        self.name = ""
        """A name (in `parent`) of a file that is in a lower layer only."""
        self.lost = 0
        """How many names of the lower file are hidden."""
        self.openings: WeakSet[OverlayFile] = WeakSet()
        """What has the lower file open."""

    @property
    def key(self) -> tuple[object, int]:
        return self.filesystem, self.number

    @property
    def inode(self) -> Inode:
        return self.lower if self.upper is None else self.upper

    def attributes(self) -> Attributes:
        return self.show(self.inode.attributes(), self.upper is None)

    def show(self, attributes: Attributes, lower: bool) -> Attributes:
        """Those of the file in its layer, as the overlay's."""
        _, _, filetype, nlink, size, atim, mtim, ctim = attributes
        if lower:
            nlink = max(0, nlink - self.lost)
        return self.filesystem.device, self.number, filetype, nlink, size, atim, mtim, ctim

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        copyup.copy(self)
        self.inode.set_times(atim, mtim)

    def open(self, access: Access) -> OpenFile:
        if access.write or access.truncate:
            copyup.copy(self, empty=access.truncate)
        return OverlayFile(self, access)


class OverlaySymlink(OverlayInode, Symlink):
    __slots__ = ()

    def target(self) -> str:
        inode = self.inode
        assert isinstance(inode, Symlink)
        return inode.target()

    def open(self, access: Access) -> OpenFile:
        raise Errno(E.LOOP)


class OverlayFile(OpenFile):
    """An open file of an overlay: the file of the layer, opened; once copied up, the copy."""

    inode: OverlayInode

    def __init__(self, inode: OverlayInode, access: Access) -> None:
        super().__init__(access.flags)
        self.inode = inode
        self.filetype = inode.filetype
        self._file = inode.inode.open(access)
        self._lower = inode.upper is None
        self.readable, self.writable = self._file.readable, self._file.writable
        self.seekable = self._file.seekable
        if self._lower:
            inode.openings.add(self)

    def move(self) -> None:
        """Go over to the copy in the upper layer."""
        assert self.inode.upper is not None
        file = self.inode.upper.open(Access(read=self.readable, flags=self.flags))
        file.seek(self._file.seek(0, "cur"), "set")
        self._file.close()
        self._file, self._lower = file, False

    def close(self) -> None:
        self.inode.openings.discard(self)
        self._file.close()

    def read(self, buffers: Sequence[memoryview]) -> int:
        return self._file.read(buffers)

    def write(self, buffers: Sequence[memoryview]) -> int:
        return self._file.write(buffers)

    def pread(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self._file.pread(buffers, offset)

    def pwrite(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self._file.pwrite(buffers, offset)

    def seek(self, offset: int, whence: str) -> int:
        return self._file.seek(offset, whence)

    def attributes(self) -> Attributes:
        return self.inode.show(self._file.attributes(), self._lower)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        copyup.copy(self.inode)
        self._file.set_times(atim, mtim)

    def set_size(self, size: int) -> None:
        self._file.set_size(size)

    def allocate(self, offset: int, length: int) -> None:
        self._file.allocate(offset, length)

    def advise(self, offset: int, length: int) -> None:
        self._file.advise(offset, length)

    def sync(self, *, data_only: bool) -> None:
        self._file.sync(data_only=data_only)

    def extents(self) -> Iterator[tuple[int, int]]:
        return self._file.extents()

    def set_flags(self, flags: int) -> None:
        self._file.set_flags(flags)
        self.flags = flags

    def ready(self, event: int) -> Ready | None:
        return self._file.ready(event)

    def queue(self, event: int) -> WaitQueue:
        return self._file.queue(event)
