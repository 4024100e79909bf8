"""The terminal's line discipline, key by key."""

from __future__ import annotations

import pytest

from wasix.fs.tty import Terminal
from wasix.proc.signal import Signal
from wasix.proc.wait import Block


class Screen:
    """A terminal, what it has shown, and the signals it has raised."""

    def __init__(self) -> None:
        self.shown = bytearray()
        self.signals: list[Signal] = []
        self.terminal = Terminal(self.shown.extend, self.signals.append)

    def type(self, keys: str | bytes) -> None:
        self.terminal.input(keys.encode() if isinstance(keys, str) else keys)

    def read(self, count: int = 100) -> bytes:
        buffer = bytearray(count)
        return bytes(buffer[: self.terminal.file.read([memoryview(buffer)])])

    def line(self) -> str:
        """The last row as a person sees it: backspaces move by a cell, text overwrites cells."""
        row: list[str] = []
        column = 0
        for character in self.shown.decode().split("\n")[-1]:
            if character == "\b":
                column -= 1
            elif character == "\r":
                column = 0
            else:
                # The second cell of a wide character holds nothing of its own.
                cells = [character, ""] if ord(character) > 0x1100 else [character]
                row[column : column + len(cells)] = cells
                column += len(cells)
        return "".join(row[:column])


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_nothing_can_be_read_before_return(screen: Screen) -> None:
    screen.type("6*7")
    with pytest.raises(Block):
        screen.read()
    screen.type("\r")
    assert screen.read() == b"6*7\n"
    assert screen.shown == b"6*7\r\n"


def test_a_line_can_be_read_in_parts(screen: Screen) -> None:
    screen.type("hello\rnext\r")
    assert [screen.read(3), screen.read(100), screen.read(100)] == [b"hel", b"lo\n", b"next\n"]


@pytest.mark.parametrize(
    ("keys", "line", "shown"),
    [
        ("ab\x7fc", "ac", "ac"),
        ("a\x7f\x7f\x7fb", "b", "b"),
        ("one two\x17x", "one x", "one x"),
        ("one two  \x17x", "one x", "one x"),
        ("junk\x15good", "good", "good"),
        ("né\x7fa", "na", "na"),
        ("日本\x7f", "日", "日"),
        ("\x7f", "", ""),
    ],
)
def test_editing(screen: Screen, keys: str, line: str, shown: str) -> None:
    screen.type(keys)
    assert screen.line() == shown
    screen.type("\r")
    assert screen.read() == (line + "\n").encode()


def test_control_c_interrupts_and_drops_the_line(screen: Screen) -> None:
    screen.type("half a li\x03")
    assert screen.signals == [Signal.INT]
    assert screen.shown.endswith(b"^C\r\n")
    screen.type("x\r")
    assert screen.read() == b"x\n"


def test_control_backslash_quits(screen: Screen) -> None:
    screen.type("\x1c")
    assert screen.signals == [Signal.QUIT]


def test_control_d_ends_the_input_on_an_empty_line_only(screen: Screen) -> None:
    screen.type("ab\x04")
    assert screen.read() == b"ab"
    screen.type("\x04")
    assert screen.read() == b""
    screen.type("more\r")
    assert screen.read() == b"more\n"


def test_output_gets_carriage_returns(screen: Screen) -> None:
    screen.terminal.file.write([memoryview(b"a\nb")])
    assert screen.shown == b"a\r\nb"


def test_bytes_that_are_no_text_are_passed_on(screen: Screen) -> None:
    screen.type(b"\xff\xfe\r")
    assert screen.read() == b"\xff\xfe\n"


def test_a_line_has_an_end(screen: Screen) -> None:
    screen.type("x" * 100_000 + "\r")
    assert len(screen.read(200_000)) == 4097
