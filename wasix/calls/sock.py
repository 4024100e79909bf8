"""Calls on sockets. preview1 cannot make any: a process has those that its host has given it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from wasix.abi import E, Errno
from wasix.abi.types import RIFLAGS, ROFLAGS, SDFLAGS, Bits, Fdflags, Filetype, Rights
from wasix.fs.file import WRITE, total
from wasix.fs.pipe import scatter
from wasix.net.socket import SocketFile, part
from wasix.proc.process import Thread
from wasix.proc.wait import Block

__all__ = ["notsup", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"]

_PEEK, _WAITALL = Bits(RIFLAGS).PEEK, Bits(RIFLAGS).WAITALL
_TRUNCATED = Bits(ROFLAGS).DATA_TRUNCATED
_RD, _WR = Bits(SDFLAGS).RD, Bits(SDFLAGS).WR

MOST_HELD = 16 << 20
"""Bytes a `waitall` holds back while it waits for more; a longer one returns with so many."""
_PIECE = 1 << 18


def _socket(thread: Thread, fd: int, right: int) -> SocketFile:
    file = thread.process.descriptors.file(fd)
    if not isinstance(file, SocketFile):
        raise Errno(E.NOTSOCK)
    thread.process.descriptors.file(fd, right)
    return file


def sock_accept(thread: Thread, fd: int, flags: int) -> int:
    """The connection gets what the listening descriptor passes on, and passes on nothing."""
    descriptors = thread.process.descriptors
    listener = _socket(thread, fd, Rights.SOCK_ACCEPT)
    if flags & ~Fdflags.NONBLOCK:
        raise Errno(E.INVAL)
    # Before a connection is taken, which would be lost.
    if len(descriptors.entries) >= descriptors.limit:
        raise Errno(E.MFILE)
    return descriptors.add(listener.accept(flags), descriptors.get(fd).inheriting)


def sock_recv(
    thread: Thread, fd: int, buffers: Sequence[memoryview], flags: int
) -> tuple[int, int]:
    """POSIX lets `waitall` return early for `peek`; datagrams come one by one in any case."""
    socket = _socket(thread, fd, Rights.FD_READ)
    if flags & _WAITALL and not flags & _PEEK and socket.filetype == Filetype.SOCKET_STREAM:
        return _receive_all(thread, socket, buffers), 0
    count, truncated = socket.receive(buffers, peek=bool(flags & _PEEK))
    return count, _TRUNCATED * truncated


def _receive_all(thread: Thread, socket: SocketFile, buffers: Sequence[memoryview]) -> int:
    """Fill `buffers`, short only at the end of the stream, at an error, or to not wait.

    What has come is held back until then: a call that waits has no buffers of its own.
    """
    held: bytearray = thread.call.pop("received", None) or bytearray()
    wanted = min(total(buffers), MOST_HELD)
    piece = memoryview(bytearray(min(wanted, _PIECE)))
    try:
        while len(held) < wanted:
            count, _ = socket.receive([piece[: wanted - len(held)]])
            if not count:
                break
            held += piece[:count]
    except Block:
        thread.call["received"] = held
        raise
    except Errno as error:
        if not held:
            raise
        _cut_short(socket, error)
    return scatter([memoryview(held)], buffers)


def sock_send(thread: Thread, fd: int, buffers: Sequence[memoryview], flags: int) -> int:
    """Sends everything, unless the descriptor is non-blocking or an error comes between."""
    socket = _socket(thread, fd, Rights.FD_WRITE)
    sent: int = thread.call.pop("sent", 0)
    missing = total(buffers) - sent
    try:
        count = socket.send(part(buffers, sent, missing) if sent else buffers)
    except Block:
        thread.call["sent"] = sent
        raise
    except Errno as error:
        if not sent:
            raise
        _cut_short(socket, error)
        return sent
    sent += count
    if 0 < count < missing and not socket.flags & Fdflags.NONBLOCK:
        thread.call["sent"] = sent
        raise Block([socket.queue(WRITE)])
    return sent


def _cut_short(socket: SocketFile, error: Errno) -> None:
    """An error ends a call that has moved bytes: it tells of these, the next call of the error."""
    if error.code != E.AGAIN:
        socket.pending = error.code


def sock_shutdown(thread: Thread, fd: int, how: int) -> None:
    socket = _socket(thread, fd, Rights.SOCK_SHUTDOWN)
    if not how:
        raise Errno(E.INVAL)
    socket.shutdown(receiving=bool(how & _RD), sending=bool(how & _WR))


def notsup(thread: Thread, *arguments: int) -> NoReturn:
    """Serves the functions that are declared but offered nowhere yet."""
    raise Errno(E.NOTSUP)
