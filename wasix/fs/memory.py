"""A filesystem in memory.

A file's bytes lie in pages of up to 64 KiB, made when they are written, so a write at a huge offset
costs one page and a tiny file less. Everything a guest can make is charged against the
filesystem's limit: bytes of pages, and a fixed price for each inode and each name.

Times follow POSIX; a read moves the access time only when that is not newer than the last change
(Linux's `relatime`, without its once-a-day exception).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from wasix.abi import E, Errno
from wasix.abi.types import Fdflags, Filestat, Filetype
from wasix.fs.file import MAX_OFFSET, OpenDirectory, RegularFile, total
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode, Symlink

PAGE_BITS = 16
PAGE = 1 << PAGE_BITS
_MASK = PAGE - 1
GRAIN = 512
"""Pages grow by multiples of this many bytes."""
NODE_CHARGE = 1024
"""Price of an inode in bytes: what Python's objects for it take, rounded up."""
NAME_CHARGE = 512
"""Price of a name in a directory."""
DIRECTORY_SIZE = 4096

# Above any number Linux gives a device, so that (dev, ino) differs from every file of the host's.
_devices = count(1 << 32)


class MemoryFilesystem:
    """A tree in memory below `root`.

    `clock` gives nanoseconds since 1970. `limit` bounds the bytes it may take (`nospc`), `used`
    says how many it takes; None is no limit.
    """

    def __init__(self, clock: Callable[[], int], *, limit: int | None = None) -> None:
        self.clock = clock
        self.limit = MAX_OFFSET if limit is None else limit
        self.used = 0
        self.device = next(_devices)
        self._inos = count(1)
        self.root = MemoryDirectory(self, None)

    def charge(self, size: int) -> None:
        """Take `size` bytes of the limit, all or none."""
        if size > self.limit - self.used:
            raise Errno(E.NOSPC)
        self.used += size

    def next_ino(self) -> int:
        return next(self._inos)

    def add_directory(self, path: str) -> MemoryDirectory:
        """The directory at `path`, made with its parents where missing; links are not followed."""
        directory = self.root
        for name in _names(path):
            child = directory.lookup(name)
            if child is None:
                directory.make_directory(name)
                child = directory.lookup(name)
            if not isinstance(child, MemoryDirectory):
                raise Errno(E.NOTDIR)
            directory = child
        return directory

    def _parent(self, path: str) -> tuple[MemoryDirectory, str]:
        *parents, name = _names(path) or [""]
        if not name:
            raise Errno(E.ISDIR)
        return self.add_directory("/".join(parents)), name

    def add_file(self, path: str, data: bytes | bytearray | memoryview) -> MemoryFile:
        """Put a file with these bytes at `path`, making its parents; replaces a file's content."""
        directory, name = self._parent(path)
        file = directory.lookup(name)
        if file is None:
            file = directory.create(name)
        if isinstance(file, MemoryDirectory):
            raise Errno(E.ISDIR)
        if not isinstance(file, MemoryFile):
            raise Errno(E.EXIST)
        file.set_size(0)
        view = memoryview(data).cast("B")
        if len(view) and file.write_at([view], 0) < len(view):
            raise Errno(E.NOSPC)
        return file

    def add_symlink(self, path: str, target: str) -> None:
        directory, name = self._parent(path)
        directory.symlink(name, target)

    def read_file(self, path: str) -> bytes:
        """All bytes of the file at `path`; links are not followed."""
        inode: Inode | None = self.root
        for name in _names(path):
            if not isinstance(inode, MemoryDirectory):
                raise Errno(E.NOTDIR)
            inode = inode.lookup(name)
            if inode is None:
                raise Errno(E.NOENT)
        if not isinstance(inode, MemoryFile):
            raise Errno(E.ISDIR if isinstance(inode, MemoryDirectory) else E.INVAL)
        return inode.content()

    def walk(self) -> Iterator[tuple[str, Inode]]:
        """Every inode below the root with its path (no leading `/`), parents before children."""
        pending: list[tuple[str, MemoryDirectory]] = [("", self.root)]
        while pending:
            above, directory = pending.pop()
            for name, inode in directory.items():
                path = above + name
                yield path, inode
                if isinstance(inode, MemoryDirectory):
                    pending.append((path + "/", inode))


