"""`sockets=` of `wasix.Popen` and `wasix.run`, with a guest that serves one connection."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

import wasix

Wat = Callable[[str], str]

# Accepts a connection on descriptor 3, sends back what it receives until the client's end, and
# exits with the number of the connection's descriptor.
ECHO = """
(module
  (import "wasi_snapshot_preview1" "sock_accept"
    (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $receive (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send"
    (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (if (call $accept (i32.const 3) (i32.const 0) (i32.const 16)) (then (call $exit (i32.const 1))))
    (loop $again
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 60000))
      (drop (call $receive (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 0)
        (i32.const 4) (i32.const 8)))
      (if (i32.load (i32.const 4)) (then
        (drop (call $send (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 0)
          (i32.const 8)))
        (br $again))))
    (call $exit (i32.load (i32.const 16)))))
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def received(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (part := client.recv(count - len(data))):
        data += part
    return data


def test_a_guest_serves_a_listening_socket(wat: Wat, engine: str, listener: socket.socket) -> None:
    with wasix.Popen([wat(ECHO)], engine=engine, sockets=[listener]) as process:
        with socket.create_connection(listener.getsockname()) as client:
            for data in (b"first", b"second", bytes(range(256)) * 1000):
                client.sendall(data)
                assert received(client, len(data)) == data
        # `/` and `.` come behind the socket.
        assert process.wait(30) == 6


def test_the_callers_socket_may_be_closed_at_once(
    wat: Wat, engine: str, listener: socket.socket
) -> None:
    address = listener.getsockname()
    with wasix.Popen([wat(ECHO)], engine=engine, sockets=[listener]) as process:
        listener.close()
        with socket.create_connection(address) as client:
            client.send(b"hello")
            assert client.recv(64) == b"hello"
        assert process.wait(30) == 6
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_guest_that_waits_for_a_connection_can_be_killed(
    wat: Wat, engine: str, listener: socket.socket
) -> None:
    process = wasix.Popen([wat(ECHO)], engine=engine, sockets=[listener])
    process.kill()
    assert process.wait(30) == 137
    with socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted:
            accepted.send(b"from the host")
        assert client.recv(64) == b"from the host"


def test_run_takes_sockets_too(wat: Wat, engine: str, listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        client.send(b"request")
        client.shutdown(socket.SHUT_WR)
        assert wasix.run([wat(ECHO)], engine=engine, sockets=[listener]).returncode == 6
        assert client.recv(64) == b"request"


def test_what_cannot_be_given(wat: Wat, engine: str, listener: socket.socket) -> None:
    closed = socket.socket()
    closed.close()
    with pytest.raises(wasix.UsageError, match="cannot be given to a guest"):
        wasix.Popen([wat(ECHO)], engine=engine, sockets=[listener, closed])
