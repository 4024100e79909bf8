"""What a file is: the interface every filesystem implements.

An inode is reached by walking names (`wasix.fs.walk`) and has no offset; opening one gives an open
file (`wasix.fs.file`). Directories name their children by single components: never empty, `.`,
`..`, or with a `/`. A name is a `str`; a host name that is not UTF-8 carries its bytes as surrogate
escapes. Every operation raises `Errno`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Filestat, Filetype
from wasix.fs.file import OpenFile

_devices = count(1 << 32)


def new_device() -> int:
    """A number for `dev`, above any Linux gives: (dev, ino) differs from that of any host file."""
    return next(_devices)


@dataclass(slots=True)
class Access:
    """How a file is to be opened. `append` and the sync flags live in the open file's flags."""

    read: bool = True
    write: bool = False
    truncate: bool = False
    flags: int = 0
    """Initial `fdflags`."""


class DirectoryEntry(NamedTuple):
    """One entry of a listing. `next` is the cookie that continues behind it."""

    next: int
    ino: int
    name: str
    filetype: int


class Inode:
    """What a file is. `key` identifies it: equal keys mean the same file."""

    __slots__ = ()

    filetype: int
    """Says `directory` for a `Directory` and `symbolic_link` for a `Symlink`, and only for them."""

    @property
    @abstractmethod
    def key(self) -> tuple[object, int]:
        """(filesystem, inode number). Hard links and renames stay within one filesystem."""

    @abstractmethod
    def attributes(self) -> Attributes:
        """Those of this very inode (never of a link's target)."""

    def stat(self) -> Filestat:
        """The same by name."""
        return Filestat(*self.attributes())

    @abstractmethod
    def set_times(self, atim: int | None, mtim: int | None) -> None:
        """Set times in nanoseconds since 1970; None leaves one as it is."""

    @abstractmethod
    def open(self, access: Access) -> OpenFile:
        """An open file on this inode. A directory opens for reading only (`isdir`)."""


class Symlink(Inode):
    """A symbolic link."""

    __slots__ = ()

    filetype = Filetype.SYMBOLIC_LINK

    @abstractmethod
    def target(self) -> str: ...

    def open(self, access: Access) -> OpenFile:
        raise Errno(E.LOOP)


class Directory(Inode):
    """A directory: names for inodes.

    `rename` and `link` get another directory of the same filesystem; the caller has checked that
    (`xdev`) and that no mount point is touched (`busy`).
    """

    __slots__ = ()

    filetype = Filetype.DIRECTORY

    @abstractmethod
    def lookup(self, name: str) -> Inode | None:
        """The inode a name stands for, links not followed; None if nothing has the name."""

    @abstractmethod
    def create(self, name: str) -> Inode:
        """A new, empty regular file; `exist` if the name is taken (also by a dangling link)."""

    @abstractmethod
    def make_directory(self, name: str) -> None: ...

    @abstractmethod
    def symlink(self, name: str, target: str) -> None: ...

    def copy_symlink(self, name: str, target: str) -> None:
        """As `symlink`, for a link that an overlay was given and moves here, not a guest's wish."""
        self.symlink(name, target)

    @abstractmethod
    def link(self, name: str, directory: Directory, old_name: str) -> None:
        """Give `old_name` in `directory` the further name `name` here; `perm` for a directory."""

    @abstractmethod
    def unlink(self, name: str) -> None:
        """Remove a name that is no directory; `isdir`."""

    @abstractmethod
    def remove_directory(self, name: str) -> None:
        """Remove an empty directory; `notdir`, `notempty`."""

    @abstractmethod
    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        """As POSIX `rename`: replaces a file by a file, an empty directory by a directory."""


class ReadOnlyDirectory(Directory):
    """A directory that nothing can change."""

    __slots__ = ()

    def create(self, name: str) -> Inode:
        raise Errno(E.ROFS)

    def make_directory(self, name: str) -> None:
        raise Errno(E.ROFS)

    def symlink(self, name: str, target: str) -> None:
        raise Errno(E.ROFS)

    def link(self, name: str, directory: Directory, old_name: str) -> None:
        raise Errno(E.ROFS)

    def unlink(self, name: str) -> None:
        raise Errno(E.ROFS)

    def remove_directory(self, name: str) -> None:
        raise Errno(E.ROFS)

    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        raise Errno(E.ROFS)
