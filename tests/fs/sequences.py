"""Sequences of calls on a filesystem: drawn at random, and those that once found a difference."""

from __future__ import annotations

import os
import string
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeAlias, TypeVar

from tests.fs.caller import MAX_FILES
from tests.fs.linux import LinuxCaller

_T = TypeVar("_T")

Step: TypeAlias = tuple[object, ...]
"""A method of `tests.fs.caller.Caller` by name, and its arguments."""
Sequence: TypeAlias = list[Step]

BOTTOM: Sequence = [
    ("mkdir", 0, "a"),
    ("mkdir", 0, "a/b"),
    ("mkdir", 0, "a/b/c"),
    ("open", 0, "b", "C", "rw", ""),
    ("write", 1, [b"hello"]),
    ("close", 1),
    ("open", 0, "a/b/b", "C", "rw", ""),
    ("set_size", 1, 70_000),
    ("pwrite", 1, [b"far"], 66_000),
    ("close", 1),
    ("symlink", 0, "c", "a"),
    ("link", 0, "b", False, 0, "a/b/c/b"),
    ("symlink", 0, "a/c", "gone later"),
]
TOP: Sequence = [
    ("unlink", 0, "a/c"),
    ("symlink", 0, "a/c", "../b"),
    ("open", 0, "a/a", "C", "rw", ""),
    ("write", 1, [b"below"]),
    ("set_times", 1, 10**9, 10**9, "am"),
    ("close", 1),
    ("symlink", 0, "a/b/a", "nothing"),
    ("link", 0, "a/b/b", False, 0, "a/b/c/c"),
]
"""What a tree that is not empty holds at first, in two layers: directories, files and links."""

_NAMES = ("a", "b", "c", "d")
_ODD_PATHS = (
    "", "/", "/a", "..", "a//b", "x" * 255, "x" * 256, "a/" + "x" * 256, "./" * 2047 + "a",
    "./" * 2048,
)  # fmt: skip
_ODD_TARGETS = ("", "/a", "a/", "../" * 5 + "a", "c/c/c/c", "a/b/c/..", ".")
_SIZES = (0, 1, 3, 5, 511, 512, 600, 65_535, 65_536, 65_537, 70_001, 140_000)
_TIMES = (0, 1, 10**9 - 1, 10**9, 123_456_789_012_345_678)
_BUFFERS = (0, 1, 23, 24, 25, 26, 60, 100, 4096)
_WEIGHTS = {
    "open": 16, "close": 4, "renumber": 2,
    "read": 6, "pread": 4, "write": 8, "pwrite": 4, "seek": 6, "tell": 1,
    "advise": 1, "allocate": 2, "set_size": 4, "sync": 1, "datasync": 1,
    "fdstat": 2, "set_flags": 2, "filestat": 3, "set_times": 2,
    "list": 3, "begin": 3, "resume": 4,
    "mkdir": 6, "rmdir": 4, "unlink": 5, "rename": 10, "link": 5, "symlink": 6, "readlink": 3,
    "stat": 5, "path_times": 2,
}  # fmt: skip


