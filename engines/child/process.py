"""A child process at a task: begun, talked to on a socket, and seen to its end."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from socket import MSG_WAITALL, socketpair

from engines.child.window import shared_file
from engines.child.wire import HEAD, LENGTH, MOST_REPORTED, Task
from engines.js.mailbox import CHUNK_SIZE, MAILBOX_SIZE
from engines.nursery import made
from engines.spare import Spare

_ROOT = Path(__file__).parents[2]
_BEGIN = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from engines.child.main import main
main(*sys.argv[2:])
"""
_OURS = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGTERM")
"""Signals that all programs on a terminal get at once. The host says what they mean to a guest."""

_DYING = 5.0
"""Seconds a child that has hung up may take to be gone."""

_live: weakref.WeakSet[Child] = weakref.WeakSet()


class Program:
    """What child processes of an engine run: the module that makes its context (see
    `engines.child.main`), and the environment it needs beside the host's."""

    def __init__(self, module: str, environ: Mapping[str, str]) -> None:
        self.module, self.environ = module, environ
        self._spare = Spare(partial(Child, self), Child.close, Child.waits, there=True)

    def child(self) -> Child:
        """A child without a task, from before if there is one. Raises `OSError`."""
        return self._spare.take()


class Died(Exception):
    """The child is gone without a report; the text says how."""


class Child:
    """A child process at a task.

    It is used by one thread, which must see it to its end. It ends with the thread that makes this.
    """

    def __init__(self, program: Program) -> None:
        self.file = shared_file()
        self.channel, theirs = socketpair()
        try:
            self._process = _spawn(program, (theirs.fileno(), self.file))
        except BaseException:
            self.channel.close()
            os.close(self.file)
            raise
        finally:
            theirs.close()
        self.message = memoryview(bytearray(MAILBOX_SIZE + CHUNK_SIZE))
        self.size = 0
        """Bytes of linear memory that it shares."""
        _live.add(self)

    def begin(self, task: Task, parts: Sequence[memoryview] = ()) -> None:
        """Give it its task, and the parts of the module. Raises `Died`."""
        data = json.dumps(task).encode()
        self.send(LENGTH.pack(len(data)) + data)
        for part in parts:
            self.send(part)

    def send(self, data: bytes | memoryview) -> None:
        try:
            self.channel.sendall(data)
        except OSError:
            raise self.died() from None

    def receive(self, area: memoryview) -> None:
        try:
            complete = self.channel.recv_into(area, len(area), MSG_WAITALL) == len(area)
        except OSError:
            complete = False
        if not complete:
            raise self.died()

    def report(self, length: int) -> bytearray:
        """What follows the head of a report. Raises `Died`."""
        if length > MOST_REPORTED:
            raise Died("its process reports nonsense")
        data = bytearray(length)
        self.receive(memoryview(data))
        return data

    def answer(self) -> str:
        """The value of the code that was its task. Raises `Died`, or with what it reports."""
        self.receive(self.message[:MAILBOX_SIZE])
        _, length = HEAD.unpack_from(self.message)
        fields = json.loads(self.report(length))
        if "value" not in fields:
            raise Died(fields["message"])
        return str(fields["value"])

    def died(self) -> Died:
        """What to raise when it has hung up."""
        self.channel.close()
        try:
            code = self._process.wait(_DYING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code < 0:
            return Died(f"its process was ended by {_signal_name(-code)}")
        return Died(f"its process ended with status {code}")

    def waits(self) -> bool:
        """Whether it is there still."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once. Any thread."""
        self._process.kill()

    def close(self) -> None:
        """End it, and free everything."""
        _live.discard(self)
        self._process.kill()
        self._process.wait()
        self.channel.close()
        os.close(self.file)


def _spawn(program: Program, handles: tuple[int, int]) -> subprocess.Popen[bytes]:
    path = [str(_ROOT), *map(os.path.abspath, sys.path)]
    names = [program.module, str(os.getpid()), *map(str, handles)]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in _OURS])
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BEGIN, json.dumps(path), *names],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=handles,
            env={**os.environ, **program.environ},
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def ask(program: Program, code: str) -> str:
    """The value of a JavaScript expression. Raises `Died` or `OSError`."""
    child = made(partial(Child, program))
    try:
        child.begin({"script": "", "code": code, "wanted": "", "module": 0, "plain": False})
        return child.answer()
    finally:
        child.close()


@atexit.register
def _end_all() -> None:
    for child in list(_live):
        child.kill()