def _names(path: str) -> list[str]:
    names = [name for name in path.split("/") if name and name != "."]
    if ".." in names:
        raise Errno(E.INVAL)
    return names


class MemoryInode(Inode):
    """What files, directories and links in memory have in common."""

    __slots__ = ("atim", "ctim", "filesystem", "ino", "mtim", "nlink")

    size: int
    """Bytes, as `stat` reports them."""

    def __init__(self, filesystem: MemoryFilesystem) -> None:
        self.filesystem = filesystem
        self.ino = filesystem.next_ino()
        self.nlink = 1
        self.atim = self.mtim = self.ctim = filesystem.clock()

    @property
    def key(self) -> tuple[object, int]:
        return self.filesystem, self.ino

    def stat(self) -> Filestat:
        return Filestat(
            self.filesystem.device,
            self.ino,
            self.filetype,
            self.nlink,
            self.size,
            self.atim,
            self.mtim,
            self.ctim,
        )

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        if atim is not None:
            self.atim = atim
        if mtim is not None:
            self.mtim = mtim
        self.ctim = self.filesystem.clock()

    def unlinked(self) -> None:
        """One name less; the last one takes the inode along unless it is still open."""
        self.nlink -= 1
        self.ctim = self.filesystem.clock()
        self.filesystem.used -= NAME_CHARGE
        if not self.nlink:
            self.release()

    def release(self) -> None:
        """Give back what the inode took, once nothing can reach it."""
        self.filesystem.used -= NODE_CHARGE


class MemorySymlink(MemoryInode, Symlink):
    __slots__ = ("_target", "size")

    def __init__(self, filesystem: MemoryFilesystem, target: str) -> None:
        super().__init__(filesystem)
        self._target = target
        self.size = len(target.encode("utf-8", "surrogateescape"))

    def target(self) -> str:
        return self._target

    def release(self) -> None:
        super().release()
        self.filesystem.used -= self.size


