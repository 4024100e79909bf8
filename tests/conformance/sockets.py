"""The sockets that the guest of `tests/guests/sockets.h` finds as descriptors 3 and up."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def host_sockets() -> Iterator[list[socket.socket]]:
    """Them in order, until its end: a listener, two clients of it, a pair of each kind."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        clients: list[socket.socket] = []
        for _ in range(2):
            client = socket.create_connection(listener.getsockname())
            clients.append(stack.enter_context(client))
            # The first is to be accepted first.
            select.select([listener], [], [])
        streams = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        datagrams = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for one in (*streams, *datagrams):
            stack.enter_context(one)
        yield [listener, *clients, *streams, *datagrams]
