"""Host directories as volumes, entered one component at a time.

Every name is looked up and opened relative to the descriptor of its own directory, links never
followed by the host, and `..` never asked of it: so neither a link nor a racing rename leads out of
the volume. Links are followed by `wasix.fs.walk` alone, within the guest's namespace.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import wraps
from itertools import chain
from typing import ParamSpec, TypeVar

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Fdflags, Filetype
from wasix.fs.file import OpenFile, RegularFile
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode, Symlink
from wasix.fs.listing import Listings, SnapshotListing
from wasix.fs.quota import NAME_CHARGE, HostQuota

_P = ParamSpec("_P")
_T = TypeVar("_T")

# A missing flag is one the platform does not need or have.
_SAFE = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe must not keep the opening waiting
)
_CREATE = _SAFE | os.O_CREAT | os.O_EXCL | os.O_RDWR
_DIRECTORY = (
    getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_PATH", os.O_RDONLY)
)
_LIST = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0) | os.O_RDONLY
_SYNCHRONOUS = Fdflags.SYNC | Fdflags.RSYNC | Fdflags.DSYNC
_MOST_BUFFERS = 1024
"""What the host takes in one call (IOV_MAX)."""

_UNCOUNTED = nullcontext()
"""Around what no quota counts."""

_FILETYPES = {
    stat.S_IFREG: Filetype.REGULAR_FILE,
    stat.S_IFDIR: Filetype.DIRECTORY,
    stat.S_IFLNK: Filetype.SYMBOLIC_LINK,
    stat.S_IFCHR: Filetype.CHARACTER_DEVICE,
    stat.S_IFBLK: Filetype.BLOCK_DEVICE,
    stat.S_IFSOCK: Filetype.SOCKET_STREAM,
}


def _host(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Turn the host's errors into the guest's."""

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except (OSError, ValueError) as error:
            raise _errno(error) from None

    return call


def _errno(error: OSError | ValueError) -> Errno:
    """What the guest is told of an error of the host's."""
    if isinstance(error, OSError):
        return Errno.of(error)
    return Errno(E.ILSEQ)  # a name with a surrogate that is no escaped byte


def _filetype(mode: int) -> int:
    return _FILETYPES.get(stat.S_IFMT(mode), Filetype.UNKNOWN)


def _attributes(st: os.stat_result) -> Attributes:
    atim, mtim, ctim = st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns
    return (
        st.st_dev,
        st.st_ino,
        _filetype(st.st_mode),
        st.st_nlink,
        st.st_size,
        atim if atim > 0 else 0,
        mtim if mtim > 0 else 0,
        ctim if ctim > 0 else 0,
    )


class _Handle:
    """A host descriptor, closed with the last reference to it."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        if self.fd >= 0:
            with suppress(OSError):
                self.close()


class HostVolume:
    """A host directory, or a single file, that guests may use.

    limit: bytes that its files may hold, by their sizes and 512 for each name (`dquot`). What is
        there counts, but not what others change later.

    Raises `OSError` if it cannot be opened, or on platforms without directory-relative opening.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        limit: int | None = None,
    ) -> None:
        if os.open not in os.supports_dir_fd or not hasattr(os, "preadv"):
            raise OSError(f"host volumes are not supported on {sys.platform}: use a memory volume")
        # The path as the user gave it is the user's: links in it are followed, once, here.
        self.path = os.path.realpath(path)
        self.read_only = read_only
        directory, self._name = self.path, ""
        if not stat.S_ISDIR(os.stat(self.path).st_mode):
            directory, self._name = os.path.split(self.path)
        self._handle = _Handle(os.open(directory, _DIRECTORY))
        self.listings = Listings()
        self.quota: HostQuota | None = None
        if limit is not None and not read_only:
            self.quota = HostQuota(limit)
            if self._name:
                self.quota.used = os.stat(self.path).st_size
            else:
                self.quota.count(self._handle.fd)

    def root(self) -> Inode:
        """The directory or file the volume is; `noent` if that has gone."""
        # Made anew each time: a volume that held its root would hold itself, and its descriptor.
        directory = HostDirectory(self, self._handle)
        if not self._name:
            return directory
        found = directory.lookup(self._name)
        if found is None:
            raise Errno(E.NOENT)
        return found

    def check_writable(self) -> None:
        if self.read_only:
            raise Errno(E.ROFS)

    def naming(self, size: int = 0) -> AbstractContextManager[None]:
        """Around the making of a name, with `size` bytes under it."""
        self.check_writable()
        return _UNCOUNTED if self.quota is None else self._charged(self.quota, size)

    @contextmanager
    def _charged(self, quota: HostQuota, size: int) -> Iterator[None]:
        quota.charge(NAME_CHARGE + size)
        try:
            yield
        except BaseException:
            quota.refund(NAME_CHARGE + size)
            raise

    def unnaming(
        self, name: str, directory: int, kept: int | None = None
    ) -> AbstractContextManager[None]:
        """Around the removal of a name, if it is there and not of the file numbered `kept`."""
        self.check_writable()
        if self.quota is None:
            return _UNCOUNTED
        return self._refunded(self.quota, name, directory, kept)

    @contextmanager
    def _refunded(
        self, quota: HostQuota, name: str, directory: int, kept: int | None
    ) -> Iterator[None]:
        st = None
        with suppress(FileNotFoundError):
            st = os.stat(name, dir_fd=directory, follow_symlinks=False)
        yield
        if st is not None and _identity(st) != kept:
            quota.unnamed(st)


