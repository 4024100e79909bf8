"""An overlay: one tree out of layers, of which only the upper one is written.

A file of a lower layer is copied up before its first change (`wasix.fs.copyup`); what is removed is
hidden by a whiteout (`wasix.fs.whiteout`). Every change of the upper layer leaves the overlay as it
was until the one last step, so that a crash between two steps costs nothing.

A file keeps its number when it is copied up or renamed, as long as the overlay lives. A descriptor
opened for reading before the copy sees what is written after it, unlike on Linux's overlayfs.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakValueDictionary

from wasix.abi import E, Errno
from wasix.fs import copyup
from wasix.fs.inode import Access, Directory, Inode, Symlink, new_device
from wasix.fs.layers import Layers, Place, stack
from wasix.fs.listing import Listings
from wasix.fs.overlay_directory import OverlayDirectory
from wasix.fs.overlay_file import OverlayInode, OverlaySymlink
from wasix.fs.whiteout import LINKS

_INO_BITS = 56
_INO = (1 << _INO_BITS) - 1
_WORD = (1 << 64) - 1
_MOST_LAYERS = 1 << 64 - _INO_BITS


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
            self, self._root, stack(list(enumerate(self.layers)))
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
        found = stack(found)
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

        Otherwise it was one of a lower layer. An error comes too late for who removed the name, and
        costs no more than a right link count.
        """
        with suppress(Errno):
            self._lose_name(node, stored=stored, last=last)

    def _lose_name(self, node: OverlayInode, *, stored: bool, last: bool) -> None:
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
