"""What the layers of an overlay hold, seen as one, and where in it a directory is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from weakref import ReferenceType, ref

from wasix.abi.types import Filetype
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode
from wasix.fs.whiteout import OPAQUE, whiteout

if TYPE_CHECKING:
    from wasix.fs.overlay_directory import OverlayDirectory

Layers = list[tuple[int, Directory]]
"""Directories that are seen as one, topmost first, with the numbers of their layers."""
Found = list[tuple[int, Inode]]
"""What a name stands for in each layer; several only if all are directories."""


def stack(found: Layers) -> Layers:
    """`found` down to the first opaque directory."""
    for place, (_, directory) in enumerate(found[:-1], 1):
        if directory.lookup(OPAQUE) is not None:
            return found[:place]
    return found


def search(layers: Layers, name: str) -> Found:
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


def entries(directory: Directory) -> Iterator[DirectoryEntry]:
    """What a directory of a layer holds."""
    file = directory.open(Access())
    try:
        for entry in file.entries(0) or ():
            if entry.name not in (".", ".."):
                yield entry
    finally:
        file.close()
