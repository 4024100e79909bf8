"""A memory filesystem that is kept: what has changed is written to a journal, and loaded from it.

A journal lies on two `Store`s, of which one counts. A store begins with a mark and a generation;
then come records, each with its length and checksum, so that one which was cut short is as if it
were not there. A record is a state of the whole filesystem, as the difference to the record before
it, the first of a generation as the difference to nothing. When differences have come to take much
more room than the files, the other store gets a new generation, which counts as soon as its first
record is whole.

Nothing is written while guests work. `Journal.commit` looks for what has changed: inodes by the
time of their last change, which is never the same twice here, and pages by a mark.

All numbers are little-endian. The entries of a record are inodes (`I`), of symbolic links the
targets (`L`), of directories all names (`D`), of files pages (`P`) and pages that are no more
(`N`), and inodes that have gone (`G`).
"""

from __future__ import annotations

import errno
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from wasix.abi import E, Errno
from wasix.abi.types import Filetype
from wasix.fs.memory import (
    MemoryDirectory,
    MemoryFile,
    MemoryFilesystem,
    MemoryInode,
    MemorySymlink,
)
from wasix.fs.pages import PAGE_BITS


class Store(Protocol):
    """Bytes that stay: what was written is there for good when it has been flushed.

    Every method may raise `OSError`.
    """

    def read(self, offset: int, length: int) -> bytes:
        """Fewer bytes, or none, at the end."""

    def write(self, offset: int, data: bytes) -> None: ...

    def truncate(self, size: int) -> None: ...

    def flush(self) -> None: ...


class Damaged(Exception):
    """What is on a store was written by something else, or changed by it."""


_MARK = b"wasixfs1"
_HEAD = struct.Struct("<8sQ")  # mark, generation
_RECORD = struct.Struct("<QI")  # length, checksum
_INODE = struct.Struct("<cQBQQQQ")  # I, ino, filetype, size, atim, mtim, ctim
_TARGET = struct.Struct("<cQQ")  # L, ino, length; then the target
_NAMES = struct.Struct("<cQQ")  # D, ino, how many; then each
_NAME = struct.Struct("<QQ")  # ino, length; then the name
_PAGE = struct.Struct("<cQQQ")  # P, ino, index, length; then the bytes
_NO_PAGE = struct.Struct("<cQQ")  # N, ino, index
_GONE = struct.Struct("<cQ")  # G, ino

SLACK = 4 << 20
"""Bytes that a journal may take besides twice what its files do."""
_PIECE = 1 << 20
"""Bytes that are written at once."""


class _Inode(NamedTuple):
    filetype: int
    size: int
    atim: int
    mtim: int
    ctim: int


class _State:
    """What a journal holds, by ino."""

    def __init__(self) -> None:
        self.inodes: dict[int, _Inode] = {}
        self.targets: dict[int, bytes] = {}
        self.names: dict[int, list[tuple[int, str]]] = {}
        self.pages: dict[int, dict[int, memoryview]] = {}

    def apply(self, data: memoryview) -> None:
        """Change it as a record says. Raises `struct.error`, `KeyError` or `ValueError`."""
        at = 0

        def take(length: int) -> memoryview:
            nonlocal at
            if length > len(data) - at:
                raise ValueError("an entry is longer than its record")
            at += length
            return data[at - length : at]

        while at < len(data):
            match bytes(data[at : at + 1]):
                case b"I":
                    _, ino, *rest = _INODE.unpack(take(_INODE.size))
                    inode = self.inodes[ino] = _Inode(*rest)
                    pages = self.pages.setdefault(ino, {})
                    for index in [index for index in pages if index << PAGE_BITS >= inode.size]:
                        del pages[index]
                case b"L":
                    _, ino, length = _TARGET.unpack(take(_TARGET.size))
                    self.targets[ino] = bytes(take(length))
                case b"D":
                    _, ino, count = _NAMES.unpack(take(_NAMES.size))
                    names = self.names[ino] = []
                    for _ in range(count):
                        child, length = _NAME.unpack(take(_NAME.size))
                        names.append((child, _name(bytes(take(length)))))
                case b"P":
                    _, ino, index, length = _PAGE.unpack(take(_PAGE.size))
                    self.pages[ino][index] = take(length)
                case b"N":
                    _, ino, index = _NO_PAGE.unpack(take(_NO_PAGE.size))
                    del self.pages[ino][index]
                case b"G":
                    _, ino = _GONE.unpack(take(_GONE.size))
                    for part in (self.inodes, self.targets, self.names, self.pages):
                        part.pop(ino, None)
                case kind:
                    raise ValueError(f"there is no entry {kind!r}")


