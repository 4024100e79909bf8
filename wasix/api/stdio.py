"""Standard streams of a guest: what `stdin=`, `stdout=`, `stderr=` may be, as open files."""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
from _thread import start_new_thread
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from subprocess import DEVNULL, PIPE, STDOUT
from typing import IO, Any, Protocol, cast

from wasix.abi import E, Errno
from wasix.abi.types import Fdflags
from wasix.api.errors import UsageError
from wasix.fs.devices import null
from wasix.fs.file import READ, OpenFile, Ready, total
from wasix.fs.pipe import Pipe, PipeReader, PipeWriter, scatter
from wasix.fs.stream import HostStream, Sink
from wasix.kernel import Kernel
from wasix.proc.carrier import HostCarrier
from wasix.proc.wait import Block, WaitQueue


class Reads(Protocol):
    """An object to read from; `readline` is used as well where it is one of text."""

    def read(self, size: int, /) -> Any: ...


class Writes(Protocol):
    """An object to write to: bytes, or text if it has an `encoding`."""

    def write(self, data: Any, /) -> object: ...


Stdio = int | bytes | bytearray | memoryview | IO[Any] | Reads | Writes | None
"""None inherits; PIPE, DEVNULL, STDOUT as in `subprocess`; a descriptor; a file object; for stdin
also the bytes to read."""

PipeEnd = PipeReader | PipeWriter


def connect(
    kernel: Kernel, stdin: Stdio, stdout: Stdio, stderr: Stdio
) -> tuple[list[OpenFile], dict[int, PipeEnd]]:
    """(the guest's three open files, the host's ends of those that are a PIPE by their number)."""
    files: list[OpenFile] = []
    ends: dict[int, PipeEnd] = {}
    for number, value in enumerate((stdin, stdout, stderr)):
        if _is(value, PIPE):
            pipe = Pipe()
            files.append(PipeWriter(pipe) if number else PipeReader(pipe))
            ends[number] = PipeReader(pipe) if number else PipeWriter(pipe)
        elif _is(value, STDOUT) and number == 2:
            files.append(files[1])
        elif _is(value, DEVNULL):
            files.append(null())
        else:
            files.append(_file(kernel, value, number))
    return files, ends


def _is(value: Stdio, constant: int) -> bool:
    return isinstance(value, int) and value == constant


def _file(kernel: Kernel, value: Stdio, number: int) -> OpenFile:
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
            if value != number:
                raise UsageError(f"{value} is no open descriptor") from None
            return null()
    if isinstance(value, bytes | bytearray | memoryview | io.BytesIO | io.StringIO):
        return _memory(value, number)
    if _has_descriptor(value):
        fd = cast(IO[Any], value).fileno()
        return HostStream(kernel.host, fd, read=not number, write=bool(number))
    if number and hasattr(value, "write"):
        return ObjectOutput(kernel, value)
    if not number and hasattr(value, "read"):
        return ObjectInput(kernel, value)
    need = "write" if number else "read"
    raise UsageError(f"{value!r} cannot be a guest's standard stream: it has no {need}()")


def _has_descriptor(stream: Any) -> bool:
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def _memory(
    value: bytes | bytearray | memoryview | io.BytesIO | io.StringIO, number: int
) -> OpenFile:
    """Of what is in memory: what there is to read is read now; what is written is appended."""
    if number and isinstance(value, io.BytesIO | io.StringIO):
        return Sink(_writer(value))
    if number:
        raise UsageError(f"a guest cannot write to {type(value).__name__}: give an io.BytesIO")
    data = value.read() if isinstance(value, io.BytesIO | io.StringIO) else bytes(value)
    pipe = Pipe()
    pipe.put(data.encode() if isinstance(data, str) else data)
    pipe.close_write()
    return PipeReader(pipe)


def _is_text(stream: Any) -> bool:
    return isinstance(stream, io.TextIOBase) or hasattr(stream, "encoding")


def _encoding(stream: Any) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _writer(stream: Any) -> Callable[[bytes], object]:
    """How to write bytes to a Python stream, text or binary."""
    if not _is_text(stream):
        write: Callable[[bytes], object] = stream.write
        return write
    decoder = codecs.getincrementaldecoder(_encoding(stream))("replace")
    return lambda data: stream.write(decoder.decode(data))


class ObjectOutput(OpenFile):
    """A Python object with `write`, which gets each write, on the guest's thread.

    It is called without the kernel lock, so that it may take its time, and use the sandbox.
    """

    readable = False

    def __init__(self, kernel: Kernel, stream: Any) -> None:
        super().__init__()
        self._lock = kernel.lock
        self._write = _writer(stream)

    def write(self, buffers: Sequence[memoryview]) -> int:
        data = b"".join(buffers)
        self._lock.release()
        try:
            self._write(data)
        except OSError as error:
            raise Errno.of(error) from None
        except Exception:  # the object is the user's: whatever it raises is the guest's to see
            raise Errno(E.IO) from None
        finally:
            self._lock.acquire()
        return len(data)

    def ready(self, event: int) -> Ready | None:
        return Ready(1)


