"""An open file: what descriptors share (POSIX's open file description).

It holds the offset and the flags, so descriptors made by renumbering or duplicating move together.
What cannot be done on a kind of file answers the errno the specification names for it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wasix.abi import E, Errno
from wasix.abi.types import EVENTTYPE, Attributes, Bits, Fdflags, Filestat, Filetype
from wasix.abi.wasix_types import EPOLL_TYPE
from wasix.fs.modes import Modes
from wasix.proc.wait import WaitQueue

if TYPE_CHECKING:
    from wasix.fs.epoll import Interest
    from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode

READ = EVENTTYPE.members.index("fd_read")
WRITE = EVENTTYPE.members.index("fd_write")

_CHUNK = 1 << 20
_SIZE = Filestat._fields.index("size")
MAX_OFFSET = (1 << 63) - 1
_FAR = 1 << 62
"""No transfer from up to here leads beyond `MAX_OFFSET`."""


Epoll = Bits(EPOLL_TYPE)
"""The bits of what can be waited for at an open file (`OpenFile.states`), and how."""


class Ready(NamedTuple):
    """The answer to a poll: how many bytes can be moved, and whether the peer is gone."""

    nbytes: int
    hangup: bool = False


def total(buffers: Sequence[memoryview]) -> int:
    return len(buffers[0]) if len(buffers) == 1 else sum(map(len, buffers))


class OpenFile:
    """An open file. `references` counts the descriptors that share it; the last one closes it.

    Reads fill `buffers` front to back and return the number of bytes, 0 at the end of the file;
    writes return how many bytes they took. Either raises `Block` if it has to wait, unless the
    `nonblock` flag asks for `again`.
    """

    __slots__ = ("flags", "interests", "references")

    filetype: int = Filetype.UNKNOWN
    inode: Inode | None = None
    readable = True
    writable = True
    seekable = False
    """Whether it has positions. Guests take a character device without them for a terminal."""
    is_terminal = False
    breaks = False
    """Whether a write may find nobody left to read, which is a signal, too (SIGPIPE)."""
    unseekable = E.SPIPE
    """What positioned operations answer on a file that has no positions."""

    def __init__(self, flags: int = 0) -> None:
        self.flags = flags
        self.references = 0
        self.interests: dict[Interest, None] = {}
        """Who waits for it in an epoll; see `wasix.fs.epoll`."""

    def close(self) -> None:
        """Release what the file holds; called once, when no descriptor refers to it any more."""

    def read(self, buffers: Sequence[memoryview]) -> int:
        raise Errno(E.BADF)

    def write(self, buffers: Sequence[memoryview]) -> int:
        raise Errno(E.BADF)

    def pread(self, buffers: Sequence[memoryview], offset: int) -> int:
        raise Errno(self.unseekable)

    def pwrite(self, buffers: Sequence[memoryview], offset: int) -> int:
        raise Errno(self.unseekable)

    def seek(self, offset: int, whence: str) -> int:
        """Move the offset; `whence` is `set`, `cur` or `end`. Returns the new offset."""
        raise Errno(self.unseekable)

    def attributes(self) -> Attributes:
        return 0, 0, self.filetype, 1, 0, 0, 0, 0

    def stat(self) -> Filestat:
        """The same by name."""
        return Filestat(*self.attributes())

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        raise Errno(E.INVAL)

    def set_size(self, size: int) -> None:
        raise Errno(E.INVAL)

    def allocate(self, offset: int, length: int) -> None:
        raise Errno(self.unseekable)

    def advise(self, offset: int, length: int) -> None:
        raise Errno(self.unseekable)

    def sync(self, *, data_only: bool) -> None:
        raise Errno(E.INVAL)

    def set_flags(self, flags: int) -> None:
        """Change `append` and `nonblock`; the sync flags are fixed at the opening (`inval`)."""
        if (flags ^ self.flags) & ~(Fdflags.APPEND | Fdflags.NONBLOCK):
            raise Errno(E.INVAL)
        self.flags = flags

    def modes(self) -> Modes:
        """What the terminal is like that it is; else `notty`."""
        raise Errno(E.NOTTY)

    def set_modes(self, modes: Modes) -> Callable[[], None] | None:
        """Change that. What is returned is called when the program ends that the host started."""
        raise Errno(E.NOTTY)

    def entries(self, cookie: int) -> Iterator[DirectoryEntry] | None:
        """Entries from `cookie` on, `.` and `..` first; None if this is no directory.

        A cookie stays valid while entries come and go: one that is passed is not seen again, one
        that stays is seen exactly once. Take as many as needed before anything changes.
        """
        return None

    def extents(self) -> Iterator[tuple[int, int]]:
        """(start, end) of what may be but zeros, in order."""
        yield 0, self.stat().size

    def ready(self, event: int) -> Ready | None:
        """Whether a read or write (`event`) would not block now. Regular files always are."""
        return Ready(0)

    def states(self) -> int:
        """What is so now, as bits of epoll: `in`, `out`, `rdhup`, `pri`, `err` and `hup`."""
        found = 0
        if self.readable and (ready := self.ready(READ)) is not None:
            found |= Epoll.IN | (Epoll.HUP | Epoll.RDHUP) * ready.hangup
        if self.writable and (ready := self.ready(WRITE)) is not None:
            found |= Epoll.OUT
        return found

    def queue(self, event: int) -> WaitQueue:
        """Where a read or write that would block is woken.

        It is also woken when the file is hung up. What is got may serve for one wake only: ask
        again when that has come.
        """
        return WaitQueue()


def contents(file: OpenFile, size: int) -> bytes:
    """The first `size` bytes, or those there are; in pieces, since a host may read less at once."""
    data = memoryview(bytearray(size))
    done = 0
    while done < size:
        count = file.pread([data[done : done + _CHUNK]], done)
        if not count:
            break
        done += count
    return bytes(data[:done])


class OpenDirectory(OpenFile):
    """An open directory. Reads are `isdir`, other moves of bytes or offsets `badf`."""

    filetype = Filetype.DIRECTORY
    unseekable = E.BADF
    inode: Directory

    def __init__(self, inode: Directory, flags: int = 0) -> None:
        super().__init__(flags)
        self.inode = inode

    def read(self, buffers: Sequence[memoryview]) -> int:
        raise Errno(E.ISDIR)

    def pread(self, buffers: Sequence[memoryview], offset: int) -> int:
        raise Errno(E.ISDIR)

    def attributes(self) -> Attributes:
        return self.inode.attributes()

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self.inode.set_times(atim, mtim)

    def set_size(self, size: int) -> None:
        raise Errno(E.BADF)

    def set_flags(self, flags: int) -> None:
        raise Errno(E.BADF)

    def sync(self, *, data_only: bool) -> None:
        """Nothing to do, unless the filesystem keeps its directories on storage."""

    @abstractmethod
    def entries(self, cookie: int) -> Iterator[DirectoryEntry]: ...


class FileData(Protocol):
    """Bytes of an opened regular file, by offset. `close` gives up what the opening took."""

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int: ...
    def write_at(self, buffers: Sequence[memoryview], offset: int) -> int: ...
    def append(self, buffers: Sequence[memoryview]) -> tuple[int, int]:
        """Write at the end in one step: (bytes written, offset behind them)."""
        ...

    def set_size(self, size: int) -> None: ...
    def allocate(self, offset: int, length: int) -> None: ...
    def sync(self, *, data_only: bool) -> None: ...
    def attributes(self) -> Attributes: ...
    def set_times(self, atim: int | None, mtim: int | None) -> None: ...
    def extents(self) -> Iterator[tuple[int, int]]: ...
    def close(self) -> None: ...


_NONE: dict[Interest, None] = {}


class RegularFile(OpenFile):
    """An open regular file of any filesystem: the offset, over the filesystem's `FileData`."""

    # Programs open many: with slots it takes half the time.
    __slots__ = ("data", "inode", "offset", "readable", "writable")

    filetype = Filetype.REGULAR_FILE
    seekable = True
    interests = _NONE  # nobody waits for what is always ready

    def __init__(self, data: FileData, inode: Inode, access: Access) -> None:
        self.flags = access.flags
        self.references = 0
        self.data = data
        self.inode = inode
        self.offset = 0
        self.readable = access.read
        self.writable = access.write

    def close(self) -> None:
        self.data.close()

    def read(self, buffers: Sequence[memoryview]) -> int:
        offset = self.offset
        if not self.readable or offset > _FAR:
            count = self.pread(buffers, offset)
        else:
            count = self.data.read_at(buffers, offset)
        self.offset = offset + count
        return count

    def pread(self, buffers: Sequence[memoryview], offset: int) -> int:
        if not self.readable:
            raise Errno(E.BADF)
        if offset > _FAR and offset + total(buffers) > MAX_OFFSET:
            raise Errno(E.INVAL)
        return self.data.read_at(buffers, offset)

    def write(self, buffers: Sequence[memoryview]) -> int:
        count, self.offset = self._write(buffers, self.offset)
        return count

    def pwrite(self, buffers: Sequence[memoryview], offset: int) -> int:
        return self._write(buffers, offset)[0]

    def _write(self, buffers: Sequence[memoryview], offset: int) -> tuple[int, int]:
        """(bytes written, offset behind them). Appending disregards `offset`, as on Linux."""
        if not self.writable:
            raise Errno(E.BADF)
        size = total(buffers)
        if not size:
            return 0, offset
        if offset + size > MAX_OFFSET:
            raise Errno(E.FBIG)
        if self.flags & Fdflags.APPEND:
            return self.data.append(buffers)
        count = self.data.write_at(buffers, offset)
        return count, offset + count

    def seek(self, offset: int, whence: str) -> int:
        base = {"set": 0, "cur": self.offset, "end": 0}[whence]
        if whence == "end":
            base = self.attributes()[_SIZE]
        target = base + offset
        if not 0 <= target <= MAX_OFFSET:
            raise Errno(E.INVAL)
        self.offset = target
        return target

    def attributes(self) -> Attributes:
        return self.data.attributes()

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self.data.set_times(atim, mtim)

    def set_size(self, size: int) -> None:
        if not self.writable or size > MAX_OFFSET:
            raise Errno(E.INVAL)
        self.data.set_size(size)

    def allocate(self, offset: int, length: int) -> None:
        if not self.writable:
            raise Errno(E.BADF)
        if offset + length > MAX_OFFSET:
            raise Errno(E.FBIG)
        self.data.allocate(offset, length)

    def advise(self, offset: int, length: int) -> None:
        """Nothing to do: every filesystem here serves any order of access alike."""
        if length > MAX_OFFSET:
            raise Errno(E.INVAL)

    def sync(self, *, data_only: bool) -> None:
        self.data.sync(data_only=data_only)

    def extents(self) -> Iterator[tuple[int, int]]:
        return self.data.extents()

    def ready(self, event: int) -> Ready | None:
        return Ready(max(0, self.attributes()[_SIZE] - self.offset) if event == READ else 1)
