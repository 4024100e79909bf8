"""What the host's signals are to a program that runs in a terminal."""

from __future__ import annotations

import os
import signal
from _thread import start_new_thread
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from wasix.api.popen import Popen
from wasix.proc.signal import Signal

_ENDING = ("SIGTERM", "SIGHUP", "SIGQUIT")


class Ended(BaseException):
    """The host's signal `number` is to end us, when what is under way has been put in order."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def finish(self) -> None:
        """End as the signal does."""
        signal.signal(self.number, signal.SIG_DFL)
        os.kill(os.getpid(), self.number)


class Passed:
    """What a program is to hear of, from when it is there."""

    def __init__(self) -> None:
        self._process: Popen[bytes] | None = None
        self._resized = False

    def to(self, process: Popen[bytes]) -> None:
        """It is there."""
        self._process = process
        if self._resized:
            self.resized()

    def resized(self, *signalled: object) -> None:
        """The terminal has a new size."""
        self._resized = True
        if self._process is not None:
            # On a thread of its own: a signal comes in the middle of anything.
            start_new_thread(_tell, (self._process, Signal.WINCH))


@contextmanager
def passed_on() -> Iterator[Passed]:
    """Within it a program can hear of the terminal's new sizes, and what ends us raises `Ended`.

    Otherwise it would end us on the spot, and leave the terminal as the program wanted it.
    """

    def ended(number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    passed = Passed()
    handlers = dict.fromkeys(_ENDING, ended) | {"SIGWINCH": passed.resized}
    before = {}
    try:
        for name, handler in handlers.items():
            number = getattr(signal, name, None)
            # What is ignored is so on purpose (nohup).
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, handler)
        yield passed
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _tell(process: Popen[bytes], sent: Signal) -> None:
    own = process.process
    with own.kernel.lock:
        own.group.deliver(sent)