class MemoryFile(MemoryInode):
    """A regular file, and its own `FileData`.

    A page is a `bytearray` up to its last byte written; what is missing reads as zeros, and so
    does everything at or behind `size`.
    """

    __slots__ = ("openings", "pages", "size")

    filetype = Filetype.REGULAR_FILE

    def __init__(self, filesystem: MemoryFilesystem) -> None:
        super().__init__(filesystem)
        self.size = 0
        self.pages: dict[int, bytearray] = {}
        self.openings = 0

    def open(self, access: Access) -> MemoryOpenFile:
        if access.truncate:
            self.set_size(0)
        self.openings += 1
        return MemoryOpenFile(self, read=access.read, write=access.write, flags=access.flags)

    def close(self) -> None:
        self.openings -= 1
        if not self.openings and not self.nlink:
            self.release()

    def release(self) -> None:
        if not self.openings:
            self._cut(0)
            super().release()

    def content(self) -> bytes:
        data = bytearray(self.size)
        for index, page in self.pages.items():
            start = index << PAGE_BITS
            data[start : start + len(page)] = page[: self.size - start]
        return bytes(data)

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        start = offset
        for buffer in buffers:
            length = min(len(buffer), self.size - offset)
            if length <= 0:
                continue
            self._copy(buffer[:length], offset)
            offset += length
        if offset > start and (self.atim <= self.mtim or self.atim <= self.ctim):
            self.atim = self.filesystem.clock()
        return offset - start

    def _copy(self, buffer: memoryview, offset: int) -> None:
        at, length = 0, len(buffer)
        while at < length:
            start = offset & _MASK
            step = min(PAGE - start, length - at)
            page = self.pages.get(offset >> PAGE_BITS)
            piece = page[start : start + step] if page else b""
            if len(piece) < step:
                piece += bytes(step - len(piece))
            buffer[at : at + step] = piece
            at += step
            offset += step

    def write_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        """Write as much as fits the limit; `nospc` if that is nothing."""
        start, wanted = offset, total(buffers)
        for buffer in buffers:
            at, length = 0, len(buffer)
            while at < length:
                begin = offset & _MASK
                page = self._page(offset >> PAGE_BITS, min(PAGE, begin + length - at))
                step = min(len(page) - begin, length - at)
                if step <= 0:
                    return self._wrote(start, offset)
                page[begin : begin + step] = buffer[at : at + step]
                at += step
                offset += step
        return self._wrote(start, offset) if wanted else 0

    def _wrote(self, start: int, end: int) -> int:
        if end == start:
            raise Errno(E.NOSPC)
        self.size = max(self.size, end)
        self.mtim = self.ctim = self.filesystem.clock()
        return end - start

    def append(self, buffers: Sequence[memoryview]) -> tuple[int, int]:
        if total(buffers) > MAX_OFFSET - self.size:
            raise Errno(E.FBIG)
        written = self.write_at(buffers, self.size)
        return written, self.size

    def _page(self, index: int, end: int) -> bytearray:
        """The page with room up to `end` in it; shorter if the limit allows no more."""
        page = self.pages.get(index)
        have = len(page) if page is not None else 0
        if page is not None and end <= have:
            return page
        need = -(-end // GRAIN) * GRAIN
        # Growing by doubling keeps small appends cheap; near the limit what is needed must do.
        free = (self.filesystem.limit - self.filesystem.used) // GRAIN * GRAIN
        grown = max(need, min(2 * have, PAGE))
        if grown - have > free:
            grown = min(need, have + free)
        if page is None:
            if grown <= 0:
                return bytearray()
            page = self.pages[index] = bytearray(grown)
        else:
            page += bytes(grown - have)
        self.filesystem.used += grown - have
        return page

    def _cut(self, size: int) -> None:
        """Drop what pages hold behind `size`."""
        last, rest = size >> PAGE_BITS, size & _MASK
        for index in [index for index in self.pages if index >= last]:
            page = self.pages[index]
            if index == last and rest:
                keep = min(len(page), -(-rest // GRAIN) * GRAIN)
                self.filesystem.used -= len(page) - keep
                del page[keep:]
                page[rest:] = bytes(max(0, keep - rest))
            else:
                self.filesystem.used -= len(page)
                del self.pages[index]

    def set_size(self, size: int) -> None:
        if size < self.size:
            self._cut(size)
        self.size = size
        self.mtim = self.ctim = self.filesystem.clock()

    def allocate(self, offset: int, length: int) -> None:
        """Grow to hold the range; under a limit also take its storage now (`nospc`)."""
        end = offset + length
        if self.filesystem.limit != MAX_OFFSET:
            first, last = offset >> PAGE_BITS, end - 1 >> PAGE_BITS
            have = sum(len(page) for index, page in self.pages.items() if first <= index <= last)
            if end - (first << PAGE_BITS) - have > self.filesystem.limit - self.filesystem.used:
                raise Errno(E.NOSPC)
            for index in range(first, last + 1):
                top = min(PAGE, end - (index << PAGE_BITS))
                if len(self._page(index, top)) < top:
                    raise Errno(E.NOSPC)
        if end > self.size:
            self.size = end
        self.ctim = self.filesystem.clock()

    def sync(self, *, data_only: bool) -> None:
        """Memory is all the storage there is."""


class MemoryOpenFile(RegularFile):
    """An open file in memory. Reads and writes within one page, nearly all there are, go straight
    to it; the rest takes the general way, which gives the same results.
    """

    data: MemoryFile

    def __init__(self, file: MemoryFile, *, read: bool, write: bool, flags: int) -> None:
        super().__init__(file, file, read=read, write=write, flags=flags)

    def read(self, buffers: Sequence[memoryview]) -> int:
        if len(buffers) == 1 and self.readable:
            buffer = buffers[0]
            offset = self.offset
            length = len(buffer)
            file = self.data
            if 0 < length <= file.size - offset:
                page = file.pages.get(offset >> PAGE_BITS)
                start = offset & _MASK
                if page is not None and start + length <= len(page):
                    buffer[:] = page[start : start + length]
                    self.offset = offset + length
                    if file.atim <= file.mtim or file.atim <= file.ctim:
                        file.atim = file.filesystem.clock()
                    return length
        return super().read(buffers)

    def write(self, buffers: Sequence[memoryview]) -> int:
        if len(buffers) == 1 and self.writable and not self.flags & Fdflags.APPEND:
            buffer = buffers[0]
            offset = self.offset
            length = len(buffer)
            file = self.data
            page = file.pages.get(offset >> PAGE_BITS)
            start = offset & _MASK
            if page is not None and 0 < length <= len(page) - start:
                page[start : start + length] = buffer
                self.offset = offset = offset + length
                if offset > file.size:
                    file.size = offset
                file.mtim = file.ctim = file.filesystem.clock()
                return length
        return super().write(buffers)


class MemoryDirectory(MemoryInode, Directory):
    """A directory: its names, and the order they came in, which is what cookies count.

    A name's cookie is never given again, so a listing can go on after any change: it looks for
    the first later one by bisection.
    """

    __slots__ = ("_cookies", "_gone", "_listed", "_names", "_next", "parent")

    size = DIRECTORY_SIZE

    def __init__(self, filesystem: MemoryFilesystem, parent: MemoryDirectory | None) -> None:
        super().__init__(filesystem)
        self.nlink = 2
        self.parent = parent
        """None for the root, and for a directory that is removed."""
        self._names: dict[str, tuple[MemoryInode, int]] = {}
        """name -> (inode, cookie)"""
        self._cookies: list[int] = []
        self._listed: list[str | None] = []
        """Names in the order of `_cookies`; None where one has gone."""
        self._gone = 0
        self._next = 3  # behind `.` and `..`

    def items(self) -> Iterator[tuple[str, MemoryInode]]:
        """Names and inodes, oldest name first."""
        for name, (inode, _) in tuple(self._names.items()):
            yield name, inode

    def open(self, access: Access) -> MemoryListing:
        if access.write or access.truncate:
            raise Errno(E.ISDIR)
        return MemoryListing(self, access.flags)

    def lookup(self, name: str) -> MemoryInode | None:
        found = self._names.get(name)
        return found[0] if found else None

    def after(self, cookie: int) -> Iterator[DirectoryEntry]:
        """Entries behind `cookie`, in the order their names came."""
        place = bisect_right(self._cookies, cookie)
        while place < len(self._listed):
            name = self._listed[place]
            if name is not None:
                inode, own = self._names[name]
                yield DirectoryEntry(own, inode.ino, name, inode.filetype)
            place += 1

    def create(self, name: str) -> MemoryFile:
        self._make_room(name)
        file = MemoryFile(self.filesystem)
        self._enter(name, file)
        return file

    def make_directory(self, name: str) -> None:
        self._make_room(name)
        self._enter(name, MemoryDirectory(self.filesystem, self))
        self.nlink += 1

    def symlink(self, name: str, target: str) -> None:
        link = MemorySymlink(self.filesystem, target)
        self._make_room(name, link.size)
        self._enter(name, link)

    def link(self, name: str, directory: Directory, old_name: str) -> None:
        assert isinstance(directory, MemoryDirectory)
        inode = directory._get(old_name)
        if isinstance(inode, MemoryDirectory):
            raise Errno(E.PERM)
        self._check_vacant(name)
        self.filesystem.charge(NAME_CHARGE)
        inode.nlink += 1
        self._enter(name, inode)
        inode.ctim = self.ctim

    def unlink(self, name: str) -> None:
        inode = self._get(name)
        if isinstance(inode, MemoryDirectory):
            raise Errno(E.ISDIR)
        self._leave(name)
        inode.unlinked()

    def remove_directory(self, name: str) -> None:
        inode = self._get(name)
        if not isinstance(inode, MemoryDirectory):
            raise Errno(E.NOTDIR)
        inode._check_empty()
        self._leave(name)
        self._removed(inode)

    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        assert isinstance(directory, MemoryDirectory)
        inode, target = self._get(name), directory.lookup(new_name)
        if target is inode:
            return
        if isinstance(inode, MemoryDirectory) and directory._is_below(inode):
            raise Errno(E.INVAL)
        if isinstance(target, MemoryDirectory):
            if self._is_below(target):
                raise Errno(E.NOTEMPTY)
            if not isinstance(inode, MemoryDirectory):
                raise Errno(E.ISDIR)
            target._check_empty()
        elif target is not None and isinstance(inode, MemoryDirectory):
            raise Errno(E.NOTDIR)
        directory._check_alive()
        self._leave(name)
        if isinstance(inode, MemoryDirectory):
            self.nlink -= 1
            directory.nlink += 1
            inode.parent = directory
        directory._enter(new_name, inode)
        inode.ctim = self.ctim
        if isinstance(target, MemoryDirectory):
            directory._removed(target)
        elif target is not None:
            target.unlinked()

    def _get(self, name: str) -> MemoryInode:
        inode = self.lookup(name)
        if inode is None:
            raise Errno(E.NOENT)
        return inode

    def _check_alive(self) -> None:
        if not self.nlink:
            raise Errno(E.NOENT)

    def _check_vacant(self, name: str) -> None:
        self._check_alive()
        if name in self._names:
            raise Errno(E.EXIST)

    def _check_empty(self) -> None:
        if self._names:
            raise Errno(E.NOTEMPTY)

    def _is_below(self, other: MemoryDirectory) -> bool:
        """Whether `other` is this directory or holds it."""
        directory: MemoryDirectory | None = self
        while directory is not None and directory is not other:
            directory = directory.parent
        return directory is other

    def _make_room(self, name: str, extra: int = 0) -> None:
        self._check_vacant(name)
        self.filesystem.charge(NODE_CHARGE + NAME_CHARGE + extra)

    def _enter(self, name: str, inode: MemoryInode) -> None:
        """Let `name` stand for `inode`. A name that is there already keeps its cookie."""
        old = self._names.get(name)
        if old is not None:
            self._names[name] = (inode, old[1])
        else:
            self._names[name] = (inode, self._next)
            self._cookies.append(self._next)
            self._listed.append(name)
            self._next += 1
        self.mtim = self.ctim = self.filesystem.clock()

    def _leave(self, name: str) -> None:
        _, cookie = self._names.pop(name)
        self._listed[bisect_left(self._cookies, cookie)] = None
        self._gone += 1
        # At most half of the list is gaps, so it stays as long as the directory is, up to two.
        if self._gone > 32 and 2 * self._gone > len(self._listed):
            kept = [
                (cookie, name)
                for cookie, name in zip(self._cookies, self._listed, strict=True)
                if name is not None
            ]
            self._cookies = [cookie for cookie, _ in kept]
            self._listed = [name for _, name in kept]
            self._gone = 0
        self.mtim = self.ctim = self.filesystem.clock()

    def _removed(self, child: MemoryDirectory) -> None:
        """`child` has lost its name here; it may still be open."""
        self.nlink -= 1
        child.nlink = 0
        child.parent = None
        child.ctim = self.ctim
        self.filesystem.used -= NODE_CHARGE + NAME_CHARGE


class MemoryListing(OpenDirectory):
    """An open directory in memory. A removed one lists nothing."""

    inode: MemoryDirectory

    def entries(self, cookie: int) -> Iterator[DirectoryEntry]:
        directory = self.inode
        if directory.nlink:
            if cookie < 1:
                yield DirectoryEntry(1, directory.ino, ".", Filetype.DIRECTORY)
            if cookie < 2:
                above = directory.parent or directory
                yield DirectoryEntry(2, above.ino, "..", Filetype.DIRECTORY)
            yield from directory.after(cookie)