class ObjectInput(OpenFile):
    """A Python object with `read`, which may keep its reader waiting.

    So it is read on a thread of its own, when the guest asks; a text object by lines.
    """

    writable = False

    def __init__(self, kernel: Kernel, stream: Any) -> None:
        super().__init__()
        self._lock = kernel.lock
        self._stream = stream
        self._readable = WaitQueue()
        self._wanted: SimpleQueue[int] | None = None
        self._asked = False
        self._data = memoryview(b"")
        self._end: Errno | None = None
        self._ended = False

    def close(self) -> None:
        if self._wanted is not None:
            self._wanted.put(0)

    def read(self, buffers: Sequence[memoryview]) -> int:
        wanted = total(buffers)
        if not wanted:
            return 0
        if not len(self._data) and not self._ended:
            self._ask(wanted)
            if self.flags & Fdflags.NONBLOCK:
                raise Errno(E.AGAIN)
            raise Block([self._readable])
        if not len(self._data) and self._end is not None:
            raise self._end
        count = scatter([self._data[:wanted]], buffers)
        self._data = self._data[count:]
        return count

    def ready(self, event: int) -> Ready | None:
        if event != READ:
            return Ready(0)
        if not len(self._data) and not self._ended:
            self._ask(io.DEFAULT_BUFFER_SIZE)
            return None
        return Ready(len(self._data), not len(self._data))

    def queue(self, event: int) -> WaitQueue:
        return self._readable

    def _ask(self, count: int) -> None:
        if self._asked:
            return
        self._asked = True
        if self._wanted is None:
            self._wanted = SimpleQueue()
            threading.Thread(
                target=self._serve, args=(self._wanted,), name="wasix-stdin", daemon=True
            ).start()
        self._wanted.put(count)

    def _serve(self, requests: SimpleQueue[int]) -> None:
        while count := requests.get():
            data, end = b"", None
            try:
                data = self._fetch(count)
            except OSError as error:
                end = Errno.of(error)
            except Exception:  # as in `ObjectOutput`
                end = Errno(E.IO)
            with self._lock:
                self._data, self._end = memoryview(data), end
                self._ended = not data
                self._asked = False
                self._readable.wake()

    def _fetch(self, count: int) -> bytes:
        stream = self._stream
        if _is_text(stream):
            return str(stream.readline()).encode(_encoding(stream))
        read = getattr(stream, "read1", None) or stream.read
        return bytes(read(min(count, io.DEFAULT_BUFFER_SIZE)) or b"")


class _Raw(io.RawIOBase):
    """The host's end of a kernel pipe."""

    def __init__(self, kernel: Kernel, end: PipeEnd) -> None:
        super().__init__()
        self._carrier = HostCarrier(kernel)
        self._end = end

    def close(self) -> None:
        if not self.closed:
            super().close()
            release(self._carrier.kernel, self._end)


class ReadEnd(_Raw):
    """Where the host reads what a guest writes. `record` collects what is read, if set."""

    record: bytearray | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = self._carrier.call(lambda: self._end.read([view]))
        if self.record is not None:
            self.record += view[:count]
        return count


class WriteEnd(_Raw):
    """Where the host writes what a guest reads. `BrokenPipeError` if it has closed its end."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = rest = memoryview(data).cast("B")
        while len(rest):
            try:
                rest = rest[self._carrier.call(partial(self._end.write, [rest])) :]
            except Errno as error:
                raise BrokenPipeError(f"the guest has closed its end ({error})") from None
        return len(view)


def release(kernel: Kernel, file: OpenFile) -> None:
    """Close `file`, which the host has open; also from a finalizer.

    Garbage is collected in the middle of anything, also of a guest's system call on its thread:
    then on a thread of its own, started without the locks that `threading` takes.
    """

    def close() -> None:
        with kernel.lock:
            file.close()

    if kernel.entered:
        with suppress(RuntimeError):  # the interpreter is ending
            start_new_thread(close, ())
    else:
        close()


def environment(value: dict[str, str]) -> dict[bytes, bytes]:
    """Checked and encoded environment variables. Raises `UsageError`."""
    for name, text in value.items():
        if not name or "=" in name or "\0" in name + text:
            raise UsageError(f"{name!r} is no environment variable's name, or its value has a NUL")
    return {os.fsencode(name): os.fsencode(text) for name, text in value.items()}
