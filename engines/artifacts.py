"""Compiled code on disk: an artifact a module, engine and setting.

A file is `KEY-DIGEST.cwasm`, so that its name says what must be in it, and one rename makes it
appear with everything it needs. It is loaded only if the owner is us, nobody else may write it, and
its bytes have that digest. Beside it lies `KEY.used`, whose time says when it was last loaded and
whose content what the artifact looked like when its bytes were last checked: as long as the file
system shows no change, they are not read again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple, Protocol

SUFFIX = ".cwasm"
_LOCK = ".lock-"
_TAKEN = b"taken"
"""What a lock's file holds once a process has it open, and locked, until it ends."""
LIMIT = 2 << 30
"""Bytes the artifacts may take together unless told otherwise."""
_ABANDONED = 3600
"""Seconds after which a file that is still being written, or a lock, is nobody's."""


class Kept(Protocol):
    """Where an engine looks for native code, and leaves it, by keys of its own making."""

    def load(self, key: str) -> Path | bytes | None:
        """The code, checked: a file of it, or itself; None if there is none.

        An exception is the caller's to see: it ends what the engine was about to do.
        """

    def has(self, key: str) -> bool:
        """Whether there is some, trustworthy or not."""

    def store(self, key: str, data: bytes | memoryview) -> Path | None:
        """Keep it in place of any other, as well as that is possible."""

    def reject(self, key: str) -> None:
        """The engine cannot use what it has loaded. Exceptions are as in `load`."""


class Artifact(NamedTuple):
    """One artifact: its file, size in bytes, and when it was used last (seconds since 1970)."""

    path: Path
    size: int
    used: float

    @property
    def key(self) -> str:
        return self.path.name.rpartition("-")[0]


