"""What is said to JavaScript's `plain` (engines/js/plain.js), which serves plain modules.

The two sides take turns, as two threads or two processes do: the engine calls out whenever it wants
something or is done, and waits. What it wants is done by the thread that waits for it: so a host
function runs on its caller's thread, and may call the guest again while the guest waits for it.
What is said stands in a mailbox that both see: what it is and a number, then slots for values, then
text.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from engines.backtrace import Site
from engines.js.backtrace import lines
from engines.js.shim import MODULE_NAME
from engines.plain import Ended, Refused, Trapped

OK, UNWIND, RUN, DO, MORE, BYTES, EXIT, DONE, FAILED, HOST = range(10)
TERMINATED = -1
"""In place of what has happened: the engine was made to end all that it did."""

TEXT = CHUNK = 65536
MAIL = TEXT + CHUNK
"""Bytes of the mailbox."""

STARTED = 2
"""The word that says whether what was wanted last has begun."""


class Channel(ABC):
    """One thread at a time uses it. `hosts` serve host functions, by number, on that thread."""

    mail: memoryview

    def __init__(self, hosts: Sequence[Callable[[], bool]]) -> None:
        self._hosts = hosts
        self.depth = 0
        """Host functions that run now."""
        self.generation = 0
        """It changes when all that ran was ended."""
        self.precise: Callable[[str, list[Site]], str] | None = None
        """What a trap's text means at some place, where an engine has one text for two traps."""

    def attach(self, mail: memoryview) -> None:
        """Where the mailbox is."""
        self.mail = mail
        self.words = mail[:32].cast("i")
        self._text = mail[TEXT : TEXT + CHUNK]

    @abstractmethod
    def resume(self, *, guest: bool) -> None:
        """Give the engine its turn; `guest` says whether code of a guest runs in it."""

    @abstractmethod
    def turn(self) -> int:
        """Wait for the engine to give the turn back: what has happened."""

    @abstractmethod
    def restart(self) -> None:
        """All that ran was ended by `interrupt`. Raises `Trapped` if a guest was to end by that,
        or `Ended`; else what was wanted is begun again."""

    @abstractmethod
    def abandon(self) -> None:
        """End what runs, whatever it does."""

    @abstractmethod
    def lost(self) -> Exception:
        """What calls raise that were under way when all that ran was ended."""

    @abstractmethod
    def interrupt(self) -> None:
        """See `engines.plain.Store`."""

    def run(self, call: int, *, guest: bool = True) -> None:
        """Run a call. Raises `Trapped` or `Ended`, as the others do."""
        self._wait(RUN, call, guest)

    def do(self, name: str, *args: object, guest: bool = False) -> Any:
        """What a function of `plain` gives. Raises `Refused`, too."""
        # As JSON, not as a script: SpiderMonkey keeps something of every script.
        wanted = json.dumps([name, *args]).encode("ascii")
        last = (len(wanted) - 1) // CHUNK * CHUNK
        for at in range(0, last, CHUNK):
            self._send(wanted[at : at + CHUNK], MORE)
        self._send(wanted[last:], DO, guest)
        return self._told()

    def give(self, module: bytes) -> None:
        """Leave the bytes of a module where `plain` looks for them."""
        self.do("begin", len(module))
        for at in range(0, len(module), CHUNK):
            self._send(module[at : at + CHUNK], BYTES)

    def _send(self, data: bytes, what: int, guest: bool = False) -> None:
        self._text[: len(data)] = data
        self._wait(what, len(data), guest)

    def _wait(self, what: int, operand: int, guest: bool) -> None:
        words, generation = self.words, self.generation
        words[STARTED] = 0
        words[0], words[1] = what, operand
        try:
            self.resume(guest=guest)
            while True:
                event = self.turn()
                if event == HOST:
                    number = words[1]
                    if not 0 <= number < len(self._hosts):
                        raise self.nonsense()
                    self.depth += 1
                    try:
                        fine = self._hosts[number]()
                    finally:
                        self.depth -= 1
                    if generation != self.generation:  # all was ended while it was called
                        raise self.lost()
                    words[0] = OK if fine else UNWIND
                    self.resume(guest=True)
                elif event == DONE:
                    return
                elif event == FAILED:
                    raise self._failure()
                else:
                    break
        except (Trapped, Refused, Ended):
            raise
        except BaseException:  # a signal's handler raised
            if generation == self.generation:
                self.abandon()
            raise
        self.restart()
        self._wait(what, operand, guest)

    def number(self, name: str, *args: object) -> int:
        """The same where that is a number."""
        value = self.do(name, *args)
        if not isinstance(value, int):
            raise self.nonsense()
        return value

    def nonsense(self) -> Ended:
        """What to raise when the engine says what it never does, or somebody in its place."""
        return Ended("the engine says what makes no sense")

    def _told(self) -> Any:
        try:
            return json.loads(bytes(self._text[: self.words[1]]))
        except ValueError:
            raise self.nonsense() from None

    def _failure(self) -> Exception:
        report = self._told()
        if not isinstance(report, dict) or {"message", "refused", "stack"} - report.keys():
            return self.nonsense()
        # JavaScriptCore appends what it was evaluating, which is ours.
        message = str(report["message"]).partition(" (evaluating")[0]
        if report["refused"]:
            return Refused(message)
        found = lines("\n".join(map(str, report["stack"])))
        frames = [line.site for line in found if not line.module.startswith(MODULE_NAME)]
        return Trapped(self.precise(message, frames) if self.precise else message, frames)
