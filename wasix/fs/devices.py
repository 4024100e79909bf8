"""Devices: `null`, `zero`, `full`, `random`, the terminal, and a process's own descriptors.

A device is an inode whose open file does something else than keep bytes. The tree of them, to be
mounted on `/dev`, is read-only.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Filetype
from wasix.fs.file import OpenDirectory, OpenFile, Ready, total
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode, ReadOnlyDirectory, Symlink

_CHUNK = 1 << 16
_ZEROS = bytes(_CHUNK)
_MOST_RANDOM = (1 << 25) - 1
"""Bytes one read of random data gives at most, as on Linux."""

# Numbers for `dev`, out of the reach of memory filesystems (`wasix.fs.memory`) and of the host.
_devices = count(1 << 48)


def _chunks(buffers: Sequence[memoryview], most: int) -> Iterator[memoryview]:
    """Pieces of `buffers` of a moderate size, `most` bytes in all."""
    for buffer in buffers:
        length = min(len(buffer), most)
        for start in range(0, length, _CHUNK):
            yield buffer[start : min(start + _CHUNK, length)]
        most -= length


class Device(OpenFile):
    """An open device that takes whatever is written. As on Linux, seeking succeeds and stays."""

    filetype = Filetype.CHARACTER_DEVICE
    seekable = True

    def __init__(self, inode: Inode | None = None, flags: int = 0) -> None:
        super().__init__(flags)
        self.inode = inode

    def write(self, buffers: Sequence[memoryview]) -> int:
        return total(buffers)

    def pread(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self.read(buffers)

    def pwrite(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self.write(buffers)

    def seek(self, offset: int, whence: str) -> int:
        return 0

    def attributes(self) -> Attributes:
        return self.inode.attributes() if self.inode else super().attributes()

    def ready(self, event: int) -> Ready | None:
        return Ready(1)


class Null(Device):
    """Always at its end."""

    def read(self, buffers: Sequence[memoryview]) -> int:
        return 0


class Zero(Device):
    def read(self, buffers: Sequence[memoryview]) -> int:
        wanted = total(buffers)
        for piece in _chunks(buffers, wanted):
            piece[:] = _ZEROS[: len(piece)]
        return wanted


class Full(Zero):
    """Reads as zeros, and has no room."""

    def write(self, buffers: Sequence[memoryview]) -> int:
        if total(buffers):
            raise Errno(E.NOSPC)
        return 0


class Random(Device):
    def __init__(
        self, entropy: Callable[[int], bytes], inode: Inode | None = None, flags: int = 0
    ) -> None:
        super().__init__(inode, flags)
        self.entropy = entropy

    def read(self, buffers: Sequence[memoryview]) -> int:
        wanted = min(total(buffers), _MOST_RANDOM)
        for piece in _chunks(buffers, wanted):
            piece[:] = self.entropy(len(piece))
        return wanted


def null() -> OpenFile:
    """An open null device, for a process that gets nothing to read or has its output dropped."""
    return Null()


class Devices:
    """The tree of devices.

    entropy: gives as many unpredictable bytes as asked for.
    descriptors: the open files of the process that is asking, by number. `stdin`, `stdout`,
        `stderr` and `fd/N` open the very same open files.
    terminal: the open terminal of the process that is asking; None if it has none (`nxio`).
    clock: nanoseconds since 1970.
    """

    def __init__(
        self,
        entropy: Callable[[int], bytes],
        descriptors: Callable[[], Mapping[int, OpenFile]],
        terminal: Callable[[], OpenFile | None] = lambda: None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.device = next(_devices)
        self.made = clock()
        self.descriptors = descriptors
        makers: dict[str, Callable[[Inode, int], OpenFile]] = {
            "null": Null,
            "zero": Zero,
            "full": Full,
            "random": lambda inode, flags: Random(entropy, inode, flags),
            "urandom": lambda inode, flags: Random(entropy, inode, flags),
            "tty": lambda inode, flags: _existing(terminal()),
        }
        links = {"stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
        nodes: dict[str, DeviceInode] = {"fd": DescriptorDirectory(self, 2)}
        for ino, (name, make) in enumerate(makers.items(), 3):
            nodes[name] = DeviceNode(self, ino, make)
        for ino, (name, target) in enumerate(links.items(), 3 + len(makers)):
            nodes[name] = DeviceLink(self, ino, target)
        self._root = FixedDirectory(self, 1, nodes)

    def root(self) -> Directory:
        return self._root


def _existing(terminal: OpenFile | None) -> OpenFile:
    if terminal is None:
        raise Errno(E.NXIO)
    return terminal


class DeviceInode(Inode):
    """An inode of the device tree; its times are those of the tree's making."""

    def __init__(self, tree: Devices, ino: int) -> None:
        self.tree = tree
        self.ino = ino

    @property
    def key(self) -> tuple[object, int]:
        return self.tree, self.ino

    def attributes(self) -> Attributes:
        made = self.tree.made
        return self.tree.device, self.ino, self.filetype, 1, 0, made, made, made

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        raise Errno(E.ROFS)


