"""An overlay: one tree out of layers, of which only the upper one is written.

A file of a lower layer is copied up before its first change (`wasix.fs.copyup`); what is removed is
hidden by a whiteout (`wasix.fs.whiteout`). Every change of the upper layer leaves the overlay as it
was until the one last step, so that a crash between two steps costs nothing.

A file keeps its number when it is copied up or renamed, as long as the overlay lives. A descriptor
opened for reading before the copy sees what is written after it, unlike on Linux's overlayfs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import cast
from weakref import ReferenceType, WeakSet, WeakValueDictionary, ref

from wasix.abi import E, Errno
from wasix.abi.types import Filestat, Filetype
from wasix.fs import copyup
from wasix.fs.file import OpenFile, Ready
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode, Symlink, new_device
from wasix.fs.listing import Listings, SnapshotListing
from wasix.fs.whiteout import LINKS, OPAQUE, reserved, whiteout
from wasix.proc.wait import WaitQueue

_INO_BITS = 56
_INO = (1 << _INO_BITS) - 1
_WORD = (1 << 64) - 1
_MOST_LAYERS = 1 << 64 - _INO_BITS

Layers = list[tuple[int, Directory]]
"""Directories that are seen as one, topmost first, with the numbers of their layers."""
Found = list[tuple[int, Inode]]
"""What a name stands for in each layer; several only if all are directories."""


class OverlayFilesystem:
    """The tree of `upper` over `lower`, topmost first. `upper` belongs to the overlay alone.

    Whiteouts in lower layers count as well, so the layers of an OCI image can be stacked. Lower
    layers must not change while the overlay lives, nor between uses of the same upper one.
    """

    def __init__(self, upper: Directory, lower: Sequence[Directory]) -> None:
        self.layers = (upper, *lower)
        if not 1 < len(self.layers) <= _MOST_LAYERS:
            raise ValueError(f"an overlay has 1 to {_MOST_LAYERS - 1} lower layers")
        if any(upper.key == layer.key for layer in lower):
            raise ValueError("the upper layer of an overlay cannot be a lower one too")
        self.device = new_device()
        self.listings = Listings()
        self.origins: dict[int, int] = {}
        """Numbers of files that have kept another than their upper inode's."""
        self.spares: dict[int, list[str]] = {}
        """Names in the directory `LINKS`, by file; see `wasix.fs.copyup`."""
        self.reduced: dict[int, OverlayInode] = {}
        """Lower files that have lost some of their names, but not all."""
        self.files: WeakValueDictionary[int, OverlayInode] = WeakValueDictionary()
        self.places: WeakValueDictionary[int, Place] = WeakValueDictionary()
        self._devices = [layer.key[1] >> 64 for layer in self.layers]
        self._root = Place(None, "", self.number(1, lower[0]))
        self.places[self._root.number] = self._root
        self._read_links()

    @property
    def root(self) -> OverlayDirectory:
        # Not held: directories hold the filesystem, and host directories open descriptors.
        return self._root.node() or OverlayDirectory(
            self, self._root, _stack(list(enumerate(self.layers)))
        )

    def number(self, index: int, inode: Inode) -> int:
        """A number for `inode` of layer `index`: its own, with the layer in the highest byte."""
        return self._number(index, inode.key[1])

    def listed(self, index: int, ino: int) -> int:
        """The same for an entry of a listing."""
        return self._number(index, self._devices[index] << 64 | ino)

    def _number(self, index: int, key: int) -> int:
        device, ino = key >> 64, key & _WORD
        if device != self._devices[index] or ino > _INO:
            # Of a mount in a host volume, or of another overlay: spread over what there is.
            ino = ((ino ^ device * 0xD6E8FEB86659FD93) * 0x9E3779B97F4A7C15 & _WORD) >> 8
        return index << _INO_BITS | ino

    def upper_number(self, inode: Inode) -> int:
        """The number that the inode of the upper layer goes by."""
        own = self.number(0, inode)
        return self.origins.get(own, own)

    def _read_links(self) -> None:
        links = self.layers[0].lookup(LINKS)
        if not isinstance(links, Directory):
            return
        file = links.open(Access())
        try:
            names = [entry.name for entry in file.entries(0) or ()]
        finally:
            file.close()
        for name in names:
            number, _, _ = name.partition(".")
            inode = links.lookup(name)
            if number.isdecimal() and number.isascii() and inode is not None:
                self.spares.setdefault(int(number), []).append(name)
                self.origins[self.number(0, inode)] = int(number)

    def file(self, parent: Place, name: str, index: int, inode: Inode) -> OverlayInode:
        """The overlay's inode for `inode`, found in layer `index`; no directory."""
        number = self.number(index, inode) if index else self.upper_number(inode)
        node = self.files.get(number)
        if node is None or node.filetype != inode.filetype:
            kind = OverlaySymlink if isinstance(inode, Symlink) else OverlayInode
            node = self.files[number] = kind(self, number, inode)
        if not index:
            node.upper = inode
        elif number in self.spares:
            node.upper = copyup.links(self).lookup(self.spares[number][-1])
        elif node.upper is None:
            node.parent, node.name = parent, name
        return node

    def directory(self, parent: Place, name: str, found: Layers) -> OverlayDirectory:
        """The overlay's directory for those `found`."""
        found = _stack(found)
        index, top = found[0] if found[0][0] or len(found) == 1 else found[1]
        number = self.number(index, top) if index else self.upper_number(top)
        place = self.places.get(number)
        if place is None:
            place = self.places[number] = Place(parent, name, number)
        elif place.parent is not parent or place.name != name:
            # Moved behind our back.
            if place.parent is None or parent.is_below(place):
                raise Errno(E.IO)
            place.parent, place.name = parent, name
        node = place.node()
        if node is None:
            return OverlayDirectory(self, place, found)
        if node.upper is None and not found[0][0]:
            node.upper = found[0][1]
        return node

    def resolve(self, place: Place) -> OverlayDirectory:
        """The directory at `place`, entered from the nearest one that is at hand."""
        chain = []
        node = None
        while place.parent is not None and (node := place.node()) is None:
            chain.append(place)
            place = place.parent
        node = node or self.root
        while chain:
            place = chain.pop()
            below = node.lookup(place.name)
            if not isinstance(below, OverlayDirectory) or below.place is not place:
                raise Errno(E.NOENT)
            node = below
        return node

    def lose_name(self, node: OverlayInode, *, stored: bool, last: bool) -> None:
        """A name of `node` has gone, from the upper layer if it was `stored` there, as its `last`.

        Otherwise it was one of a lower layer.
        """
        if stored:
            if last:
                self.forget(node)
        elif node.number in self.spares:
            copyup.drop_spare(self, node)
        else:
            node.lost += 1
            if node.stat().nlink:
                self.reduced[node.number] = node
            else:
                self.forget(node)

    def forget(self, node: OverlayInode) -> None:
        """No name leads to `node` any more."""
        if node.upper is not None:
            self.origins.pop(self.number(0, node.upper), None)
        self.files.pop(node.number, None)
        self.reduced.pop(node.number, None)


