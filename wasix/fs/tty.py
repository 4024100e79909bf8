"""The terminal: a line discipline between a keyboard and a screen of any kind.

Cooked mode as on Unix: input is edited a line at a time and echoed; Ctrl-C, Ctrl-\\ become signals,
Ctrl-D ends the input. The host side calls `input` and shows what `output` is given.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from wasix.abi import E, Errno
from wasix.abi.types import Fdflags, Filetype
from wasix.fs.file import READ, OpenFile, Ready, total
from wasix.fs.pipe import scatter
from wasix.proc.signal import Signal
from wasix.proc.wait import Block, WaitQueue

_INTERRUPT, _EOF, _BACKSPACE, _NEWLINE, _RETURN = 0x03, 0x04, 0x08, 0x0A, 0x0D
_KILL_LINE, _REPRINT, _ERASE_WORD, _QUIT, _DELETE = 0x15, 0x12, 0x17, 0x1C, 0x7F
_SIGNALS = {_INTERRUPT: Signal.INT, _QUIT: Signal.QUIT}
_MAX_LINE = 4096


class Terminal:
    """A terminal in cooked mode.

    `output` shows bytes; `interrupt` receives the signals that keys stand for. `columns` and `rows`
    are its size in character cells. `input` and `resize` are called under the kernel lock.
    """

    def __init__(
        self,
        output: Callable[[bytes], object],
        interrupt: Callable[[Signal], object],
        *,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self.output = output
        self.interrupt = interrupt
        self.columns, self.rows = columns, rows
        self.echo = True
        self.readable = WaitQueue()
        self._line = bytearray()
        self._lines: list[bytes] = []
        """Finished lines, each with its newline; an empty one is an end of file."""
        self.file = TerminalFile(self)

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.interrupt(Signal.WINCH)

    def input(self, data: bytes) -> None:
        """Keys, as the bytes a terminal sends for them."""
        for byte in data:
            self._key(byte)

    def _key(self, byte: int) -> None:
        if byte in _SIGNALS:
            self._line.clear()
            self._lines.clear()
            self._show(b"^" + bytes([byte + 0x40]) + b"\r\n")
            self.interrupt(_SIGNALS[byte])
        elif byte == _EOF:
            self._finish(b"")
        elif byte in (_NEWLINE, _RETURN):
            self._show(b"\r\n")
            self._finish(b"\n")
        elif byte in (_BACKSPACE, _DELETE):
            self._erase(1)
        elif byte == _KILL_LINE:
            self._erase(len(self._line))
        elif byte == _ERASE_WORD:
            self._erase(self._last_word())
        elif byte == _REPRINT:
            self._show(b"^R\r\n" + bytes(self._line))
        elif len(self._line) < _MAX_LINE:
            self._line.append(byte)
            self._show(bytes([byte]) if byte >= 0x20 or byte == 0x09 else b"^" + bytes([byte + 64]))

    def _finish(self, end: bytes) -> None:
        self._lines.append(bytes(self._line) + end)
        self._line.clear()
        self.readable.wake()

    def _last_word(self) -> int:
        text = self._line.decode("utf-8", "replace").rstrip()
        kept = text[: len(text) - len(text.split(" ")[-1])] if text else ""
        return len(self._line.decode("utf-8", "replace")) - len(kept)

    def _erase(self, count: int) -> None:
        """Remove the last `count` characters (not bytes) from the line and the screen."""
        for _ in range(count):
            if not self._line:
                return
            end = len(self._line) - 1
            while end and self._line[end] & 0xC0 == 0x80:
                end -= 1
            cells = _cells(self._line[end:].decode("utf-8", "replace"))
            del self._line[end:]
            self._show(b"\b" * cells + b" " * cells + b"\b" * cells)

    def _show(self, data: bytes) -> None:
        if self.echo:
            self.output(data)

    def read(self, buffers: Sequence[memoryview]) -> int | None:
        """At most one line; None if there is none yet, 0 at an end of file."""
        if not self._lines:
            return None
        line = memoryview(self._lines.pop(0))
        count = scatter([line[: total(buffers)]], buffers)
        if count < len(line):
            self._lines.insert(0, bytes(line[count:]))
        return count

    def available(self) -> int | None:
        return len(self._lines[0]) if self._lines else None


def _cells(text: str) -> int:
    """Columns a character takes: 2 if wide, 0 if it combines, 2 for a control shown as ^X."""
    if text < " ":
        return 2
    if unicodedata.combining(text[0]):
        return 0
    return 2 if unicodedata.east_asian_width(text[0]) in "WF" else 1


class TerminalFile(OpenFile):
    """The terminal as descriptors 0, 1 and 2 see it."""

    filetype = Filetype.CHARACTER_DEVICE
    is_terminal = True

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self.terminal = terminal

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
        # A screen needs the carriage return that a Unix terminal adds (ONLCR).
        self.terminal.output(data.replace(b"\n", b"\r\n"))
        return len(data)

    def ready(self, event: int) -> Ready | None:
        if event != READ:
            return Ready(1)
        available = self.terminal.available()
        return None if available is None else Ready(available)

    def queue(self, event: int) -> WaitQueue:
        return self.terminal.readable