def _name(data: bytes) -> str:
    name = data.decode("utf-8", "surrogateescape")
    if name in ("", ".", "..") or "/" in name:
        raise ValueError("a name is none")
    return name


def _coded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


class _Kept(NamedTuple):
    """What the journal has of an inode: when it was changed, and which pages."""

    ctim: int
    pages: frozenset[int]


class Journal:
    """Keeps a filesystem on two stores."""

    def __init__(self, filesystem: MemoryFilesystem, stores: tuple[Store, Store]) -> None:
        """Fill the filesystem, which is empty, with what is there. Raises `OSError`, `Damaged`."""
        self.filesystem = filesystem
        self._stores = stores
        self._kept: dict[int, _Kept] = {}
        self._generation = 0
        self._current = 0
        self._end = 0
        """Where the next record goes; 0 if there is no generation yet."""
        self._torn = False
        """Whether something may lie behind that."""
        self._last = 0
        self._changed = False
        clock = filesystem.clock

        def tick() -> int:
            self._changed = True
            self._last = max(clock(), self._last + 1)
            return self._last

        self._load()
        filesystem.clock = tick
        filesystem.synced = self.commit

    # Loading.

    def _load(self) -> None:
        found: list[tuple[int, int, list[tuple[int, int]]]] = []
        for number, store in enumerate(self._stores):
            head = store.read(0, _HEAD.size)
            if len(head) < _HEAD.size:
                continue
            mark, generation = _HEAD.unpack(head)
            if not _MARK.startswith(mark.rstrip(b"\0")):
                raise Damaged("it was not written by this version")
            records = list(_records(store, generation))
            if mark == _MARK and records:
                found.append((generation, number, records))
        if not found:
            return
        self._generation, self._current, records = max(found)
        store, state = self._stores[self._current], _State()
        try:
            for offset, length in records:
                state.apply(memoryview(store.read(offset, length)))
                self._end = offset + length
            self._build(state)
        except (struct.error, KeyError, ValueError, TypeError, Errno) as error:
            raise Damaged(f"it makes no sense ({type(error).__name__}: {error})") from None
        self._torn = True

    def _build(self, state: _State) -> None:
        files = self.filesystem
        made: dict[int, MemoryInode] = {files.root.ino: files.root}
        pending = [files.root]
        while pending:
            directory = pending.pop()
            for ino, name in state.names.get(directory.ino, ()):
                inode = made.get(ino)
                if inode is None:
                    inode = made[ino] = self._make(ino, state, directory, name)
                    if isinstance(inode, MemoryDirectory):
                        pending.append(inode)
                elif isinstance(inode, MemoryDirectory):
                    raise ValueError("a directory has two names")
                else:
                    directory.enter(name, inode)
        for ino, inode in made.items():
            known = state.inodes[ino]
            inode.atim, inode.mtim, inode.ctim = known.atim, known.mtim, known.ctim
            self._kept[ino] = _Kept(known.ctim, frozenset(state.pages.get(ino, ())))
            self._last = max(self._last, known.ctim, known.mtim, known.atim)
        files.skip_inos(max(made))

    def _make(self, ino: int, state: _State, directory: MemoryDirectory, name: str) -> MemoryInode:
        kind, size, *_ = state.inodes[ino]
        inode: MemoryInode
        if kind == Filetype.DIRECTORY:
            inode = MemoryDirectory(self.filesystem, directory)
        elif kind == Filetype.SYMBOLIC_LINK:
            inode = MemorySymlink(
                self.filesystem, state.targets[ino].decode("utf-8", "surrogateescape")
            )
        elif kind == Filetype.REGULAR_FILE:
            inode = file = MemoryFile(self.filesystem)
            for index, data in state.pages[ino].items():
                file.write_at([data], index << PAGE_BITS)
                file.pages[index].changed = False
            file.set_size(size)
        else:
            raise ValueError(f"there is no filetype {kind}")
        inode.ino = ino
        directory.adopt(name, inode)
        return inode

    # Writing.

    def commit(self) -> None:
        """Have all that has changed be there for good. Raises `Errno`."""
        if not self._changed:
            return
        self._changed = False
        try:
            self._commit()
        except OSError as error:
            self._changed = True
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise Errno(E.NOSPC if full else E.IO) from None

    def _commit(self) -> None:
        root = self.filesystem.root
        inodes: dict[int, MemoryInode] = {root.ino: root}
        inodes |= {inode.ino: inode for _, inode in self.filesystem.walk()}
        live = sum(inode.size for inode in inodes.values())
        if not self._end or self._end > 2 * live + SLACK:
            self._renew(inodes)
            return
        store = self._stores[self._current]
        if self._torn:
            store.truncate(self._end)
        entries = _entries(inodes, self._kept)
        first = next(entries, None)
        if first is not None:
            self._torn = True
            self._end = _write(store, self._generation, self._end, _chain(first, entries))
        self._torn = False
        self._note(inodes)

    def _renew(self, inodes: dict[int, MemoryInode]) -> None:
        """Begin a generation."""
        other = 1 - self._current if self._end else self._current
        store, generation = self._stores[other], self._generation + 1
        store.truncate(0)
        store.write(0, _HEAD.pack(_MARK, generation))
        end = _write(store, generation, _HEAD.size, _entries(inodes, {}))
        if other != self._current:
            self._stores[self._current].truncate(0)
        self._current, self._generation, self._end, self._torn = other, generation, end, False
        self._note(inodes)

    def _note(self, inodes: dict[int, MemoryInode]) -> None:
        self._kept = {
            ino: _Kept(inode.ctim, frozenset(_pages(inode))) for ino, inode in inodes.items()
        }
        for inode in inodes.values():
            if isinstance(inode, MemoryFile):
                for page in inode.pages.values():
                    page.changed = False


