"""`tty_get` and `tty_set`: which terminal they mean, and what a program can change of it."""

from __future__ import annotations

import errno
import os
import pty
import struct
import termios
from collections.abc import Iterator
from typing import cast

import pytest

from tests.calls.conftest import Guest
from wasix.abi import Errno
from wasix.abi.wasix_types import Tty
from wasix.fs.stream import HostStream
from wasix.fs.tty import Terminal
from wasix.proc.signal import Signal
from wasix.proc.wait import Block


class Seat:
    """A guest with a terminal for its descriptors 0 and 2."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.shown = bytearray()
        self.signals: list[Signal] = []
        self.terminal = Terminal(self.shown.extend, self.signals.append, columns=70, rows=20)
        for fd in (0, 2):
            guest.process.descriptors.replace(fd, self.terminal.file)

    def get(self) -> Tty:
        return cast(Tty, self.guest.call("tty_get"))

    def set(self, **changed: int) -> None:
        self.guest.call("tty_set", self.get()._replace(**changed))

    def read(self) -> bytes:
        buffer = bytearray(100)
        return bytes(buffer[: cast(int, self.guest.call("fd_read", 0, [memoryview(buffer)]))])


@pytest.fixture
def seat(guest: Guest) -> Seat:
    return Seat(guest)


def test_it_is_the_standard_streams_terminal(seat: Seat) -> None:
    assert seat.get() == Tty(70, 20, 0, 0, 1, 0, 1, 1, 1, 1)
    seat.guest.call("fd_close", 0)
    assert seat.get()[4:7] == (0, 0, 1)


def test_without_one_no_stream_is_one_and_nothing_can_be_set(guest: Guest) -> None:
    state = cast(Tty, guest.call("tty_get"))
    assert state[4:7] == (0, 0, 0)
    guest.call("tty_set", state)
    with pytest.raises(Errno, match="notty"):
        guest.call("tty_set", state._replace(echo=0))
    assert guest.call("tty_get") == state


def test_a_program_can_have_single_keys_and_no_echo(seat: Seat) -> None:
    seat.set(line_buffered=0, echo=0)
    seat.terminal.input(b"a")
    assert seat.read() == b"a"
    seat.terminal.input(b"\r")
    assert seat.read() == b"\r"
    assert not seat.shown
    seat.set(line_buffered=1, echo=1)
    seat.terminal.input(b"b")
    with pytest.raises(Block):
        seat.read()
    assert seat.shown == b"b"
    assert seat.get() == Tty(70, 20, 0, 0, 1, 0, 1, 1, 1, 1)


def test_a_line_that_was_begun_can_be_read_at_once(seat: Seat) -> None:
    seat.terminal.input(b"ab")
    with pytest.raises(Block):
        seat.read()
    seat.set(line_buffered=0)
    assert seat.read() == b"ab"


def test_newlines_can_be_left_alone(seat: Seat) -> None:
    for line_feeds in (1, 0):
        seat.set(line_feeds=line_feeds)
        seat.guest.call("fd_write", 2, [memoryview(b"x\n")])
    assert seat.shown == b"x\r\nx\n"


def test_a_new_size_is_a_signal(seat: Seat) -> None:
    seat.set(echo=0)
    assert not seat.signals
    seat.set(cols=100, rows=30, width=800, height=600)
    assert seat.signals == [Signal.WINCH]
    assert seat.get()[:4] == (100, 30, 800, 600)


@pytest.mark.parametrize("field", ["cols", "rows", "width", "height"])
def test_a_size_that_no_terminal_has_is_inval(seat: Seat, field: str) -> None:
    with pytest.raises(Errno, match="inval"):
        seat.set(**{field: 1 << 16})
    assert seat.get()[:4] == (70, 20, 0, 0)


def test_which_streams_are_terminals_cannot_be_set(seat: Seat) -> None:
    seat.set(stdin_tty=0, stdout_tty=1)
    assert seat.get()[4:7] == (1, 0, 1)


# A terminal of the host's.


@pytest.fixture
def slave() -> Iterator[int]:
    master, slave = pty.openpty()
    termios.tcsetattr(slave, termios.TCSANOW, termios.tcgetattr(slave))
    yield slave
    os.close(master)
    os.close(slave)


def flags(fd: int) -> tuple[bool, bool, bool]:
    _, output, _, local, *_ = termios.tcgetattr(fd)
    return (
        bool(local & termios.ECHO),
        bool(local & termios.ICANON),
        bool(output & termios.ONLCR),
    )


def on_host(guest: Guest, fd: int) -> None:
    guest.process.descriptors.replace(0, HostStream(guest.host, fd))


def test_a_hosts_terminal_is_set_and_given_back_at_the_end(guest: Guest, slave: int) -> None:
    before = termios.tcgetattr(slave)
    on_host(guest, slave)
    state = cast(Tty, guest.call("tty_get"))
    guest.call("tty_set", state._replace(echo=0, line_buffered=0, line_feeds=0))
    assert flags(slave) == (False, False, False)
    assert guest.call("tty_get") == state._replace(echo=0, line_buffered=0, line_feeds=0)
    guest.process.deliver(Signal.KILL)
    assert termios.tcgetattr(slave) == before


def test_it_is_given_back_when_the_first_program_ends(guest: Guest, slave: int) -> None:
    """`stty` is a program: what it has set is to stay for who has started it."""
    before = termios.tcgetattr(slave)
    on_host(guest, slave)
    child = guest.process.child()
    stty = Guest(guest.host, child, guest.stdin, guest.stdout)
    stty.call("tty_set", cast(Tty, stty.call("tty_get"))._replace(echo=0))
    child.exit(0)
    assert flags(slave) == (False, True, True)
    guest.process.exit(0)
    assert termios.tcgetattr(slave) == before


def test_a_hosts_terminal_has_the_size_it_is_given(guest: Guest, slave: int) -> None:
    import fcntl

    on_host(guest, slave)
    state = cast(Tty, guest.call("tty_get"))
    guest.call("tty_set", state._replace(cols=99, rows=33))
    size = fcntl.ioctl(slave, termios.TIOCGWINSZ, bytes(8))
    assert struct.unpack("HHHH", size)[:2] == (33, 99)


FAILING = [
    ("termios", "tcgetattr"),
    ("termios", "tcsetattr"),
    ("fcntl", "ioctl"),
    ("os", "dup"),
    ("os", "fstat"),
]


@pytest.mark.parametrize(("module", "function"), FAILING)
def test_an_error_of_the_hosts_is_the_answer(
    guest: Guest, slave: int, monkeypatch: pytest.MonkeyPatch, module: str, function: str
) -> None:
    on_host(guest, slave)
    state = cast(Tty, guest.call("tty_get"))

    def fail(*args: object) -> None:
        raise (termios.error if module == "termios" else OSError)(errno.EIO, "it fails")

    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.{function}", fail)
        with pytest.raises(Errno, match="io"):
            guest.call("tty_set", state._replace(echo=0, cols=99))
    assert flags(slave)[0]
    guest.call("tty_set", state._replace(echo=0))
    guest.process.exit(0)
    assert flags(slave)[0]


def test_a_terminal_that_cannot_be_given_back_does_not_matter(
    guest: Guest, slave: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_host(guest, slave)
    guest.call("tty_set", cast(Tty, guest.call("tty_get"))._replace(echo=0))

    def fail(*args: object) -> None:
        raise termios.error(errno.EIO, "it fails")

    close = os.close

    def fail_to_close(fd: int) -> None:
        close(fd)
        raise OSError(errno.EIO, "it fails")

    monkeypatch.setattr("termios.tcsetattr", fail)
    monkeypatch.setattr("os.close", fail_to_close)
    guest.process.exit(3)
    monkeypatch.undo()
    assert guest.process.status == 3
