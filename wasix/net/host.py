"""Sockets of the host as open files. It is kept apart from the kernel, as pages have none.

A socket the host program gives a guest stays the program's too, and so does its mode: blocking or
not belongs to the socket and not to who uses it. Therefore each call asks not to wait by
`MSG_DONTWAIT`. Where a call has no such flag (accept anywhere, send on macOS, which disregards it),
the socket is made non-blocking for the time of that call, which never waits itself; a thread of the
host program that begins a call on the same blocking socket just then may see `BlockingIOError`.
Connections accepted by a guest are its own, and simply non-blocking.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from wasix.abi import Errno
from wasix.abi.types import Filetype
from wasix.fs.file import READ, WRITE, Ready
from wasix.fs.stream import HostStream
from wasix.host import Host
from wasix.net.socket import SocketFile, part

_DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)
_SEND_FLAGS = _DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)
_SEND_WAITS = sys.platform == "darwin"
_MOST = 1 << 20
"""The most bytes one call moves: the kernel lock is held meanwhile."""
_MOST_BUFFERS = 1024
"""Buffers in one call: IOV_MAX on Linux and macOS."""

FILETYPES = {
    socket.SOCK_STREAM: Filetype.SOCKET_STREAM,
    socket.SOCK_DGRAM: Filetype.SOCKET_DGRAM,
}


class HostSocket(SocketFile, HostStream):
    """A stream or datagram socket of the host.

    `own` is closed with the file. Python's side of it is non-blocking, so that no call waits in
    Python; the host's side may be blocking.
    """

    def __init__(self, host: Host, own: socket.socket, flags: int = 0) -> None:
        super().__init__(host, own.fileno(), flags)
        self.socket = own
        self.filetype = FILETYPES[own.type]

    @classmethod
    def share(cls, host: Host, given: socket.socket) -> HostSocket:
        """An open file over a duplicate of `given`, which stays as it is, and its owner's.

        Raises `OSError`, and `ValueError` for what is neither a stream nor a datagram socket.
        """
        if given.type not in FILETYPES:
            raise ValueError(f"a socket of type {given.type!r} means nothing in preview1")
        fd = os.dup(given.fileno())
        try:
            blocking = os.get_blocking(fd)
            own = socket.socket(given.family, given.type, given.proto, fileno=fd)
        except BaseException:
            os.close(fd)
            raise
        try:
            # Python changes the host's side as well, here and where it has a default timeout.
            own.setblocking(False)
            os.set_blocking(fd, blocking)
            return cls(host, own)
        except BaseException:
            own.close()
            raise

    def close(self) -> None:
        try:
            self.socket.close()
        except OSError as error:
            raise Errno.of(error) from None

    def accept(self, flags: int) -> HostSocket:
        if self.interests:
            self.used()
        connection = None
        try:
            with _nonblocking(self.fd):
                connection, _ = self.socket.accept()
            connection.setblocking(False)
            return HostSocket(self.host, connection, flags)
        except BlockingIOError:
            raise self._would_block(READ) from None
        except OSError as error:
            if connection is not None:
                connection.close()
            raise Errno.of(error) from None

    def receive(self, buffers: Sequence[memoryview], *, peek: bool = False) -> tuple[int, bool]:
        self.raise_pending()
        if self.interests:
            self.used()
        buffers = part(buffers, 0, _MOST)[:_MOST_BUFFERS]
        if not buffers and self.filetype == Filetype.SOCKET_STREAM:
            return 0, False
        flags = _DONTWAIT | (socket.MSG_PEEK if peek else 0)
        try:
            count, _, seen, _ = self.socket.recvmsg_into(buffers, 0, flags)
        except BlockingIOError:
            raise self._would_block(READ) from None
        except OSError as error:
            raise Errno.of(error) from None
        return count, bool(seen & socket.MSG_TRUNC)

    def send(self, buffers: Sequence[memoryview]) -> int:
        self.raise_pending()
        if self.interests:
            self.used()
        if self.filetype == Filetype.SOCKET_STREAM:
            buffers = part(buffers, 0, _MOST)[:_MOST_BUFFERS]
        try:
            with _nonblocking(self.fd) if _SEND_WAITS else nullcontext():
                return self.socket.sendmsg(buffers, [], _SEND_FLAGS)
        except BlockingIOError:
            raise self._would_block(WRITE) from None
        except OSError as error:
            raise Errno.of(error) from None

    def shutdown(self, *, receiving: bool, sending: bool) -> None:
        how = socket.SHUT_RD if receiving else socket.SHUT_WR
        try:
            self.socket.shutdown(socket.SHUT_RDWR if receiving and sending else how)
        except OSError as error:
            raise Errno.of(error) from None

    def ready(self, event: int) -> Ready | None:
        if self.pending is not None:
            return Ready(0)
        found = super().ready(event)
        return found._replace(nbytes=self._available()) if found and event == READ else found

    def _available(self) -> int:
        """Bytes that can be received now; 1 for a connection that can be accepted."""
        import fcntl
        import termios

        try:
            count = fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4))
        except OSError:
            return 1
        return int.from_bytes(count, sys.byteorder)


@contextmanager
def _nonblocking(fd: int) -> Iterator[None]:
    """Within it no call on the host's socket waits, whatever its mode."""
    blocking = os.get_blocking(fd)
    if blocking:
        os.set_blocking(fd, False)
    try:
        yield
    finally:
        if blocking:
            os.set_blocking(fd, True)
