"""A filesystem in memory.

A file's bytes lie in pages of up to 64 KiB, made when they are written, so a write at a huge offset
costs one page and a tiny file less. Everything a guest can make is charged against the
filesystem's limit: bytes of pages, and a fixed price for each inode and each name.

Times follow POSIX; a read moves the access time only when that is not newer than the last change of
the file (Linux's `relatime`, without its once-a-day exception).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Fdflags, Filetype
from wasix.fs import pages
from wasix.fs.file import MAX_OFFSET, OpenDirectory, RegularFile, total
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode, Symlink, new_device
from wasix.fs.names import Order
from wasix.fs.pages import PAGE, PAGE_BITS, Page, Pages
from wasix.fs.quota import Quota

_MASK = PAGE - 1
_NO_PAGE = Page()
_NO_PAGE.bytes.close()  # so that to use it is a ValueError
_APPEND, _DIRECTORY = Fdflags.APPEND, Filetype.DIRECTORY
NODE_CHARGE = 1024
"""Price of an inode in bytes: what Python's objects for it take, rounded up."""
NAME_CHARGE = 512
"""Price of a name in a directory."""
DIRECTORY_SIZE = 4096


class MemoryFilesystem:
    """A tree in memory below `root`.

    `clock` gives nanoseconds since 1970. `limit` bounds the bytes it may take (`nospc`); None is no
    limit.
    """

    def __init__(self, clock: Callable[[], int], *, limit: int | None = None) -> None:
        self.clock = clock
        self.quota = Quota(limit)
        self.device = new_device()
        self.inos = count(1)
        self.synced: Callable[[], None] = _nothing
        """Called for what is to stay for good."""
        self.root = MemoryDirectory(self, None)

    def skip_inos(self, ino: int) -> None:
        """Numbers up to this one are taken."""
        self.inos = count(max(ino + 1, next(self.inos)))

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

    def walk(self) -> Iterator[tuple[str, MemoryInode]]:
        """Every inode below the root with its path (no leading `/`), parents before children."""
        pending: list[tuple[str, MemoryDirectory]] = [("", self.root)]
        while pending:
            above, directory = pending.pop()
            for name, inode in directory.items():
                path = above + name
                yield path, inode
                if isinstance(inode, MemoryDirectory):
                    pending.append((path + "/", inode))