def _stack(found: Layers) -> Layers:
    """`found` down to the first opaque directory."""
    for place, (_, directory) in enumerate(found[:-1], 1):
        if directory.lookup(OPAQUE) is not None:
            return found[:place]
    return found


def _search(layers: Layers, name: str) -> Found:
    """What `name` stands for in `layers`."""
    found: Found = []
    left = len(layers)
    for index, layer in layers:
        left -= 1
        inode = layer.lookup(name)
        if inode is not None:
            if inode.filetype != Filetype.DIRECTORY:
                return found or [(index, inode)]
            found.append((index, inode))
        if left and layer.lookup(whiteout(name)) is not None:
            break
    return found


class Place:
    """Where a directory is: its name below its parent.

    Kept apart from the directory so that what is open in the depth does not hold all directories
    above open.
    """

    __slots__ = ("__weakref__", "_node", "name", "number", "parent", "removed")

    def __init__(self, parent: Place | None, name: str, number: int) -> None:
        self.parent = parent
        self.name = name
        self.number = number
        self.removed = False
        self._node: ReferenceType[OverlayDirectory] | None = None

    def node(self) -> OverlayDirectory | None:
        """The directory, if it is at hand."""
        return None if self._node is None else self._node()

    def occupy(self, node: OverlayDirectory) -> None:
        self._node = ref(node)

    def is_below(self, other: Place) -> bool:
        """Whether `other` is this place or holds it."""
        place: Place | None = self
        while place is not None and place is not other:
            place = place.parent
        return place is other


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

    def stat(self) -> Filestat:
        return self.show(self.inode.stat(), self.upper is None)

    def show(self, st: Filestat, lower: bool) -> Filestat:
        """`st` of the file in its layer, as the overlay's."""
        nlink = max(0, st.nlink - self.lost) if lower else st.nlink
        return st._replace(dev=self.filesystem.device, ino=self.number, nlink=nlink)

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

    def stat(self) -> Filestat:
        return self.inode.show(self._file.stat(), self._lower)

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


