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
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory, Inode, Symlink
from wasix.fs.whiteout import COPY, LINKS

if TYPE_CHECKING:
    from wasix.fs.layers import Place
    from wasix.fs.overlay import OverlayFilesystem
    from wasix.fs.overlay_directory import OverlayDirectory
    from wasix.fs.overlay_file import OverlayInode

_CHUNK = 1 << 20
_AT_HAND = 64
"""Directories held open while a tree is copied."""


@contextmanager
def _unchanged(directory: Directory) -> Iterator[None]:
    """What is done to `directory` is not to be seen in its times."""
    st = directory.stat()
    try:
        yield
    finally:
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
            node.upper = _made(upper, place.name)
            node.upper.set_times(st.atim, st.mtim)
        upper = node.upper
    return upper


def links(filesystem: OverlayFilesystem) -> Directory:
    """The directory for copies of files with several names."""
    return _made(filesystem.layers[0], LINKS)


def _made(upper: Directory, name: str) -> Directory:
    """The directory `name` in `upper`, made if it is missing."""
    found = upper.lookup(name)
    if found is None:
        with _unchanged(upper):
            upper.make_directory(name)
        found = upper.lookup(name)
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
        _discard(goal, COPY)
        own = None
        try:
            made = _write(node.lower, st, goal, empty=empty)
            own = filesystem.number(0, made)
            filesystem.origins[own] = node.number
            if names < 1:
                node.upper = made
            elif st.nlink > 1:
                name = _place_spares(node, names, goal)
            else:
                name = node.name
                goal.rename(COPY, goal, name)
        except BaseException:
            _discard(goal, COPY)
            if own is not None:
                del filesystem.origins[own]
            raise
        filesystem.reduced.pop(node.number, None)
        if node.upper is None:
            node.upper = goal.lookup(name)
        for opening in list(node.openings):
            # One that cannot be opened again goes on with what it has.
            with suppress(Errno):
                opening.move()
        if names < 1:
            filesystem.forget(node)
            goal.unlink(COPY)


def _discard(directory: Directory, name: str) -> None:
    with suppress(Errno):
        directory.unlink(name)


def _write(lower: Inode, st: Filestat, goal: Directory, *, empty: bool) -> Inode:
    """Copy `lower` under the name `COPY`, with the times in `st`, which reading it may change."""
    if isinstance(lower, Symlink):
        goal.copy_symlink(COPY, lower.target())
    elif lower.filetype == Filetype.REGULAR_FILE:
        made = goal.create(COPY)
        if not empty:
            _write_content(lower, made)
    else:
        raise Errno(E.NOTSUP)
    inode = goal.lookup(COPY)
    if inode is None:
        raise Errno(E.IO)
    inode.set_times(st.atim, st.mtim)
    return inode


def _write_content(lower: Inode, upper: Inode) -> None:
    source = lower.open(Access())
    try:
        target = upper.open(Access(write=True))
        try:
            size = source.stat().size
            buffer = memoryview(bytearray(min(_CHUNK, max(1, size))))
            for start, end in source.extents():
                while start < end:
                    count = source.pread([buffer[: end - start]], start)
                    if not count:
                        break
                    _write_piece(target, buffer[:count], start)
                    start += count
            target.set_size(size)
            target.sync(data_only=True)
        finally:
            target.close()
    finally:
        source.close()


def _write_piece(target: OpenFile, piece: memoryview, offset: int) -> None:
    """Write all of `piece`; what is zero stays a hole."""
    if not piece.tobytes().strip(b"\0"):
        return
    while len(piece):
        count = target.pwrite([piece], offset)
        piece, offset = piece[count:], offset + count


def _place_spares(node: OverlayInode, names: int, goal: Directory) -> str:
    """Give the complete copy a link for each of its names; one of them."""
    spares = [f"{node.number}.{number}" for number in range(names)]
    try:
        for name in spares[1:]:
            _discard(goal, name)
            goal.link(name, goal, COPY)
        goal.rename(COPY, goal, spares[0])
    except BaseException:
        for name in spares:
            _discard(goal, name)
        raise
    node.filesystem.spares[node.number] = spares
    return spares[0]


def drop_spare(filesystem: OverlayFilesystem, node: OverlayInode) -> None:
    """One lower name less leads to the copy of `node`."""
    assert node.upper is not None
    last = node.upper.stat().nlink == 1
    links(filesystem).unlink(filesystem.spares[node.number][-1])
    _spare_gone(filesystem, node.number)
    if last:
        filesystem.forget(node)


def _spare_gone(filesystem: OverlayFilesystem, number: int) -> None:
    spares = filesystem.spares[number]
    spares.pop()
    if not spares:
        del filesystem.spares[number]


def store(directory: OverlayDirectory, name: str, node: OverlayInode) -> None:
    """Have `node` in the upper layer under this very name."""
    upper = directory.copy_up()
    if upper.lookup(name) is not None:
        return
    copy(node)
    filesystem = directory.filesystem
    if node.number in filesystem.spares:
        with _unchanged(upper):
            links(filesystem).rename(filesystem.spares[node.number][-1], upper, name)
            _spare_gone(filesystem, node.number)
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
