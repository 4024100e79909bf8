"""What a filesystem may take, and takes."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Sequence

from wasix.abi import E, Errno

MOST = (1 << 63) - 1
_DIRECTORY = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_CLOSED = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Why a directory cannot be entered: nobody may, or it has just been replaced."""
NAME_CHARGE = 512
"""What a name on a host volume counts for besides the bytes of its file."""


class Quota:
    """Bytes that may be taken (`limit`, None for no limit), and are (`used`).

    `error` is what a guest gets that wants more.
    """

    def __init__(self, limit: int | None, error: E = E.NOSPC) -> None:
        self.limited = limit is not None
        self.limit = MOST if limit is None else limit
        self.used = 0
        self._error = error

    @property
    def free(self) -> int:
        return self.limit - self.used

    def charge(self, size: int) -> None:
        """Take `size` bytes, all or none."""
        # What is there may be beyond the limit from the start.
        if size and self.used + size > self.limit:
            raise Errno(self._error)
        self.used += size

    def refund(self, size: int) -> None:
        self.used -= size


class HostQuota(Quota):
    """The quota of a host directory, on the sizes of the files in it.

    What is there at the start is counted; after that, what is changed through the volume. Sizes
    count in full, also where a file has holes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit, E.DQUOT)
        self._openings: Counter[tuple[int, int]] = Counter()
        self._nameless: set[tuple[int, int]] = set()
        """Open files without a name: they count until they are closed."""

    def count(self, directory: int) -> None:
        """Count what is below the directory with this descriptor, however deep."""
        seen: set[tuple[int, int]] = set()
        here = os.open(".", _DIRECTORY, dir_fd=directory)
        try:
            levels = [self._count_one(here, seen)]
            while levels:
                name = levels[-1].pop() if levels[-1] else ".."
                if name == "..":
                    levels.pop()
                    if not levels:
                        break
                try:
                    entered = os.open(name, _DIRECTORY, dir_fd=here)
                except OSError as error:
                    if name == ".." or error.errno not in _CLOSED:
                        raise
                    continue
                left, here = here, entered
                os.close(left)
                if name != "..":
                    levels.append(self._count_one(here, seen))
        finally:
            os.close(here)

    def _count_one(self, directory: int, seen: set[tuple[int, int]]) -> list[str]:
        """Count what is in a directory; the names of those in it."""
        below = []
        with os.scandir(directory) as entries:
            for entry in entries:
                self.used += NAME_CHARGE
                st = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(st.st_mode):
                    below.append(entry.name)
                    continue
                if st.st_nlink > 1:
                    if _identity(st) in seen:
                        continue
                    seen.add(_identity(st))
                self.used += st.st_size
        return below

    def cut(self, buffers: Sequence[memoryview], size: int, offset: int) -> Sequence[memoryview]:
        """As much of `buffers` as may be written at `offset` to a file of `size` bytes."""
        room = max(0, self.free) + size - offset
        if sum(map(len, buffers)) <= max(0, room):
            return buffers
        if room <= 0:
            raise Errno(self._error)
        kept = []
        for buffer in buffers:
            kept.append(buffer[:room])
            room -= len(kept[-1])
        return kept

    def resized(self, old: int, new: int) -> None:
        """A file has another size; whoever lets it grow has asked before."""
        self.used += new - old

    def named(self) -> None:
        """There is to be one name more."""
        self.charge(NAME_CHARGE)

    def unnamed(self, st: os.stat_result) -> None:
        """A name of the file with these attributes (before) has gone."""
        self.used -= NAME_CHARGE
        if stat.S_ISDIR(st.st_mode) or st.st_nlink > 1:
            return
        if _identity(st) in self._openings:
            self._nameless.add(_identity(st))
        else:
            self.used -= st.st_size

    def opened(self, fd: int) -> None:
        self._openings[_identity(os.fstat(fd))] += 1

    def closing(self, fd: int) -> None:
        st = os.fstat(fd)
        identity = _identity(st)
        self._openings[identity] -= 1
        if not self._openings[identity]:
            del self._openings[identity]
            if identity in self._nameless:
                self._nameless.discard(identity)
                self.used -= st.st_size


def _identity(st: os.stat_result) -> tuple[int, int]:
    return st.st_dev, st.st_ino
