"""A guest's standard streams in a page: bytes that come and go in messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from wasix.abi import E, Errno
from wasix.abi.types import Fdflags, Filetype
from wasix.fs.file import READ, OpenFile, Ready
from wasix.fs.pipe import Pipe
from wasix.fs.tty import Terminal, TerminalFile
from wasix.proc.signal import Signal
from wasix.proc.wait import Block, WaitQueue

WINDOW = 1 << 20
"""Bytes a page may be behind with reading before the guest has to wait."""
BATCH = 1 << 16
"""Bytes that are sent at once whatever else."""
PROMPT, PROMPT_IN_FLOOD = 100, 2
"""Writes of one turn of the event loop (some milliseconds) that are sent at once. What a program
writes beyond that is sent in batches, the last one at the turn's end; so is all but the beginning
of the turn after."""

MODES = ("edit", "cooked", "raw")
"""How a terminal treats keys."""

Send = Callable[[bytes], object]


class Outbox:
    """Output on its way to the page. `bounded` is whether a guest can be made to wait."""

    def __init__(self, send: Send, *, bounded: bool) -> None:
        self.drained = WaitQueue()
        self.window: float = WINDOW if bounded else math.inf
        self.pending = bytearray()
        self.room = 0
        """Bytes that `pending` takes before it has to be looked at: nearly all writes end there."""
        self._send = send
        self._sent = 0
        """Bytes that were sent and the page has not read yet."""
        self._prompt = PROMPT

    @property
    def unread(self) -> int:
        """Bytes the page has not read yet."""
        return self._sent + len(self.pending)

    def put(self, data: bytes | memoryview) -> int:
        """Send `data`; its length."""
        count = len(data)
        self.pending += data
        self.room -= count
        if self.room < 0:
            self.full()
        return count

    def full(self) -> None:
        """More was put than there was `room` for."""
        self._prompt -= 1
        if self._prompt >= 0 or len(self.pending) >= BATCH:
            self.flush()
        self._reckon()

    def _reckon(self) -> None:
        waiting = len(self.pending)
        free = min(BATCH - 1 - waiting, self.window - self._sent - waiting)
        self.room = 0 if self._prompt >= 0 else int(free)

    def flush(self) -> None:
        if self.pending:
            data, self.pending = bytes(self.pending), bytearray()
            self._sent += len(data)
            self._send(data)

    def turn(self) -> None:
        """A turn of the event loop ends."""
        self.flush()
        self._prompt = PROMPT if self._prompt >= 0 else PROMPT_IN_FLOOD
        self._reckon()

    def acknowledge(self, count: int) -> None:
        """The page has read `count` bytes more."""
        self._sent -= count
        self._reckon()
        if self.unread < self.window:
            self.drained.wake()

    def check(self, flags: int) -> None:
        """Called before a write, when there may be no room for any: what a full one raises."""
        if self.unread >= self.window:
            raise Errno(E.AGAIN) if flags & Fdflags.NONBLOCK else Block([self.drained])


class Output(OpenFile):
    """A stream to the page."""

    readable = False

    filetype = Filetype.UNKNOWN

    def __init__(self, outbox: Outbox) -> None:
        super().__init__()
        self.outbox = outbox

    def write(self, buffers: Sequence[memoryview]) -> int:
        box = self.outbox
        if box.room <= 0:
            box.check(self.flags)
        try:
            (data,) = buffers
        except ValueError:  # several, or none
            return box.put(b"".join(buffers))
        # As `put` does, without the call: this is what programs do most.
        count = data.nbytes
        box.pending += data
        box.room -= count
        if box.room < 0:
            box.full()
        return count

    def ready(self, event: int) -> Ready | None:
        if event == READ:
            return Ready(0)
        return Ready(WINDOW) if self.outbox.unread < self.outbox.window else None

    def queue(self, event: int) -> WaitQueue:
        return self.outbox.drained


class PageTerminal(Terminal):
    """A terminal whose screen is in the page.

    mode: `edit` lines as with Readline, `cooked` as on a plain Unix terminal, or `raw`: preview1
        has no call with which a program could choose.
    """

    def __init__(
        self,
        outbox: Outbox,
        interrupt: Callable[[Signal], object],
        remember: Callable[[str], object],
        *,
        columns: int,
        rows: int,
        mode: str = "edit",
        history: Iterable[str] = (),
    ) -> None:
        super().__init__(
            outbox.put,
            interrupt,
            columns=columns,
            rows=rows,
            editing=mode == "edit",
            history=history,
            remember=remember,
        )
        if mode == "raw":
            self.line_buffered = self.echo = self.signals = self.line_feeds = False
        self.outbox = outbox
        self.file = PageTerminalFile(self)


class PageTerminalFile(TerminalFile):
    """The terminal as descriptors 0, 1 and 2 see it: writers wait for a slow screen."""

    terminal: PageTerminal

    def write(self, buffers: Sequence[memoryview]) -> int:
        self.terminal.outbox.check(self.flags)
        return super().write(buffers)

    def ready(self, event: int) -> Ready | None:
        box = self.terminal.outbox
        if event != READ and box.unread >= box.window:
            return None
        return super().ready(event)

    def queue(self, event: int) -> WaitQueue:
        return super().queue(event) if event == READ else self.terminal.outbox.drained


class Feed:
    """The page's end of a guest's standard input: `taken` is told when there is room for more."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self._taken: list[Callable[[], object]] = []

    def put(self, data: bytes, taken: Callable[[], object]) -> None:
        """Send `data` to the guest; it is dropped when the guest has closed its end."""
        if not self.pipe.read_closed:
            self.pipe.put(data)
        self._taken.append(taken)
        self.pipe.writable.join(self)
        self.wake()

    def wake(self) -> None:
        if self._taken and (self.pipe.room() > 0 or self.pipe.read_closed):
            self.pipe.writable.leave(self)
            waiting, self._taken = self._taken, []
            for taken in waiting:
                taken()

    def close(self) -> None:
        self.pipe.close_write()
