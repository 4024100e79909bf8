"""Pipes between a guest and its host, through the calls a guest makes."""

from __future__ import annotations

import pytest

from tests.calls.conftest import Guest
from wasix.abi import E, Errno
from wasix.abi.types import Fdflags
from wasix.proc.wait import Block


def read(guest: Guest, count: int) -> bytes:
    buffer = bytearray(count)
    done = guest.call("fd_read", 0, [memoryview(buffer)])
    assert isinstance(done, int)
    return bytes(buffer[:done])


def write(guest: Guest, data: bytes) -> int:
    done = guest.call("fd_write", 1, [memoryview(data)])
    assert isinstance(done, int)
    return done


def test_an_empty_pipe_blocks_until_written(guest: Guest) -> None:
    with pytest.raises(Block) as caught:
        read(guest, 10)
    assert caught.value.queues == (guest.stdin.readable,)
    guest.stdin.put(b"hello")
    assert read(guest, 3) == b"hel"
    assert read(guest, 10) == b"lo"


def test_a_closed_pipe_is_at_its_end(guest: Guest) -> None:
    guest.stdin.put(b"x")
    guest.stdin.close_write()
    assert read(guest, 10) == b"x"
    assert read(guest, 10) == b""


def test_nonblocking_ends_answer_again(guest: Guest) -> None:
    guest.call("fd_fdstat_set_flags", 0, Fdflags.NONBLOCK)
    with pytest.raises(Errno) as caught:
        read(guest, 1)
    assert caught.value.code is E.AGAIN


def test_a_write_that_fits_is_never_split(guest: Guest) -> None:
    capacity = guest.stdout.capacity
    write(guest, bytes(capacity - 10))
    with pytest.raises(Block):
        write(guest, bytes(11))
    assert write(guest, bytes(10)) == 10


def test_a_write_larger_than_the_pipe_goes_in_parts(guest: Guest) -> None:
    capacity = guest.stdout.capacity
    assert write(guest, bytes(capacity + 5)) == capacity
    with pytest.raises(Block):
        write(guest, bytes(capacity + 5))


def test_writing_without_a_reader_is_pipe(guest: Guest) -> None:
    guest.stdout.close_read()
    with pytest.raises(Errno) as caught:
        write(guest, b"x")
    assert caught.value.code is E.PIPE


def test_gathered_and_scattered_buffers_keep_their_order(guest: Guest) -> None:
    guest.stdin.put(b"abc")
    guest.stdin.put(b"defg")
    one, two = bytearray(2), bytearray(4)
    assert guest.call("fd_read", 0, [memoryview(one), memoryview(two)]) == 6
    assert bytes(one + two) == b"abcdef"
