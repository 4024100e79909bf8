"""Copying files of an overlay's lower layers up, so that they can be changed.

A copy is made under a hidden name beside its place and renamed into it when it is complete.

A lower file with several names has one copy behind all of them. Which lower names there are is not
known, so the copy is put into a hidden directory (`LINKS`) with as many hard links as names are
left, named NUMBER.N by the file's number in the overlay. A name that is removed takes a spare link
along, and one that is renamed takes it into its place: so the copy's own link count is right at any
time, also when the upper layer is used again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from wasix.abi import E, Errno
from wasix.abi.types import Filestat, Filetype
from wasix.fs.inode import Access, Directory, Inode, Symlink
from wasix.fs.whiteout import COPY, LINKS

if TYPE_CHECKING:
    from wasix.fs.overlay import OverlayDirectory, OverlayFilesystem, OverlayInode, Place

_CHUNK = 1 << 20
_AT_HAND = 64
"""Directories held open while a tree is copied."""


@contextmanager
def _unchanged(directory: Directory) -> Iterator[None]:
    """What is done to `directory` is not to be seen in its times."""
    st = directory.stat()
    yield
    directory.set_times(st.atim, st.mtim)


def directory(filesystem: OverlayFilesystem, place: Place) -> Directory:
    """The directory of the upper layer at `place`, made with its parents where missing."""
    missing = []
    upper = filesystem.layers[0]
    while place.parent is not None:
        if place.removed:
            raise Errno(E.NOENT)
        node = place.node()
        if node is not None and node.upper is not None:
            upper = node.upper
            break
        missing.append(place)
        place = place.parent
    while missing:
        place = missing.pop()
        node = filesystem.resolve(place)  # held until the next one: it is entered from here
        if node.upper is None:
            st = node.stat()
            with _unchanged(upper):
                upper.make_directory(place.name)
            made = upper.lookup(place.name)
            if not isinstance(made, Directory):
                raise Errno(E.IO)
            made.set_times(st.atim, st.mtim)
            node.upper = made
        upper = node.upper
    return upper


def links(filesystem: OverlayFilesystem) -> Directory:
    """The directory for copies of files with several names."""
    upper = filesystem.layers[0]
    found = upper.lookup(LINKS)
    if found is None:
        with _unchanged(upper):
            upper.make_directory(LINKS)
        found = upper.lookup(LINKS)
    if not isinstance(found, Directory):
        raise Errno(E.IO)
    return found


def copy(node: OverlayInode, *, empty: bool = False) -> None:
    """Have `node` in the upper layer; with `empty` a file there without its content."""
    if node.upper is not None:
        return
    filesystem, st = node.filesystem, node.lower.stat()
    names = st.nlink - node.lost
    if names < 1:
        goal = filesystem.layers[0]
    elif st.nlink > 1:
        goal = links(filesystem)
    else:
        assert node.parent is not None
        goal = directory(filesystem, node.parent)
    with _unchanged(goal):
        with suppress(Errno):
            goal.unlink(COPY)
        try:
            _write(node.lower, st, goal, empty=empty)
            name = _place(node, names, goal, several=st.nlink > 1)
        except BaseException:
            with suppress(Errno):
                goal.unlink(COPY)
            raise
        node.upper = goal.lookup(name)
        if node.upper is None:
            raise Errno(E.IO)
        filesystem.origins[filesystem.number(0, node.upper)] = node.number
        filesystem.reduced.pop(node.number, None)
        for opening in list(node.openings):
            # One that cannot be opened again goes on with what it has.
            with suppress(Errno):
                opening.move()
        if names < 1:
            goal.unlink(COPY)


def _write(lower: Inode, st: Filestat, goal: Directory, *, empty: bool) -> None:
    """Copy `lower` under the name `COPY`, with the times in `st`, which reading it may change."""
    if isinstance(lower, Symlink):
        goal.copy_symlink(COPY, lower.target())
    elif lower.filetype == Filetype.REGULAR_FILE:
        made = goal.create(COPY)
        if not empty:
            _write_content(lower, made)
    else:
        raise Errno(E.NOTSUP)
    made_now = goal.lookup(COPY)
    if made_now is None:
        raise Errno(E.IO)
    made_now.set_times(st.atim, st.mtim)


def _write_content(lower: Inode, upper: Inode) -> None:
    source = lower.open(Access())
    try:
        target = upper.open(Access(write=True))
        try:
            offset = 0
            buffer = memoryview(bytearray(min(_CHUNK, max(1, source.stat().size))))
            while count := source.pread([buffer], offset):
                at = 0
                # What is zero stays a hole.
                while at < count and any(buffer[:count]):
                    at += target.pwrite([buffer[at:count]], offset + at)
                offset += count
            target.set_size(offset)
            target.sync(data_only=True)
        finally:
            target.close()
    finally:
        source.close()


def _place(node: OverlayInode, names: int, goal: Directory, *, several: bool) -> str:
    """Give the complete copy the name it stays under, which is returned."""
    if names < 1:
        return COPY
    if not several:
        goal.rename(COPY, goal, node.name)
        return node.name
    spares = [f"{node.number}.{number}" for number in range(names)]
    for name in spares[1:]:
        goal.link(name, goal, COPY)
    goal.rename(COPY, goal, spares[0])
    node.filesystem.spares[node.number] = spares
    return spares[0]


def drop_spare(filesystem: OverlayFilesystem, node: OverlayInode) -> None:
    """One lower name less leads to the copy of `node`."""
    assert node.upper is not None
    last = node.upper.stat().nlink == 1
    links(filesystem).unlink(_take_spare(filesystem, node.number))
    if last:
        filesystem.forget(node)


def _take_spare(filesystem: OverlayFilesystem, number: int) -> str:
    spares = filesystem.spares[number]
    name = spares.pop()
    if not spares:
        del filesystem.spares[number]
    return name


def store(directory: OverlayDirectory, name: str, node: OverlayInode) -> None:
    """Have `node` in the upper layer under this very name."""
    upper = directory.copy_up()
    if upper.lookup(name) is not None:
        return
    copy(node)
    if node.number in directory.filesystem.spares:
        spares = links(directory.filesystem)
        with _unchanged(upper):
            spares.rename(_take_spare(directory.filesystem, node.number), upper, name)
        node.upper = upper.lookup(name)


def tree(root: OverlayDirectory) -> None:
    """Copy everything below `root` up, so that nothing of the lower layers shows through.

    Nothing of that is to be seen; what fails half-way can be tried again.
    """
    filesystem = root.filesystem
    recent = deque([root], _AT_HAND)
    pending = [root.place]
    while pending:
        here = filesystem.resolve(pending.pop())
        recent.append(here)
        upper = here.copy_up()
        filesystem.origins[filesystem.number(0, upper)] = here.place.number
        if not here.lowers:
            continue
        for name in here.children():
            inode = here.lookup(name)
            if isinstance(inode, Directory):
                pending.append(inode.place)
            elif inode is not None:
                store(here, name, inode)
