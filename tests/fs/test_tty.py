"""The terminal's line discipline, key by key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.screen import Screen
from wasix.abi import E, Errno
from wasix.abi.types import Fdflags
from wasix.fs.file import READ
from wasix.fs.tty import Terminal
from wasix.proc.signal import Signal
from wasix.proc.wait import Block

UP, DOWN, RIGHT, LEFT = (f"\x1b[{letter}" for letter in "ABCD")
HOME, END, DELETE = "\x1b[H", "\x1b[F", "\x1b[3~"
WORD_RIGHT, WORD_LEFT = "\x1b[1;5C", "\x1b[1;5D"


class Seat:
    """A terminal with a screen, and someone before it."""

    def __init__(self, columns: int = 40, **options: object) -> None:
        self.shown = bytearray()
        self.signals: list[Signal] = []
        self.remembered: list[str] = []
        self.screen = Screen(columns)
        self.terminal = Terminal(
            self._show, self.signals.append, columns=columns, remember=self.remembered.append,
            **options,  # type: ignore[arg-type]  # a test's own
        )  # fmt: skip

    def _show(self, data: bytes) -> None:
        self.shown += data
        self.screen.print(data)

    def type(self, *keys: str | bytes) -> None:
        for key in keys:
            self.terminal.input(key.encode() if isinstance(key, str) else key)

    def write(self, text: str) -> None:
        self.terminal.file.write([memoryview(text.encode())])

    def read(self, count: int = 1 << 22) -> bytes:
        buffer = bytearray(count)
        return bytes(buffer[: self.terminal.file.read([memoryview(buffer)])])

    def ask(self, prompt: str = "> ") -> None:
        """Be a program that prompts and waits for a line."""
        self.write(prompt)
        with pytest.raises(Block):
            self.read()


@pytest.fixture
def seat() -> Seat:
    """A plain terminal, as on Unix."""
    return Seat()


@pytest.fixture
def rich() -> Seat:
    """One that edits lines as Readline does."""
    return Seat(editing=True)


def test_nothing_can_be_read_before_return(seat: Seat) -> None:
    seat.type("6*7")
    with pytest.raises(Block):
        seat.read()
    seat.type("\r")
    assert seat.read() == b"6*7\n"
    assert seat.shown == b"6*7\r\n"


def test_a_line_can_be_read_in_parts(seat: Seat) -> None:
    seat.type("hello\rnext\r")
    assert [seat.read(3), seat.read(100), seat.read(100)] == [b"hel", b"lo\n", b"next\n"]


ERASED = [
    ("ab\x7fc", "ac"),
    ("a\x7f\x7f\x7fb", "b"),
    ("one two\x17x", "one x"),
    ("one two  \x17x", "one x"),
    ("junk\x15good", "good"),
    ("né\x7fa", "na"),
    ("日本\x7f", "日"),
    ("ne\u0301\u0323\x7fa", "na"),
    ("a👩\u200d💻\x7fb", "ab"),
    ("a🇩🇪🇫🇷\x7fb", "a🇩🇪b"),
    ("a👍🏽\x7fb", "ab"),
    ("a각\x7fb", "ab"),
    ("\x7f", ""),
]


@pytest.mark.parametrize("editing", [False, True])
@pytest.mark.parametrize(("keys", "line"), ERASED)
def test_what_is_erased_is_a_whole_character_and_its_cells(
    keys: str, line: str, editing: bool
) -> None:
    seat = Seat(editing=editing)
    seat.ask("? ")
    seat.type(*keys)
    assert seat.screen.text == f"? {line}".rstrip()
    seat.type("\r")
    assert seat.read() == (line + "\n").encode()


def test_a_character_may_come_in_parts(seat: Seat) -> None:
    for byte in "日e\u0301".encode():
        seat.type(bytes([byte]))
    seat.type("\x7f\r")
    assert seat.read() == "日\n".encode()


def test_tabs_reach_to_the_next_stop_and_are_erased_whole(seat: Seat) -> None:
    seat.ask("12> ")
    seat.type("a\tb")
    assert seat.screen.text == "12> a   b"
    seat.type("\x7f\x7fc\r")
    assert seat.screen.text == "12> ac"
    assert seat.read() == b"ac\n"


def test_the_next_character_can_be_taken_literally(seat: Seat) -> None:
    seat.type("a\x16\x03", "\x16", "\x04b\x16\r")
    assert seat.screen.text == "a^C^Db^M"
    assert seat.signals == []
    seat.type("\x7f\x7f\x7f")
    assert seat.screen.text == "a^C"
    seat.type("\r")
    assert seat.read() == b"a\x03\n"


def test_reprint_shows_the_line_again(seat: Seat) -> None:
    seat.ask()
    seat.type("hel\x12lo")
    assert seat.screen.text == "> hel^R\nhello"


@pytest.mark.parametrize("editing", [False, True])
def test_control_c_interrupts_and_drops_the_line(editing: bool) -> None:
    seat = Seat(editing=editing)
    seat.ask()
    seat.type("half a li\x03")
    assert seat.signals == [Signal.INT]
    assert seat.shown.endswith(b"^C\r\n")
    seat.type("x\r")
    assert seat.read() == b"x\n"


def test_an_interrupt_drops_what_was_typed_ahead(rich: Seat) -> None:
    rich.type("one\rtwo\r", "three\x03four\r")
    assert rich.signals == [Signal.INT]
    rich.type("\x03" * 2)
    assert rich.signals == [Signal.INT] * 3
    rich.type("five\r")
    assert rich.read() == b"five\n"


def test_control_backslash_quits(seat: Seat) -> None:
    seat.type("\x1c")
    assert seat.signals == [Signal.QUIT]


def test_control_d_ends_the_input_on_an_empty_line_only(seat: Seat) -> None:
    seat.type("ab\x04")
    assert seat.read() == b"ab"
    seat.type("\x04")
    assert seat.read() == b""
    seat.type("more\r")
    assert seat.read() == b"more\n"


def test_output_gets_carriage_returns(seat: Seat) -> None:
    seat.write("a\nb")
    assert seat.shown == b"a\r\nb"


@pytest.mark.parametrize("editing", [False, True])
def test_bytes_that_are_no_text_are_passed_on(editing: bool) -> None:
    seat = Seat(editing=editing)
    seat.ask("")
    seat.type(b"\xff\xfe\xe6\x97\r")
    assert seat.read() == b"\xff\xfe\xe6\x97\n"


def test_control_characters_beyond_ascii_are_not_obeyed_by_the_screen(rich: Seat) -> None:
    rich.ask()
    rich.type("a\x9b2Jb\r")
    assert rich.screen.text == "> a\ufffd2Jb"
    assert rich.read() == "a\x9b2Jb\n".encode()


def test_a_long_line_wraps_and_is_erased_across_rows(seat: Seat) -> None:
    seat.ask()
    seat.type("x" * 100)
    assert seat.screen.text.split("\n") == ["> " + "x" * 38, "x" * 40, "x" * 22]
    seat.type("\x7f" * 90)
    assert seat.screen.text == "> " + "x" * 10
    seat.type("\x15")
    assert seat.screen.text == ">"


def test_a_wide_character_that_does_not_fit_goes_to_the_next_row() -> None:
    seat = Seat(columns=5, editing=True)
    seat.ask()
    seat.type("ab日本")
    assert seat.screen.text == "> ab\n日本"
    seat.type("\x7f\x7f", "c")
    assert seat.screen.text == "> abc"
    seat.type(LEFT, "日")
    assert seat.screen.text == "> ab\n日c"


def test_raw_keys_are_untouched() -> None:
    seat = Seat(editing=True)
    terminal = seat.terminal
    terminal.line_buffered = terminal.echo = terminal.signals = terminal.line_feeds = False
    keys = b"\x1b[A\x03\x16\x7f\r\xff\x04"
    seat.type(keys)
    assert seat.read() == keys
    assert (seat.signals, bytes(seat.shown)) == ([], b"")
    seat.write("a\nb")
    assert seat.shown == b"a\nb"


def test_a_read_that_must_not_wait_is_again(rich: Seat) -> None:
    rich.terminal.file.set_flags(Fdflags.NONBLOCK)
    with pytest.raises(Errno) as caught:
        rich.read()
    assert caught.value.code == E.AGAIN
    rich.type("x\r")
    assert rich.read() == b"x\n"


def test_a_new_size_is_a_signal_once(seat: Seat) -> None:
    seat.terminal.resize(100, 30)
    seat.terminal.resize(100, 30)
    assert (seat.terminal.columns, seat.terminal.rows) == (100, 30)
    assert seat.signals == [Signal.WINCH]


EDITED = [
    (["ac", LEFT, "b"], "abc", 2),
    (["bc", HOME, "a", END, "d"], "abcd", 4),
    (["bc", "\x01", "a", "\x05", "d"], "abcd", 4),
    (["abc", LEFT, LEFT, "\x7f"], "bc", 0),
    (["abc", LEFT, LEFT, DELETE], "ac", 1),
    (["abc", HOME, "\x04"], "bc", 0),
    (["abc", "\x04"], "abc", 3),
    (["one two three", WORD_LEFT, WORD_LEFT, "X"], "one Xtwo three", 5),
    (["one two three", HOME, WORD_RIGHT, "X"], "oneX two three", 4),
    (["one two", "\x1bb", "\x0b"], "one ", 4),
    (["one two", "\x1bb", "\x0b", "\x01", "\x19"], "twoone ", 3),
    (["one two", LEFT, LEFT, LEFT, "\x15", END, "\x19"], "twoone ", 7),
    (["one-two", "\x1b\x7f"], "one-", 4),
    (["one-two", "\x17"], "", 0),
    (["one two", HOME, "\x1bd"], " two", 0),
    (["日本", LEFT, "x"], "日x本", 2),
    (["ne", LEFT, "x", RIGHT, "\u0301"], "nxe\u0301", 3),
    (["e\u0301x", LEFT, LEFT, "a"], "ae\u0301x", 1),
    (["ab", "\x1b[99z", "\x1bq", "\x00\x11", "c"], "abc", 3),
    (["ab", "\x1b[", "D", "c"], "acb", 2),
    (["ab", "\x1b", ".c"], "ab.c", 4),
    (["\x1b[200~ab\x1b[201~"], "ab", 2),
]


@pytest.mark.parametrize(("keys", "line", "cursor"), EDITED)
def test_a_line_is_edited_in_its_middle(
    rich: Seat, keys: list[str], line: str, cursor: int
) -> None:
    rich.ask()
    rich.type(*keys)
    assert rich.screen.text == f"> {line}".rstrip()
    rich.type("|")
    cells = rich.terminal._line.cells
    assert cells.index("|") == cursor
    rich.type("\x7f", "\r")
    assert rich.read() == (line + "\n").encode()


def test_lines_are_recalled(rich: Seat) -> None:
    for line in ("one", "two", "two", "  "):
        rich.ask()
        rich.type(line, "\r")
        rich.read()
    rich.ask()
    rich.type("dra", UP)
    assert rich.screen.text.endswith("> two")
    rich.type(UP)
    assert rich.screen.text.endswith("> one")
    rich.type(UP, "!")
    assert rich.screen.text.endswith("> one!")
    rich.type(DOWN, DOWN, DOWN, "ft\r")
    assert rich.read() == b"draft\n"
    assert rich.remembered == ["one", "two", "draft"]


def test_the_line_entered_last_is_recalled_first(rich: Seat) -> None:
    for line in ("one", "two"):
        rich.ask()
        rich.type(line, "\r")
        rich.read()
    rich.ask()
    rich.type(UP)
    assert rich.screen.text.endswith("> two")
    rich.type(UP)
    assert rich.screen.text.endswith("> one")
    rich.type(DOWN, DOWN)
    assert rich.screen.text.endswith("\n>")


def test_a_history_can_be_given() -> None:
    seat = Seat(editing=True, history=["old"])
    seat.ask()
    seat.type(UP, "er\r")
    assert seat.read() == b"older\n"


def test_the_history_is_searched(rich: Seat) -> None:
    for line in ("import os", "print(1)", "import sys"):
        rich.ask()
        rich.type(line, "\r")
        rich.read()
    rich.ask()
    rich.type("x\x12imp")
    assert rich.screen.text.endswith("> (search 'imp') import sys")
    rich.type("\x12")
    assert rich.screen.text.endswith("> (search 'imp') import os")
    rich.type(HOME, "#\r")
    assert rich.read() == b"#import os\n"
    rich.ask()
    rich.type("keep\x12sys\x07\r")
    assert rich.read() == b"keep\n"
    rich.ask()
    rich.type("\x12print\r")
    assert rich.read() == b"print(1)\n"


def test_what_is_not_echoed_is_not_remembered(rich: Seat) -> None:
    rich.terminal.echo = False
    rich.ask()
    rich.type("secret\r")
    assert rich.read() == b"secret\n"
    assert (rich.screen.text, rich.remembered) == (">", [])


def test_each_pasted_line_appears_at_its_prompt(rich: Seat) -> None:
    rich.type("one\rtwo\rthr")
    assert rich.screen.text == ""
    for line in (b"one\n", b"two\n"):
        rich.write("> ")
        assert rich.read() == line
        rich.write(f"got {line.decode()}")
    rich.ask()
    assert rich.screen.text == "> one\ngot one\n> two\ngot two\n> thr"


def test_asking_whether_there_is_input_looks_at_keys(rich: Seat) -> None:
    rich.type("one\r")
    assert rich.terminal.file.ready(READ) == (4, False)


def test_a_megabyte_of_lines_is_read_whole(rich: Seat) -> None:
    lines = [f"line {number} {'é日' * 16}\n".encode() for number in range(12_000)]
    assert sum(map(len, lines)) > 1_000_000
    rich.terminal.output = lambda data: None
    rich.type(b"".join(lines).replace(b"\n", b"\r"))
    assert [rich.read() for _ in lines] == lines


def test_a_line_of_a_megabyte_is_read_whole(rich: Seat) -> None:
    rich.terminal.output = lambda data: None
    rich.ask("")
    rich.type("x" * 1_000_000, "\x7f\r")
    assert rich.read() == b"x" * 999_999 + b"\n"


def test_output_moves_a_line_that_is_edited_out_of_its_way(rich: Seat) -> None:
    rich.ask()
    rich.type("hello", LEFT, LEFT)
    rich.write("news\nmore ")
    rich.type("p")
    assert rich.screen.text == "> news\nmore helplo"


def test_a_screen_is_cleared_but_for_the_line(rich: Seat) -> None:
    rich.write("old\n")
    rich.ask("\x1b[32m>\x1b[0m ")
    rich.type("ab", LEFT, "\x0c", "X")
    assert rich.screen.text == "> aXb"


def test_a_prompt_after_colours_and_moves_is_measured(rich: Seat) -> None:
    rich.ask("old\rnew \x1b[1;32m日本\x1b[0m\x1b[3D\x1b[2C\b> ")
    assert rich.screen.column == 8
    rich.type("x" * 40, HOME, "y")
    assert rich.screen.text.split("\n")[1] == "x" * 9


WORDS = ["word ", "x" * 9, *"ab日👍\u0301\u200d🇩\t"]
MOVES = [UP, DOWN, LEFT, RIGHT, HOME, END, WORD_LEFT, WORD_RIGHT]
CHANGES = [DELETE, "\x7f", "\x0b", "\x15", "\x17", "\x19", "\x16\x03", "\x9b", "\x12", "\x0c"]
KEYS = st.sampled_from([*WORDS, *MOVES, *CHANGES])


@given(
    st.integers(2, 12),
    st.sampled_from(["", "> ", "日本> "]),
    st.lists(KEYS, min_size=1, max_size=40),
)
def test_the_screen_shows_the_line_as_if_it_had_been_typed_at_once(
    columns: int, prompt: str, keys: list[str]
) -> None:
    seat = Seat(columns=columns, editing=True, history=["one", "two"])
    seat.ask(prompt)
    seat.type(*keys)
    line = seat.terminal._line
    other = Seat(columns=columns, editing=True, history=[line.text])
    other.ask(prompt)
    other.type(UP, LEFT * (len(line.cells) - line.cursor))
    assert seat.screen.text == other.screen.text
    assert (seat.screen.row, seat.screen.column) == (other.screen.row, other.screen.column)


@given(st.sampled_from(["", "> ", "\x1b[32mprompt\x1b[0m> "]), st.text("ab日 "), st.data())
def test_a_line_is_drawn_anew_for_another_width(
    prompt: str, text: str, data: st.DataObject
) -> None:
    columns, wider = data.draw(st.integers(2, 12)), data.draw(st.integers(2, 12))
    seats = [Seat(columns=width, editing=True, history=[text]) for width in (columns, wider)]
    moves = data.draw(st.integers(0, 20))
    for seat in seats:
        seat.ask(prompt)
        seat.type(UP, LEFT * moves)
    seat, fresh = seats
    seat.screen.resize(wider)
    seat.terminal.resize(wider, 24)
    for each in seats:
        each.type("x")
    assert seat.screen.text == fresh.screen.text
    assert (seat.screen.row, seat.screen.column) == (fresh.screen.row, fresh.screen.column)


@given(st.lists(st.binary(max_size=12), max_size=20), st.booleans())
def test_no_input_keeps_the_next_line_from_coming(parts: list[bytes], editing: bool) -> None:
    seat = Seat(editing=editing)
    seat.terminal.output = lambda data: None
    seat.type(*parts, b"\x03\x03", b"end\r")
    assert seat.read() == b"end\n"
    assert Signal.INT in seat.signals


@given(st.lists(st.binary(max_size=12), max_size=20))
def test_a_plain_line_is_what_was_typed(parts: list[bytes]) -> None:
    plain = b"".join(parts).translate(None, bytes(range(0x20)) + b"\x7f")
    seat = Seat()
    seat.terminal.output = lambda data: None
    for byte in plain:
        seat.type(bytes([byte]))
    seat.type("\r")
    assert seat.read() == plain + b"\n"