def _nothing() -> None:
    """Memory is all the storage there is."""


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
        self.ino = next(filesystem.inos)
        self.nlink = 1
        self.atim = self.mtim = self.ctim = filesystem.clock()

    @property
    def key(self) -> tuple[object, int]:
        return self.filesystem, self.ino

    def attributes(self) -> Attributes:
        return (
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

    def unlinked(self, now: int) -> None:
        """One name less; the last one takes the inode along unless it is still open."""
        self.nlink -= 1
        self.ctim = now
        self.filesystem.quota.used -= NAME_CHARGE
        if not self.nlink:
            self.release()

    def release(self) -> None:
        """Give back what the inode took, once nothing can reach it."""
        self.filesystem.quota.refund(NODE_CHARGE)


class MemorySymlink(MemoryInode, Symlink):
    __slots__ = ("_target", "size")

    def __init__(self, filesystem: MemoryFilesystem, target: str) -> None:
        super().__init__(filesystem)
        # As bytes: one odd character makes every character of a text four bytes.
        self._target = target.encode("utf-8", "surrogateescape")
        self.size = len(self._target)

    def target(self) -> str:
        return self._target.decode("utf-8", "surrogateescape")

    def release(self) -> None:
        super().release()
        self.filesystem.quota.refund(self.size)


class MemoryFile(MemoryInode):
    """A regular file, and its own `FileData`. Its pages hold only zeros behind `size`."""

    __slots__ = ("openings", "pages", "size")

    filetype = Filetype.REGULAR_FILE

    def __init__(self, filesystem: MemoryFilesystem) -> None:
        # As the class above has it, without calling it: programs make many.
        self.filesystem = filesystem
        self.ino = next(filesystem.inos)
        self.nlink = 1
        self.atim = self.mtim = self.ctim = filesystem.clock()
        self.size = self.openings = 0
        self.pages: Pages = {}

    def open(self, access: Access) -> MemoryOpenFile:
        if access.truncate:
            self.set_size(0)
        self.openings += 1
        return MemoryOpenFile(self, access)

    def close(self) -> None:
        self.openings -= 1
        if not self.openings and not self.nlink:
            self.release()

    def release(self) -> None:
        if not self.openings:
            self.filesystem.quota.used -= NODE_CHARGE
            if self.pages:
                pages.drop(self.pages, self.filesystem.quota)

    def content(self) -> bytes:
        data = bytearray(self.size)
        for index, page in self.pages.items():
            start = index << PAGE_BITS
            written = page.getvalue()
            data[start : start + len(written)] = written
        return bytes(data)

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        start = offset
        for buffer in buffers:
            length, left = len(buffer), self.size - offset
            if length > left:
                if left <= 0:
                    break
                buffer, length = buffer[:left], left
            pages.read(self.pages, buffer, offset)
            offset += length
        # A read at the end counts as well, one that asks for nothing does not (POSIX read).
        if self.atim <= self.ctim and total(buffers):
            self.atim = self.filesystem.clock()
        return offset - start

    def write_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        """Write as much as fits the limit; `nospc` if that is nothing."""
        start = offset
        for buffer in buffers:
            count = pages.write(self.pages, self.filesystem.quota, buffer, offset)
            offset += count
            if count < len(buffer):
                if offset == start:
                    raise Errno(E.NOSPC)
                break
        if offset > start:
            if offset > self.size:
                self.size = offset
            self.mtim = self.ctim = self.filesystem.clock()
        return offset - start

    def append(self, buffers: Sequence[memoryview]) -> tuple[int, int]:
        if total(buffers) > MAX_OFFSET - self.size:
            raise Errno(E.FBIG)
        written = self.write_at(buffers, self.size)
        return written, self.size

    def set_size(self, size: int) -> None:
        if size < self.size:
            pages.cut(self.pages, self.filesystem.quota, size)
        self.size = size
        self.mtim = self.ctim = self.filesystem.clock()

    def allocate(self, offset: int, length: int) -> None:
        """Grow to hold the range; under a limit also take its storage now (`nospc`)."""
        end = offset + length
        quota = self.filesystem.quota
        if quota.limited:
            first, last = offset >> PAGE_BITS, end - 1 >> PAGE_BITS
            have = sum(page.room for index, page in self.pages.items() if first <= index <= last)
            # Looked at first, so that a wish far beyond the limit takes no time.
            if end - (first << PAGE_BITS) - have > quota.free:
                raise Errno(E.NOSPC)
            for index in range(first, last + 1):
                top = min(PAGE, end - (index << PAGE_BITS))
                page = pages.reserve(self.pages, quota, index, 0, top)
                if page is None or page.room < top:
                    raise Errno(E.NOSPC)
        if end > self.size:
            self.size = end
        self.mtim = self.ctim = self.filesystem.clock()

    def sync(self, *, data_only: bool) -> None:
        self.filesystem.synced()

    def extents(self) -> Iterator[tuple[int, int]]:
        for index in sorted(self.pages):
            start = index << PAGE_BITS
            yield start, min(start + PAGE, self.size)


class MemoryOpenFile(RegularFile):
    """An open file in memory. It keeps the page it used last, so that reads and writes within one
    page, nearly all there are, go straight to it; the rest takes the general way, which gives the
    same results.
    """

    __slots__ = ("seen", "sink", "source", "start")

    data: MemoryFile

    def __init__(self, file: MemoryFile, access: Access) -> None:
        # As the class above has it, without calling it: programs open many.
        self.flags = access.flags
        self.references = self.offset = 0
        self.data = self.inode = file
        self.readable = access.read
        self.writable = access.write
        self.source = self.sink = _NO_PAGE
        """The page, for reads and for writes; `_NO_PAGE` where the general way must be taken."""
        self.start = 0
        """The offset of the page's first byte."""
        self.seen = -1
        """The file's time of change at the last read, since which its access time is newer."""

    def _turn_to(self, offset: int) -> None:
        """Keep the page of `offset`."""
        self._keep(self.data.pages.get(offset >> PAGE_BITS, _NO_PAGE), offset)

    def _keep(self, page: Page, offset: int) -> None:
        if self.source is not self.sink or self.sink is not _NO_PAGE:
            self._move_away()
        self.source = page if self.readable else _NO_PAGE
        self.sink = page if self.writable and not self.flags & _APPEND else _NO_PAGE
        self.start = offset & ~_MASK

    def _move_away(self) -> None:
        """The page's position is not at the file's offset any more, or will not be."""
        if self.source.user is self:
            self.source.user = None
        if self.sink.user is self:
            self.sink.user = None

    def set_flags(self, flags: int) -> None:
        super().set_flags(flags)
        self._turn_to(self.offset)

    def seek(self, offset: int, whence: str) -> int:
        self._move_away()
        return super().seek(offset, whence)

    def close(self) -> None:
        if self.source is not self.sink or self.sink is not _NO_PAGE:
            self._move_away()
        self.data.close()

    def read(self, buffers: Sequence[memoryview]) -> int:
        try:
            (buffer,) = buffers
            page = self.source
            if page.user is not self:
                page.bytes.seek(self.offset - self.start)
                page.user = self
            length = page.bytes.readinto(buffer)
            # The page ends early if what follows lies in others, or was never written.
            if length == buffer.nbytes:
                self.offset += length
                file = self.data
                if file.ctim is not self.seen and length:
                    self.seen = file.ctim
                    if file.atim <= file.ctim:
                        file.atim = file.filesystem.clock()
                return length
        except (ValueError, OverflowError):
            pass  # several buffers, or none; no page; an offset before it, or far behind it
        known = self.source
        self._turn_to(self.offset)
        return super().read(buffers) if self.source is known else self.read(buffers)

    def _reserve(self, length: int) -> Page | None:
        """The page at the offset, kept, if `length` bytes can be written there, and to it alone."""
        offset, file = self.offset, self.data
        start = offset & _MASK
        if (
            not self.writable
            or self.flags & _APPEND
            or start + length > PAGE
            or offset + length > MAX_OFFSET
        ):
            return None
        quota = file.filesystem.quota
        page = pages.reserve(file.pages, quota, offset >> PAGE_BITS, start, start + length)
        if page is None or page.room < start + length:
            return None
        if page is not self.sink:
            self._keep(page, offset)
        return page

    def write(self, buffers: Sequence[memoryview]) -> int:
        length = len(buffers[0]) if len(buffers) == 1 else 0
        if length:
            page: Page | None = self.sink
            start = self.offset - self.start
            if not 0 <= start <= self.sink.room - length:
                page, start = self._reserve(length), self.offset & _MASK
            if page is not None:
                if page.user is not self:
                    page.bytes.seek(start)
                    page.user = self
                page.bytes.write(buffers[0])
                page.changed = True
                self.offset = offset = self.offset + length
                file = self.data
                if offset > file.size:
                    file.size = offset
                file.mtim = file.ctim = file.filesystem.clock()
                return length
        length = super().write(buffers)
        self._turn_to(self.offset)
        return length


class MemoryDirectory(MemoryInode, Directory):
    """A directory: its names, and the order they came in, which is what cookies count."""

    __slots__ = ("_names", "_order", "lookup", "parent")

    size = DIRECTORY_SIZE

    lookup: Callable[[str], MemoryInode | None]  # type: ignore[assignment]
    """The dictionary's own, since every walk looks up names."""

    def __init__(self, filesystem: MemoryFilesystem, parent: MemoryDirectory | None) -> None:
        super().__init__(filesystem)
        self.nlink = 2
        self.parent = parent
        """None for the root, and for a directory that is removed."""
        self._names: dict[str, MemoryInode] = {}
        self._order: Order | None = None
        """None until the first listing: nobody has a cookie before."""
        self.lookup = self._names.get

    def items(self) -> Iterator[tuple[str, MemoryInode]]:
        """Names and inodes, oldest name first."""
        yield from tuple(self._names.items())

    def open(self, access: Access) -> MemoryListing:
        if access.write or access.truncate:
            raise Errno(E.ISDIR)
        return MemoryListing(self, access.flags)

    def after(self, cookie: int) -> Iterator[DirectoryEntry]:
        """Entries behind `cookie`, in the order their names came."""
        if self._order is None:
            self._order = Order(self._names)
        for own, name in self._order.after(cookie):
            inode = self._names[name]
            yield DirectoryEntry(own, inode.ino, name, inode.filetype)

    def create(self, name: str) -> MemoryFile:
        filesystem = self.filesystem
        if name in self._names or not self.nlink:
            self._check_vacant(name)
        filesystem.quota.charge(NODE_CHARGE + NAME_CHARGE)
        file = MemoryFile(filesystem)
        self._enter(name, file, file.ctim)
        return file

    def make_directory(self, name: str) -> None:
        self.adopt(name, MemoryDirectory(self.filesystem, self))

    def symlink(self, name: str, target: str) -> None:
        self.adopt(name, MemorySymlink(self.filesystem, target))

    def link(self, name: str, directory: Directory, old_name: str) -> None:
        assert isinstance(directory, MemoryDirectory)
        inode = directory._get(old_name)
        self._check_vacant(name)
        if isinstance(inode, MemoryDirectory):
            raise Errno(E.PERM)
        self.enter(name, inode)

    def unlink(self, name: str) -> None:
        inode = self._names.get(name)
        if inode is None:
            raise Errno(E.NOENT)
        if inode.filetype == _DIRECTORY:
            raise Errno(E.ISDIR)
        now = self.filesystem.clock()
        self._leave(name, now)
        inode.unlinked(now)

    def remove_directory(self, name: str) -> None:
        inode = self._get(name)
        if not isinstance(inode, MemoryDirectory):
            raise Errno(E.NOTDIR)
        inode._check_empty()
        self._leave(name, self.filesystem.clock())
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
        if not directory.nlink:
            raise Errno(E.NOENT)
        now = self.filesystem.clock()
        self._leave(name, now)
        if isinstance(inode, MemoryDirectory):
            self.nlink -= 1
            directory.nlink += 1
            inode.parent = directory
        directory._enter(new_name, inode, now)
        inode.ctim = now
        if isinstance(target, MemoryDirectory):
            directory._removed(target)
        elif target is not None:
            target.unlinked(now)

    def adopt(self, name: str, inode: MemoryInode) -> None:
        """Have a new inode here, which nothing names yet."""
        extra = inode.size if isinstance(inode, MemorySymlink) else 0
        self._check_vacant(name)
        self.filesystem.quota.charge(NODE_CHARGE + NAME_CHARGE + extra)
        if isinstance(inode, MemoryDirectory):
            self.nlink += 1
        self._enter(name, inode, self.filesystem.clock())

    def enter(self, name: str, inode: MemoryInode) -> None:
        """Give an inode that is no directory a further name."""
        self._check_vacant(name)
        self.filesystem.quota.charge(NAME_CHARGE)
        inode.nlink += 1
        inode.ctim = self.filesystem.clock()
        self._enter(name, inode, inode.ctim)

    def _get(self, name: str) -> MemoryInode:
        inode = self.lookup(name)
        if inode is None:
            raise Errno(E.NOENT)
        return inode

    def _check_vacant(self, name: str) -> None:
        if not self.nlink:
            raise Errno(E.NOENT)
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

    def _enter(self, name: str, inode: MemoryInode, now: int) -> None:
        """Let `name` stand for `inode`. A name that is there already keeps its cookie."""
        self._names[name] = inode
        if self._order is not None:
            self._order.add(name)
        self.mtim = self.ctim = now

    def _leave(self, name: str, now: int) -> None:
        del self._names[name]
        if self._order is not None:
            self._order.remove(name)
        self.mtim = self.ctim = now

    def _removed(self, child: MemoryDirectory) -> None:
        """`child` has lost its name here; it may still be open."""
        self.nlink -= 1
        child.nlink = 0
        child.parent = None
        child.ctim = self.ctim
        self.filesystem.quota.refund(NODE_CHARGE + NAME_CHARGE)


class MemoryListing(OpenDirectory):
    """An open directory in memory. A removed one lists nothing."""

    inode: MemoryDirectory

    def sync(self, *, data_only: bool) -> None:
        self.inode.filesystem.synced()

    def entries(self, cookie: int) -> Iterator[DirectoryEntry]:
        directory = self.inode
        if directory.nlink:
            if cookie < 1:
                yield DirectoryEntry(1, directory.ino, ".", Filetype.DIRECTORY)
            if cookie < 2:
                above = directory.parent or directory
                yield DirectoryEntry(2, above.ino, "..", Filetype.DIRECTORY)
            yield from directory.after(cookie)