class OverlayDirectory(Directory):
    """A directory of an overlay: those of its layers that have it, topmost first."""

    __slots__ = ("__weakref__", "filesystem", "lowers", "place", "upper")

    def __init__(self, filesystem: OverlayFilesystem, place: Place, found: Layers) -> None:
        self.filesystem = filesystem
        self.place = place
        self.upper: Directory | None = None
        if not found[0][0]:
            self.upper = found[0][1]
            found = found[1:]
        self.lowers = found
        place.occupy(self)

    @property
    def key(self) -> tuple[object, int]:
        return self.filesystem, self.place.number

    def _layers(self) -> Layers:
        return self.lowers if self.upper is None else [(0, self.upper), *self.lowers]

    def stat(self) -> Filestat:
        counts = [layer.stat() for _, layer in self._layers()]
        if self.place.removed:
            nlink = 0
        elif all(st.nlink == 2 for st in counts):
            nlink = 2
        elif len(counts) == 1:
            nlink = counts[0].nlink
        else:
            kinds = (filetype for _, filetype in self.children().values())
            nlink = 2 + sum(filetype == Filetype.DIRECTORY for filetype in kinds)
        return counts[0]._replace(dev=self.filesystem.device, ino=self.place.number, nlink=nlink)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self.copy_up().set_times(atim, mtim)

    def open(self, access: Access) -> OpenFile:
        if access.write or access.truncate:
            raise Errno(E.ISDIR)
        return OverlayListing(self, access.flags)

    def children(self) -> dict[str, tuple[int, int]]:
        """Number and filetype of everything in the directory, by name."""
        if self.place.removed:
            return {}
        found: dict[str, tuple[int, int]] = {}
        merged: set[str] = set()
        hidden: set[str] = set()
        for index, layer in self._layers():
            marks = []
            for entry in _entries(layer):
                name = entry.name
                if reserved(name):
                    marks.append(name)
                elif hidden and whiteout(name) in hidden:
                    continue
                elif name not in found:
                    number = self.filesystem.listed(index, entry.ino)
                    if not index:
                        number = self.filesystem.origins.get(number, number)
                    found[name] = number, entry.filetype
                elif entry.filetype == found[name][1] == Filetype.DIRECTORY:
                    merged.add(name)
            hidden.update(marks)
        for name in merged:
            inode = self.lookup(name)
            if inode is not None:
                found[name] = inode.key[1], inode.filetype
        return found

    def lookup(self, name: str) -> OverlayInode | OverlayDirectory | None:
        if reserved(name) or self.place.removed:
            return None
        found = _search(self._layers(), name)
        if not found:
            return None
        index, inode = found[0]
        if inode.filetype == Filetype.DIRECTORY:
            return self.filesystem.directory(self.place, name, cast(Layers, found))
        return self.filesystem.file(self.place, name, index, inode)

    def copy_up(self) -> Directory:
        """The directory in the upper layer, made with its parents where missing."""
        return copyup.directory(self.filesystem, self.place)

    def stored(self, name: str) -> Inode | None:
        """What has `name` in the upper layer."""
        return None if self.upper is None else self.upper.lookup(name)

    def _cover(self, name: str) -> None:
        """Let nothing of the lower layers show under `name`."""
        if _search(self.lowers, name):
            upper, mark = self.copy_up(), whiteout(name)
            if upper.lookup(mark) is None:
                upper.create(mark)

    def create(self, name: str) -> Inode:
        self._check_vacant(name)
        inode = self.copy_up().create(name)
        return self.filesystem.file(self.place, name, 0, inode)

    def make_directory(self, name: str) -> None:
        self._check_vacant(name)
        self.copy_up().make_directory(name)

    def symlink(self, name: str, target: str) -> None:
        self._check_vacant(name)
        self.copy_up().symlink(name, target)

    def copy_symlink(self, name: str, target: str) -> None:
        self._check_vacant(name)
        self.copy_up().copy_symlink(name, target)

    def link(self, name: str, directory: Directory, old_name: str) -> None:
        assert isinstance(directory, OverlayDirectory)
        inode = directory._get(old_name)
        if isinstance(inode, OverlayDirectory):
            raise Errno(E.PERM)
        self._check_vacant(name)
        copyup.copy(inode)
        if directory.stored(old_name) is None:
            spare = self.filesystem.spares[inode.number][-1]
            self.copy_up().link(name, copyup.links(self.filesystem), spare)
        else:
            self.copy_up().link(name, directory.copy_up(), old_name)

    def unlink(self, name: str) -> None:
        inode = self._get(name)
        if isinstance(inode, OverlayDirectory):
            raise Errno(E.ISDIR)
        stored = self.stored(name)
        last = stored is not None and stored.stat().nlink == 1
        self._cover(name)
        if stored is not None:
            self.copy_up().unlink(name)
        self.filesystem.lose_name(inode, stored=stored is not None, last=last)

    def remove_directory(self, name: str) -> None:
        inode = self._get(name)
        if not isinstance(inode, OverlayDirectory):
            raise Errno(E.NOTDIR)
        inode._check_empty()
        self._cover(name)
        if inode.upper is not None:
            inode._clear()
            self.copy_up().remove_directory(name)
        inode._removed()

    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        assert isinstance(directory, OverlayDirectory)
        inode, target = self._get(name), directory.lookup(new_name)
        if reserved(new_name):
            raise Errno(E.PERM)
        if target is not None and target.key == inode.key:
            return
        if isinstance(inode, OverlayDirectory):
            if directory.place.is_below(inode.place):
                raise Errno(E.INVAL)
            if target is not None and not isinstance(target, OverlayDirectory):
                raise Errno(E.NOTDIR)
        if isinstance(target, OverlayDirectory):
            if self.place.is_below(target.place):
                raise Errno(E.NOTEMPTY)
            if not isinstance(inode, OverlayDirectory):
                raise Errno(E.ISDIR)
            target._check_empty()
        directory._check_alive()
        if isinstance(inode, OverlayDirectory):
            assert target is None or isinstance(target, OverlayDirectory)
            self._rename_directory(name, inode, directory, new_name, target)
        else:
            assert not isinstance(target, OverlayDirectory)
            self._rename_file(name, inode, directory, new_name, target)

    def _rename_file(
        self,
        name: str,
        inode: OverlayInode,
        directory: OverlayDirectory,
        new_name: str,
        target: OverlayInode | None,
    ) -> None:
        goal = directory.copy_up()
        copyup.store(self, name, inode)
        stored = directory.stored(new_name)
        last = stored is not None and stored.stat().nlink == 1
        self._cover(name)
        self.copy_up().rename(name, goal, new_name)
        inode.upper = goal.lookup(new_name)
        if target is not None:
            self.filesystem.lose_name(target, stored=stored is not None, last=last)

    def _rename_directory(
        self,
        name: str,
        inode: OverlayDirectory,
        directory: OverlayDirectory,
        new_name: str,
        target: OverlayDirectory | None,
    ) -> None:
        goal = directory.copy_up()
        copyup.tree(inode)
        if target is not None:
            target.copy_up()
        directory._cover(new_name)
        if target is not None:
            target._clear()
        self._cover(name)
        self.copy_up().rename(name, goal, new_name)
        # All there was below has been copied.
        inode.lowers = []
        inode.place.parent, inode.place.name = directory.place, new_name
        if target is not None:
            target._removed()

    def _get(self, name: str) -> OverlayInode | OverlayDirectory:
        inode = self.lookup(name)
        if inode is None:
            raise Errno(E.NOENT)
        return inode

    def _check_alive(self) -> None:
        if self.place.removed:
            raise Errno(E.NOENT)

    def _check_vacant(self, name: str) -> None:
        self._check_alive()
        if reserved(name):
            raise Errno(E.PERM)
        if self.lookup(name) is not None:
            raise Errno(E.EXIST)

    def _check_empty(self) -> None:
        if self.children():
            raise Errno(E.NOTEMPTY)

    def _clear(self) -> None:
        """Remove what a directory that guests see empty holds in the upper layer."""
        assert self.upper is not None
        for entry in list(_entries(self.upper)):
            self.upper.unlink(entry.name)

    def _removed(self) -> None:
        if self.upper is not None:
            self.filesystem.origins.pop(self.filesystem.number(0, self.upper), None)
        self.filesystem.places.pop(self.place.number, None)
        self.place.removed = True


def _entries(directory: Directory) -> Iterator[DirectoryEntry]:
    """What a directory of a layer holds."""
    file = directory.open(Access())
    try:
        for entry in file.entries(0) or ():
            if entry.name not in (".", ".."):
                yield entry
    finally:
        file.close()


class OverlayListing(SnapshotListing):
    """An open directory of an overlay. A removed one lists nothing."""

    inode: OverlayDirectory

    def __init__(self, inode: OverlayDirectory, flags: int) -> None:
        super().__init__(inode, inode.filesystem.listings, flags)

    def sync(self, *, data_only: bool) -> None:
        if self.inode.upper is not None:
            file = self.inode.upper.open(Access())
            try:
                file.sync(data_only=data_only)
            finally:
                file.close()

    def read_all(self) -> list[DirectoryEntry]:
        place = self.inode.place
        if place.removed:
            return []
        dots = [(".", place.number), ("..", (place.parent or place).number)]
        entries = chain(
            ((name, (number, Filetype.DIRECTORY)) for name, number in dots),
            self.inode.children().items(),
        )
        return [
            DirectoryEntry(cookie, number, name, filetype)
            for cookie, (name, (number, filetype)) in enumerate(entries, 1)
        ]
