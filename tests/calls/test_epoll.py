"""Epoll: its errors, its waits, and what wakes them. What it reports is held to Linux elsewhere."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any, cast

import pytest

from tests.calls.conftest import Guest
from wasix.abi import Errno
from wasix.abi.types import Fdflags, Oflags, Rights
from wasix.abi.wasix_types import EpollEvent
from wasix.fs.epoll import MAX_DEPTH
from wasix.fs.file import Epoll, OpenFile
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.stream import HostStream
from wasix.fs.tty import Terminal
from wasix.kernel import Kernel
from wasix.net.host import HostSocket
from wasix.proc.carrier import HostCarrier
from wasix.proc.wait import Block
from wasix.pump import SystemHost

ADD, MOD, DEL = range(3)
FOR_EVER = (1 << 64) - 1
SECOND = 1_000_000_000


def event(events: int, data: int = 0) -> EpollEvent:
    return EpollEvent(events, data.to_bytes(24, "little"))


def call(guest: Guest, name: str, *args: object) -> int:
    return cast(int, guest.call(name, *args))


def wait(guest: Guest, epfd: int, timeout: int = 0, most: int = 8) -> list[tuple[int, int]]:
    found = cast(list[EpollEvent], guest.call("epoll_wait", epfd, most, timeout))
    return [(events, int.from_bytes(data, "little")) for events, data in found]


@pytest.fixture
def epfd(guest: Guest) -> int:
    return call(guest, "epoll_create")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ((99, ADD, 0, event(1)), "badf"),
        ((4, ADD, 99, event(1)), "badf"),
        ((0, ADD, 1, event(1)), "inval"),
        ((4, ADD, 4, event(1)), "inval"),
        ((4, MOD, 0, event(1)), "noent"),
        ((4, DEL, 0, None), "noent"),
        ((4, ADD, 0, None), "fault"),
        ((4, ADD, 3, event(1)), "perm"),
    ],
)
def test_control_errors(guest: Guest, epfd: int, args: tuple[Any, ...], error: str) -> None:
    assert epfd == 4
    with pytest.raises(Errno, match=error):
        guest.call("epoll_ctl", *args)


def test_a_descriptor_is_in_it_once(guest: Guest, epfd: int) -> None:
    guest.call("epoll_ctl", epfd, ADD, 0, event(Epoll.IN))
    with pytest.raises(Errno, match="exist"):
        guest.call("epoll_ctl", epfd, ADD, 0, event(Epoll.IN))
    other = call(guest, "fd_dup", 0)
    guest.call("epoll_ctl", epfd, ADD, other, event(Epoll.IN))


def test_regular_files_are_always_ready_and_therefore_refused(guest: Guest, epfd: int) -> None:
    rights = Rights.FD_READ | Rights.POLL_FD_READWRITE
    fd = guest.call("path_open", 3, 0, "f", Oflags.CREAT, rights, 0, 0)
    with pytest.raises(Errno, match="perm"):
        guest.call("epoll_ctl", epfd, ADD, fd, event(Epoll.IN))


def test_wait_errors(guest: Guest, epfd: int) -> None:
    for args, error in (((99, 1, 0), "badf"), ((0, 1, 0), "inval"), ((epfd, 0, 0), "inval")):
        with pytest.raises(Errno, match=error):
            guest.call("epoll_wait", *args)


def test_a_set_is_not_read_nor_written(guest: Guest, epfd: int) -> None:
    for name in ("fd_read", "fd_write"):
        with pytest.raises(Errno, match="inval"):
            guest.call(name, epfd, [memoryview(bytearray(8))])


def test_data_comes_back_as_it_was_given(guest: Guest, epfd: int) -> None:
    guest.call("epoll_ctl", epfd, ADD, 0, EpollEvent(Epoll.IN, bytes(range(24))))
    guest.stdin.put(b"x")
    assert guest.call("epoll_wait", epfd, 1, 0) == [EpollEvent(Epoll.IN, bytes(range(24)))]


def test_a_wait_ends_at_its_time(guest: Guest, epfd: int) -> None:
    with pytest.raises(Block) as caught:
        wait(guest, epfd, SECOND)
    assert caught.value.deadline == guest.host.now + SECOND
    guest.host.now += SECOND
    assert wait(guest, epfd, SECOND) == []


def test_a_wait_can_be_endless(guest: Guest, epfd: int) -> None:
    with pytest.raises(Block) as caught:
        wait(guest, epfd, FOR_EVER)
    assert caught.value.deadline is None


def test_a_wait_without_time_only_looks(guest: Guest, epfd: int) -> None:
    assert wait(guest, epfd, 0) == []


class Sleeper:
    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


def asleep(guest: Guest, epfd: int) -> Sleeper:
    with pytest.raises(Block) as caught:
        wait(guest, epfd, FOR_EVER)
    sleeper = Sleeper()
    for queue in caught.value.queues:
        queue.join(sleeper)
    return sleeper


def test_waiters_are_woken_by_what_comes(guest: Guest, epfd: int) -> None:
    guest.call("epoll_ctl", epfd, ADD, 0, event(Epoll.IN, 7))
    sleeper = asleep(guest, epfd)
    guest.stdin.put(b"x")
    assert sleeper.woken
    assert wait(guest, epfd) == [(Epoll.IN, 7)]


def test_waiters_are_woken_by_a_descriptor_that_is_added_meanwhile(guest: Guest, epfd: int) -> None:
    sleeper = asleep(guest, epfd)
    guest.stdin.put(b"x")
    assert not sleeper.woken
    guest.call("epoll_ctl", epfd, ADD, 0, event(Epoll.IN, 7))
    assert sleeper.woken


def test_waiters_are_woken_again_after_a_wake_for_nothing(guest: Guest, epfd: int) -> None:
    outer = call(guest, "epoll_create")
    guest.call("epoll_ctl", epfd, ADD, 0, event(Epoll.IN))
    guest.call("epoll_ctl", outer, ADD, epfd, event(Epoll.IN, 9))
    for _ in range(3):
        sleeper = asleep(guest, outer)
        guest.stdin.put(b"x")
        assert sleeper.woken
        guest.stdin.take(1)
    guest.stdin.put(b"x")
    assert wait(guest, outer) == [(Epoll.IN, 9)]


def test_closed_descriptors_are_gone(guest: Guest, epfd: int) -> None:
    guest.call("epoll_ctl", epfd, ADD, 0, event(Epoll.IN))
    guest.stdin.put(b"x")
    other = call(guest, "fd_dup", 0)
    guest.call("fd_close", 0)
    assert len(wait(guest, epfd)) == 1  # the open file is still open
    guest.call("fd_close", other)
    assert wait(guest, epfd) == []


def test_a_closed_set_leaves_all_queues_and_its_share(guest: Guest, epfd: int) -> None:
    left = guest.process.kernel.epoll_budget.left
    for fd in (0, 1):
        guest.call("epoll_ctl", epfd, ADD, fd, event(Epoll.IN | Epoll.OUT))
    assert len(guest.stdin.readable)
    guest.call("fd_close", epfd)
    assert (len(guest.stdin.readable), len(guest.stdout.writable)) == (0, 0)
    assert guest.process.kernel.epoll_budget.left == left


def test_a_killed_process_leaves_all_queues(guest: Guest, epfd: int) -> None:
    guest.call("epoll_ctl", epfd, ADD, 0, event(Epoll.IN))
    guest.process.exit(1)
    assert len(guest.stdin.readable) == 0


def test_sets_have_bounds(guest: Guest, epfd: int) -> None:
    guest.process.kernel.epoll_budget.left = 1
    guest.call("epoll_ctl", epfd, ADD, 0, event(Epoll.IN))
    with pytest.raises(Errno, match="nospc"):
        guest.call("epoll_ctl", epfd, ADD, 1, event(Epoll.OUT))
    guest.call("epoll_ctl", epfd, DEL, 0, None)
    guest.call("epoll_ctl", epfd, ADD, 1, event(Epoll.OUT))


def test_sets_contain_one_another_only_so_deep_and_in_no_circle(guest: Guest) -> None:
    sets = [call(guest, "epoll_create") for _ in range(MAX_DEPTH + 1)]
    for outer, inner in pairwise(sets[:-1]):
        guest.call("epoll_ctl", outer, ADD, inner, event(Epoll.IN))
    for outer, inner in ((sets[-2], sets[-1]), (sets[-2], sets[0]), (sets[1], sets[0])):
        with pytest.raises(Errno, match="loop"):
            guest.call("epoll_ctl", outer, ADD, inner, event(Epoll.IN))


def test_poll_waits_for_sets_and_events(guest: Guest, epfd: int) -> None:
    from tests.calls.test_poll import READ, WRITE, descriptor, poll

    counter = call(guest, "fd_event", 0, 0)
    guest.call("epoll_ctl", epfd, ADD, counter, event(Epoll.IN))
    (ready,) = poll(guest, descriptor(1, WRITE, counter))
    assert ready.userdata == 1
    with pytest.raises(Block) as caught:
        poll(guest, descriptor(1, READ, epfd), descriptor(2, READ, counter))
    sleeper = Sleeper()
    for queue in caught.value.queues:
        queue.join(sleeper)
    guest.call("fd_write", counter, [memoryview(b"\x01" + bytes(7))])
    assert sleeper.woken == 2
    events = poll(guest, descriptor(1, READ, epfd), descriptor(2, READ, counter))
    assert [ready.userdata for ready in events] == [1, 2]


@pytest.mark.parametrize("edge", [0, Epoll.ET])
def test_a_terminal(guest: Guest, epfd: int, edge: int) -> None:
    terminal = Terminal(lambda data: None, lambda signal: None)
    fd = guest.process.descriptors.add(terminal.file)
    guest.call("epoll_ctl", epfd, ADD, fd, event(Epoll.IN | edge))
    sleeper = asleep(guest, epfd)
    terminal.input(b"a\r")
    assert sleeper.woken
    assert wait(guest, epfd) == [(Epoll.IN, 0)]
    assert len(wait(guest, epfd)) == (not edge)
    terminal.input(b"b\r")
    assert wait(guest, epfd) == [(Epoll.IN, 0)]


# Descriptors of the host, which the pump waits for.


class Machine:
    """A guest on the real host, whose calls wait."""

    def __init__(self) -> None:
        lock = threading.RLock()
        self.host = SystemHost(lock)
        namespace = Namespace(MemoryFilesystem(self.host.realtime).root)
        kernel = Kernel(self.host, namespace, lock=lock)
        self.process = kernel.process([], {}, [], {})
        self.carrier = HostCarrier(kernel)

    def call(self, name: str, *args: object) -> Any:
        from wasix.calls import HANDLERS

        main = self.process.main
        try:
            return self.carrier.call(lambda: HANDLERS[name](main, *args), 60)
        finally:
            main.call.clear()

    def add(self, file: OpenFile) -> int:
        return self.process.descriptors.add(file)

    def wait(self, epfd: int, timeout: int = FOR_EVER) -> list[int]:
        return [events for events, _ in self.call("epoll_wait", epfd, 8, timeout)]

    def read(self, fd: int, size: int) -> int:
        return cast(int, self.call("fd_read", fd, [memoryview(bytearray(size))]))


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    with made.process.kernel.lock:
        made.process.exit(0)
        made.host.close()


def later(act: Any) -> None:
    threading.Timer(0.02, act).start()


def test_a_pipe_of_the_host_level_triggered(machine: Machine) -> None:
    reader, writer = os.pipe()
    fd = machine.add(HostStream(machine.host, reader, owned=True))
    epfd = machine.call("epoll_create")
    machine.call("epoll_ctl", epfd, ADD, fd, event(Epoll.IN))
    assert machine.wait(epfd, 0) == []
    later(lambda: os.write(writer, b"ab"))
    assert machine.wait(epfd) == [Epoll.IN]
    assert machine.read(fd, 1) == 1
    assert machine.wait(epfd) == [Epoll.IN]
    assert machine.read(fd, 1) == 1
    assert machine.wait(epfd, 0) == []
    later(lambda: os.write(writer, b"c"))
    assert machine.wait(epfd) == [Epoll.IN]
    machine.read(fd, 1)
    later(lambda: os.close(writer))
    assert machine.wait(epfd) == [Epoll.HUP]


def test_a_socket_of_the_host_edge_triggered(machine: Machine) -> None:
    """Told of once, then again when it was used and there is something."""
    own, other = socket.socketpair()
    with own, other:
        fd = machine.add(HostSocket.share(machine.host, own))
        machine.call("fd_fdstat_set_flags", fd, Fdflags.NONBLOCK)
        epfd = machine.call("epoll_create")
        machine.call("epoll_ctl", epfd, ADD, fd, event(Epoll.IN | Epoll.RDHUP | Epoll.ET))
        for _ in range(3):
            later(lambda: other.send(b"ab"))
            assert machine.wait(epfd) == [Epoll.IN]
            assert machine.wait(epfd, 0) == []
            assert machine.read(fd, 8) == 2
            with pytest.raises(Errno, match="again"):
                machine.read(fd, 8)
            assert machine.wait(epfd, 0) == []
        later(lambda: other.shutdown(socket.SHUT_WR))
        assert machine.wait(epfd) == [Epoll.IN | Epoll.RDHUP]


def test_a_full_socket_of_the_host_becomes_writable(machine: Machine) -> None:
    own, other = socket.socketpair()
    with own, other:
        fd = machine.add(HostSocket.share(machine.host, own))
        machine.call("fd_fdstat_set_flags", fd, Fdflags.NONBLOCK)
        epfd = machine.call("epoll_create")
        machine.call("epoll_ctl", epfd, ADD, fd, event(Epoll.OUT | Epoll.ET))
        assert machine.wait(epfd) == [Epoll.OUT]
        sent = 0
        with suppress(Errno):
            while count := machine.call("fd_write", fd, [memoryview(bytes(65536))]):
                sent += count
        assert machine.wait(epfd, 0) == []

        def drain() -> None:
            left = sent
            while left:
                left -= len(other.recv(left))

        later(drain)
        assert machine.wait(epfd) == [Epoll.OUT]


@pytest.mark.parametrize("call", ["poll", "register", "poll.poll"])
def test_an_error_of_the_hosts_is_the_answer(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    reader, writer = os.pipe()
    fd = machine.add(HostStream(machine.host, reader, owned=True))
    epfd = machine.call("epoll_create")

    class Broken:
        def __init__(self) -> None:
            if call == "poll":
                raise OSError(errno.ENOMEM, "it fails")

        def register(self, fd: int, events: int) -> None:
            if call == "register":
                raise OSError(errno.ENOMEM, "it fails")

        def poll(self, timeout: int) -> list[tuple[int, int]]:
            raise OSError(errno.ENOMEM, "it fails")

    with monkeypatch.context() as patch:
        patch.setattr("wasix.fs.stream.select.poll", Broken)
        with pytest.raises(Errno, match="nomem"):
            machine.call("epoll_ctl", epfd, ADD, fd, event(Epoll.IN))
    machine.call("epoll_ctl", epfd, ADD, fd, event(Epoll.IN))
    os.close(writer)
    assert machine.wait(epfd) == [Epoll.HUP]
