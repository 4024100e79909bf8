"""Programs that guests find in `/bin`: files of the host's, or of the catalogue's.

A command is a read-only file that holds the program; it is read, and fetched if need be, when a
guest first opens it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path, PurePath
from typing import TypeAlias

from wasix import catalogue
from wasix.abi import E, Errno
from wasix.api.errors import UsageError, WasixError
from wasix.catalogue import Found
from wasix.fs.image import ImageFile, Tree
from wasix.fs.mount import Namespace

Commands: TypeAlias = Mapping[str, str | PathLike[str]] | Sequence[str | PathLike[str]]
"""Programs by the name that guests call them; or programs alone, which keep their own."""

FOLDER = "/bin"


class ProgramContent:
    """The bytes of a program as those of a file. Kept once they have been read."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self._data: bytes | None = None
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        if self._data is not None:
            return len(self._data)
        source = self.found.source
        try:
            return source.stat().st_size if isinstance(source, Path) else source.size
        except OSError:
            return 0

    @property
    def data(self) -> bytes:
        with self._lock:
            if self._data is None:
                try:
                    self._data = self.found.read()
                except WasixError:
                    raise Errno(E.IO) from None
            return self._data

    def open(self) -> None:
        """Nothing is read before somebody asks for it."""

    def close(self) -> None:
        """What was read stays."""

    def read_at(self, buffers: Sequence[memoryview], offset: int) -> int:
        data, done = self.data, 0
        for buffer in buffers:
            part = data[offset + done : offset + done + len(buffer)]
            buffer[: len(part)] = part
            done += len(part)
        return done

    def extents(self) -> Iterator[tuple[int, int]]:
        yield 0, self.size


class Command(ImageFile):
    """A program in `/bin`."""

    __slots__ = ("found",)

    def __init__(self, tree: Tree, found: Found) -> None:
        super().__init__(tree, time.time_ns(), ProgramContent(found))
        self.found = found


def own_name(program: str) -> str:
    """What a program is called if nobody says: its name in the catalogue, or of its file."""
    return program if program in catalogue.PROGRAMS else PurePath(program).stem


def named(commands: Commands) -> dict[str, Found]:
    """The programs by their names. Raises `UsageError`, or what `wasix.catalogue.find` raises."""
    if isinstance(commands, str | PathLike):
        raise UsageError("commands must be a list of programs, or programs by name")
    pairs = (
        commands.items()
        if isinstance(commands, Mapping)
        else [(None, program) for program in commands]
    )
    found: dict[str, Found] = {}
    for name, program in pairs:
        text = os.fspath(program)
        if name is None:
            name = own_name(text)
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            raise UsageError(f"{name!r} cannot be the name of a command: give a file's name")
        found[name] = catalogue.find(text)
    return found


def mount(namespace: Namespace, commands: Commands) -> list[Found]:
    """Put commands into `/bin`; returns their programs."""
    tree = Tree()
    programs = named(commands)
    for name, found in programs.items():
        namespace.mount(f"{FOLDER}/{name}", Command(tree, found))
    return list(programs.values())
