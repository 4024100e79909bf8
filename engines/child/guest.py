"""The host's side: starts a child process, serves its system calls, and sees to its end."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import MSG_WAITALL, socketpair
from struct import Struct

from engines.child.window import seen, shared_file
from engines.child.wire import ERRNO, HEAD, LENGTH, MOST_REPORTED, REPORT, Task
from engines.js.generate import direct
from engines.js.imports import wanted
from engines.js.mailbox import ARGUMENTS, FUEL, MAILBOX_SIZE
from engines.js.report import outcome
from engines.protocol import Door, End, Entry, Linked, Outcome
from wasix.abi import NUMBERS, UNWIND

_ROOT = Path(__file__).parents[2]
_BEGIN = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from engines.child.main import main
main(*sys.argv[2:])
"""
_OURS = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGTERM")
"""Signals that all programs on a terminal get at once. The host says what they mean to a guest."""

_FUEL = Struct("<q")

Entries = Mapping[int, tuple[Entry, Callable[..., Sequence[int]]]]

_DYING = 5.0
"""Seconds a child that has hung up may take to be gone."""

_live: weakref.WeakSet[Child] = weakref.WeakSet()


@dataclass(frozen=True)
class Program:
    """What child processes of an engine run: the module that makes its context (see
    `engines.child.main`), and the environment it needs beside the host's."""

    module: str
    environ: Mapping[str, str]


class Died(Exception):
    """The child is gone without a report; the text says how."""


class Child:
    """A child process at a task. Made and used by one thread, which must see it to its end."""

    def __init__(self, program: Program) -> None:
        self._file = shared_file()
        self._channel, theirs = socketpair()
        try:
            handles = (theirs.fileno(), self._file)
            self._process = _spawn(program, handles)
        except BaseException:
            self._channel.close()
            os.close(self._file)
            raise
        finally:
            theirs.close()
        self._message = memoryview(bytearray(MAILBOX_SIZE))
        _live.add(self)

    def begin(self, task: Task, parts: Sequence[memoryview] = ()) -> None:
        """Give it its task, and the parts of the module. Raises `Died`."""
        data = json.dumps(task).encode()
        self._send(LENGTH.pack(len(data)) + data)
        for part in parts:
            self._send(part)

    def _send(self, data: bytes | memoryview) -> None:
        try:
            self._channel.sendall(data)
        except OSError:
            raise self._died() from None

    def _receive(self, area: memoryview) -> None:
        try:
            complete = self._channel.recv_into(area, len(area), MSG_WAITALL) == len(area)
        except OSError:
            complete = False
        if not complete:
            raise self._died()

    def serve(self, entries: Entries, *, metered: bool = False) -> Outcome:
        """Serve its system calls until it reports. Raises `Died`."""
        message, receive, send = self._message, self._receive, self._channel.sendall
        arguments = message[ARGUMENTS:]
        memory, size = memoryview(b""), 0
        while True:
            receive(message)
            number, length = HEAD.unpack_from(message)
            if number == REPORT:
                return self.report(length)
            if length != size:
                # The old mapping goes when the last view of it does.
                memory, size = seen(self._file, length), length
            enter, unpack = entries[number]
            answer = enter(memory, unpack(arguments))
            if answer == UNWIND:
                left = _FUEL.unpack_from(message, FUEL)[0] if metered else None
                return Outcome(End.UNWOUND, fuel=left)
            try:
                send(ERRNO.pack(answer))
            except OSError:
                raise self._died() from None

    def report(self, length: int) -> Outcome:
        if length > MOST_REPORTED:
            raise Died("its process reports nonsense")
        data = bytearray(length)
        self._receive(memoryview(data))
        return outcome(data)

    def answer(self) -> str:
        """The value of the code that was its task. Raises `Died`, or with what it reports."""
        self._receive(self._message)
        _, length = HEAD.unpack_from(self._message)
        data = bytearray(min(length, MOST_REPORTED))
        self._receive(memoryview(data))
        fields = json.loads(data)
        if "value" not in fields:
            raise Died(fields["message"])
        return str(fields["value"])

    def _died(self) -> Died:
        self._channel.close()
        try:
            code = self._process.wait(_DYING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code < 0:
            return Died(f"its process was ended by {_signal_name(-code)}")
        return Died(f"its process ended with status {code}")

    def kill(self) -> None:
        """End it at once. Any thread."""
        self._process.kill()

    def close(self) -> None:
        """End it, and free everything."""
        _live.discard(self)
        self._process.kill()
        self._process.wait()
        self._channel.close()
        os.close(self._file)


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
    child = Child(program)
    try:
        child.begin({"script": "", "code": code, "wanted": "", "module": 0})
        return child.answer()
    finally:
        child.close()


class ChildGuest:
    """A guest in a child process, and the thread of ours that sees it through."""

    def __init__(
        self, program: Program, linked: Linked, door: Door, ended: Callable[[Outcome], None]
    ) -> None:
        self._program = program
        self._linked = linked
        self._ended = ended
        self._lock = threading.Lock()
        self._stopped = False
        self._child: Child | None = None
        self._entries: Entries = {
            NUMBERS[function]: (door.entry(function), Struct(function.argument_format).unpack_from)
            for function in linked.functions.values()
        }
        self._thread = threading.Thread(target=self._supervise, name="wasix-child", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._child:
                self._child.kill()

    def close(self) -> None:
        self._thread.join()

    def _supervise(self) -> None:
        try:
            result = self._run()
        except Exception as error:  # whoever waits for the guest must hear of its end
            message = str(error) if isinstance(error, Died) else f"{type(error).__name__}: {error}"
            result = Outcome(End.UNWOUND if self._stopped else End.FAILED, message)
        self._ended(result)

    def _run(self) -> Outcome:
        child = Child(self._program)
        try:
            with self._lock:
                if self._stopped:
                    return Outcome(End.UNWOUND)
                self._child = child
            module = self._linked.module
            task: Task = {
                "script": direct(),
                "code": "",
                "wanted": wanted(self._linked),
                "module": module.size,
            }
            child.begin(task, module.buffers())
            return child.serve(self._entries, metered=self._linked.fuel is not None)
        finally:
            with self._lock:
                self._child = None
            child.close()


@atexit.register
def _end_all() -> None:
    for child in list(_live):
        child.kill()