class HostInode(Inode):
    """Something in a directory of the volume, known by its name there."""

    __slots__ = ("_st", "name", "parent", "volume")

    def __init__(self, parent: HostDirectory, name: str, st: os.stat_result | None) -> None:
        self.volume = parent.volume
        self.parent = parent
        self.name = name
        self._st = st

    @property
    def key(self) -> tuple[object, int]:
        if self._st is None:
            self._st = self._look()
        return self.volume, _identity(self._st)

    @_host
    def _look(self) -> os.stat_result:
        return os.stat(self.name, dir_fd=self.parent.fd, follow_symlinks=False)

    @_host
    def attributes(self) -> Attributes:
        return _attributes(os.stat(self.name, dir_fd=self.parent.fd, follow_symlinks=False))

    @_host
    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self.volume.check_writable()
        _set_times(self.attributes(), atim, mtim, self.name, self.parent.fd)


def _identity(st: os.stat_result) -> int:
    """A number for a file that is one for the whole host."""
    return st.st_dev << 64 | st.st_ino


def _set_times(
    now: Attributes, atim: int | None, mtim: int | None, name: str | int, directory: int | None
) -> None:
    *_, had_atim, had_mtim, _ = now
    times = (had_atim if atim is None else atim, had_mtim if mtim is None else mtim)
    if max(times) >= 1 << 63:
        raise Errno(E.INVAL)
    if directory is None:
        os.utime(name, ns=times)
    else:
        os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)


class HostSymlink(HostInode, Symlink):
    __slots__ = ()

    @_host
    def target(self) -> str:
        try:
            return os.readlink(self.name, dir_fd=self.parent.fd)
        except OSError as error:
            # What has the name now is no link: the one that was found has gone.
            raise Errno(E.NOENT) if error.errno == errno.EINVAL else error from None


class HostSpecial(HostInode):
    """A pipe, socket or device in a volume: it has attributes, but cannot be opened."""

    __slots__ = ("filetype",)

    def __init__(self, parent: HostDirectory, name: str, st: os.stat_result) -> None:
        super().__init__(parent, name, st)
        self.filetype = _filetype(st.st_mode)

    def open(self, access: Access) -> OpenFile:
        raise Errno(E.NOTSUP)


