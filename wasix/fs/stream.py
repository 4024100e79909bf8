"""Streams of the host: its descriptors and Python functions as open files.

A host descriptor is never switched to non-blocking (it may be shared with the parent's shell);
it is asked whether it is ready, and the host's pump wakes a queue when it becomes so.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable, Sequence

from wasix.abi import E, Errno
from wasix.abi.types import Attributes, Fdflags, Filetype
from wasix.fs import host_terminal
from wasix.fs.file import READ, WRITE, Epoll, OpenFile, Ready, total
from wasix.fs.modes import Modes
from wasix.fs.pipe import scatter
from wasix.host import Host
from wasix.proc.wait import Block, WaitQueue

_MOST = 65536
"""The most one read moves: a pipe or terminal has no more in one go anyway."""
_PIPE_BUF = getattr(select, "PIPE_BUF", 512)
"""What a pipe that is ready takes without blocking."""

_STATES = (
    {
        select.POLLIN: Epoll.IN,
        select.POLLOUT: Epoll.OUT,
        select.POLLPRI: Epoll.PRI,
        select.POLLERR: Epoll.ERR,
        select.POLLHUP: Epoll.HUP,
        **({select.POLLRDHUP: Epoll.RDHUP} if hasattr(select, "POLLRDHUP") else {}),
    }
    if hasattr(select, "poll")
    else {}
)


class Readiness:
    """Whether reading or writing a host descriptor would not block now.

    Asked before every read and write, so what the host is asked with is made once.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._polls: dict[int, select.poll] = {}

    def ask(self, event: int) -> Ready | None:
        """Raises `Errno`."""
        try:
            if hasattr(select, "poll"):
                poll = self._polls.get(event) or self._make(event)
                found = poll.poll(0)
                return Ready(1, bool(found[0][1] & select.POLLHUP)) if found else None
            reading, writing = [self._fd] * (event == READ), [self._fd] * (event != READ)
            readable, writable, _ = select.select(reading, writing, [], 0)
            return Ready(1) if readable or writable else None
        except OSError as error:
            raise Errno.of(error) from None

    def states(self) -> int:
        """What is so of the bits of epoll's events. Raises `Errno`."""
        if not hasattr(select, "poll"):
            return Epoll.IN * bool(self.ask(READ)) | Epoll.OUT * bool(self.ask(WRITE))
        try:
            poll = select.poll()
            poll.register(self._fd, sum(_STATES))
            found = poll.poll(0)
        except OSError as error:
            raise Errno.of(error) from None
        seen = found[0][1] if found else 0
        return sum(bit for asked, bit in _STATES.items() if seen & asked)

    def _make(self, event: int) -> select.poll:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN if event == READ else select.POLLOUT)
        self._polls[event] = poll
        return poll


class HostStream(OpenFile):
    """A host descriptor that is a terminal, a pipe, a socket or a device (or a plain file).

    With `owned` the descriptor is closed with the file.
    """

    def __init__(
        self,
        host: Host,
        fd: int,
        flags: int = 0,
        *,
        read: bool = True,
        write: bool = True,
        owned: bool = False,
    ) -> None:
        super().__init__(flags)
        self.readable, self.writable = read, write
        self.host = host
        self.fd = fd
        self._readiness = Readiness(fd)
        self.owned = owned
        mode = os.fstat(fd).st_mode
        self.regular = stat.S_ISREG(mode)
        self.breaks = not self.regular
        self.is_terminal = os.isatty(fd)
        # A null device has positions too, if only ever 0.
        self.seekable = self.regular or (stat.S_ISCHR(mode) and not self.is_terminal)
        # A pipe is `unknown` to preview1; a null device and the like count as terminals do.
        if stat.S_ISCHR(mode):
            self.filetype = Filetype.CHARACTER_DEVICE
        elif self.regular:
            self.filetype = Filetype.REGULAR_FILE
        elif stat.S_ISSOCK(mode):
            self.filetype = Filetype.SOCKET_STREAM

    def close(self) -> None:
        if self.owned:
            try:
                os.close(self.fd)
            except OSError as error:
                raise Errno.of(error) from None

    def _wait(self, event: int) -> None:
        if self.interests:
            self.used()
        if not self.regular and self._readiness.ask(event) is None:
            raise self._would_block(event)

    def used(self) -> None:
        """A guest reads or writes: whoever was told of it edge-triggered hears of it anew.

        The host's pump sees what is so, not what is new. So an edge is a host descriptor that is
        ready after it was used.
        """
        for interest in tuple(self.interests):
            interest.used()

    def _would_block(self, event: int) -> Errno | Block:
        """What a call that cannot proceed raises: `again`, or `Block` until it may."""
        if self.flags & Fdflags.NONBLOCK:
            return Errno(E.AGAIN)
        return Block([self.queue(event)])

    def read(self, buffers: Sequence[memoryview]) -> int:
        if not self.readable:
            raise Errno(E.BADF)
        wanted = min(total(buffers), _MOST)
        if not wanted:
            return 0
        self._wait(READ)
        try:
            data = os.read(self.fd, wanted)
        except BlockingIOError:  # another reader was faster
            raise self._would_block(READ) from None
        except OSError as error:
            raise Errno.of(error) from None
        return scatter([memoryview(data)], buffers)

    def write(self, buffers: Sequence[memoryview]) -> int:
        if not self.writable:
            raise Errno(E.BADF)
        data = buffers[0] if len(buffers) == 1 else b"".join(buffers)
        if not len(data):
            return 0
        self._wait(READ + 1)
        try:
            return os.write(self.fd, data if self.regular else data[:_PIPE_BUF])
        except BlockingIOError:
            raise self._would_block(READ + 1) from None
        except OSError as error:
            raise Errno.of(error) from None

    def seek(self, offset: int, whence: str) -> int:
        if not self.seekable:
            raise Errno(E.SPIPE)
        try:
            return os.lseek(self.fd, offset, {"set": 0, "cur": 1, "end": 2}[whence])
        except OSError as error:
            raise Errno.of(error) from None

    def attributes(self) -> Attributes:
        try:
            st = os.fstat(self.fd)
        except OSError as error:
            raise Errno.of(error) from None
        return (
            st.st_dev,
            st.st_ino,
            self.filetype,
            st.st_nlink,
            st.st_size,
            st.st_atime_ns,
            st.st_mtime_ns,
            st.st_ctime_ns,
        )

    def modes(self) -> Modes:
        if not self.is_terminal:
            raise Errno(E.NOTTY)
        return host_terminal.modes(self.fd)

    def set_modes(self, modes: Modes) -> Callable[[], None] | None:
        if not self.is_terminal:
            raise Errno(E.NOTTY)
        return host_terminal.set_modes(self.fd, modes)

    def ready(self, event: int) -> Ready | None:
        return Ready(1) if self.regular else self._readiness.ask(event)

    def states(self) -> int:
        return self._readiness.states()

    def queue(self, event: int) -> WaitQueue:
        return self.host.readable(self.fd) if event == READ else self.host.writable(self.fd)


class Sink(OpenFile):
    """An output that hands every write to a Python function, in order and at once."""

    readable = False

    def __init__(self, write: Callable[[bytes], object], filetype: int = Filetype.UNKNOWN) -> None:
        super().__init__()
        self.filetype = filetype
        self._write = write

    def write(self, buffers: Sequence[memoryview]) -> int:
        data = b"".join(buffers)
        self._write(data)
        return len(data)

    def ready(self, event: int) -> Ready | None:
        return Ready(1)
