"""The socket calls on sockets of the host. What Linux answers is asked in `tests/conformance`."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from tests.net.conftest import PEEK, RD, WAITALL, WR, Guest, Start
from wasix.abi import Errno
from wasix.abi.types import (
    EVENTTYPE,
    Event,
    Fdflags,
    Filetype,
    Rights,
    Subscription,
    SubscriptionFd,
)
from wasix.calls import sock
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.kernel import Kernel
from wasix.net.host import HostSocket
from wasix.proc.carrier import HostCarrier
from wasix.proc.wait import Block
from wasix.pump import SystemHost

Pair = tuple[socket.socket, socket.socket]
NONBLOCK = Fdflags.NONBLOCK
ON_CONNECTIONS = Rights.FD_READ | Rights.FD_WRITE | Rights.SOCK_SHUTDOWN | Rights.SOCK_ACCEPT


def poll(guest: Guest, fd: int, name: str) -> Event:
    event = EVENTTYPE.members.index(name)
    events = guest.call("poll_oneoff", [Subscription(7, (event, SubscriptionFd(fd)))])
    (found,) = cast(list[Event], events)
    return found


def readable(one: socket.socket) -> None:
    """Waits until something has arrived."""
    select.select([one], [], [])


def test_sockets_come_before_directories(start: Start, pair: Pair, listener: socket.socket) -> None:
    guest = start(listener, *pair)
    filetypes = []
    for fd in range(3, 7):
        stat = guest.fdstat(fd)
        filetypes.append(stat.filetype)
    assert filetypes == [Filetype.SOCKET_STREAM] * 3 + [Filetype.DIRECTORY]


def test_a_libc_that_looks_for_directories_does_not_stop_at_a_socket(
    start: Start, pair: Pair
) -> None:
    guest = start(pair[0])
    assert guest.call("fd_prestat_get", 3) == (1, None)
    assert guest.call("fd_prestat_get", 4) == (0, (1,))
    with pytest.raises(Errno, match="notdir"):
        guest.call("fd_prestat_dir_name", 3, memoryview(bytearray(8)))


def test_an_accepted_connection_is_no_preopen(start: Start, listener: socket.socket) -> None:
    guest = start(listener)
    with socket.create_connection(listener.getsockname()):
        accepted = guest.accept(3)
        with pytest.raises(Errno, match="badf"):
            guest.call("fd_prestat_get", accepted)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("sock_accept", (0,)),
        ("sock_recv", ([], 0)),
        ("sock_send", ([], 0)),
        ("sock_shutdown", (RD,)),
    ],
)
def test_what_is_no_socket(start: Start, name: str, args: tuple[object, ...]) -> None:
    guest = start()
    for fd, answer in [(0, "notsock"), (1, "notsock"), (3, "notsock"), (99, "badf")]:
        with pytest.raises(Errno, match=answer):
            guest.call(name, fd, *args)


@pytest.mark.parametrize(
    ("right", "name", "args"),
    [
        (Rights.SOCK_ACCEPT, "sock_accept", (0,)),
        (Rights.FD_READ, "sock_recv", ([], 0)),
        (Rights.FD_WRITE, "sock_send", ([], 0)),
        (Rights.SOCK_SHUTDOWN, "sock_shutdown", (RD,)),
    ],
)
def test_a_call_needs_its_right(
    start: Start, pair: Pair, right: int, name: str, args: tuple[object, ...]
) -> None:
    guest = start(pair[0])
    stat = guest.fdstat(3)
    assert stat.rights_base & ON_CONNECTIONS == ON_CONNECTIONS
    guest.call("fd_fdstat_set_rights", 3, stat.rights_base & ~right, 0)
    with pytest.raises(Errno, match="notcapable"):
        guest.call(name, 3, *args)


def test_a_connection_has_what_its_listener_passes_on(
    start: Start, listener: socket.socket
) -> None:
    guest = start(listener)
    given = Rights.SOCK_ACCEPT | Rights.FD_READ
    guest.call("fd_fdstat_set_rights", 3, given, Rights.FD_READ)
    with socket.create_connection(listener.getsockname()) as client:
        accepted = guest.accept(3)
        stat = guest.fdstat(accepted)
        assert (stat.rights_base, stat.rights_inheriting) == (Rights.FD_READ, 0)
        client.send(b"x")
        readable_in(guest, accepted)
        assert guest.receive(accepted, 8) == (b"x", 0)
        with pytest.raises(Errno, match="notcapable"):
            guest.send(accepted, b"y")


def readable_in(guest: Guest, fd: int) -> None:
    file = guest.process.descriptors.file(fd)
    assert isinstance(file, HostSocket)
    readable(file.socket)


def test_receiving_waits_for_the_socket_and_nothing_else(start: Start, pair: Pair) -> None:
    guest = start(pair[0])
    file = guest.process.descriptors.file(3)
    calls: list[Callable[[], object]] = [
        lambda: guest.receive(3, 8),
        lambda: guest.receive(3, 8, PEEK),
        lambda: guest.receive(3, 8, WAITALL),
        lambda: guest.call("fd_read", 3, [memoryview(bytearray(8))]),
    ]
    for call in calls:
        with pytest.raises(Block) as caught:
            call()
        assert caught.value.queues == (file.queue(EVENTTYPE.members.index("fd_read")),)
        assert caught.value.deadline is None
        guest.process.main.call.clear()
    pair[1].send(b"hello")
    assert guest.receive(3, 8) == (b"hello", 0)


@pytest.mark.parametrize("flags", [0, NONBLOCK])
def test_accepting_waits_unless_the_listener_is_nonblocking(
    start: Start, listener: socket.socket, flags: int
) -> None:
    guest = start(listener)
    guest.call("fd_fdstat_set_flags", 3, flags)
    with pytest.raises(Errno if flags else Block, match="again" if flags else "would block"):
        guest.accept(3)
    with socket.create_connection(listener.getsockname()):
        readable(listener)
        accepted = guest.accept(3, NONBLOCK)
        stat = guest.fdstat(accepted)
        assert stat.flags == NONBLOCK
        with pytest.raises(Errno, match="again"):
            guest.receive(accepted, 8)


def test_no_connection_is_lost_for_want_of_a_descriptor(
    start: Start, listener: socket.socket
) -> None:
    guest = start(listener, max_files=5)
    with socket.create_connection(listener.getsockname()) as client:
        client.send(b"kept")
        with pytest.raises(Errno, match="mfile"):
            guest.accept(3)
        guest.call("fd_close", 2)
        assert guest.accept(3) == 2
        readable_in(guest, 2)
        assert guest.receive(2, 8) == (b"kept", 0)


def test_waitall_waits_for_all_and_keeps_what_came(start: Start, pair: Pair) -> None:
    guest = start(pair[0])
    first, second = bytearray(4), bytearray(6)
    buffers = [memoryview(first), memoryview(second)]
    for data in (b"ab", b"cdefg"):
        pair[1].send(data)
        with pytest.raises(Block):
            guest.call("sock_recv", 3, buffers, WAITALL)
        assert not any(first + second)
    pair[1].send(b"hijkl")
    assert guest.call("sock_recv", 3, buffers, WAITALL) == (10, 0)
    assert first + second == b"abcdefghij"
    assert guest.receive(3, 8) == (b"kl", 0)


def test_waitall_ends_with_the_stream(start: Start, pair: Pair) -> None:
    guest = start(pair[0])
    pair[1].send(b"ab")
    with pytest.raises(Block):
        guest.receive(3, 8, WAITALL)
    pair[1].close()
    assert guest.receive(3, 8, WAITALL) == (b"ab", 0)
    assert guest.receive(3, 8, WAITALL) == (b"", 0)


def test_waitall_that_an_error_ends_tells_of_it_in_the_next_call(
    start: Start, listener: socket.socket
) -> None:
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    with client, server:
        guest = start(server)
        client.send(b"ab")
        readable(server)
        with pytest.raises(Block):
            guest.receive(3, 8, WAITALL)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        readable(server)
        assert guest.receive(3, 8, WAITALL) == (b"ab", 0)
        assert poll(guest, 3, "fd_read").error == 0
        with pytest.raises(Errno, match="connreset"):
            guest.receive(3, 8)
        assert guest.receive(3, 8) == (b"", 0)


def test_waitall_holds_back_no_more_than_its_limit(
    start: Start, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sock, "MOST_HELD", 10)
    guest = start(pair[0])
    pair[1].send(b"0123456789abcdef")
    assert guest.receive(3, 1000, WAITALL) == (b"0123456789", 0)
    assert guest.receive(3, 1000) == (b"abcdef", 0)


def drain(guest: Guest, data: bytes, other: socket.socket) -> tuple[int, bytes]:
    """Send `data`, reading at the other end whenever the call waits: (answer, what was read)."""
    read = b""
    other.setblocking(False)
    while True:
        try:
            sent = guest.send(3, data)
        except Block:
            read += other.recv(len(data))
        else:
            with_rest = [read]
            while len(b"".join(with_rest)) < sent:
                with_rest.append(other.recv(len(data)))
            return sent, b"".join(with_rest)


def test_sending_goes_on_until_everything_is_sent(start: Start, pair: Pair) -> None:
    guest = start(pair[0])
    data = bytes(range(256)) * 16384
    assert drain(guest, data, pair[1]) == (len(data), data)


def test_sending_that_an_error_ends_tells_of_it_in_the_next_call(start: Start, pair: Pair) -> None:
    guest = start(pair[0])
    data = bytes(1 << 22)
    with pytest.raises(Block):
        guest.send(3, data)
    pair[1].close()
    assert 0 < guest.send(3, data) < len(data)
    with pytest.raises(Errno, match="pipe"):
        guest.send(3, data)


def test_nonblocking_sending_sends_what_it_can(start: Start, pair: Pair) -> None:
    guest = start(pair[0])
    guest.call("fd_fdstat_set_flags", 3, NONBLOCK)
    data = bytes(1 << 22)
    assert 0 < guest.send(3, data) < len(data)
    with pytest.raises(Errno, match="again"):
        guest.send(3, data)
    with pytest.raises(Block):
        poll(guest, 3, "fd_write")


def test_more_buffers_than_the_host_takes(start: Start, pair: Pair) -> None:
    guest = start(*pair)
    data = [bytes([index % 256]) for index in range(3000)]
    for _ in range(2):
        with pytest.raises(Block):
            guest.send(3, *data)
    assert guest.send(3, *data) == 3000
    into = [memoryview(bytearray(1)) for _ in range(3000)]
    assert guest.call("sock_recv", 4, into, 0) == (1024, 0)
    assert b"".join(into[:1024]) == b"".join(data[:1024])


@pytest.fixture
def datagrams() -> Iterator[Pair]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        yield one, other


def test_a_datagram_is_never_sent_in_parts(start: Start, datagrams: Pair) -> None:
    guest = start(datagrams[0])
    with pytest.raises(Errno, match="msgsize"):
        guest.send(3, *[b"x"] * 3000)
    assert guest.send(3, b"ab", b"cd") == 4
    assert datagrams[1].recv(8) == b"abcd"


def test_a_cut_datagram_says_so(start: Start, datagrams: Pair) -> None:
    guest = start(datagrams[0])
    datagrams[1].send(b"datagram")
    assert guest.receive(3, 4, PEEK) == (b"data", 1)
    assert guest.receive(3, 4) == (b"data", 1)


def test_receiving_nothing_does_not_wait(start: Start, pair: Pair) -> None:
    guest = start(pair[0])
    assert guest.receive(3, 0) == (b"", 0)
    assert guest.receive(3, 0, WAITALL) == (b"", 0)


def test_poll_tells_how_much_there_is(start: Start, pair: Pair, listener: socket.socket) -> None:
    guest = start(pair[0], listener)
    pair[1].send(b"hello")
    assert poll(guest, 3, "fd_read").fd_readwrite == (5, 0)
    assert poll(guest, 3, "fd_write").fd_readwrite == (0, 0)
    pair[1].close()
    assert poll(guest, 3, "fd_read").fd_readwrite == (5, 1)
    with pytest.raises(Block):
        poll(guest, 4, "fd_read")
    with socket.create_connection(listener.getsockname()):
        readable(listener)
        assert poll(guest, 4, "fd_read").fd_readwrite == (1, 0)


@pytest.mark.skipif(not hasattr(socket, "SCM_RIGHTS"), reason="descriptors cannot be sent here")
@pytest.mark.parametrize("flags", [0, PEEK, WAITALL])
def test_a_peer_cannot_slip_in_descriptors(start: Start, pair: Pair, flags: int) -> None:
    guest = start(pair[0])
    reader, writer = os.pipe()
    socket.send_fds(pair[1], [b"x"], [writer])
    os.close(writer)
    assert guest.receive(3, 1, flags) == (b"x", 0)
    if flags == PEEK:
        assert guest.receive(3, 1) == (b"x", 0)
    # At its end: nobody has the writing end.
    assert os.read(reader, 1) == b""
    os.close(reader)


@pytest.mark.parametrize("timeout", [None, 0.0, 5.0])
@pytest.mark.parametrize("default", [None, 5.0])
def test_the_hosts_sockets_stay_as_they_are(
    start: Start,
    pair: Pair,
    listener: socket.socket,
    timeout: float | None,
    default: float | None,
) -> None:
    blocking = timeout is None
    for given in (pair[0], listener):
        given.settimeout(timeout)
    socket.setdefaulttimeout(default)
    try:
        guest = start(pair[0], listener)
    finally:
        socket.setdefaulttimeout(None)
    guest.send(3, b"x")
    calls: list[Callable[[], object]] = [lambda: guest.receive(3, 8), lambda: guest.accept(4)]
    for call in calls:
        with pytest.raises(Block):
            call()
    with socket.create_connection(listener.getsockname()):
        readable(listener)
        guest.accept(4)
    for given in (pair[0], listener):
        assert os.get_blocking(given.fileno()) == blocking
        assert given.gettimeout() == timeout


def test_closing_and_ending_leave_the_hosts_sockets_open(start: Start, pair: Pair) -> None:
    guest = start(*pair)
    guest.call("fd_close", 3)
    guest.process.exit(0)
    pair[0].send(b"still here")
    assert pair[1].recv(64) == b"still here"


def test_the_end_of_a_process_closes_its_connections(
    start: Start, pair: Pair, listener: socket.socket
) -> None:
    guest = start(listener, pair[0])
    with socket.create_connection(listener.getsockname()) as client:
        guest.accept(3)
        pair[0].close()
        guest.process.exit(0)
        assert client.recv(1) == b""
        assert pair[1].recv(1) == b""


def test_only_stream_and_datagram_sockets_are_shared() -> None:
    if not hasattr(socket, "SOCK_SEQPACKET"):
        pytest.skip("the host has no others")
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other, pytest.raises(ValueError, match="SOCK_SEQPACKET"):
        HostSocket.share(SystemHost(threading.RLock()), one)


def test_waiting_calls_go_on_when_the_host_has_something(
    start: Start, listener: socket.socket
) -> None:
    lock = threading.RLock()
    host = SystemHost(lock)
    kernel = Kernel(host, Namespace(MemoryFilesystem(host.realtime).root, host.realtime), lock=lock)
    guest = start(listener, kernel=kernel)
    received = b""

    def serve() -> None:
        nonlocal received
        carrier = HostCarrier(kernel)
        accepted = carrier.call(lambda: guest.accept(3))
        received += carrier.call(lambda: guest.receive(accepted, 6))[0]
        received += carrier.call(lambda: guest.receive(accepted, 6, WAITALL))[0]
        carrier.call(lambda: guest.call("sock_shutdown", accepted, WR))

    server = threading.Thread(target=serve)
    server.start()
    with socket.create_connection(listener.getsockname()) as client:
        client.send(b"first.")
        client.send(b"sec")
        client.send(b"ond")
        assert client.recv(1) == b""
    server.join()
    with lock:
        host.close()
    assert received == b"first.second"
