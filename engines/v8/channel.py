"""An isolate that is told what to do by threads which it does not belong to.

Its own thread sits in JavaScript's `plain.serve`, and `engines.js.channel` says the rest.
"""

from __future__ import annotations

import atexit
import weakref
from _thread import start_new_thread
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

import engines.js
from engines.js.channel import EXIT, STARTED, TERMINATED, Channel
from engines.plain import Trapped
from engines.v8.isolate import Failed, Isolate, Value

_live: weakref.WeakSet[Life] = weakref.WeakSet()


class Life:
    """Closes an isolate when nothing refers to this any more."""

    def __init__(self) -> None:
        self.isolate = Isolate()
        self.replies: SimpleQueue[bool] = SimpleQueue()
        self.words = memoryview(b"")
        self.task = 0
        _live.add(self)

    def close(self) -> None:
        words, self.words = self.words, memoryview(b"")
        _close(self.isolate, self.replies, words, self.task)

    def __del__(self) -> None:
        # Garbage is collected on any thread, the isolate's own too.
        if len(self.words):
            with suppress(RuntimeError):  # the interpreter is ending
                start_new_thread(_close, (self.isolate, self.replies, self.words, self.task))


def _close(isolate: Isolate, replies: SimpleQueue[bool], words: memoryview, task: int) -> None:
    words[0] = EXIT
    replies.put(False)
    isolate.cancel(task)
    isolate.close()


@atexit.register
def _close_all() -> None:
    """A process that ends while isolates live may hang."""
    for life in list(_live):
        life.close()


class V8Channel(Channel):
    """See `engines.js.channel.Channel`."""

    def __init__(self, hosts: Sequence[Callable[[], bool]], stopping: Callable[[], bool]) -> None:
        super().__init__(hosts)
        self.life = life = Life()
        self._stopping = stopping
        self._events: SimpleQueue[int] = SimpleQueue()
        isolate = life.isolate
        isolate.evaluate((Path(engines.js.__file__).parent / "plain.js").read_text())
        mail = isolate.evaluate("plain.mail()")
        assert isinstance(mail, memoryview)
        self.attach(mail)
        life.words = self.words
        isolate.define("callHost", _switch(self.words, self._events, life.replies))
        self._serve()

    def _serve(self) -> None:
        events, replies = self._events, self.life.replies
        self.generation += 1
        while not replies.empty():
            replies.get()

        def ended(value: Value | Failed) -> None:
            events.put(TERMINATED)

        self.life.task = self.life.isolate.submit("plain.serve()", ended)
        events.get()

    def pause(self, code: str) -> memoryview:
        """A buffer, which is fetched while nothing is served. Not inside a host function."""
        self.words[0] = EXIT
        self.life.replies.put(True)
        self._events.get()
        try:
            value = self.life.isolate.evaluate(code)
            assert isinstance(value, memoryview)
            return value
        finally:
            self._serve()

    def interrupt(self) -> None:
        self.life.isolate.cancel(self.life.task)

    def resume(self, *, guest: bool) -> None:
        self.life.replies.put(True)

    def turn(self) -> int:
        return self._events.get()

    def restart(self) -> None:
        self._serve()
        if self.words[STARTED] or self._stopping():
            raise Trapped("stopped")
        # What was to be ended had ended before this began.

    def abandon(self) -> None:
        self.interrupt()
        self.life.replies.put(False)
        while self._events.get() != TERMINATED:
            self.life.replies.put(False)
        self._serve()

    def lost(self) -> Trapped:
        return Trapped("stopped")


def _switch(
    words: memoryview, events: SimpleQueue[int], replies: SimpleQueue[bool]
) -> Callable[[], None]:
    def switch() -> None:
        events.put(words[0])
        replies.get()

    return switch
