"""A guest's open file as one of Python's."""

from __future__ import annotations

import errno
import io
import os
from os import PathLike
from typing import IO, Any, NamedTuple, Self, TypeAlias, cast

from wasix.abi import E, Errno
from wasix.abi.types import Fdflags
from wasix.api.stdio import release
from wasix.fs.file import OpenFile, RegularFile
from wasix.fs.inode import Access
from wasix.fs.opening import Opening
from wasix.kernel import Kernel
from wasix.proc.carrier import HostCarrier

Path: TypeAlias = str | PathLike[str]

_NUMBERS = {E.TOOBIG: errno.E2BIG, E.NOTCAPABLE: errno.EPERM}


def os_error(error: Errno, path: Path, other: Path | None = None) -> OSError:
    """The `OSError` of a kernel error, of the subclass Python has for it."""
    name = "E" + error.code.name
    number = _NUMBERS.get(error.code, getattr(errno, name, errno.EIO))
    names = (os.fspath(path),) if other is None else (os.fspath(path), None, os.fspath(other))
    return OSError(number, os.strerror(number), *names)


class Mode(NamedTuple):
    """A mode as the builtin `open` takes it: one of `rwax`, whether `+`, whether `b`."""

    kind: str
    plus: bool
    binary: bool

    @classmethod
    def parse(cls, mode: str) -> Self:
        """Raises `ValueError`."""
        kinds = [letter for letter in mode if letter in "rwax"]
        rest = sorted(letter for letter in mode if letter not in "rwax")
        if len(kinds) != 1 or rest not in ([], ["+"], ["b"], ["t"], ["+", "b"], ["+", "t"]):
            raise ValueError(f"invalid mode: {mode!r}")
        return cls(kinds[0], "+" in rest, "b" in rest)

    @property
    def reads(self) -> bool:
        return self.kind == "r" or self.plus

    @property
    def writes(self) -> bool:
        return self.kind != "r" or self.plus

    @property
    def opening(self) -> Opening:
        flags = Fdflags.APPEND if self.kind == "a" else 0
        access = Access(self.reads, self.writes, self.kind == "w", flags)
        return Opening(access, create=self.kind != "r", exclusive=self.kind == "x")


class GuestFile(io.RawIOBase):
    """An open file of the kernel's as a raw file of Python's."""

    def __init__(self, kernel: Kernel, file: OpenFile, name: str, mode: Mode) -> None:
        super().__init__()
        self.name = name
        # As `io.FileIO` says it.
        kind = "r" if mode.kind == "w" and mode.plus else mode.kind
        self.mode = kind + "b" + "+" * mode.plus
        self._reads, self._writes = mode.reads, mode.writes
        self._kernel, self._file = kernel, file
        self._carrier = HostCarrier(kernel)

    def _require(self, allowed: bool, reason: str = "") -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if not allowed:
            raise io.UnsupportedOperation(reason)

    def _call(self, function: Any) -> Any:
        self._require(allowed=True)
        try:
            return self._carrier.call(function)
        except Errno as error:
            raise os_error(error, self.name) from None

    def close(self) -> None:
        if not self.closed:
            super().close()
            release(self._kernel, self._file)

    def readable(self) -> bool:
        return self._reads

    def writable(self) -> bool:
        return self._writes

    def seekable(self) -> bool:
        return self._file.seekable

    def readinto(self, buffer: Any) -> int:
        self._require(self._reads, "not readable")
        view = memoryview(buffer).cast("B")
        count: int = self._call(lambda: self._file.read([view]))
        return count

    def write(self, data: Any) -> int:
        self._require(self._writes, "not writable")
        view = memoryview(data).cast("B")
        count: int = self._call(lambda: self._file.write([view]))
        return count

    def seek(self, offset: int, whence: int = 0) -> int:
        names = {os.SEEK_SET: "set", os.SEEK_CUR: "cur", os.SEEK_END: "end"}
        if whence not in names:
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        position: int = self._call(lambda: self._file.seek(offset, names[whence]))
        return position

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def truncate(self, size: int | None = None) -> int:
        self._require(self._writes, "not writable")
        length = self.tell() if size is None else size
        if length < 0:
            raise os_error(Errno(E.INVAL), self.name)
        self._call(lambda: self._file.set_size(length))
        return length

    def size(self) -> int:
        """Bytes in the file; 0 if it is not a regular one."""
        if not isinstance(self._file, RegularFile):
            return 0
        size: int = self._call(self._file.stat).size
        return size

    def fileno(self) -> int:
        raise io.UnsupportedOperation("a guest's file has no descriptor")


def buffered(
    raw: GuestFile,
    mode: Mode,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> IO[Any]:
    """What the builtin `open` makes of such a raw file; text is UTF-8 unless told otherwise."""
    if mode.kind == "a" and raw.seekable():
        raw.seek(0, os.SEEK_END)
    if buffering == 0:
        return cast(IO[Any], raw)
    size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
    file: io.BufferedReader | io.BufferedWriter | io.BufferedRandom
    if mode.reads and mode.writes and raw.seekable():
        file = io.BufferedRandom(cast(Any, raw), size)
    elif mode.writes:
        file = io.BufferedWriter(cast(Any, raw), size)
    else:
        file = io.BufferedReader(cast(Any, raw), size)
    if mode.binary:
        return file
    text = io.TextIOWrapper(
        file, encoding or "utf-8", errors, newline, line_buffering=buffering == 1
    )
    cast(Any, text).mode = mode.kind + "+" * mode.plus
    return text
