"""An isolate that is told what to do by threads which it does not belong to.

Its own thread sits in JavaScript's `plain.serve` (engines/js/plain.js), which calls out whenever it
wants something or is done. What it wants is done by the thread that waits: so a host function runs
on its caller's thread, and may call the guest again while the guest waits for it.
"""

from __future__ import annotations

import atexit
import json
import weakref
from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import engines.js
from engines.js.backtrace import lines
from engines.js.shim import MODULE_NAME
from engines.plain import Refused, Trapped
from engines.v8.isolate import Failed, Isolate, Value

OK, UNWIND, RUN, DO, MORE, EXIT, DONE, FAILED, HOST = range(9)
_TEXT = _CHUNK = 65536
_STARTED = 2
_TERMINATED = -1

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


class Channel:
    """One thread at a time uses it. `host` serves host functions by number, on that thread."""

    def __init__(self, host: Callable[[int], bool], stopping: Callable[[], bool]) -> None:
        self.life = life = Life()
        self._host = host
        self._stopping = stopping
        self._events: SimpleQueue[int] = SimpleQueue()
        self.depth = 0
        self._served = 0
        isolate = life.isolate
        isolate.evaluate((Path(engines.js.__file__).parent / "plain.js").read_text())
        mail = isolate.evaluate("plain.mail()")
        assert isinstance(mail, memoryview)
        self.mail = mail
        self._words = life.words = mail[:32].cast("i")
        self._text = mail[_TEXT : _TEXT + _CHUNK]
        isolate.define("callHost", _switch(self._words, self._events, life.replies))
        self._serve()

    def _serve(self) -> None:
        events, replies = self._events, self.life.replies
        self._served += 1
        while not replies.empty():
            replies.get()

        def ended(value: Value | Failed) -> None:
            events.put(_TERMINATED)

        self.life.task = self.life.isolate.submit("plain.serve()", ended)
        events.get()

    def pause(self, code: str) -> memoryview:
        """A buffer, which is fetched while nothing is served. Not inside a host function."""
        self._words[0] = EXIT
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

    def run(self, call: int) -> None:
        """Run a call. Raises `Trapped`."""
        self._wait(RUN, call)

    def do(self, code: str) -> Any:
        """The value of some JavaScript in ASCII. Raises `Trapped` or `Refused`."""
        for at in range(0, len(code) - _CHUNK, _CHUNK):
            self._send(code[at : at + _CHUNK], MORE)
        rest = len(code) % _CHUNK or _CHUNK
        self._send(code[-rest:], DO)
        return json.loads(bytes(self._text[: self._words[1]]))

    def _send(self, code: str, what: int) -> None:
        data = code.encode("ascii")
        self._text[: len(data)] = data
        self._wait(what, len(data))

    def _wait(self, what: int, operand: int) -> None:
        words, replies, events = self._words, self.life.replies, self._events
        served = self._served
        words[_STARTED] = 0
        words[0], words[1] = what, operand
        replies.put(True)
        try:
            while True:
                event = events.get()
                if event == HOST:
                    number = words[1]
                    self.depth += 1
                    try:
                        fine = self._host(number)
                    finally:
                        self.depth -= 1
                    if served != self._served:  # the whole of it was ended while it was called
                        raise Trapped("stopped")
                    words[0] = OK if fine else UNWIND
                    replies.put(True)
                elif event == DONE:
                    return
                elif event == FAILED:
                    raise self._failure()
                else:
                    break
        except (Trapped, Refused):
            raise
        except BaseException:  # a signal's handler raised
            if served == self._served:
                self._abandon()
            raise
        self._serve()
        if words[_STARTED] or self._stopping():
            raise Trapped("stopped")
        # What was to be ended had ended before this began.
        self._wait(what, operand)

    def _abandon(self) -> None:
        """End what runs, whatever it does."""
        self.interrupt()
        self.life.replies.put(False)
        while self._events.get() != _TERMINATED:
            self.life.replies.put(False)
        self._serve()

    def _failure(self) -> Exception:
        report = json.loads(bytes(self._text[: self._words[1]]))
        if report["refused"]:
            return Refused(report["message"])
        found = lines("\n".join(report["stack"]))
        sites = [line.site for line in found if not line.module.startswith(MODULE_NAME)]
        return Trapped(report["message"], sites)


def _switch(
    words: memoryview, events: SimpleQueue[int], replies: SimpleQueue[bool]
) -> Callable[[], None]:
    def switch() -> None:
        events.put(words[0])
        replies.get()

    return switch
