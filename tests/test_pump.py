"""The pump: who waits for a descriptor of the host is woken, and it sleeps otherwise."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from wasix import pump
from wasix.pump import SystemHost


class Waiter:
    """A sleeper for the test's own thread."""

    def __init__(self) -> None:
        self.woken = threading.Event()

    def wake(self) -> None:
        self.woken.set()


@pytest.fixture
def lock() -> threading.RLock:
    return threading.RLock()


@pytest.fixture
def host(lock: threading.RLock) -> Iterator[SystemHost]:
    host = SystemHost(lock)
    yield host
    with lock:
        host.close()


def wait_for(host: SystemHost, lock: threading.RLock, fd: int) -> threading.Event:
    """An event that is set when `fd` may be read."""
    waiter = Waiter()
    with lock:
        host.readable(fd).join(waiter)
    return waiter.woken


def test_everyone_who_waits_for_a_descriptor_is_woken(
    host: SystemHost, lock: threading.RLock
) -> None:
    one, other = socket.socketpair()
    with one, other:
        waiting = [wait_for(host, lock, one.fileno()) for _ in range(3)]
        other.send(b"x")
        assert all(woken.wait(30) for woken in waiting)


def test_what_was_closed_here_and_is_open_elsewhere_is_forgotten(
    host: SystemHost, lock: threading.RLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for_nothing = 0

    class Counting(pump._Selector):  # type: ignore[misc, valid-type]  # the system decides which
        def select(self, timeout: float | None = None) -> object:
            nonlocal for_nothing
            found = super().select(timeout)
            for_nothing += not found
            return found

    monkeypatch.setattr(pump, "_Selector", Counting)
    one, other = socket.socketpair()
    kept, sender = socket.socketpair()
    with one, other, kept, sender:

        def let_it_turn() -> None:
            woken = wait_for(host, lock, one.fileno())
            other.send(b"x")
            assert woken.wait(30)
            one.recv(1)

        for _ in range(10):
            fd = os.dup(kept.fileno())
            woken = wait_for(host, lock, fd)
            let_it_turn()
            os.close(fd)
            sender.send(b"x")
            assert woken.wait(30)
            let_it_turn()
            kept.recv(1)
    assert for_nothing == 0
