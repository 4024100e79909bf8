"""Duplicated descriptors, pipes a guest makes, and what exec closes."""

from __future__ import annotations

from typing import cast

import pytest

from tests.calls.conftest import Guest
from wasix.abi import E, Errno
from wasix.abi.types import Oflags, Rights
from wasix.proc.process import Process
from wasix.proc.signal import Signal
from wasix.proc.wait import Block

WRITE = Rights.FD_READ | Rights.FD_WRITE | Rights.FD_SEEK | Rights.FD_FDSTAT_SET_FLAGS


def pipe(guest: Guest) -> tuple[int, int]:
    return cast(tuple[int, int], guest.call("fd_pipe"))


def call(guest: Guest, name: str, *args: object) -> int:
    return cast(int, guest.call(name, *args))


def write(guest: Guest, fd: int, data: bytes) -> int:
    return call(guest, "fd_write", fd, [memoryview(data)])


def read(guest: Guest, fd: int, size: int = 100) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: call(guest, "fd_read", fd, [memoryview(buffer)])])


def create(guest: Guest, name: str, extra: int = 0) -> int:
    return call(guest, "path_open2", 3, 0, name, Oflags.CREAT, WRITE, 0, 0, extra)


def child(guest: Guest) -> Guest:
    """A process as fork makes it."""
    process = guest.process
    copy = Process(process.kernel, 99, [], {}, process.descriptors.copy(), process)
    return Guest(guest.host, copy, guest.stdin, guest.stdout)


def test_a_duplicate_has_the_lowest_free_number(guest: Guest) -> None:
    assert call(guest, "fd_dup", 0) == 4
    guest.call("fd_close", 1)
    assert call(guest, "fd_dup", 0) == 1


def test_a_duplicate_can_be_had_from_a_number_on(guest: Guest) -> None:
    assert call(guest, "fd_dup2", 0, 10, 0) == 10
    assert call(guest, "fd_dup2", 0, 10, 0) == 11
    assert call(guest, "fd_dup2", 0, 0, 0) == 4


@pytest.mark.parametrize("least", [1024, 65536, (1 << 32) - 1])
def test_a_number_that_none_can_have_is_inval(guest: Guest, least: int) -> None:
    with pytest.raises(Errno, match="inval"):
        guest.call("fd_dup2", 0, least, 0)


def test_a_closed_descriptor_has_no_duplicate(guest: Guest) -> None:
    for name, more in (("fd_dup", ()), ("fd_dup2", (0, 0))):
        with pytest.raises(Errno, match="badf"):
            guest.call(name, 77, *more)


def test_no_more_than_the_limit(guest: Guest) -> None:
    guest.process.descriptors.limit = 6
    assert [call(guest, "fd_dup", 0), call(guest, "fd_dup", 0)] == [4, 5]
    for name, more in (("fd_dup", (0,)), ("fd_dup2", (0, 4, 0)), ("fd_event", (0, 0))):
        with pytest.raises(Errno, match="mfile"):
            guest.call(name, *more)


def test_a_pipe_takes_two_numbers_or_none(guest: Guest) -> None:
    guest.process.descriptors.limit = 5
    with pytest.raises(Errno, match="mfile"):
        pipe(guest)
    assert len(guest.process.descriptors.entries) == 4


def test_duplicates_share_the_offset_and_the_flags(guest: Guest) -> None:
    fd = create(guest, "f")
    other = call(guest, "fd_dup", fd)
    write(guest, fd, b"hello")
    assert guest.call("fd_tell", other) == 5
    guest.call("fd_fdstat_set_flags", other, 1)
    assert guest.fdstat(fd).flags == 1


def test_a_duplicate_keeps_rights_and_not_close_on_exec(guest: Guest) -> None:
    fd = create(guest, "f", extra=1)
    guest.call("fd_fdstat_set_rights", fd, Rights.FD_READ, 0)
    other = call(guest, "fd_dup", fd)
    assert guest.call("fd_fdflags_get", fd) == 1
    assert guest.call("fd_fdflags_get", other) == 0
    with pytest.raises(Errno, match="notcapable"):
        write(guest, other, b"x")
    assert guest.call("fd_fdflags_get", call(guest, "fd_dup2", fd, 0, 1)) == 1


def test_a_pipe_ends_when_the_last_writer_is_closed(guest: Guest) -> None:
    reader, writer = pipe(guest)
    other = call(guest, "fd_dup", writer)
    write(guest, writer, b"x")
    guest.call("fd_close", writer)
    assert read(guest, reader) == b"x"
    with pytest.raises(Block):
        read(guest, reader)
    guest.call("fd_close", other)
    assert read(guest, reader) == b""


