"""Running programs, shaped like `subprocess`."""

from __future__ import annotations

import io
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE, STDOUT, CompletedProcess, TimeoutExpired
from types import TracebackType
from typing import IO, Any, Self

from engines.protocol import End, Outcome
from wasix import catalogue
from wasix.api import program, stdio
from wasix.api.errors import UsageError
from wasix.api.sandbox import ENVIRONMENT, Sandbox
from wasix.api.sockets import shared
from wasix.fs.file import OpenFile
from wasix.net.host import HostSocket
from wasix.proc.carrier import OsThreadCarrier
from wasix.proc.process import STATUS_INTERNAL, STATUS_TRAP
from wasix.proc.signal import Signal

__all__ = ["DEVNULL", "PIPE", "STDOUT", "Popen", "run"]

STATUS_INVALID = 126
_STEP = 0.25
"""Seconds between the looks of a wait."""


class Popen:
    """A running guest program.

    args: program and arguments. The program is a path to a `.wasm` file, or a name from the
        catalogue (`wasix.catalogue`).
    stdin, stdout, stderr: None to inherit, PIPE, DEVNULL, STDOUT (stderr only), a descriptor, or a
        file object; an object with `write` but no descriptor receives each write.
    env: the whole environment; None for `HOME`, `PATH` and what the program needs.
    cwd: directory of the guest's that relative paths start from.
    sockets: stream or datagram sockets, listening or connected, which become descriptors 3, 4, ...
        They are duplicated: close yours when the guest alone shall have them.
    text, encoding, errors, bufsize: as in `subprocess`.
    sandbox: where to run; None for a new sandbox made from the remaining options (`Sandbox`).

    `returncode` is 0-255 as a shell reports it: 128 + n for a signal, 134 for a trap. Raises
    `WasixError` if the program cannot be run.
    """

    stdin: IO[Any] | None = None
    stdout: IO[Any] | None = None
    stderr: IO[Any] | None = None
    backtrace = ""
    """Where in the guest it trapped, as its engine tells it."""

    def __init__(
        self,
        args: Sequence[str | os.PathLike[str]],
        *,
        stdin: stdio.Stdio = None,
        stdout: stdio.Stdio = None,
        stderr: stdio.Stdio = None,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        sockets: Sequence[socket.socket] = (),
        text: bool = False,
        encoding: str | None = None,
        errors: str | None = None,
        sandbox: Sandbox | None = None,
        **options: Any,
    ) -> None:
        if isinstance(args, str) or not args:
            raise UsageError("args must be a list: the program, then its arguments")
        if sandbox is not None and options:
            raise UsageError(f"{', '.join(options)}: set where the sandbox is made, not here")
        self.args = [os.fspath(arg) for arg in args]
        self.returncode: int | None = None
        self._text = text or encoding is not None or errors is not None
        self._encoding, self._errors = encoding or "utf-8", errors or "strict"
        self._done = threading.Event()
        self._threads: list[threading.Thread] = []
        self._collected: dict[str, Any] = {}
        found = catalogue.find(self.args[0])
        self._own = Sandbox(**options) if sandbox is None else None
        self.sandbox = box = sandbox or self._own
        assert box is not None
        given: list[HostSocket] = []
        try:
            engine = box.engine()
            linked = program.link(found.read(), found.name, abi=box.abi, memory=box.memory_limit)
            argv = [*found.argv, *self.args[1:]]
            if any("\0" in arg for arg in argv):
                raise UsageError("an argument has a NUL character in it")
            if env is None:
                env = {**ENVIRONMENT, "PWD": cwd, **found.environ}
            preopens = box.preopens(cwd)
            environ = stdio.environment(dict(env))
            files = self._streams(stdin, stdout, stderr)
            given = shared(box.kernel.host, sockets)
            with box.kernel.lock:
                self.process = box.kernel.process(
                    [os.fsencode(arg) for arg in argv],
                    environ,
                    files,
                    preopens,
                    sockets=given,
                    max_files=box.max_files,
                )
                self.process.name = found.name
            self.pid = self.process.pid
            carrier = OsThreadCarrier(self.process.main)
            box.adopt(self)
            self._guest = engine.start(linked, carrier, self._ended)
            with box.kernel.lock:
                self.process.main.runner = self._guest
        except BaseException:
            for file in given:
                file.close()
            if self._own:
                self._own.close()
            raise

    def _streams(
        self, stdin: stdio.Stdio, stdout: stdio.Stdio, stderr: stdio.Stdio
    ) -> list[OpenFile]:
        assert self.sandbox is not None
        kernel = self.sandbox.kernel
        files: list[OpenFile] = []
        if stdin == PIPE:
            file, writer = stdio.pipe_to_guest(kernel)
            self.stdin = self._wrap(writer)
            files.append(file)
        else:
            files.append(stdio.inherited(kernel, stdin, 0))
        for number, value in ((1, stdout), (2, stderr)):
            if value == STDOUT and number == 2:
                files.append(files[1])
            elif value == PIPE:
                file, reader = stdio.pipe_from_guest(kernel)
                setattr(self, ("stdout", "stderr")[number - 1], self._wrap(reader))
                files.append(file)
            else:
                files.append(stdio.inherited(kernel, value, number))
        return files

    def _wrap(self, stream: io.BufferedReader | io.BufferedWriter) -> IO[Any]:
        if not self._text:
            return stream
        return io.TextIOWrapper(
            stream, encoding=self._encoding, errors=self._errors, write_through=True
        )

    def _ended(self, outcome: Outcome) -> None:
        """The engine is done with the guest. Called on its thread."""
        assert self.sandbox is not None
        process = self.process
        self.backtrace = outcome.backtrace
        with self.sandbox.kernel.lock:
            match outcome.end:
                case End.RETURNED:
                    process.exit(0)
                case End.TRAPPED:
                    process.exit(STATUS_TRAP, f"{process.name}: trap: {outcome.message}")
                case End.INVALID:
                    process.exit(STATUS_INVALID, f"{process.name}: {outcome.message}")
                case End.UNWOUND:
                    process.exit(STATUS_INTERNAL, f"{process.name}: stopped by its engine")
                case End.FAILED:
                    process.exit(STATUS_INTERNAL, f"{process.name}: engine: {outcome.message}")
        self.sandbox.release(self)
        self._done.set()

    @property
    def message(self) -> str | None:
        """Why it ended, in a line, if it did not end by itself: a trap, an invalid module."""
        return self.process.message

    def poll(self) -> int | None:
        """The status if it has ended, else None."""
        if self.returncode is None and self._done.is_set():
            self.returncode = self.process.status
            if self._own:
                self._own.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises `TimeoutExpired` after `timeout` seconds."""
        # In steps, since a signal that the system gives to another thread (V8 has some) is acted
        # upon only when this one next takes a step.
        end = math.inf if timeout is None else time.monotonic() + timeout
        while not self._done.wait(max(0.0, min(_STEP, end - time.monotonic()))):
            if timeout is not None and time.monotonic() >= end:
                raise TimeoutExpired(self.args, timeout)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, signal: int) -> None:
        """Deliver a signal, by Linux's number; nothing if it has ended."""
        assert self.sandbox is not None
        with self.sandbox.kernel.lock:
            self.process.deliver(Signal(signal))

    def terminate(self) -> None:
        """End it with SIGTERM (status 143)."""
        self.send_signal(Signal.TERM)

    def kill(self) -> None:
        """End it with SIGKILL (status 137)."""
        self.send_signal(Signal.KILL)

    def communicate(
        self,
        input: str | bytes | None = None,  # noqa: A002 - subprocess calls it so
        timeout: float | None = None,
    ) -> tuple[Any, Any]:
        """Send `input`, read everything, wait: (stdout, stderr), None where not a PIPE.

        Raises `TimeoutExpired`; the guest goes on, and the call may be repeated.
        """
        threads = self._threads
        if not threads:
            threads += [
                _spawn(self._collect, name, stream)
                for name in ("stdout", "stderr")
                if (stream := getattr(self, name)) is not None
            ]
            if self.stdin is not None:
                threads.append(_spawn(self._feed, input))
        self.wait(timeout)
        for thread in threads:
            thread.join()
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        return self._collected.get("stdout"), self._collected.get("stderr")

    def _collect(self, name: str, stream: IO[Any]) -> None:
        self._collected[name] = stream.read()

    def _feed(self, data: str | bytes | None) -> None:
        assert self.stdin is not None
        with suppress(BrokenPipeError):
            if data:
                self.stdin.write(data)
            self.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the pipes and wait; kill it first if the block failed."""
        if kind is not None:
            self.kill()
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        self.wait()


def _spawn(function: Any, *args: Any) -> threading.Thread:
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def run(
    args: Sequence[str | os.PathLike[str]],
    *,
    input: str | bytes | None = None,  # noqa: A002 - subprocess calls it so
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> CompletedProcess[Any]:
    """Run a program to its end; the arguments and the result are `subprocess.run`'s.

    `options` are those of `Popen`. After `timeout` seconds the guest is killed and `TimeoutExpired`
    raised with what it had written; `check` raises `CalledProcessError` for a status but 0.
    """
    if capture_output:
        if options.get("stdout") is not None or options.get("stderr") is not None:
            raise UsageError("capture_output sets stdout and stderr itself")
        options["stdout"] = options["stderr"] = PIPE
    encoding, errors = options.get("encoding") or "utf-8", options.get("errors") or "strict"
    text = bool(options.get("text") or options.get("encoding") or options.get("errors"))
    if input is not None:
        if options.get("stdin") is not None:
            raise UsageError("input and stdin cannot both be given")
        options["stdin"] = input.encode(encoding, errors) if isinstance(input, str) else input
    collected: dict[str, io.BytesIO] = {}
    for name in ("stdout", "stderr"):
        if options.get(name) == PIPE:
            options[name] = collected[name] = io.BytesIO()
    process = Popen(args, **options)

    def output(name: str) -> Any:
        if name not in collected:
            return None
        data = collected[name].getvalue()
        # As a text file would read it: line ends become \n.
        return (
            data.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")
            if text
            else data
        )

    try:
        status = process.wait(timeout)
    except BaseException as error:
        process.kill()
        process.wait()
        if isinstance(error, TimeoutExpired):
            error.output, error.stderr = output("stdout"), output("stderr")
        raise
    if process.process.defect is not None:
        print(process.message, file=sys.stderr)
    result = CompletedProcess(process.args, status, output("stdout"), output("stderr"))
    if check:
        result.check_returncode()
    return result
