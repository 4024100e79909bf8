"""A process that is killed while it waits: whatever it waits for, nothing of it is left."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable

import pytest

from tests.calls.conftest import Guest
from wasix.abi import UNWIND
from wasix.abi.wasix import WASIX
from wasix.abi.wasix_types import EpollEvent
from wasix.fs.file import Epoll
from wasix.fs.tty import Terminal
from wasix.proc.carrier import OsThreadCarrier
from wasix.proc.signal import Signal
from wasix.proc.wait import WaitQueue

FOR_EVER = (1 << 64) - 1
BUFFER, SIZE, RESULT, OTHER = 16, 8, 200, 64

Call = tuple[str, tuple[int, ...], list[WaitQueue]]


def reading(guest: Guest) -> Call:
    return "fd_read", (0, 0, 1, RESULT), [guest.stdin.readable]


def writing(guest: Guest) -> Call:
    guest.stdout.put(bytes(guest.stdout.capacity))
    return "fd_write", (1, 0, 1, RESULT), [guest.stdout.roomier]


def counting(guest: Guest) -> Call:
    fd = guest.call("fd_event", 0, 0)
    assert isinstance(fd, int)
    file = guest.process.descriptors.file(fd)
    return "fd_read", (fd, 0, 1, RESULT), [file.queue(0), file.queue(1)]


def overflowing(guest: Guest) -> Call:
    fd = guest.call("fd_event", FOR_EVER - 1, 0)
    assert isinstance(fd, int)
    file = guest.process.descriptors.file(fd)
    return "fd_write", (fd, 0, 1, RESULT), [file.queue(0), file.queue(1), file.queue(2)]


def at_a_terminal(guest: Guest) -> Call:
    terminal = Terminal(lambda data: None, lambda signal: None)
    guest.process.descriptors.replace(0, terminal.file)
    return "fd_read", (0, 0, 1, RESULT), [terminal.readable]


def for_a_set(guest: Guest) -> Call:
    epfd = guest.call("epoll_create")
    assert isinstance(epfd, int)
    queue = guest.process.descriptors.file(epfd).queue(0)
    guest.call("epoll_ctl", epfd, 0, 0, EpollEvent(Epoll.IN, bytes(24)))
    return "epoll_wait", (epfd, OTHER, 1, FOR_EVER, RESULT), [queue, guest.stdin.readable]


def for_a_descriptor(guest: Guest) -> Call:
    return "poll_oneoff", (OTHER, 128, 1, RESULT), [guest.stdin.readable]


def for_a_time(guest: Guest) -> Call:
    return "thread_sleep", (FOR_EVER,), []


def with_a_timer(guest: Guest) -> Call:
    guest.call("proc_raise_interval", "alrm", 1 << 62, 1)
    return reading(guest)


@pytest.mark.parametrize(
    "wait",
    [
        reading,
        writing,
        counting,
        overflowing,
        at_a_terminal,
        for_a_set,
        for_a_descriptor,
        for_a_time,
        with_a_timer,
    ],
)
def test_a_killed_wait_leaves_nothing(guest: Guest, wait: Callable[[Guest], Call]) -> None:
    memory = memoryview(bytearray(256))
    struct.pack_into("<II", memory, 0, BUFFER, SIZE)
    memory[BUFFER : BUFFER + SIZE] = (1).to_bytes(SIZE, "little")
    struct.pack_into("<QBxxxxxxxI", memory, OTHER, 0, 1, 0)  # to read descriptor 0
    name, args, queues = wait(guest)
    (function,) = WASIX.variants(name)
    carrier = OsThreadCarrier(guest.process.main)
    asleep = threading.Event()
    sleep = carrier._condition.wait

    def told(timeout: float | None = None) -> bool:
        asleep.set()
        return sleep(timeout)

    carrier._condition.wait = told  # type: ignore[method-assign]
    answers: list[int] = []
    thread = threading.Thread(
        target=lambda: answers.append(carrier.entry(function)(memory, args)), daemon=True
    )
    thread.start()
    assert asleep.wait(60)
    with guest.process.kernel.lock:
        files = {entry.file for entry in guest.process.descriptors.entries.values()}
        guest.process.deliver(Signal.KILL)
    thread.join(60)
    assert answers == [UNWIND]
    assert guest.process.status == 128 + Signal.KILL
    assert [len(queue) for queue in queues] == [0] * len(queues)
    assert {file.references for file in files} == {0}
    assert all(not file.interests for file in files)
    assert guest.stdin.read_closed
    assert guest.stdout.write_closed
    assert guest.process.timers.deadline is None
    assert not guest.process.kernel.processes
