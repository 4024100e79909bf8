"""Trees of any depth, walked by names from a directory that is held."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wasix.abi import E, Errno
from wasix.abi.types import Filetype
from wasix.api.file import Path, os_error
from wasix.api.files import directory_of, entries
from wasix.fs.inode import Directory, DirectoryEntry
from wasix.fs.mount import Namespace
from wasix.kernel import Kernel

Names = tuple[str, ...]

_HELD = 64
"""Directories of a path that are kept open, which costs a descriptor each on the host: where one
further up is needed again, it is walked to from `root`."""


class Tree:
    """The directories below `root`, by tuples of names; links are never followed.

    A step is one call into the kernel, so guests go on meanwhile, and what they change is seen.
    Without a kernel it is the host's.
    """

    def __init__(self, kernel: Kernel | None, namespace: Namespace, root: Directory) -> None:
        self.namespace = namespace
        self.root = root
        self._kernel = kernel
        self._lock = kernel.lock if kernel else threading.RLock()
        self._names: Names = ()
        self._held: list[Directory] = [root]
        """The last directories on the way to `_names`."""

    @contextmanager
    def step(self) -> Iterator[None]:
        """What is done inside is one step."""
        with self._lock:
            if self._kernel:
                # No process is asking: there are no descriptors of its own in /dev.
                self._kernel.current = None
            yield

    def directory(self, names: Names) -> Directory:
        """The directory at `names`; `noent` or `notdir` if there is none. Inside a step."""
        common = _common(self._names, names)
        # How many of those held are still on the way.
        keep = len(self._held) - (len(self._names) - common)
        if keep < 1:
            common, self._held = 0, [self.root]
        else:
            del self._held[keep:]
        self._names = names[:common]
        for name in names[common:]:
            self._held.append(directory_of(self.namespace.lookup(self._held[-1], name)))
            del self._held[:-_HELD]
        self._names = names
        return self._held[-1]

    def entries(self, names: Names) -> list[DirectoryEntry]:
        """What is in the directory at `names`; nothing if it has gone."""
        with self.step():
            try:
                return entries(self.namespace, self.directory(names))
            except Errno as error:
                if error.code in (E.NOENT, E.NOTDIR):
                    return []
                raise

    def clear(self, path: Path) -> None:
        """Remove everything below. `OSError` if something cannot be; `path` is what `root` is."""
        pending: list[tuple[Names, bool]] = [((), False)]
        names: Names = ()
        try:
            while pending:
                names, emptied = pending.pop()
                if emptied:
                    with self.step():
                        self._check_no_mount(above := self.directory(names[:-1]), names[-1])
                        above.remove_directory(names[-1])
                    continue
                if names:
                    with self.step():
                        self._check_no_mount(self.directory(names[:-1]), names[-1])
                for entry in self.entries(names):
                    below = (*names, entry.name)
                    if entry.filetype == Filetype.DIRECTORY:
                        pending += [(below, True), (below, False)]
                    else:
                        self._unlink(below)
        except Errno as error:
            raise os_error(error, join(path, names)) from None

    def _unlink(self, names: Names) -> None:
        with self.step():
            directory = self.directory(names[:-1])
            self._check_no_mount(directory, names[-1])
            directory.unlink(names[-1])

    def _check_no_mount(self, directory: Directory, name: str) -> None:
        if self.namespace.mounted(directory, name):
            raise Errno(E.BUSY)


def join(path: Path, names: Names) -> str:
    """The path of what is at `names` below `path`."""
    return "/".join((str(path).rstrip("/"), *names)) or "/"


def _common(ours: Names, theirs: Names) -> int:
    """How many names both begin with."""
    same, different = 0, min(len(ours), len(theirs)) + 1
    # By bisection, since comparing tuples is quick and they may be of thousands.
    while different - same > 1:
        middle = (same + different) // 2
        if ours[:middle] == theirs[:middle]:
            same = middle
        else:
            different = middle
    return same
