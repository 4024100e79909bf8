"""Sockets of the host in a kernel without an engine: handlers are called directly."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

import pytest

from tests.calls.conftest import ManualHost
from wasix.abi.types import Fdstat
from wasix.calls import HANDLERS
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.pipe import Pipe, PipeReader, PipeWriter
from wasix.host import Host
from wasix.kernel import Kernel
from wasix.net.host import HostSocket
from wasix.proc.process import Process

PEEK, WAITALL = 1, 2
RD, WR = 1, 2


@dataclass
class Guest:
    """A process whose descriptors from 3 on are the sockets it was given, then `/`."""

    process: Process

    def call(self, name: str, *args: object) -> object:
        """Make a system call as a guest would, once: raises `Block` if it would wait."""
        return HANDLERS[name](self.process.main, *args)

    def fdstat(self, fd: int) -> Fdstat:
        return Fdstat(*HANDLERS["fd_fdstat_get"](self.process.main, fd))

    def receive(self, fd: int, size: int, flags: int = 0) -> tuple[bytes, int]:
        """What sock_recv gives for one buffer: (bytes, roflags)."""
        buffer = bytearray(size)
        count, found = cast(
            tuple[int, int], self.call("sock_recv", fd, [memoryview(buffer)], flags)
        )
        return bytes(buffer[:count]), found

    def send(self, fd: int, *data: bytes) -> int:
        return cast(int, self.call("sock_send", fd, [memoryview(part) for part in data], 0))

    def accept(self, fd: int, flags: int = 0) -> int:
        return cast(int, self.call("sock_accept", fd, flags))


Start = Callable[..., Guest]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a guest with sockets: `start(*sockets, max_files=, host=)`."""
    with ExitStack() as stack:

        def make(
            *sockets: socket.socket, max_files: int = 1024, kernel: Kernel | None = None
        ) -> Guest:
            if kernel is None:
                host: Host = ManualHost()
                namespace = Namespace(MemoryFilesystem(host.realtime).root, host.realtime)
                kernel = Kernel(host, namespace)
            pipe = Pipe()
            process = kernel.process(
                [b"guest"],
                {},
                [PipeReader(pipe), PipeWriter(pipe), PipeWriter(pipe)],
                {"/": kernel.namespace.root},
                sockets=[HostSocket.share(kernel.host, given) for given in sockets],
                max_files=max_files,
            )
            stack.callback(process.exit, 0)
            return Guest(process)

        yield make


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server
