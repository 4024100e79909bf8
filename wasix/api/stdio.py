"""Standard streams of a guest: what `stdin=`, `stdout=`, `stderr=` may be, as open files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import IO, Any

from wasix.abi import Errno
from wasix.api.errors import UsageError
from wasix.fs.devices import null
from wasix.fs.file import OpenFile
from wasix.fs.pipe import Pipe, PipeReader, PipeWriter
from wasix.fs.stream import HostStream, Sink
from wasix.kernel import Kernel
from wasix.proc.carrier import HostCarrier

Stdio = int | bytes | IO[Any] | None
"""None inherits; PIPE, DEVNULL, STDOUT as in `subprocess`; a descriptor; a file object; for stdin
also the bytes to read."""


class _Raw(io.RawIOBase):
    """The host's end of a kernel pipe."""

    def __init__(self, kernel: Kernel, file: OpenFile) -> None:
        super().__init__()
        self._carrier = HostCarrier(kernel)
        self._file = file

    def close(self) -> None:
        if not self.closed:
            super().close()
            with self._carrier.kernel.lock:
                self._file.close()

    def _call(self, function: Callable[[], int]) -> int:
        try:
            return self._carrier.call(function)
        except Errno as error:
            raise BrokenPipeError(f"the guest has closed its end ({error})") from None


class _ReadEnd(_Raw):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        return self._call(lambda: self._file.read([view]))


class _WriteEnd(_Raw):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        rest = view
        while len(rest):
            rest = rest[self._call(partial(self._file.write, [rest])) :]
        return len(view)


def pipe_from_guest(kernel: Kernel) -> tuple[OpenFile, io.BufferedReader]:
    """A pipe a guest writes to: (the guest's end, the host's)."""
    pipe = Pipe()
    return PipeWriter(pipe), io.BufferedReader(_ReadEnd(kernel, PipeReader(pipe)))


def pipe_to_guest(kernel: Kernel) -> tuple[OpenFile, io.BufferedWriter]:
    """A pipe a guest reads from: (the guest's end, the host's)."""
    pipe = Pipe()
    return PipeReader(pipe), io.BufferedWriter(_WriteEnd(kernel, PipeWriter(pipe)))


def inherited(kernel: Kernel, value: Stdio, number: int) -> OpenFile:
    """The open file for anything but PIPE and STDOUT; `number` is 0, 1 or 2."""
    if isinstance(value, int) and value == subprocess.DEVNULL:
        return null()
    if isinstance(value, bytes) and not number:
        pipe = Pipe()
        pipe.put(value)
        pipe.close_write()
        return PipeReader(pipe)
    if value is None:
        stream = (sys.stdin, sys.stdout, sys.stderr)[number]
        if stream is not None and number:
            stream.flush()
        # A notebook's output, say, has no descriptor but shows what is written to it.
        value = stream if number and stream and not _has_descriptor(stream) else number
    if isinstance(value, int):
        try:
            return HostStream(kernel.host, value, read=not number, write=bool(number))
        except OSError:
            return null()
    if not isinstance(value, bytes) and _has_descriptor(value):
        return HostStream(kernel.host, value.fileno(), read=not number, write=bool(number))
    if number and hasattr(value, "write"):
        return Sink(_writer(value))
    raise UsageError(f"{value!r} cannot be a guest's standard stream: it has no fileno()")


def _has_descriptor(stream: Any) -> bool:
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def _writer(stream: Any) -> Callable[[bytes], object]:
    """How to write bytes to a Python stream without a descriptor, text or binary."""
    if isinstance(stream, io.TextIOBase):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        return lambda data: stream.write(data.decode(encoding, "replace"))
    write: Callable[[bytes], object] = stream.write
    return write


def environment(value: dict[str, str]) -> dict[bytes, bytes]:
    """Checked and encoded environment variables. Raises `UsageError`."""
    for name, text in value.items():
        if not name or "=" in name or "\0" in name + text:
            raise UsageError(f"{name!r} is no environment variable's name, or its value has a NUL")
    return {os.fsencode(name): os.fsencode(text) for name, text in value.items()}
