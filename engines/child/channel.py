"""A child process that is told what to do for plain modules."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from socket import send_fds

import engines.js
from engines.child.process import Died, Program
from engines.child.window import seen
from engines.child.wire import HEAD, TURN, Task
from engines.js.channel import DONE, FAILED, HOST, MAIL, OK, UNWIND, Channel
from engines.plain import Ended, Trapped

_STOPPED = "it was stopped while it computed, which ended its process"


class ChildChannel(Channel):
    """See `engines.js.channel.Channel`. The process ends when nothing refers to this any more.

    A guest that computes is stopped by the end of its process; one that has called a host function
    by that function's answer, and it can be called again. Raises `Ended` if it cannot begin.
    """

    def __init__(
        self, program: Program, hosts: Sequence[Callable[[], bool]], stopping: Callable[[], bool]
    ) -> None:
        super().__init__(hosts)
        self._stopping = stopping
        self._lock = threading.Lock()
        self._computing = False
        self._killed = False
        self._passed: int | None = None
        self._gone = ""
        """Why there is no process any more."""
        try:
            self._child = program.child()
        except OSError as error:
            raise Ended(f"there is no process for it: {error}") from None
        self.close = weakref.finalize(self, self._child.close)
        self.close.atexit = False  # engines.child.process sees to that
        task: Task = {
            "script": (Path(engines.js.__file__).parent / "plain.js").read_text(),
            "code": "",
            "wanted": "",
            "module": 0,
            "plain": True,
        }
        try:
            self._child.begin(task)
            self._listen()
            self.attach(seen(self._child.file, MAIL))
        except (Died, OSError, ValueError) as error:
            self.close()
            raise Ended(f"its process did not begin: {error}") from None
        except BaseException:
            self.close()
            raise

    def resume(self, *, guest: bool) -> None:
        with self._lock:
            answers = self.words[0] in (OK, UNWIND)
            if self._killed and not self._gone:  # it had just done what it was to be ended at
                self.end(_STOPPED)
                if answers:
                    raise Trapped("stopped")
            if self._gone:
                raise Ended(self._gone)
            if guest and self._stopping():
                if not answers:
                    raise Trapped("stopped")
                self.words[0] = UNWIND
            # What unwinds ends by itself.
            self._computing = guest and self.words[0] != UNWIND
        try:
            self._child.send(TURN)
            if self._passed is not None:
                send_fds(self._child.channel, [TURN], [self._passed])
        except (Died, OSError) as error:
            self.end(_STOPPED if self._killed else str(error))
            raise self.lost() from None

    def turn(self) -> int:
        self._listen()
        with self._lock:
            self._computing = False
        event = self.words[0]
        if event not in (DONE, FAILED, HOST):
            raise self.nonsense()
        return event

    def _listen(self) -> None:
        """Wait for the child's turn to end. Raises what `lost` gives."""
        message = self._child.message
        try:
            self._child.receive(message[:1])
            if message[:1] == TURN:
                return
            self._child.receive(message[1:])
            report = self._child.report(HEAD.unpack_from(message)[1])
            raise Died(str(json.loads(report)["message"]))
        except (Died, ValueError, LookupError, TypeError) as error:
            self.end(_STOPPED if self._killed else str(error))
        raise self.lost()

    def end(self, why: str) -> None:
        """End the process; what uses it from now on hears why."""
        self._computing = False
        self._gone = why
        self.generation += 1
        self.close()

    def interrupt(self) -> None:
        with self._lock:
            if self._computing:
                self._killed = True
                self._child.kill()

    def abandon(self) -> None:
        self.end("it was interrupted, which ended its process")

    def nonsense(self) -> Ended:
        self.end("its process says what makes no sense")
        return Ended(self._gone)

    def restart(self) -> None:
        raise self.lost()

    def lost(self) -> Exception:
        return Trapped("stopped") if self._killed else Ended(self._gone)

    def share(self, file: int, name: str, *args: object) -> int:
        """What a function of `plain` gives, which takes a descriptor from the socket."""
        self._passed = file
        try:
            return self.number(name, *args)
        finally:
            self._passed = None
