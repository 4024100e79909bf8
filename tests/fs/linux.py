"""Linux as the oracle: a guest's calls made of the host's own, in a directory of the host's.

Paths are confined by Linux too: `openat2(2)` with `RESOLVE_BENEATH` tells which of them lead out.
Where preview1 means something else than Linux, `DIFFERENCES` says so.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fs.caller import FDFLAGS, MAX_FILES, Attributes, answers, attributes, bits
from tests.fs.systems import Answer
from wasix.abi import E, Errno
from wasix.fs.file import MAX_OFFSET
from wasix.fs.path import MAX_PATH

DIFFERENCES = {
    "a way out": (
        E.PERM,
        "wasmtime's errno for what leads out of a directory, and for a link to an absolute path",
    ),
    "directory has no offset": (
        E.BADF,
        "wasmtime's answer: a preview1 directory is read by cookies, and has no offset to move",
    ),
    "directory has no size": (
        E.BADF,
        "wasmtime's answer, as POSIX permits for what is not open for writing; Linux says EINVAL",
    ),
    "directory has no flags": (E.BADF, "wasmtime's answer; Linux keeps flags that mean nothing"),
    "sync flags are fixed": (
        E.INVAL,
        "Linux ignores a change of them without a word; a guest should know",
    ),
    "directory and more": (
        E.INVAL,
        "wasmtime's answer to `directory` with creat, excl or trunc; Linux's depends on its age",
    ),
    "link not followed": (
        E.LOOP,
        "wasmtime's answer to `directory` on a link that is not followed; Linux says ENOTDIR",
    ),
    "link with a slash": (
        E.ISDIR,
        "path_unlink_file: wasmtime looks where the link leads; Linux says ENOTDIR",
    ),
    "end of offsets": (
        E.FBIG,
        "EFBIG in POSIX for a write past the greatest offset; Linux says EINVAL",
    ),
    "both times": (E.INVAL, "preview1 only: a time cannot be given and be the clock's"),
}
"""What is answered otherwise than by Linux, and why."""


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


_OPENAT2 = 437
_RESOLVE_BENEATH = 0x08
_libc = ctypes.CDLL(None, use_errno=True)


def open_beneath(fd: int, path: str, flags: int) -> int:
    """`os.open`, but EXDEV for a path that leads out of the directory `fd`."""
    mode = 0o666 if flags & os.O_CREAT else 0
    how = _OpenHow(flags | os.O_CLOEXEC, mode, _RESOLVE_BENEATH)
    while True:
        opened: int = _libc.syscall(
            _OPENAT2, fd, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)
        )
        if opened >= 0:
            return opened
        # EAGAIN: something was renamed somewhere meanwhile, so Linux is not sure of a `..`.
        if ctypes.get_errno() != errno.EAGAIN:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def available() -> bool:
    """Whether this is a Linux with `openat2`."""
    try:
        os.close(open_beneath(os.open("/", os.O_PATH), ".", os.O_PATH))
    except (AttributeError, OSError):
        return False
    return True


_OPEN = {"C": os.O_CREAT, "X": os.O_EXCL, "T": os.O_TRUNC, "D": os.O_DIRECTORY, "N": os.O_NOFOLLOW}
_FLAGS = {"a": os.O_APPEND, "d": os.O_DSYNC, "n": os.O_NONBLOCK, "r": os.O_RSYNC, "s": os.O_SYNC}
_ACCESS = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}
_WHENCE = {"set": os.SEEK_SET, "cur": os.SEEK_CUR, "end": os.SEEK_END}
_KINDS = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "link"}


def _attributes(st: os.stat_result) -> Attributes:
    kind = _KINDS[stat.S_IFMT(st.st_mode)]
    return attributes(kind, st.st_nlink, st.st_size, st.st_atime_ns, st.st_mtime_ns)


@dataclass
class _Opened:
    fd: int
    flags: str
    """As given, for Linux has no `rsync` of its own."""
    is_directory: bool


class LinuxCaller:
    """The calls, on the directory `base`, which is descriptor 0.

    `plain` leaves out `DIFFERENCES`: what Linux itself answers.
    """

    def __init__(self, base: Path, *, plain: bool = False) -> None:
        self.base = base
        self.plain = plain
        own = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
        self.files = {0: _Opened(own, "", True)}

    def finish(self) -> None:
        """Close every descriptor."""
        while self.files:
            os.close(self.files.popitem()[1].fd)

    def again(self) -> LinuxCaller:
        return LinuxCaller(self.base)

    def _differ(self, what: str) -> None:
        if not self.plain:
            raise Errno(DIFFERENCES[what][0])

    def _get(self, fd: int) -> _Opened:
        if fd not in self.files:
            raise Errno(E.BADF)
        return self.files[fd]

    def _own(self, fd: int) -> int:
        return self._get(fd).fd

    def _directory(self, fd: int) -> int:
        opened = self._get(fd)
        if not opened.is_directory:
            raise Errno(E.NOTDIR)
        return opened.fd

    def _base(self, fd: int, path: str, *, follow: bool) -> int:
        """The host's descriptor for `fd`, if `path` stays in it."""
        own = self._directory(fd)
        self._confine(own, path, follow=follow)
        return own

    def _confine(self, own: int, path: str, *, follow: bool) -> None:
        flags = os.O_PATH if follow else os.O_PATH | os.O_NOFOLLOW
        self._probe(own, path, flags, ways_out_only=True)

    def _probe(self, own: int, path: str, flags: int, *, ways_out_only: bool = False) -> None:
        """Fail as a walk to `path` does; with `ways_out_only` in nothing but leading out."""
        try:
            os.close(open_beneath(own, path, flags))
        except OSError as error:
            if error.errno == errno.EXDEV:
                self._differ("a way out")
            elif not ways_out_only:
                raise

    @answers
    def open(self, fd: int, path: str, how: str, access: str, flags: str) -> Answer:
        own = self._directory(fd)
        if len(self.files) >= MAX_FILES:
            raise Errno(E.MFILE)
        if "D" in how and set(how) & set("CXT"):
            self._differ("directory and more")
        if "D" in how and "N" in how and self._is_link(own, path):
            self._differ("link not followed")
        chosen = _ACCESS[access] | bits(how, _OPEN) | bits(flags, _FLAGS)
        try:
            opened = open_beneath(own, path, chosen)
        except OSError as error:
            if error.errno == errno.EXDEV:
                self._differ("a way out")
            raise
        is_directory = stat.S_ISDIR(os.fstat(opened).st_mode)
        number = min(set(range(MAX_FILES)) - set(self.files))
        self.files[number] = _Opened(opened, "".join(sorted(flags)), is_directory)
        return number

    @staticmethod
    def _is_link(own: int, path: str) -> bool:
        with suppress(OSError):
            return stat.S_ISLNK(os.stat(path, dir_fd=own, follow_symlinks=False).st_mode)
        return False

    @answers
    def close(self, fd: int) -> Answer:
        os.close(self._own(fd))
        del self.files[fd]
        return None

    @answers
    def renumber(self, fd: int, to: int) -> Answer:
        moved = self._get(fd)
        if to >= MAX_FILES:
            raise Errno(E.BADF)
        if fd != to:
            if to in self.files:
                os.close(self.files[to].fd)
            self.files[to] = moved
            del self.files[fd]
        return None

    @answers
    def read(self, fd: int, lengths: Sequence[int]) -> Answer:
        own = self._own(fd)
        if not sum(lengths):
            return self._read_nothing(fd)
        buffers = [bytearray(length) for length in lengths]
        return os.readv(own, buffers), b"".join(buffers)

    def _read_nothing(self, fd: int) -> Answer:
        # readv(2) of no bytes asks nobody, read(2) of a file in memory moves its access time.
        opened = self._get(fd)
        writing = fcntl.fcntl(opened.fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        return os.read(opened.fd, 0) if opened.is_directory or writing else (0, b"")

    @answers
    def pread(self, fd: int, lengths: Sequence[int], offset: int) -> Answer:
        own, at = self._own(fd), _signed(offset)
        if self.files[fd].is_directory:
            at = min(at, 0)
        if not sum(lengths) and at >= 0:
            return self._read_nothing(fd)
        buffers = [bytearray(length) for length in lengths]
        return os.preadv(own, buffers, at), b"".join(buffers)

    @answers
    def write(self, fd: int, parts: Sequence[bytes]) -> Answer:
        own = self._own(fd)
        self._check_end(own, parts, os.lseek(own, 0, os.SEEK_CUR))
        return os.writev(own, parts) if any(parts) else os.write(own, b"")

    @answers
    def pwrite(self, fd: int, parts: Sequence[bytes], offset: int) -> Answer:
        own = self._own(fd)
        self._check_end(own, parts, offset)
        at = _signed(offset)
        return os.pwritev(own, parts, at) if any(parts) else os.pwrite(own, b"", at)

    def _check_end(self, own: int, parts: Sequence[bytes], offset: int) -> None:
        if fcntl.fcntl(own, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            return
        if offset <= MAX_OFFSET < offset + sum(map(len, parts)):
            self._differ("end of offsets")

    @answers
    def seek(self, fd: int, offset: int, whence: str) -> Answer:
        opened = self._get(fd)
        if opened.is_directory:
            self._differ("directory has no offset")
        return os.lseek(opened.fd, offset, _WHENCE[whence])

    def tell(self, fd: int) -> Answer:
        return self.seek(fd, 0, "cur")

    @answers
    def advise(self, fd: int, offset: int, length: int) -> Answer:
        opened = self._get(fd)
        if opened.is_directory:
            self._differ("directory has no offset")
        os.posix_fadvise(opened.fd, _signed(offset), _signed(length), os.POSIX_FADV_NORMAL)
        return None

    @answers
    def allocate(self, fd: int, offset: int, length: int) -> Answer:
        os.posix_fallocate(self._own(fd), _signed(offset), _signed(length))
        return None

    @answers
    def set_size(self, fd: int, size: int) -> Answer:
        opened = self._get(fd)
        if opened.is_directory:
            self._differ("directory has no size")
        os.ftruncate(opened.fd, _signed(size))
        return None

    @answers
    def sync(self, fd: int) -> Answer:
        os.fsync(self._own(fd))
        return None

    @answers
    def datasync(self, fd: int) -> Answer:
        os.fdatasync(self._own(fd))
        return None

    @answers
    def fdstat(self, fd: int) -> Answer:
        opened = self._get(fd)
        now = fcntl.fcntl(opened.fd, fcntl.F_GETFL)
        own = {letter for letter in "an" if now & _FLAGS[letter]}
        flags = own | set(opened.flags) & set("drs")
        kind = "directory" if opened.is_directory else "file"
        return kind, "".join(letter for letter in FDFLAGS if letter in flags)

    @answers
    def set_flags(self, fd: int, flags: str) -> Answer:
        opened = self._get(fd)
        if opened.is_directory:
            self._differ("directory has no flags")
        if set(flags) & set("drs") != set(opened.flags) & set("drs"):
            self._differ("sync flags are fixed")
        fcntl.fcntl(opened.fd, fcntl.F_SETFL, bits(flags, _FLAGS))
        return None

    @answers
    def filestat(self, fd: int) -> Answer:
        return _attributes(os.fstat(self._own(fd)))

    @answers
    def set_times(self, fd: int, atim: int, mtim: int, flags: str) -> Answer:
        own = self._own(fd)
        self._check_times(flags)
        _set_times(
            atim,
            mtim,
            flags,
            lambda: os.fstat(own),
            lambda times: os.utime(own, ns=times),
        )
        return None

    def _check_times(self, flags: str) -> None:
        if {"a", "A"} <= set(flags) or {"m", "M"} <= set(flags):
            self._differ("both times")

    def names(self, fd: int) -> set[str]:
        """What is in a directory now; nothing in one that is removed."""
        own = self._directory(fd)
        here = os.open(".", os.O_RDONLY, dir_fd=own) if os.fstat(own).st_nlink else None
        if here is None:
            return set()
        try:
            return {".", "..", *os.listdir(here)}
        finally:
            os.close(here)

    @answers
    def list(self, fd: int, size: int) -> Answer:
        own = self._directory(fd)
        return sorted(
            (
                name,
                _KINDS[stat.S_IFMT(os.stat(name, dir_fd=own, follow_symlinks=False).st_mode)],
            )
            for name in self.names(fd)
        )

    @answers
    def mkdir(self, fd: int, path: str) -> Answer:
        os.mkdir(path, dir_fd=self._base(fd, _stripped(path), follow=False))
        return None

    @answers
    def rmdir(self, fd: int, path: str) -> Answer:
        os.rmdir(path, dir_fd=self._base(fd, _stripped(path), follow=False))
        return None

    @answers
    def unlink(self, fd: int, path: str) -> Answer:
        own = self._base(fd, path, follow=False)
        if path.endswith("/") and self._is_link(own, _stripped(path)):
            os.stat(path, dir_fd=own)
            self._differ("link with a slash")
        os.unlink(path, dir_fd=own)
        return None

    @answers
    def rename(self, fd: int, path: str, to: int, new: str) -> Answer:
        own = self._directory(fd)
        new_own = self._directory(to)
        self._confine(own, _stripped(path), follow=False)
        self._probe(own, _parent(path), os.O_PATH | os.O_DIRECTORY)
        self._confine(new_own, _stripped(new), follow=False)
        os.rename(path, new, src_dir_fd=own, dst_dir_fd=new_own)
        return None

    @answers
    def link(self, fd: int, path: str, follow: bool, to: int, new: str) -> Answer:
        own = self._directory(fd)
        new_own = self._directory(to)
        self._probe(own, path, os.O_PATH if follow else os.O_PATH | os.O_NOFOLLOW)
        self._confine(new_own, _stripped(new), follow=False)
        os.link(path, new, src_dir_fd=own, dst_dir_fd=new_own, follow_symlinks=follow)
        return None

    @answers
    def symlink(self, fd: int, path: str, target: str) -> Answer:
        own = self._directory(fd)
        if not target:
            raise Errno(E.NOENT)
        if len(target) > MAX_PATH:
            raise Errno(E.NAMETOOLONG)
        if target.startswith("/"):
            self._differ("a way out")
        self._confine(own, _stripped(path), follow=False)
        os.symlink(target, path, dir_fd=own)
        return None

    @answers
    def readlink(self, fd: int, path: str, size: int) -> Answer:
        target = os.readlink(path, dir_fd=self._base(fd, path, follow=False))
        return os.fsencode(target)[:size]

    @answers
    def stat(self, fd: int, path: str, follow: bool) -> Answer:
        own = self._base(fd, path, follow=follow)
        return _attributes(os.stat(path, dir_fd=own, follow_symlinks=follow))

    @answers
    def path_times(
        self, fd: int, path: str, follow: bool, atim: int, mtim: int, flags: str
    ) -> Answer:
        own = self._directory(fd)
        self._check_times(flags)
        self._confine(own, path, follow=follow)
        _set_times(
            atim,
            mtim,
            flags,
            lambda: os.stat(path, dir_fd=own, follow_symlinks=follow),
            lambda times: os.utime(path, ns=times, dir_fd=own, follow_symlinks=follow),
        )
        return None

    def identity(self, path: str) -> object:
        st = os.stat(path, dir_fd=self._own(0), follow_symlinks=False)
        return st.st_dev, st.st_ino


def _signed(number: int) -> int:
    """An offset as `off_t` has it: what does not fit is negative, but not the special -1."""
    return number if number <= MAX_OFFSET else -2


def _stripped(path: str) -> str:
    return path.rstrip("/") or path


def _parent(path: str) -> str:
    """The directory that has the last name of `path`."""
    if not path:
        return path
    return os.path.dirname(_stripped(path)) or "."


def _set_times(
    atim: int,
    mtim: int,
    flags: str,
    look: Callable[[], os.stat_result],
    change: Callable[[tuple[int, int]], object],
) -> None:
    """What Linux's utimensat does with UTIME_NOW and UTIME_OMIT, which Python does not offer."""
    now = look()
    clock = max(now.st_ctime_ns, 1 << 60)
    change(
        (
            atim if "a" in flags else clock if "A" in flags else now.st_atime_ns,
            mtim if "m" in flags else clock if "M" in flags else now.st_mtime_ns,
        )
    )