class HostFileInode(HostInode):
    __slots__ = ("created",)

    filetype = Filetype.REGULAR_FILE

    def __init__(
        self,
        parent: HostDirectory,
        name: str,
        st: os.stat_result | None,
        created: _Handle | None = None,
    ) -> None:
        super().__init__(parent, name, st)
        self.created = created
        """A new file, for whoever opens it first: also if its mode or the host lets nobody else."""

    def _look(self) -> os.stat_result:
        return super()._look() if self.created is None else os.fstat(self.created.fd)

    def open(self, access: Access) -> OpenFile:
        if access.write or access.truncate:
            self.volume.check_writable()
        handle, self.created = self.created, None
        try:
            if handle is None or access.flags & _SYNCHRONOUS:
                handle = self._open(access)
            file = HostFile(self.volume, handle)
        except (OSError, ValueError) as error:
            raise _errno(error) from None
        return RegularFile(file, self, access)

    def _open(self, access: Access) -> _Handle:
        mode = os.O_RDWR if access.read else os.O_WRONLY
        flags = _SAFE | (mode if access.write else os.O_RDONLY)
        if access.flags & _SYNCHRONOUS:
            flags |= os.O_SYNC if access.flags & ~Fdflags.DSYNC & _SYNCHRONOUS else os.O_DSYNC
        if access.truncate and not access.write:
            flags |= os.O_TRUNC
        quota = self.volume.quota if access.truncate else None
        if quota is not None:
            size = os.stat(self.name, dir_fd=self.parent.fd, follow_symlinks=False).st_size
        handle = _Handle(os.open(self.name, flags, dir_fd=self.parent.fd))
        if not stat.S_ISREG(os.fstat(handle.fd).st_mode):
            # It was replaced since the lookup.
            raise Errno(E.NOTSUP)
        if access.truncate and access.write:
            os.ftruncate(handle.fd, 0)
        if quota is not None:
            quota.resized(size, 0)
        return handle


class HostFile:
    """An opened regular file of the host; see `wasix.fs.file.FileData`."""

    __slots__ = ("_appending", "_handle", "_quota", "_volume")

    def __init__(self, volume: HostVolume, handle: _Handle) -> None:
        self._volume = volume
        self._handle = handle
        self._appending = False
        self._quota = volume.quota
        if self._quota is not None:
            self._quota.opened(handle.fd)

    def close(self) -> None:
        try:
            try:
                if self._quota is not None:
                    self._quota.closing(self._handle.fd)
            finally:
                self._handle.close()
        except OSError as error:
            raise Errno.of(error) from None

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        try:
            if len(buffers) <= _MOST_BUFFERS:
                return os.preadv(self._handle.fd, buffers, offset)
            return self._read_parts(buffers, offset)
        except OSError as error:
            raise Errno.of(error) from None

    def _read_parts(self, buffers: Sequence[memoryview], offset: int) -> int:
        fd = self._handle.fd
        done = 0
        for part in _parts(buffers):
            count = os.preadv(fd, part, offset + done)
            done += count
            if count < sum(map(len, part)):
                break
        return done

    def write_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        try:
            if self._appending:
                self._append(False)
            if self._quota is None:
                return self._write_at(buffers, offset)
            size = os.fstat(self._handle.fd).st_size
            count = self._write_at(self._quota.cut(buffers, size, offset), offset)
        except OSError as error:
            raise Errno.of(error) from None
        self._quota.resized(size, max(size, offset + count))
        return count

    def _write_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        fd = self._handle.fd
        if len(buffers) <= _MOST_BUFFERS:
            return os.pwritev(fd, buffers, offset)
        return self._in_parts(buffers, lambda part, done: os.pwritev(fd, part, offset + done))

    @_host
    def append(self, buffers: Sequence[memoryview]) -> tuple[int, int]:
        if not self._appending:
            self._append(True)
        fd = self._handle.fd
        if self._quota is not None:
            size = os.fstat(fd).st_size
            buffers = self._quota.cut(buffers, size, size)
        count = self._in_parts(buffers, lambda part, _: os.writev(fd, part))
        if self._quota is not None:
            self._quota.resized(0, count)
        return count, os.lseek(fd, 0, os.SEEK_CUR)

    @staticmethod
    def _in_parts(
        buffers: Sequence[memoryview], write: Callable[[Sequence[memoryview], int], int]
    ) -> int:
        done = 0
        for part in _parts(buffers):
            try:
                count = write(part, done)
            except OSError:
                if done:
                    break
                raise
            done += count
            if count < sum(map(len, part)):
                break
        return done

    def _append(self, on: bool) -> None:
        """Let the host append: it alone knows where the end is when others write too."""
        import fcntl

        fd = self._handle.fd
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        flags = flags | os.O_APPEND if on else flags & ~os.O_APPEND
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)
        self._appending = on

    @_host
    def set_size(self, size: int) -> None:
        with self._resizing(size):
            os.ftruncate(self._handle.fd, size)

    @contextmanager
    def _resizing(self, size: int) -> Iterator[None]:
        """Around a change of the file's size to `size`."""
        if self._quota is None:
            yield
            return
        old = os.fstat(self._handle.fd).st_size
        self._quota.charge(max(0, size - old))
        try:
            yield
        except BaseException:
            self._quota.refund(max(0, size - old))
            raise
        self._quota.refund(max(0, old - size))

    @_host
    def allocate(self, offset: int, length: int) -> None:
        fd = self._handle.fd
        with self._resizing(max(os.fstat(fd).st_size, offset + length)):
            self._allocate(fd, offset, length)

    @staticmethod
    def _allocate(fd: int, offset: int, length: int) -> None:
        if hasattr(os, "posix_fallocate"):
            # Where the filesystem cannot do it, libc writes every block: not beyond what there is.
            free = os.fstatvfs(fd)
            missing = min(length, offset + length - os.fstat(fd).st_blocks * 512)
            if missing > free.f_bavail * free.f_frsize:
                raise Errno(E.NOSPC)
            os.posix_fallocate(fd, offset, length)
        elif os.fstat(fd).st_size < offset + length:
            os.ftruncate(fd, offset + length)

    @_host
    def sync(self, *, data_only: bool) -> None:
        fd = self._handle.fd
        if data_only and hasattr(os, "fdatasync"):
            os.fdatasync(fd)
        else:
            os.fsync(fd)

    def extents(self) -> Iterator[tuple[int, int]]:
        fd, end = self._handle.fd, 0
        try:
            size = os.fstat(fd).st_size
            if not hasattr(os, "SEEK_DATA"):
                yield 0, size
                return
            while end < size:
                start = os.lseek(fd, end, os.SEEK_DATA)
                end = os.lseek(fd, start, os.SEEK_HOLE)
                yield start, end
        except OSError as error:
            if error.errno != errno.ENXIO:  # there is nothing more
                raise Errno.of(error) from None

    def attributes(self) -> Attributes:
        try:
            return _attributes(os.fstat(self._handle.fd))
        except OSError as error:
            raise Errno.of(error) from None

    @_host
    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self._volume.check_writable()
        _set_times(self.attributes(), atim, mtim, self._handle.fd, None)


