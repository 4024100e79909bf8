"""Directories of an overlay."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, cast

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Filetype
from wasix.fs import copyup
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode
from wasix.fs.layers import Layers, Place, entries, search
from wasix.fs.listing import SnapshotListing
from wasix.fs.overlay_file import OverlayInode
from wasix.fs.whiteout import reserved, whiteout

if TYPE_CHECKING:
    from wasix.fs.overlay import OverlayFilesystem


class OverlayDirectory(Directory):
    """A directory of an overlay: those of its layers that have it, topmost first."""

    __slots__ = ("__weakref__", "atim", "filesystem", "lowers", "mtim", "place", "upper")

    def __init__(self, filesystem: OverlayFilesystem, place: Place, found: Layers) -> None:
        self.filesystem = filesystem
        self.place = place
        self.upper: Directory | None = None
        if not found[0][0]:
            self.upper = found[0][1]
            found = found[1:]
        self.lowers = found
        self.atim: int | None = None
        self.mtim: int | None = None
        """Times given to a directory of a lower layer that is removed, so has no upper one."""
        place.occupy(self)

    @property
    def key(self) -> tuple[object, int]:
        return self.filesystem, self.place.number

    def _layers(self) -> Layers:
        return self.lowers if self.upper is None else [(0, self.upper), *self.lowers]

    def attributes(self) -> Attributes:
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
        atim = counts[0].atim if self.atim is None else self.atim
        mtim = counts[0].mtim if self.mtim is None else self.mtim
        _, _, filetype, _, size, _, _, ctim = counts[0]
        device, ino = self.filesystem.device, self.place.number
        return device, ino, filetype, nlink, size, atim, mtim, ctim

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        if not self.place.removed:
            self.copy_up().set_times(atim, mtim)
        elif self.upper is not None:
            self.upper.set_times(atim, mtim)
        else:
            self.atim = self.atim if atim is None else atim
            self.mtim = self.mtim if mtim is None else mtim

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
            for entry in entries(layer):
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
        found = search(self._layers(), name)
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
        if search(self.lowers, name):
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
        self._check_vacant(name)
        if isinstance(inode, OverlayDirectory):
            raise Errno(E.PERM)
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
        for entry in list(entries(self.upper)):
            self.upper.unlink(entry.name)

    def _removed(self) -> None:
        if self.upper is not None:
            self.filesystem.origins.pop(self.filesystem.number(0, self.upper), None)
        self.filesystem.places.pop(self.place.number, None)
        self.place.removed = True


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
        everything = chain(
            ((name, (number, Filetype.DIRECTORY)) for name, number in dots),
            self.inode.children().items(),
        )
        return [
            DirectoryEntry(cookie, number, name, filetype)
            for cookie, (name, (number, filetype)) in enumerate(everything, 1)
        ]
