"""Events (`fd_event`): a counter, compared with Linux's eventfd where there is one."""

from __future__ import annotations

import errno
import os
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calls.conftest import Guest, make_guest
from wasix.abi import Errno
from wasix.proc.wait import Block

NONBLOCK, SEMAPHORE = 4, 1
VALUES = st.sampled_from([0, 1, 2, (1 << 63), (1 << 64) - 3, (1 << 64) - 2, (1 << 64) - 1])


def make(guest: Guest, count: int = 0, flags: int = 0) -> int:
    return cast(int, guest.call("fd_event", count, flags))


def read(guest: Guest, fd: int, size: int = 8) -> bytes:
    buffer = bytearray(size)
    done = guest.call("fd_read", fd, [memoryview(buffer)])
    assert done == 8
    return bytes(buffer)


def write(guest: Guest, fd: int, count: int) -> object:
    return guest.call("fd_write", fd, [memoryview(count.to_bytes(8, "little"))])


@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="only Linux has eventfds")
@given(st.booleans(), st.integers(0, 3), st.lists(st.tuples(st.booleans(), VALUES)))
def test_counts_as_linux_does(semaphore: bool, count: int, steps: list[tuple[bool, int]]) -> None:
    guest = make_guest()
    ours = make(guest, count, NONBLOCK | SEMAPHORE * semaphore)
    theirs = os.eventfd(count, os.EFD_NONBLOCK | os.EFD_SEMAPHORE * semaphore)
    try:
        for reading, value in steps:
            data = value.to_bytes(8, "little")
            try:
                expected: Any = os.read(theirs, 8) if reading else os.write(theirs, data)
            except OSError as error:
                expected = errno.errorcode[error.errno or 0][1:].lower()
            try:
                found: Any = read(guest, ours) if reading else write(guest, ours, value)
            except Errno as error:
                found = str(error)
            assert found == expected
    finally:
        os.close(theirs)


def test_waits_for_a_count_and_for_room(guest: Guest) -> None:
    fd = make(guest)
    with pytest.raises(Block) as caught:
        read(guest, fd)
    (queue,) = caught.value.queues
    woken: list[bool] = []

    class Sleeper:
        def wake(self) -> None:
            woken.append(True)

    queue.join(Sleeper())
    write(guest, fd, (1 << 64) - 2)
    assert woken
    with pytest.raises(Block):
        write(guest, fd, 1)
    read(guest, fd)
    write(guest, fd, 1)


@pytest.mark.parametrize("size", [0, 7])
def test_less_than_8_bytes_are_inval(guest: Guest, size: int) -> None:
    fd = make(guest, 1)
    for name in ("fd_read", "fd_write"):
        with pytest.raises(Errno, match="inval"):
            guest.call(name, fd, [memoryview(bytearray(size))])


def test_more_bytes_and_several_buffers_are_fine(guest: Guest) -> None:
    fd = make(guest, 7)
    one, two = bytearray(3), bytearray(20)
    assert guest.call("fd_read", fd, [memoryview(one), memoryview(two)]) == 8
    assert int.from_bytes((one + two)[:8], "little") == 7


def test_a_duplicate_counts_with_it(guest: Guest) -> None:
    fd = make(guest, 0)
    other = cast(int, guest.call("fd_dup", fd))
    write(guest, other, 5)
    guest.call("fd_close", other)
    assert read(guest, fd)[0] == 5
