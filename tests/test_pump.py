"""The pump: who waits for a descriptor of the host is woken, and it sleeps otherwise."""

from __future__ import annotations

import errno
import gc
import os
import select
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults import ERRORS, SITES, Site, Watched, host_calls
from wasix import pump
from wasix.abi import Errno
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


def pumps() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "wasix-pump"]


def until_readable(host: SystemHost, lock: threading.RLock, fd: int) -> list[str]:
    """Wait as a guest would, that looks again when it was woken; the errors it got."""
    errors = []
    for _ in range(5):
        try:
            woken = wait_for(host, lock, fd)
        except Errno as error:
            errors.append(error.code.name.lower())
            continue
        assert woken.wait(30)
        if select.select([fd], [], [], 0)[0]:
            return errors
    pytest.fail("woken for nothing again and again")


def wait_and_end(lock: threading.RLock) -> list[str]:
    """Two waits for two descriptors each, and the end of a pump."""
    host = SystemHost(lock)
    errors = []
    one, other = socket.socketpair()
    two, another = socket.socketpair()
    with one, other, two, another:
        for _ in range(2):
            for reader, writer in ((one, other), (two, another)):
                writer.send(b"x")
                errors += until_readable(host, lock, reader.fileno())
                reader.recv(1)
    started = pumps()
    with lock:
        host.close()
    for thread in started:
        thread.join(30)
    assert pumps() == []
    return errors


CALLS = [
    site
    for site in SITES
    if site.file == "pump.py"
    # Those are made after another failure.
    and site.call not in ("bell.close", "listener.close")
]
TOLD = ("_start", "_ring")
"""Where the guest that is about to wait is told; elsewhere the pump copes with it."""


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("site", CALLS, ids=str)
def test_the_host_fails_and_whoever_waits_is_woken_all_the_same(
    lock: threading.RLock, monkeypatch: pytest.MonkeyPatch, site: Site, error: str
) -> None:
    gc.collect()  # what other tests left
    before = len(os.listdir("/dev/fd"))
    with host_calls() as calls:
        selector = pump._Selector
        monkeypatch.setattr(pump, "_Selector", lambda: Watched(calls, selector()))
        calls.watch()
        assert wait_and_end(lock) == []
        # How often the pump turns depends on the moment; each call is made once at least.
        assert calls.made[site]
        calls.watch((site, 1, error))
        errors = wait_and_end(lock)
    name = Errno.of(OSError(getattr(errno, error), "")).code.name.lower()
    assert errors == ([name] if site.where.rpartition(".")[2] in TOLD else [])
    assert len(os.listdir("/dev/fd")) <= before  # threads of other tests may still end


def test_without_a_thread_for_the_pump_a_guest_is_told(
    lock: threading.RLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gc.collect()  # what other tests left
    before = len(os.listdir("/dev/fd"))

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    host = SystemHost(lock)
    one, other = socket.socketpair()
    with one, other:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(Errno, match="nomem"):
                wait_for(host, lock, one.fileno())
        other.send(b"x")
        assert until_readable(host, lock, one.fileno()) == []
    with lock:
        host.close()
    for thread in pumps():
        thread.join(30)
    assert len(os.listdir("/dev/fd")) <= before  # threads of other tests may still end
