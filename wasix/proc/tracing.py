"""Watching a process's system calls: each is timed, and told of when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wasix.abi import E, Errno, Function, Unwind
from wasix.abi.bind import Call, Handler, direct
from wasix.proc.wait import Block, Suspend, Wanted

if TYPE_CHECKING:
    from wasix.proc.process import Process, Thread


class Traced(NamedTuple):
    """A call that has ended. Buffers among `arguments` are valid only while it is told of."""

    thread: Thread
    function: Function
    raw: tuple[int, ...]
    """The wasm arguments, where the engine passes them on."""
    arguments: tuple[Any, ...] | None
    """As the handler got them; None if they could not be decoded."""
    result: object
    """What the handler returned, or what ended the call: `Errno`; `Unwind` if it does not return;
    `Block` if the process ended while it waited."""
    start: int
    """Nanoseconds since 1970."""
    duration: int
    """Nanoseconds from the first try to the end, with the waiting."""
    blocked: int
    """Nanoseconds of waiting."""


Tracer = Callable[[Traced], None]
"""Told of every call as it ends, under the kernel lock. Must not raise."""


class _Open:
    """A call under way."""

    __slots__ = ("arguments", "blocked", "function", "raw", "result", "start", "started", "waiting")

    def __init__(self, function: Function, raw: tuple[int, ...], start: int, started: int) -> None:
        self.function = function
        self.raw = raw
        self.arguments: tuple[Any, ...] | None = None
        self.result: object = None
        self.start = start
        self.started = started
        self.blocked = 0
        self.waiting = 0
        """When it began to wait, on the monotonic clock; 0 while it does not."""


class Tracing:
    """Times the calls of one process. A call is one from its first try to the last."""

    def __init__(self, process: Process, tracer: Tracer) -> None:
        self._host = process.kernel.host
        self.tracer = tracer
        self._open: dict[tuple[Thread, int], _Open] = {}
        """By thread, and by how many calls wait for functions for signals to return."""
        process.on_exit.append(self._cut_off)

    def handler(self, function: Function, handler: Handler) -> Handler:
        """`handler`, watched, for a decoder that is not."""

        def call(thread: Thread, *arguments: Any) -> Any:
            opened = self._begin(thread, function, ())
            opened.arguments = arguments
            try:
                result = handler(thread, *arguments)
            except (Block, Wanted):
                self._wait(opened)
                raise
            except (Errno, Unwind) as error:
                self._end(thread, error)
                raise
            except Suspend:
                self._end(thread, None)
                raise
            self._end(thread, result)
            return result

        return call

    def direct(self, function: Function, handler: Handler, thread: Thread) -> Call:
        """A decoder (`wasix.abi.bind.direct`), watched: also what it refuses itself is told."""

        def noted(thread: Thread, *arguments: Any) -> Any:
            opened = self._open[thread, len(thread.held)]
            opened.arguments = arguments
            opened.result = handler(thread, *arguments)
            return opened.result

        decoder = direct(function, noted, thread)

        def call(memory: memoryview, raw: Sequence[int]) -> int:
            opened = self._begin(thread, function, tuple(raw))
            try:
                code = decoder(memory, raw)
            except (Block, Wanted):
                self._wait(opened)
                raise
            except Unwind as error:
                self._end(thread, error)
                raise
            except Suspend:
                # What it answers is known only when the stack has been unwound.
                self._end(thread, None)
                raise
            errno = -code if function.plain else code
            self._end(thread, Errno(E(errno)) if errno > 0 else opened.result)
            return code

        return call

    def _begin(self, thread: Thread, function: Function, raw: tuple[int, ...]) -> _Open:
        now = self._host.monotonic()
        key = thread, len(thread.held)
        opened = self._open.get(key)
        if opened is None or opened.function is not function:
            # Another is there if the guest has jumped out of a function for signals.
            opened = self._open[key] = _Open(function, raw, self._host.realtime(), now)
        elif opened.waiting:
            opened.blocked += now - opened.waiting
            opened.waiting = 0
        return opened

    def _wait(self, opened: _Open) -> None:
        opened.waiting = self._host.monotonic()

    def interrupted(self, thread: Thread) -> None:
        """A call that has waited ends because of a signal."""
        if (thread, len(thread.held)) in self._open:
            self._end(thread, Errno(E.INTR))

    def _end(self, thread: Thread, result: object) -> None:
        self._close(thread, len(thread.held), result)

    def _close(self, thread: Thread, depth: int, result: object) -> None:
        opened = self._open.pop((thread, depth))
        now = self._host.monotonic()
        if opened.waiting:
            opened.blocked += now - opened.waiting
        self.tracer(
            Traced(
                thread,
                opened.function,
                opened.raw,
                opened.arguments,
                result,
                opened.start,
                now - opened.started,
                opened.blocked,
            )
        )

    def _cut_off(self, process: Process) -> None:
        """The process has ended: calls that wait will not be tried again."""
        for (thread, depth), opened in list(self._open.items()):
            if opened.waiting:
                self._close(thread, depth, Block())