class DeviceNode(DeviceInode):
    """A device's name. `make` opens it, with the initial `fdflags`."""

    filetype = Filetype.CHARACTER_DEVICE

    def __init__(self, tree: Devices, ino: int, make: Callable[[Inode, int], OpenFile]) -> None:
        super().__init__(tree, ino)
        self.make = make

    def open(self, access: Access) -> OpenFile:
        return self.make(self, access.flags)


class DeviceLink(DeviceInode, Symlink):
    def __init__(self, tree: Devices, ino: int, target: str) -> None:
        super().__init__(tree, ino)
        self._target = target

    def target(self) -> str:
        return self._target


class DescriptorNode(DeviceInode):
    """An open file of the asking process under its number; opening it gives that very file."""

    def __init__(self, tree: Devices, ino: int, file: OpenFile) -> None:
        super().__init__(tree, ino)
        self.file = file
        self.filetype = file.filetype

    def attributes(self) -> Attributes:
        return self.file.attributes()

    def open(self, access: Access) -> OpenFile:
        return self.file


class DeviceDirectory(DeviceInode, ReadOnlyDirectory):
    """A directory of the device tree, listed as `children` gives it."""

    @abstractmethod
    def children(self) -> Iterator[DirectoryEntry]:
        """Entries without `.` and `..`; their cookies grow and start above 2."""

    def open(self, access: Access) -> OpenFile:
        if access.write or access.truncate:
            raise Errno(E.ISDIR)
        return _Listing(self, access.flags)


class FixedDirectory(DeviceDirectory):
    def __init__(self, tree: Devices, ino: int, nodes: Mapping[str, DeviceInode]) -> None:
        super().__init__(tree, ino)
        self.nodes = nodes

    def lookup(self, name: str) -> Inode | None:
        return self.nodes.get(name)

    def children(self) -> Iterator[DirectoryEntry]:
        for cookie, (name, node) in enumerate(self.nodes.items(), 3):
            yield DirectoryEntry(cookie, node.ino, name, node.filetype)


class DescriptorDirectory(DeviceDirectory):
    """The open files of the asking process. A directory among them is there as itself."""

    _FIRST_INO = 1 << 16

    def lookup(self, name: str) -> Inode | None:
        if not (name.isascii() and name.isdecimal() and name == str(int(name))):
            return None
        file = self.tree.descriptors().get(int(name))
        if file is None:
            return None
        if isinstance(file.inode, Directory):
            return file.inode
        return DescriptorNode(self.tree, self._FIRST_INO + int(name), file)

    def children(self) -> Iterator[DirectoryEntry]:
        for number, file in sorted(self.tree.descriptors().items()):
            ino = self._FIRST_INO + number
            yield DirectoryEntry(3 + number, ino, str(number), file.filetype)


class _Listing(OpenDirectory):
    inode: DeviceDirectory

    def entries(self, cookie: int) -> Iterator[DirectoryEntry]:
        dots = (
            DirectoryEntry(1, self.inode.ino, ".", Filetype.DIRECTORY),
            DirectoryEntry(2, self.inode.tree.root().stat().ino, "..", Filetype.DIRECTORY),
        )
        for entry in (*dots, *self.inode.children()):
            if entry.next > cookie:
                yield entry
