"""Epoll against Linux's own: the same steps on the host's pipes, eventfds and epolls."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calls.conftest import Guest, make_guest
from wasix.abi import Errno
from wasix.abi.types import Fdflags
from wasix.abi.wasix_types import EpollEvent
from wasix.fs.file import Epoll, OpenFile
from wasix.fs.pipe import PipeWriter
from wasix.proc.wait import Block

if sys.platform != "linux":
    pytest.skip("only Linux has epoll", allow_module_level=True)

PAGE = 4096
HOST_BITS = {
    Epoll.IN: select.EPOLLIN,
    Epoll.OUT: select.EPOLLOUT,
    Epoll.RDHUP: select.EPOLLRDHUP,
    Epoll.ERR: select.EPOLLERR,
    Epoll.HUP: select.EPOLLHUP,
    Epoll.ET: select.EPOLLET,
    Epoll.ONESHOT: select.EPOLLONESHOT,
}


def host_events(events: int) -> int:
    return sum(theirs for ours, theirs in HOST_BITS.items() if events & ours)


@dataclass
class Pair:
    """The same descriptors in a guest and on the host, under the same numbers (from 100 on)."""

    stack: ExitStack
    guest: Guest = field(default_factory=make_guest)
    epolls: dict[int, Any] = field(default_factory=dict)
    kinds: dict[int, str] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    next: int = 100
    watched: dict[int, list[OpenFile]] = field(default_factory=dict)
    """The open files that an epoll ever had."""

    def adopt(self, ours: object, theirs: int, kind: str) -> int:
        """Give a guest's descriptor and a host's the next number."""
        assert isinstance(ours, int)
        number, self.next = self.next, self.next + 1
        assert self.guest.call("fd_dup2", ours, number, 0) == number
        self.guest.call("fd_close", ours)
        host = fcntl.fcntl(theirs, fcntl.F_DUPFD, 500 + number)
        os.close(theirs)
        assert host == 500 + number, "the test's own numbers must be free"
        self.stack.callback(self._close_host, host)
        self.kinds[number] = kind
        self.open.append(number)
        return number

    @staticmethod
    def _close_host(fd: int) -> None:
        with suppress(OSError):  # a step has closed it
            os.close(fd)

    def pipe(self) -> None:
        ours: Any = self.guest.call("fd_pipe")
        theirs = os.pipe2(os.O_NONBLOCK)
        for own, host, kind in zip(ours, theirs, ("reader", "writer"), strict=True):
            self.guest.call("fd_fdstat_set_flags", own, Fdflags.NONBLOCK)
            self.adopt(own, host, kind)

    def eventfd(self, count: int, semaphore: bool) -> None:
        flags = os.EFD_NONBLOCK | (os.EFD_SEMAPHORE if semaphore else 0)
        self.adopt(
            self.guest.call("fd_event", count, 4 | semaphore), os.eventfd(count, flags), "event"
        )

    def epoll(self) -> None:
        poll = select.epoll()
        # A copy of its own number is watched; the object is what Python waits with.
        number = self.adopt(self.guest.call("epoll_create"), os.dup(poll.fileno()), "epoll")
        self.epolls[number] = poll
        self.stack.callback(poll.close)

    def pick(self, kinds: str, index: int) -> int | None:
        found = [fd for fd in self.open if self.kinds[fd] in kinds.split()]
        return found[index % len(found)] if found else None

    def both(self, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
        """Do it on both sides, and compare what comes of it."""
        try:
            expected: object = theirs()
        except OSError as error:
            expected = errno.errorcode[error.errno or 0][1:].lower()
        try:
            found: object = ours()
        except Errno as error:
            found = str(error)
        except Block:
            found = []
        assert found == expected

    def write(self, index: int, count: int) -> None:
        fd = self.pick("writer event", index)
        if fd is None:
            return
        if self.kinds[fd] == "event":
            data = count.to_bytes(8, "little")
        else:
            file = self.guest.process.descriptors.file(fd)
            assert isinstance(file, PipeWriter)
            # A write that finds no room is news to the reader on Linux, and here it is not.
            if not file.pipe.room():
                return
            pages = min(1 + count % 16, file.pipe.room() // PAGE)
            data = bytes(pages * PAGE)
        self.both(
            lambda: self.guest.call("fd_write", fd, [memoryview(data)]),
            lambda: os.write(500 + fd, data),
        )

    def read(self, index: int, count: int) -> None:
        fd = self.pick("reader event", index)
        if fd is None:
            return
        size = 8 if self.kinds[fd] == "event" else (1 + count % 16) * PAGE
        self.both(
            lambda: self.guest.call("fd_read", fd, [memoryview(bytearray(size))]),
            lambda: len(os.read(500 + fd, size)),
        )

    def close(self, index: int) -> None:
        if len(self.open) > 1:
            fd = self.open.pop(index % len(self.open))
            self.guest.call("fd_close", fd)
            os.close(500 + fd)
            if fd in self.epolls:
                self.epolls[fd].close()

    def duplicate(self, index: int) -> None:
        fd = self.pick("reader writer event", index)
        if fd is not None:
            self.adopt(self.guest.call("fd_dup", fd), os.dup(500 + fd), self.kinds[fd])

    def control(self, epoll: int, op: int, index: int, events: int) -> None:
        epfd = self.pick("epoll", epoll)
        fd = self.pick("reader writer event epoll", index)
        if epfd is None or fd is None:
            return
        poll = self.epolls[epfd]
        data = fd.to_bytes(24, "little")
        host: list[Callable[[], object]] = [
            lambda: poll.register(500 + fd, host_events(events)),
            lambda: poll.modify(500 + fd, host_events(events)),
            lambda: poll.unregister(500 + fd),
        ]
        if op == 0:
            self.watched.setdefault(epfd, []).append(self.guest.process.descriptors.file(fd))
        self.both(
            lambda: self.guest.call("epoll_ctl", epfd, op, fd, EpollEvent(events, data)), host[op]
        )

    def wait(self, epoll: int, most: int) -> None:
        epfd = self.pick("epoll", epoll)
        if epfd is None:
            return
        guest = self.guest
        # Duplicates become ready at once, in no order.
        watched = list(self.watched.get(epfd, []))
        duplicates = len(set(watched)) < len(watched)
        most = 64 if duplicates else most
        order: Callable[[Any], object] = sorted if duplicates else list

        def ours() -> object:
            try:
                found: Any = guest.call("epoll_wait", epfd, most, 0)
            finally:
                guest.process.main.call.clear()
            return order(
                (500 + int.from_bytes(data, "little"), host_events(events))
                for events, data in found
            )

        self.both(ours, lambda: order(self.epolls[epfd].poll(0, most)))


INDEX = st.integers(0, 11)
EVENTS = st.sampled_from([Epoll.IN, Epoll.OUT, Epoll.IN | Epoll.OUT, Epoll.IN | Epoll.RDHUP, 0])
HOW = st.sampled_from([0, 0, Epoll.ET, Epoll.ONESHOT, Epoll.ET | Epoll.ONESHOT])
WRITE = st.one_of(
    st.tuples(st.just("write"), INDEX, st.integers(0, 17)),
    st.tuples(st.just("write"), INDEX, st.sampled_from([1, 15, (1 << 64) - 3])),
)
READ = st.tuples(st.just("read"), INDEX, st.integers(0, 17))
CONTROL = st.tuples(
    *(st.just("control"), INDEX, st.sampled_from([0, 0, 0, 1, 1, 2]), INDEX),
    st.builds(int.__or__, EVENTS, HOW),
)
WAIT = st.tuples(st.just("wait"), INDEX, st.sampled_from([1, 2, 64]))
RARE = st.one_of(
    st.tuples(st.just("pipe")),
    st.tuples(st.just("eventfd"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("epoll")),
    st.tuples(st.just("close"), INDEX),
    st.tuples(st.just("duplicate"), INDEX),
)
STEP = st.one_of(CONTROL, CONTROL, WRITE, READ, WAIT, WAIT, RARE)


@given(st.lists(STEP, min_size=10, max_size=80))
@settings(deadline=None, max_examples=400)
def test_the_same_steps_have_the_same_results(steps: list[tuple[Any, ...]]) -> None:
    with ExitStack() as stack:
        pair = Pair(stack)
        for _ in range(2):
            pair.pipe()
            pair.eventfd(0, False)
            pair.epoll()
        for name, *arguments in steps:
            getattr(pair, name)(*arguments)
        for index in range(4):
            pair.wait(index, 64)