class Chooser:
    """Chooses steps that mean something more often than not: it looks at what Linux has.

    Chosen blindly, hardly a read or a rename in a hundred finds a file.
    """

    def __init__(self, random: Random, linux: LinuxCaller) -> None:
        self.random = random
        self.linux = linux

    def step(self) -> Step:
        (name,) = self.random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        choose: Callable[[], Step] = getattr(self, f"_{name}")
        return (name, *choose())

    def _chance(self, part: float) -> bool:
        return self.random.random() < part

    def _one(self, *choices: _T) -> _T:
        return self.random.choice(choices)

    def _letters(self, usual: tuple[str, ...], all_letters: str) -> str:
        """One of `usual`, else any of all letters together."""
        if self._chance(0.85):
            return self.random.choice(usual)
        return "".join(letter for letter in all_letters if self._chance(0.4))

    def _descriptor(self, *, directory: bool) -> int:
        """Mostly one that is open and of that kind."""
        files = self.linux.files
        fitting = [fd for fd in files if files[fd].is_directory == directory] or list(files)
        if not fitting or self._chance(0.07):
            return self.random.randint(0, MAX_FILES + 1)
        # The first directory is where nearly everything happens.
        return 0 if 0 in fitting and self._chance(0.7) else self.random.choice(fitting)

    def _file(self) -> int:
        return self._descriptor(directory=False)

    def _directory(self) -> int:
        return self._descriptor(directory=True)

    def _below(self, fd: int) -> tuple[list[str], list[str]]:
        """Paths below the directory `fd`: all, and those of directories."""
        opened = self.linux.files.get(fd)
        if opened is None or not opened.is_directory:
            return [], []
        top = os.readlink(f"/proc/self/fd/{opened.fd}")
        found, directories = [], []
        for above, below, files in os.walk(top):
            relative = Path(above).relative_to(top)
            found += [str(relative / name) for name in sorted(below + files)]
            directories.append(str(relative))
        return found, sorted(directories)

    def _path(self, fd: int, *, new: float = 0.2, odd: float = 0.04) -> str:
        """A path from `fd`: one that is there, a new name, or an odd one, in these parts."""
        if self._chance(odd):
            return self.random.choice(_ODD_PATHS)
        there, directories = self._below(fd)
        if there and self._chance(0.9 - new):
            path = self.random.choice(there)
        elif self._chance(0.8):
            # Deeper than three only by renaming.
            above = [path for path in directories if path.count("/") < 2]
            path = str(Path(self.random.choice([*above, "."])) / self.random.choice(_NAMES))
        else:
            parts = self.random.choices((*_NAMES, *_NAMES, ".", "..", ".."), k=3)
            path = "/".join(parts[: self.random.randint(1, 3)])
        if self._chance(0.1):
            path = str(
                self._one(path + "/", path + "/.", path + "/..", "./" + path, f"a/../{path}")
            )
        return path

    def _placed(self, new: float = 0.2, odd: float = 0.04) -> tuple[int, str]:
        fd = self._directory()
        return fd, self._path(fd, new=new, odd=odd)

    def _size(self) -> object:
        return self._one(*_SIZES) if self._chance(0.95) else self._one(2**63, 2**64 - 1)

    def _offset(self) -> object:
        return self._one(*_SIZES) if self._chance(0.95) else self._one(2**63 - 1, 2**63, 2**64 - 1)

    def _lengths(self) -> list[int]:
        return self.random.choices((0, 1, 4, 7, 600, 66_000), k=self.random.randint(0, 3))

    def _parts(self) -> list[bytes]:
        return [
            self.random.choice(string.ascii_letters).encode()
            * (self.random.randint(0, 6) if self._chance(0.7) else self.random.choice(_SIZES))
            for _ in range(self.random.randint(0, 3))
        ]

    def _times(self) -> tuple[object, ...]:
        flags = self._letters(("am", "a", "m"), "aAmM")
        return self._one(*_TIMES), self._one(*_TIMES), flags

    def _open(self) -> Step:
        how = self._letters(("", "", "C", "C", "C", "CT", "CX", "T", "D"), "CXTDN")
        access = self._one("rw", "rw", "r", "r", "w")
        flags = self._letters(("", "", "", "a"), "adnrs")
        fd = self._directory()
        return fd, self._path(fd, new=0.4 if "C" in how else 0.1), how, access, flags

    def _close(self) -> Step:
        return (self._other(),)

    def _other(self) -> int:
        """Any descriptor, but hardly ever the first, without which nothing works."""
        rest = [fd for fd in self.linux.files if fd]
        if rest and self._chance(0.95):
            return self.random.choice(rest)
        return 0 if self._chance(0.05) else self.random.randint(1, MAX_FILES + 1)

    def _any(self) -> int:
        return self._directory() if self._chance(0.3) else self._file()

    def _renumber(self) -> Step:
        to = self._other() if self._chance(0.5) else self.random.randint(1, MAX_FILES + 1)
        return self._other(), to

    def _read(self) -> Step:
        return self._file(), self._lengths()

    def _pread(self) -> Step:
        return self._file(), self._lengths(), self._offset()

    def _write(self) -> Step:
        return self._file(), self._parts()

    def _pwrite(self) -> Step:
        return self._file(), self._parts(), self._offset()

    def _seek(self) -> Step:
        move = self._one(0, 0, 1, -1, 3, -3, 600, 65_536, 100_000, -(2**63))
        return self._file(), move, self._one("set", "set", "cur", "end")

    def _tell(self) -> Step:
        return (self._file(),)

    def _advise(self) -> Step:
        return self._file(), self._offset(), self._offset()

    def _allocate(self) -> Step:
        return self._file(), self._offset(), self._size()

    def _set_size(self) -> Step:
        return self._file(), self._size()

    def _sync(self) -> Step:
        return (self._any(),)

    _datasync = _fdstat = _filestat = _sync

    def _set_flags(self) -> Step:
        return self._file(), self._letters(("", "a", "an"), "adnrs")

    def _set_times(self) -> Step:
        return self._any(), *self._times()

    def _list(self) -> Step:
        return self._directory(), self._one(*_BUFFERS)

    _begin = _resume = _list

    def _mkdir(self) -> Step:
        return self._placed(0.8)

    def _rmdir(self) -> Step:
        return self._placed()

    _unlink = _rmdir

    def _rename(self) -> Step:
        # Not two odd paths at once: which error comes first is left open.
        return *self._placed(0.05, 0), *self._placed(0.5, 0)

    def _link(self) -> Step:
        return *self._placed(0.05, 0), self._chance(0.5), *self._placed(0.8)

    def _symlink(self) -> Step:
        fd, path = self._placed(0.8)
        if self._chance(0.2):
            return fd, path, self._one(*_ODD_TARGETS)
        return fd, path, self._one("", "../", "../../") + self._path(fd)

    def _readlink(self) -> Step:
        return *self._placed(0.05), self._one(0, 1, 2, 100)

    def _stat(self) -> Step:
        return *self._placed(0.1), self._chance(0.5)

    def _path_times(self) -> Step:
        return *self._placed(0.1), self._chance(0.5), *self._times()


