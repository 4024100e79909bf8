"""The terminal: a line discipline between a keyboard and a screen of any kind.

Cooked mode as on Unix: input is edited a line at a time and echoed; Ctrl-C, Ctrl-\\ become signals,
Ctrl-D ends the input. The host side calls `input` and shows what `output` is given.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Sequence

from wasix.abi import E, Errno
from wasix.abi.types import Fdflags, Filetype
from wasix.fs.cells import Place, place_after
from wasix.fs.editor import Editor, History
from wasix.fs.file import READ, OpenFile, Ready, total
from wasix.fs.line import Line
from wasix.fs.modes import Modes
from wasix.fs.pipe import scatter
from wasix.proc.signal import Signal
from wasix.proc.wait import Block, WaitQueue

_SIGNALS = {b"\x03": Signal.INT, b"\x1c": Signal.QUIT}
_EOF, _CLEAR, _REPRINT, _LITERAL = "\x04", "\x0c", "\x12", "\x16"
_MOST_CELLS = 1 << 24
_MOST_TAIL = 4096
_MOST_COLUMNS = 0xFFFF

_INTERRUPT = re.compile(rb"[\x03\x1c]")
_INTERRUPT_UNLESS_LITERAL = re.compile(rb"\x16[\x00-\xff]?|[\x03\x1c]")
_TEXT = rb"(?P<text>[^\x00-\x08\x0a-\x1f\x7f]+)"
# What is not complete is no match: the rest of it may come.
_KEY = re.compile(rb"\x16(?P<literal>[\x00-\x7f]|[\x80-\xff]+)|[\x00-\x15\x17-\x1f\x7f]|" + _TEXT)
_RICH_KEY = re.compile(
    rb"\x16(?P<literal>[\x00-\x7f]|[\x80-\xff]+)"
    rb"|\x1b(?:(?:\[[0-?]{0,32}+[ -/]{0,8}+|O)(?:[@-~]|(?=[\x00-\xff]))"
    rb"|[!-NP-Z\\-~\x7f]|[\x80-\xff]+|(?=[\x00-\x20]))"
    rb"|[\x00-\x15\x17-\x1a\x1c-\x1f\x7f]|" + _TEXT
)


class Terminal:
    """A terminal.

    `output` shows bytes; `interrupt` receives the signals that keys stand for. `columns` and `rows`
    are its size in character cells. `input` and `resize` are called under the kernel lock.

    With `editing` a line is edited as with GNU Readline, with a history that begins with `history`
    and whose new lines `remember` is told. Keys then wait until the program wants a line, so that
    each line appears behind the prompt it answers.
    """

    def __init__(
        self,
        output: Callable[[bytes], object],
        interrupt: Callable[[Signal], object],
        *,
        columns: int = 80,
        rows: int = 24,
        editing: bool = False,
        history: Iterable[str] = (),
        remember: Callable[[str], object] | None = None,
    ) -> None:
        self.output = output
        self.interrupt = interrupt
        self.columns, self.rows = columns, rows
        self.pixels = 0, 0
        """Its width and height, 0 if they are not known."""
        self.echo = True
        self.line_buffered = True
        """Whether input is edited and read by lines; if not, programs get keys as they come."""
        self.line_feeds = True
        """Whether newlines in the output start a new row at its first column (ONLCR)."""
        self.signals = True
        """Whether keys can be signals (ISIG)."""
        self.readable = WaitQueue()
        self.history = History(history)
        self._remember = remember
        self._line = Line(self._show)
        self._editor = Editor(self._line, self.history, rich=editing)
        self._key = _RICH_KEY if editing else _KEY
        self._keys = bytearray()
        """Not looked at yet."""
        self._text = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._wanted = not editing
        """Whether keys are looked at."""
        self._lines: list[bytes] = []
        """Finished lines, each with its newline; an empty one is an end of file."""
        self._tail = b""
        """Output behind the last newline: the prompt of a line."""
        self._went_on = False
        """Whether the cursor has left a row that the prompt fills."""
        self.file = TerminalFile(self)

    def resize(self, columns: int, rows: int) -> None:
        """The screen has another size. It has left the rows of an unfinished line, but cut them."""
        if (columns, rows) == (self.columns, self.rows):
            return
        line = self._line
        row, column = self._prompt_end()
        full = column == self._width
        above = row + (full and (self._went_on or bool(line.cells))) + line.rows[0]
        many = row + full + line.rows[1]
        self.columns, self.rows = columns, rows
        row, column = self._prompt_end()
        line.begin(column % self._width, self._width)
        # What takes one row with either width is still as it should be.
        many = many or row + (column == self._width) + line.rows[1]
        if many and self._editor.rich and self._wanted and self.line_buffered:
            up = f"\x1b[{above}A" if above else ""
            self.output(f"{up}\r\x1b[J".encode() + self._tail)
            self._went_on = False
            if self.echo:
                self._begin()
                line.draw()
        self.interrupt(Signal.WINCH)

    def set(self, modes: Modes) -> None:
        """Be as a program wants it; `inval` for a size that no terminal has."""
        if max(modes[:4]) > _MOST_COLUMNS:
            raise Errno(E.INVAL)
        raw = self.line_buffered and not modes.line_buffered
        self.echo, self.line_feeds = modes.echo, modes.line_feeds
        self.line_buffered = modes.line_buffered
        self.pixels = modes.width, modes.height
        if raw and (begun := self._line.text.encode("utf-8", "surrogateescape")):
            self._line.clear()
            self._lines.append(begun)
            self.readable.wake()
        self._look()
        self.resize(modes.columns, modes.rows)

    def input(self, data: bytes) -> None:
        """Keys, as the bytes a terminal sends for them."""
        if data == b"\x1b" and self._editor.rich and self.line_buffered:
            return  # the key itself; sequences come whole
        self._keys += self._interrupted(data) if self.signals else data
        self._look()

    def _interrupted(self, data: bytes) -> bytes:
        """Raise the signals in `data`, which drop all input before them; returns what is left."""
        pattern, start = _INTERRUPT, 0
        if self.line_buffered:
            pattern = _INTERRUPT_UNLESS_LITERAL
            # A literal-next whose character comes only now.
            start = (len(self._keys) - len(self._keys.rstrip(b"\x16"))) % 2
        kept = 0
        for match in pattern.finditer(data, start):
            key = match[0]
            if key in _SIGNALS:
                kept = match.end()
                self._drop(key)
                self.interrupt(_SIGNALS[key])
        return data[kept:]

    def _drop(self, key: bytes) -> None:
        self._keys.clear()
        self._lines.clear()
        self._text.reset()
        if self.echo and self.line_buffered:
            self._line.move(len(self._line.cells))
            self._show(f"^{chr(key[0] + 0x40)}")
        self._next_line()

    def _next_line(self) -> None:
        self._line.clear()
        self._editor.begin()
        if self.echo and self.line_buffered:
            self._show("\r\n")
            self._tail = b""
            self._went_on = False

    def _look(self) -> None:
        """Look at keys, until the program has what it wants."""
        keys = self._keys
        while keys and self.line_buffered and self._wanted:
            match = self._key.match(keys)
            if not match:
                return
            key, text, literal = match[0], match["text"], match["literal"]
            del keys[: match.end()]
            if text is None:
                self._obey(self._text.decode(b"", final=True), literal=True)
            if literal is None:
                self._obey(self._text.decode(text) if text else key.decode("latin-1"))
            else:
                self._obey(self._text.decode(literal, final=True), literal=True)
        if keys and not self.line_buffered:
            self._lines.append(self._line.text.encode("utf-8", "surrogateescape") + bytes(keys))
            keys.clear()
            self._line.clear()
            self.readable.wake()

    def _obey(self, key: str, *, literal: bool = False) -> None:
        line = self._line
        if not key:
            return
        if not line.cells:
            self._begin()
        if self._editor.searches("" if literal else key):
            return
        if literal:
            self._editor.insert(key)
        elif key in ("\r", "\n"):
            self._enter()
        elif key == _EOF and not (self._editor.rich and line.cells):
            self._finish("")
        elif key == _EOF:
            self._editor.delete()
        elif key == _CLEAR and self._editor.rich:
            self.output(b"\x1b[H\x1b[2J" + self._tail)
            self._begin()
            line.draw()
        elif key == _REPRINT and not self._editor.rich:
            self._show("^R\r\n")
            self._tail = b""
            self._went_on = False
            self._begin()
            line.draw()
        elif len(line.cells) < _MOST_CELLS or key[0] < " " or key == "\x7f":
            self._editor.key(key)

    @property
    def _width(self) -> int:
        return max(2, self.columns)

    def _prompt_end(self) -> Place:
        return place_after(self._tail.decode("utf-8", "replace"), self._width)

    def _begin(self) -> None:
        """The line starts where the output has ended."""
        column = self._prompt_end()[1]
        if column == self._width and not self._line.cells:
            self._show(" \r")
            self._went_on = True
        self._line.begin(column % self._width, self._width)

    def _enter(self) -> None:
        line = self._line
        line.move(len(line.cells))
        text = line.text
        self._finish("\n")
        if self.echo and self.history.add(text) and self._remember:
            self._remember(text.encode("utf-8", "replace").decode())
        self._next_line()

    def _finish(self, end: str) -> None:
        text = self._line.text.encode("utf-8", "surrogateescape")
        self._lines.append(text + end.encode())
        if self.echo:
            self._tail += text
        self._line.clear()
        self._wanted = not self._editor.rich
        self.readable.wake()

    def _show(self, text: str) -> None:
        if self.echo and text:
            self.output(text.encode("utf-8", "replace"))

    def write(self, data: bytes) -> None:
        """Show a program's output; a line that is being edited moves on below it."""
        editing = self.line_buffered and bool(self._line.cells) and self.echo
        if editing:
            self._line.hide()
        newline = data.rfind(b"\n") + 1
        self._tail = data[newline:] if newline else self._tail + data
        self._tail = self._tail[-_MOST_TAIL:]
        self._went_on = False
        # A screen needs the carriage return that a Unix terminal adds.
        self.output(data.replace(b"\n", b"\r\n") if self.line_feeds else data)
        if editing:
            self._begin()
            self._line.draw()

    def read(self, buffers: Sequence[memoryview]) -> int | None:
        """At most one line; None if there is none yet, 0 at an end of file."""
        if self.available() is None:
            return None
        line = memoryview(self._lines.pop(0))
        count = scatter([line[: total(buffers)]], buffers)
        if count < len(line):
            self._lines.insert(0, bytes(line[count:]))
        return count

    def available(self) -> int | None:
        """Bytes of the line that can be read; None if there is none yet."""
        if not self._lines:
            self._wanted = True
            self._look()
        return len(self._lines[0]) if self._lines else None


class TerminalFile(OpenFile):
    """The terminal as descriptors 0, 1 and 2 see it."""

    filetype = Filetype.CHARACTER_DEVICE
    is_terminal = True

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self.terminal = terminal

    def modes(self) -> Modes:
        terminal = self.terminal
        return Modes(
            terminal.columns,
            terminal.rows,
            *terminal.pixels,
            echo=terminal.echo,
            line_buffered=terminal.line_buffered,
            line_feeds=terminal.line_feeds,
        )

    def set_modes(self, modes: Modes) -> None:
        self.terminal.set(modes)

    def read(self, buffers: Sequence[memoryview]) -> int:
        if not total(buffers):
            return 0
        count = self.terminal.read(buffers)
        if count is None:
            if self.flags & Fdflags.NONBLOCK:
                raise Errno(E.AGAIN)
            raise Block([self.terminal.readable])
        return count

    def write(self, buffers: Sequence[memoryview]) -> int:
        data = b"".join(buffers)
        self.terminal.write(data)
        return len(data)

    def ready(self, event: int) -> Ready | None:
        if event != READ:
            return Ready(1)
        available = self.terminal.available()
        return None if available is None else Ready(available)

    def queue(self, event: int) -> WaitQueue:
        return self.terminal.readable