def _parts(buffers: Sequence[memoryview]) -> Iterator[Sequence[memoryview]]:
    """`buffers` in runs as long as the host takes them."""
    for start in range(0, len(buffers), _MOST_BUFFERS):
        yield buffers[start : start + _MOST_BUFFERS]


class HostDirectory(Directory):
    """A directory of the volume, held open, so that it stays the one that was found."""

    __slots__ = ("_handle", "_key", "volume")

    def __init__(self, volume: HostVolume, handle: _Handle) -> None:
        self.volume = volume
        self._handle = handle
        self._key: int | None = None

    @property
    def fd(self) -> int:
        return self._handle.fd

    @property
    def key(self) -> tuple[object, int]:
        if self._key is None:
            self._key = self._look()
        return self.volume, self._key

    @_host
    def _look(self) -> int:
        return _identity(os.fstat(self.fd))

    @_host
    def attributes(self) -> Attributes:
        return _attributes(os.fstat(self.fd))

    @_host
    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self.volume.check_writable()
        _set_times(self.attributes(), atim, mtim, ".", self.fd)

    @_host
    def open(self, access: Access) -> OpenFile:
        if access.write or access.truncate:
            raise Errno(E.ISDIR)
        # Opened once more for listing and syncing, so that permissions count.
        return HostListing(self, _Handle(os.open(".", _LIST, dir_fd=self.fd)), access.flags)

    def lookup(self, name: str) -> Inode | None:
        fd = self._handle.fd
        try:
            st = os.stat(name, dir_fd=fd, follow_symlinks=False)
            kind = stat.S_IFMT(st.st_mode)
            if kind == stat.S_IFREG:
                return HostFileInode(self, name, st)
            if kind == stat.S_IFDIR:
                return HostDirectory(self.volume, _Handle(os.open(name, _DIRECTORY, dir_fd=fd)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _errno(error) from None
        return (HostSymlink if kind == stat.S_IFLNK else HostSpecial)(self, name, st)

    def create(self, name: str) -> Inode:
        try:
            with self.volume.naming():
                handle = _Handle(os.open(name, _CREATE, 0o666, dir_fd=self._handle.fd))
        except (OSError, ValueError) as error:
            raise _errno(error) from None
        return HostFileInode(self, name, None, handle)

    @_host
    def make_directory(self, name: str) -> None:
        with self.volume.naming():
            os.mkdir(name, dir_fd=self.fd)

    @_host
    def symlink(self, name: str, target: str) -> None:
        self.volume.check_writable()
        if target.startswith("/"):
            # It would mean another place to the host's programs than to the guest.
            raise Errno(E.PERM)
        self.copy_symlink(name, target)

    @_host
    def copy_symlink(self, name: str, target: str) -> None:
        with self.volume.naming(len(os.fsencode(target))):
            os.symlink(target, name, dir_fd=self.fd)

    @_host
    def link(self, name: str, directory: Directory, old_name: str) -> None:
        old = _of_host(directory)
        with self.volume.naming():
            os.link(old_name, name, src_dir_fd=old.fd, dst_dir_fd=self.fd, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        fd = self._handle.fd
        try:
            with self.volume.unnaming(name, fd):
                os.unlink(name, dir_fd=fd)
        except (OSError, ValueError) as error:
            raise _errno(error) from None

    @_host
    def remove_directory(self, name: str) -> None:
        with self.volume.unnaming(name, self.fd):
            os.rmdir(name, dir_fd=self.fd)

    @_host
    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        new = _of_host(directory)
        with self.volume.unnaming(new_name, new.fd, self._number(name)):
            os.rename(name, new_name, src_dir_fd=self.fd, dst_dir_fd=new.fd)

    def _number(self, name: str) -> int | None:
        """What tells whether a limited volume loses a file that another one replaces."""
        if self.volume.quota is None:
            return None
        return _identity(os.stat(name, dir_fd=self.fd, follow_symlinks=False))


def _of_host(directory: Directory) -> HostDirectory:
    if not isinstance(directory, HostDirectory):
        raise Errno(E.XDEV)
    return directory


class HostListing(SnapshotListing):
    """An open directory of the volume; the host has no cookies that Python could see."""

    inode: HostDirectory

    def __init__(self, inode: HostDirectory, handle: _Handle, flags: int) -> None:
        super().__init__(inode, inode.volume.listings, flags)
        self._handle = handle

    @_host
    def close(self) -> None:
        self._handle.close()

    @_host
    def sync(self, *, data_only: bool) -> None:
        os.fsync(self._handle.fd)

    @_host
    def read_all(self) -> list[DirectoryEntry]:
        own = os.fstat(self._handle.fd)
        if not own.st_nlink:  # it is removed: not even `.` is in it
            return []
        dots = ((name, own.st_ino, Filetype.DIRECTORY) for name in (".", ".."))
        with os.scandir(self._handle.fd) as found:
            rest = ((entry.name, entry.inode(), _entry_type(entry)) for entry in found)
            return [
                DirectoryEntry(cookie, ino, name, filetype)
                for cookie, (name, ino, filetype) in enumerate(chain(dots, rest), 1)
            ]


def _entry_type(entry: os.DirEntry[str]) -> int:
    if entry.is_symlink():
        return Filetype.SYMBOLIC_LINK
    if entry.is_dir(follow_symlinks=False):
        return Filetype.DIRECTORY
    if entry.is_file(follow_symlinks=False):
        return Filetype.REGULAR_FILE
    try:
        return _filetype(entry.stat(follow_symlinks=False).st_mode)
    except OSError:  # it has just gone
        return Filetype.UNKNOWN