FOUND: dict[str, tuple[bool, Sequence]] = {
    "allocating nothing in a directory is an invalid argument first": (
        False,
        [("allocate", 0, 2**63 - 1, 2**64 - 1)],
    ),
    "an offset beyond all files is an invalid argument first": (
        False,
        [("pwrite", 0, [b"x"], 2**63), ("pread", 0, [1], 2**63), ("pread", 0, [], 2**63)],
    ),
    "a read at the end moves the access time, a read of nothing does not": (
        False,
        [
            ("open", 0, "a", "C", "r", ""),
            ("set_times", 1, 1, 10**9, "a"),
            ("read", 1, [0]),
            ("filestat", 1),
            ("read", 1, [1]),
            ("filestat", 1),
        ],
    ),
    "allocating what is there moves the modification time": (
        True,
        [("open", 0, "b", "", "rw", ""), ("set_times", 1, 0, 0, "am"), ("allocate", 1, 0, 1)],
    ),
    "appending nothing does not move the offset": (
        True,
        [
            ("open", 0, "b", "", "rw", "a"),
            ("write", 1, []),
            ("tell", 1),
            ("write", 1, [b"!"]),
            ("seek", 1, 2, "set"),
            ("write", 1, [b""]),
            ("tell", 1),
        ],
    ),
    "copying a file up keeps its access time": (
        True,
        [("open", 0, "a/a", "", "rw", ""), ("filestat", 1)],
    ),
    "a removed directory lists nothing, not even itself": (
        False,
        [("mkdir", 0, "a"), ("open", 0, "a", "D", "r", ""), ("rmdir", 0, "a"), ("list", 1, 100)],
    ),
    "a removed directory keeps the times it is given": (
        True,
        [
            ("rmdir", 0, "a/b/c"),
            ("mkdir", 0, "d"),
            ("open", 0, "d", "", "r", ""),
            ("rmdir", 0, "d"),
            ("set_times", 1, 0, 123, "m"),
            ("filestat", 1),
            ("unlink", 0, "a/b/c/b"),
            ("unlink", 0, "a/b/c/c"),
            ("open", 0, "a/b/c", "", "r", ""),
            ("rmdir", 0, "a/b/c"),
            ("set_times", 2, 0, 123, "m"),
            ("filestat", 2),
        ],
    ),
    "appending at the end of offsets": (
        True,
        [("open", 0, "b", "", "rw", "a"), ("pwrite", 1, [b"x"], 2**63 - 1)],
    ),
    "creating through a link with a slash goes no further": (
        False,
        [("symlink", 0, "a", "a/"), ("open", 0, "a", "C", "rw", ""), ("open", 0, "a", "", "r", "")],
    ),
    "a link to a directory in one that is removed": (
        False,
        [
            ("mkdir", 0, "a"),
            ("open", 0, "a", "", "r", ""),
            ("rmdir", 0, "a"),
            ("mkdir", 0, "b"),
            ("link", 0, "b", False, 1, "c"),
            ("link", 0, "b/.", False, 0, "c"),
        ],
    ),
}
"""By what they found: whether the tree is filled at first, and the steps."""

DIFFERING: dict[str, Sequence] = {
    "a way out": [("stat", 0, "..", True)],
    "directory has no offset": [("seek", 0, 0, "cur")],
    "directory has no size": [("set_size", 0, 1)],
    "directory has no flags": [("set_flags", 0, "n")],
    "sync flags are fixed": [("open", 0, "a/a", "", "rw", ""), ("set_flags", 1, "s")],
    "directory and more": [("open", 0, "a", "DT", "r", "")],
    "link not followed": [("open", 0, "c", "DN", "r", "")],
    "link with a slash": [("unlink", 0, "c/")],
    "end of offsets": [("open", 0, "b", "", "rw", ""), ("pwrite", 1, [b"x"], 2**63 - 1)],
    "both times": [("set_times", 0, 1, 1, "aA")],
}
"""What shows each of `tests.fs.linux.DIFFERENCES`, by its last step, in the filled tree."""
