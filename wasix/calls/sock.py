"""Sockets. No process has one yet, so every descriptor that is open answers `notsock`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from wasix.abi import E, Errno
from wasix.proc.process import Thread

__all__ = ["notsup", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"]


def _no_socket(thread: Thread, fd: int) -> NoReturn:
    thread.process.descriptors.get(fd)
    raise Errno(E.NOTSOCK)


def sock_accept(thread: Thread, fd: int, flags: int) -> int:
    _no_socket(thread, fd)


def sock_recv(
    thread: Thread, fd: int, buffers: Sequence[memoryview], flags: int
) -> tuple[int, int]:
    _no_socket(thread, fd)


def sock_send(thread: Thread, fd: int, buffers: Sequence[memoryview], flags: int) -> int:
    _no_socket(thread, fd)


def sock_shutdown(thread: Thread, fd: int, how: int) -> None:
    _no_socket(thread, fd)


def notsup(thread: Thread, *arguments: int) -> NoReturn:
    """Serves the functions that are declared but offered nowhere yet."""
    raise Errno(E.NOTSUP)