def _pages(inode: MemoryInode) -> Iterable[int]:
    return inode.pages if isinstance(inode, MemoryFile) else ()


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _entries(inodes: dict[int, MemoryInode], kept: dict[int, _Kept]) -> Iterator[bytes]:
    """The difference between `kept` and what is there now."""
    for ino in kept.keys() - inodes.keys():
        yield _GONE.pack(b"G", ino)
    for ino, inode in inodes.items():
        before = kept.get(ino)
        if before is not None and before.ctim == inode.ctim:
            continue
        times = inode.atim, inode.mtim, inode.ctim
        yield _INODE.pack(b"I", ino, inode.filetype, inode.size, *times)
        match inode:
            case MemorySymlink() if before is None:
                target = _coded(inode.target())
                yield _TARGET.pack(b"L", ino, len(target)) + target
            case MemoryDirectory():
                names = list(inode.items())
                yield _NAMES.pack(b"D", ino, len(names))
                for name, child in names:
                    coded = _coded(name)
                    yield _NAME.pack(child.ino, len(coded)) + coded
            case MemoryFile():
                known = before.pages if before else frozenset()
                for index in known - inode.pages.keys():
                    if index << PAGE_BITS < inode.size:
                        yield _NO_PAGE.pack(b"N", ino, index)
                for index, page in inode.pages.items():
                    if page.changed or index not in known:
                        data = page.getvalue()
                        yield _PAGE.pack(b"P", ino, index, len(data)) + data


def _seed(generation: int, offset: int) -> int:
    """What a checksum begins with, so that a record fits its place only."""
    return zlib.crc32(struct.pack("<QQ", generation, offset))


def _write(store: Store, generation: int, offset: int, entries: Iterable[bytes]) -> int:
    """Write a record, its head last, and flush it; where the next one goes."""
    checksum, end = _seed(generation, offset), offset + _RECORD.size
    piece = bytearray()

    def write() -> None:
        nonlocal checksum, end
        checksum = zlib.crc32(piece, checksum)
        store.write(end, bytes(piece))
        end += len(piece)
        piece.clear()

    for entry in entries:
        piece += entry
        if len(piece) >= _PIECE:
            write()
    write()
    store.write(offset, _RECORD.pack(end - offset - _RECORD.size, checksum))
    store.flush()
    return end


def _records(store: Store, generation: int) -> Iterator[tuple[int, int]]:
    """Where the records lie that are whole: offset of what is in them, and its length."""
    offset = _HEAD.size
    while True:
        head = store.read(offset, _RECORD.size)
        if len(head) < _RECORD.size:
            return
        length, wanted = _RECORD.unpack(head)
        start = at = offset + _RECORD.size
        checksum = _seed(generation, offset)
        while at < start + length:
            data = store.read(at, min(_PIECE, start + length - at))
            if not data:
                return
            checksum = zlib.crc32(data, checksum)
            at += len(data)
        if checksum != wanted or not length:
            return
        yield start, length
        offset = start + length