class Artifacts:
    """The artifacts in `directory`, which is made when it is needed and is its owner's alone.

    What cannot be read or written is as if it were not there.
    """

    def __init__(self, directory: Path, limit: int = LIMIT) -> None:
        self.directory = directory
        self.limit = limit
        self._holds: dict[str, int] = {}

    def load(self, key: str) -> Path | None:
        """The artifact's file, checked; None if there is none that can be trusted."""
        for path in self._files(key):
            try:
                if self._trusted(key, path):
                    return path
            except OSError:
                continue
            self.remove(path)
        return None

    def has(self, key: str) -> bool:
        """Whether there is a file for `key`, trustworthy or not."""
        return next(self._files(key), None) is not None

    def store(self, key: str, data: bytes | memoryview) -> Path | None:
        """Keep an artifact in place of any other of that key; None if that is not possible."""
        import tempfile  # takes longer than all that a run does with artifacts

        path = self.directory / f"{key}-{_digest(data)}{SUFFIX}"
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.directory, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                os.replace(temporary, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError:
            return None
        for other in self._files(key):
            if other != path:
                self.remove(other)
        self.trim(spare=path)
        return path

    def remove(self, path: Path) -> None:
        for file in (path, self._mark(path.name.rpartition("-")[0])):
            with suppress(OSError):
                file.unlink()

    def reject(self, key: str) -> None:
        """Remove the artifact of that key."""
        for path in self._files(key):
            self.remove(path)

    def all(self) -> list[Artifact]:
        """Every artifact, the last used first."""
        found = []
        for path in self._files(""):
            with suppress(OSError):
                status = path.stat()
                found.append(Artifact(path, status.st_size, self._used(path, status.st_mtime)))
        return sorted(found, key=lambda artifact: -artifact.used)

    def trim(self, spare: Path | None = None) -> None:
        """Remove what was used longest ago until the rest is within the limit."""
        room = self.limit
        for artifact in self.all():
            room -= artifact.size
            if room < 0 and artifact.path != spare:
                self.remove(artifact.path)
        with suppress(OSError):
            for path in self.directory.glob(".new-*"):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()

    def clean(self) -> int:
        """Remove everything; the number of bytes."""
        artifacts = self.all()
        for artifact in artifacts:
            self.remove(artifact.path)
        return sum(artifact.size for artifact in artifacts)

    def lock(self, key: str) -> bool:
        """Whether the caller may make this artifact: nobody else is at it."""
        path = self.directory / f"{_LOCK}{key}"
        if not _held(path):
            with suppress(OSError):
                path.unlink()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        except OSError:
            return False
        return True

    def unlock(self, key: str) -> None:
        if key in self._holds:
            os.close(self._holds.pop(key))
        with suppress(OSError):
            (self.directory / f"{_LOCK}{key}").unlink()

    def hold(self, key: str) -> None:
        """Say that the lock is this process's: it ends with it, however that ends."""
        with suppress(OSError):
            # Not made here: it may have been removed with everything else.
            handle = os.open(self.directory / f"{_LOCK}{key}", os.O_WRONLY)
            self._holds[key] = handle
            if sys.platform != "win32":
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX)
            os.write(handle, _TAKEN)

    def under_way(self) -> list[tuple[str, float]]:
        """What is being made: keys of locks, and since when (seconds since 1970)."""
        found = []
        with suppress(OSError):
            for path in sorted(self.directory.glob(f"{_LOCK}*")):
                with suppress(OSError):
                    since = path.stat().st_mtime
                    if _held(path):
                        found.append((path.name.removeprefix(_LOCK), since))
        return found

    def _files(self, key: str) -> Iterator[Path]:
        try:
            names = os.listdir(self.directory)
        except OSError:
            return
        for name in names:
            if name.endswith(SUFFIX) and not name.startswith(".") and name.startswith(key):
                yield self.directory / name

    def _mark(self, key: str) -> Path:
        return self.directory / f"{key}.used"

    def _used(self, path: Path, otherwise: float) -> float:
        try:
            return self._mark(path.name.rpartition("-")[0]).stat().st_mtime
        except OSError:
            return otherwise

    def _trusted(self, key: str, path: Path) -> bool:
        with open(path, "rb") as file:
            if distrust(os.fstat(file.fileno())):
                return False
            mark = self._mark(key)
            if known(file, mark):
                return True
            digest = hashlib.file_digest(file, "blake2b").hexdigest()[:_LENGTH]
            if path.name != f"{key}-{digest}{SUFFIX}":
                return False
            remember(file, mark)
        return True


def known(file: IO[bytes], mark: Path) -> bool:
    """Whether `mark` says that this very file has been checked, and it has not changed since."""
    try:
        if distrust(mark.stat()) or mark.read_text() != _seen(file):
            return False
    except (OSError, ValueError):
        return False
    with suppress(OSError):
        os.utime(mark)
    return True


def remember(file: IO[bytes], mark: Path) -> None:
    """Have `mark` say that a file has been checked, if that is possible."""
    with suppress(OSError):
        mark.write_text(_seen(file))


def _seen(file: IO[bytes]) -> str:
    status = os.fstat(file.fileno())
    name = os.path.basename(file.name)
    return f"{name} {status.st_ino} {status.st_size} {status.st_ctime_ns}"


_LENGTH = 40


def _digest(data: bytes | memoryview) -> str:
    return hashlib.blake2b(data).hexdigest()[:_LENGTH]


def _held(path: Path) -> bool:
    """Whether somebody is still at what a lock is for."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError:
        return False
    with file:
        if time.time() - os.fstat(file.fileno()).st_mtime > _ABANDONED:
            return False
        if sys.platform == "win32" or file.read() != _TAKEN:
            return True  # nobody's yet, who is about to take it
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def distrust(status: os.stat_result, *also: int) -> str | None:
    """Why a file may have been written by somebody but us, or `also` by user id; None if not."""
    if not stat.S_ISREG(status.st_mode):
        return "is no file"
    if not hasattr(os, "geteuid"):
        return None  # Windows: the folder of a user is the user's
    if status.st_uid not in (os.geteuid(), *also):
        return "belongs to another user"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "may be written by others"
    return None