def test_a_pipe_breaks_when_the_last_reader_is_closed_in_any_process(guest: Guest) -> None:
    reader, writer = pipe(guest)
    forked = child(guest)
    guest.call("fd_close", reader)
    assert write(guest, writer, b"x") == 1
    assert read(forked, reader) == b"x"
    forked.process.exit(0)
    with pytest.raises(Errno, match="pipe"):
        write(guest, writer, b"x")


def test_ends_of_a_pipe_go_one_way(guest: Guest) -> None:
    reader, writer = pipe(guest)
    with pytest.raises(Errno, match="badf"):
        write(guest, reader, b"x")
    with pytest.raises(Errno, match="badf"):
        read(guest, writer)
    with pytest.raises(Errno, match="spipe"):
        guest.call("fd_seek", reader, 0, "set")


def test_preview1_renumbers_and_wasix_duplicates(guest: Guest) -> None:
    first, second = create(guest, "a"), create(guest, "b")
    guest.call("fd_renumber", first, second)
    with pytest.raises(Errno, match="badf"):
        guest.call("fd_tell", first)
    guest.process.wasix = True
    first = create(guest, "c", extra=1)
    guest.call("fd_renumber", first, 30)
    write(guest, first, b"abc")
    assert guest.call("fd_tell", 30) == 3
    assert guest.call("fd_fdflags_get", 30) == 0
    guest.call("fd_renumber", first, first)
    assert guest.call("fd_fdflags_get", first) == 1
    with pytest.raises(Errno, match="badf"):
        guest.call("fd_renumber", first, 5000)


def test_wasix_keeps_its_preopened_directories(guest: Guest) -> None:
    guest.process.wasix = True
    fd = create(guest, "f")
    with pytest.raises(Errno, match="notsup"):
        guest.call("fd_renumber", fd, 3)
    guest.call("fd_close", 3)
    guest.call("fd_fdflags_set", 3, 1)
    guest.process.descriptors.close_on_exec()
    assert create(guest, "g") == 5


def test_exec_closes_what_is_marked(guest: Guest) -> None:
    reader, writer = pipe(guest)
    guest.call("fd_fdflags_set", writer, 1)
    guest.process.descriptors.close_on_exec()
    assert read(guest, reader) == b""
    assert guest.call("fd_fdflags_get", reader) == 0
    for name, more in (("fd_fdflags_get", ()), ("fd_fdflags_set", (1,))):
        with pytest.raises(Errno, match="badf"):
            guest.call(name, writer, *more)


def test_a_copy_is_of_all_that_descriptors_have(guest: Guest) -> None:
    fd = create(guest, "f", extra=1)
    guest.call("fd_fdstat_set_rights", fd, Rights.FD_READ, 0)
    entries, copies = guest.process.descriptors.entries, guest.process.descriptors.copy().entries
    assert copies == entries
    assert all(copies[number] is not entries[number] for number in entries)
    assert all(entry.file.references == 2 for entry in entries.values())


def test_a_killed_process_gives_up_its_ends(guest: Guest) -> None:
    reader, writer = pipe(guest)
    forked = child(guest)
    guest.call("fd_close", writer)
    with pytest.raises(Block):
        read(guest, reader)
    forked.process.deliver(Signal.KILL)
    assert read(guest, reader) == b""


def test_a_broken_pipe_is_a_signal_for_those_who_take_signals(guest: Guest) -> None:
    reader, writer = pipe(guest)
    guest.call("fd_close", reader)
    with pytest.raises(Errno, match="pipe"):
        write(guest, writer, b"x")
    assert not guest.process.signals
    guest.process.callback = "__wasm_signal"
    with pytest.raises(Errno) as caught:
        write(guest, writer, b"x")
    assert caught.value.code is E.PIPE
    assert list(guest.process.signals) == [Signal.PIPE]


def test_a_broken_pipe_of_a_copy_is_told_to_its_own_process(guest: Guest) -> None:
    reader, writer = pipe(guest)
    forked = child(guest)
    for each in (guest, forked):
        each.process.callback = "__wasm_signal"
        each.call("fd_close", reader)
    with pytest.raises(Errno, match="pipe"):
        write(forked, writer, b"x")
    assert (list(guest.process.signals), list(forked.process.signals)) == ([], [Signal.PIPE])
