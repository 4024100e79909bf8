"""Running guests, shaped like `subprocess.Popen`."""

from __future__ import annotations

import io
import math
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from socket import socket
from subprocess import TimeoutExpired
from types import TracebackType
from typing import IO, Any, AnyStr, Generic, Literal, Self, Unpack, cast, overload

from wasix.api import backtrace, stdio
from wasix.api.errors import UsageError
from wasix.api.guest import Guest, Path, Watcher, abandon, load
from wasix.api.options import Args, PopenAny, PopenBytes, PopenEncoded, PopenText
from wasix.api.sandbox import Sandbox, sandbox_for
from wasix.api.trace import Trace
from wasix.api.trap import Frame
from wasix.fs.pipe import PipeWriter
from wasix.kernel import Kernel
from wasix.proc.process import Process
from wasix.proc.signal import Signal

_STEP = 0.25
"""Seconds between the looks of a wait."""


class Popen(Generic[AnyStr]):
    """A running guest program.

    >>> with wasix.Popen(["python", "-c", "print(input()[::-1])"], text=True,
    ...                  stdin=wasix.PIPE, stdout=wasix.PIPE) as process:
    ...     print("drawer", file=process.stdin, flush=True)
    ...     process.stdout.readline().strip()
    'reward'

    args: program and arguments, or a program alone. The program is a path to a `.wasm` file, or a
        name from the catalogue (`wasix.catalogue`).
    stdin, stdout, stderr: None to inherit, PIPE, DEVNULL, STDOUT (stderr only), a descriptor, or a
        file object. One without a descriptor is read on a thread of its own as the guest asks
        (`io.BytesIO` and `io.StringIO` whole, at the start), and gets each write on the guest's.
    text, encoding, errors, universal_newlines, bufsize: as in `subprocess`, except that text is
        UTF-8 unless told otherwise.
    env: the whole environment; None for `HOME`, `PATH` and what the program needs.
    cwd: directory of the guest's that relative paths start from.
    sockets: stream or datagram sockets, listening or connected, which become descriptors 3, 4, ...
        They are duplicated: close yours when the guest alone shall have them.
    trace: True for the system calls as records in the attribute `trace` (`wasix.Trace`), or a
        function that is called with each `wasix.Call` on the guest's thread, such as `print`; it
        must not use the sandbox.
    profile: a file that is written at its end, however it ends: where it spent its time, in
        speedscope's format. Not every engine can do that (`docs/profiling.md`).
    sandbox: where to run; None for a new sandbox made from the remaining options (`Sandbox`).

    Leaving the context closes the pipes and waits; if the block failed, the guest is killed. One
    that is forgotten while it runs gives a `ResourceWarning`, and is killed unless it runs in a
    sandbox that is still there.

    Raises `WasixError` if the program cannot be run.
    """

    stdin: IO[AnyStr] | None = None
    stdout: IO[AnyStr] | None = None
    stderr: IO[AnyStr] | None = None
    returncode: int | None = None
    """The status as a shell reports it, 0-255: 128 + n for a signal, 134 for a trap; None until a
    `poll` or `wait` has seen the end."""
    trace: Trace | None
    args: list[str]
    universal_newlines: bool
    """Whether the streams are of text."""
    sandbox: Sandbox
    _own: bool
    _pipes: _Pipes
    _guest: Guest | None = None

    @overload
    def __init__(
        self: Popen[str], args: Args, *, text: Literal[True], **options: Unpack[PopenText]
    ) -> None: ...
    @overload
    def __init__(
        self: Popen[str], args: Args, *, encoding: str, **options: Unpack[PopenEncoded]
    ) -> None: ...
    @overload
    def __init__(self: Popen[bytes], args: Args, **options: Unpack[PopenBytes]) -> None: ...
    @overload
    def __init__(self: Popen[Any], args: Args, **options: Unpack[PopenAny]) -> None: ...

    def __init__(
        self,
        args: Args,
        *,
        bufsize: int = -1,
        stdin: stdio.Stdio = None,
        stdout: stdio.Stdio = None,
        stderr: stdio.Stdio = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        sockets: Sequence[socket] = (),
        text: bool | None = None,
        encoding: str | None = None,
        errors: str | None = None,
        universal_newlines: bool | None = None,
        trace: Watcher = None,
        profile: Path | None = None,
        sandbox: Sandbox | None = None,
        **options: Any,
    ) -> None:
        self.universal_newlines = is_text(text, encoding, errors, universal_newlines)
        if bufsize == 1 and not self.universal_newlines:
            warnings.warn(
                "line buffering (bufsize=1) isn't supported for bytes: the default size is used",
                RuntimeWarning,
                stacklevel=2,
            )
        self._pipes = _Pipes(
            bufsize, (encoding or "utf-8", errors or "strict") if self.universal_newlines else None
        )
        self._collectors: dict[str, _Collector] = {}
        self.sandbox, self._own = sandbox_for(sandbox, options)
        try:
            loaded = load(self.sandbox, args, profile)
            files, ends = stdio.connect(self.sandbox.kernel, stdin, stdout, stderr)
            self._guest = guest = Guest(
                self.sandbox,
                loaded,
                files,
                env=env,
                cwd=cwd,
                sockets=sockets,
                trace=trace,
                own=self._own,
            )
        except BaseException:
            if self._own:
                self.sandbox.close()
            raise
        self.args = loaded.args
        self.pid = guest.pid
        self.trace = guest.trace
        kernel = guest.kernel
        self.stdin, self.stdout, self.stderr = (
            self._pipes.open(kernel, ends[number]) if number in ends else None
            for number in range(3)
        )

    @property
    def _running(self) -> Guest:
        assert self._guest is not None
        return self._guest

    @property
    def message(self) -> str | None:
        """Why it ended, in a line, if it did not end by itself: a trap, an invalid module."""
        return self.process.message

    @property
    def engine(self) -> str:
        """The engine it runs on, and why that one."""
        return self._running.engine

    @property
    def backtrace(self) -> str:
        """Where in the guest it trapped, in lines, the innermost first: as far as the engine tells.

        All of it, whatever `WASIX_BACKTRACE` says.
        """
        return backtrace.text(self.frames)

    @property
    def frames(self) -> Sequence[Frame]:
        """The same as a list."""
        return self._running.frames

    @property
    def profile_error(self) -> str | None:
        """Why its profile was not written at its end, in a line; None if it was."""
        profile = self._running.profile
        return None if profile is None else profile.error

    @property
    def fuel(self) -> int | None:
        """What was left of its fuel when it ended (0 if that did not suffice).

        None while it runs, and if it was given none. As of its last system call if it was killed,
        where the engine tells.
        """
        return self.process.fuel

    @property
    def process(self) -> Process:
        """What the kernel knows of it."""
        return self._running.process

    def poll(self) -> int | None:
        """The status if it has ended, else None."""
        if self.returncode is None:
            self.returncode = self._running.status
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises `TimeoutExpired` after `timeout` seconds."""
        # In steps, since a signal that the system gives to another thread (V8 has some) is acted
        # upon only when this one next takes a step.
        end = _end(timeout)
        while not self._running.wait(max(0.0, min(_STEP, end - time.monotonic()))):
            if timeout is not None and time.monotonic() >= end:
                raise TimeoutExpired(self.args, timeout)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, signal: int) -> None:
        """Deliver a signal, by Linux's number; nothing if it has ended."""
        self._running.send_signal(signal)

    def interrupt(self) -> None:
        """What Ctrl-C does in a terminal: SIGINT to it and to all that it has started."""
        self._running.interrupt()

    def terminate(self) -> None:
        """End it with SIGTERM (status 143)."""
        self.send_signal(Signal.TERM)

    def kill(self) -> None:
        """End it with SIGKILL (status 137)."""
        self.send_signal(Signal.KILL)

    def communicate(
        self,
        input: AnyStr | None = None,  # noqa: A002 - subprocess calls it so
        timeout: float | None = None,
    ) -> tuple[AnyStr, AnyStr]:
        """Send `input`, read everything, wait: (stdout, stderr), None where not a PIPE.

        After `timeout` seconds raises `TimeoutExpired` with the bytes that have come; the guest
        goes on, and the call may be repeated.
        """
        if self._collectors and input:
            raise ValueError("Cannot send input after starting communication")
        end = _end(timeout)
        if not self._collectors:
            self._start_collectors(input, record=timeout is not None)
        try:
            self.wait(timeout)
            for collector in self._collectors.values():
                collector.finish(end)
        except (TimeoutExpired, TimeoutError):
            assert timeout is not None
            raise TimeoutExpired(
                self.args, timeout, self._so_far("stdout"), self._so_far("stderr")
            ) from None
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        results = [self._collectors.get(name) for name in ("stdout", "stderr")]
        # None where not a PIPE; typeshed leaves that out of `subprocess` as well.
        return cast(tuple[AnyStr, AnyStr], tuple(found and found.result for found in results))

    def _start_collectors(self, data: AnyStr | None, *, record: bool) -> None:
        if self.stdin is not None:
            check_input(data, text=self.universal_newlines)
            self._collectors["stdin"] = _Collector(self.stdin, data)
        for name, stream in (("stdout", self.stdout), ("stderr", self.stderr)):
            if stream is not None:
                if record:
                    _raw(stream).record = bytearray()
                self._collectors[name] = _Collector(stream, None)
        for collector in self._collectors.values():
            collector.start()

    def _so_far(self, name: str) -> bytes | None:
        stream: IO[AnyStr] | None = getattr(self, name)
        record = None if stream is None or stream.closed else _raw(stream).record
        return bytes(record) if record else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        for stream in (self.stdout, self.stderr, self.stdin):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        self.wait()

    def __del__(self) -> None:
        guest = self._guest
        if guest is None or guest.status is not None:
            return
        if self._own:
            abandon([guest.run])
        warnings.warn(f"{self!r} is still running", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        return f"<Popen: returncode: {self.returncode} args: {self.args!r}>"


def _end(timeout: float | None) -> float:
    return math.inf if timeout is None else time.monotonic() + timeout


def is_text(
    text: bool | None, encoding: str | None, errors: str | None, universal_newlines: bool | None
) -> bool:
    """Whether streams are of text. Raises `UsageError` if that is said in two ways."""
    if text is not None and universal_newlines is not None and bool(text) != universal_newlines:
        raise UsageError("text and universal_newlines mean the same: give one of them")
    return bool(text or universal_newlines or encoding is not None or errors is not None)


def check_input(data: object, *, text: bool) -> None:
    """Raise `TypeError` unless `data` may be written to such a stream."""
    if data is None or isinstance(data, str if text else bytes | bytearray | memoryview):
        return
    wanted = "a str, as the streams are text" if text else "bytes-like, as the streams are not text"
    raise TypeError(f"input must be {wanted}, not {type(data).__name__}")


class _Pipes:
    """Makes file objects of kernel pipes. `text` is (encoding, errors), or None for bytes."""

    def __init__(self, bufsize: int, text: tuple[str, str] | None) -> None:
        self.size = bufsize if bufsize > 1 else io.DEFAULT_BUFFER_SIZE
        self.buffered = bufsize != 0
        self.lines = bufsize == 1
        self.text = text

    def open(self, kernel: Kernel, end: stdio.PipeEnd) -> IO[Any]:
        stream: Any
        if isinstance(end, PipeWriter):
            raw: io.RawIOBase = stdio.WriteEnd(kernel, end)
            stream = io.BufferedWriter(raw, self.size) if self.buffered else raw
        else:
            raw = stdio.ReadEnd(kernel, end)
            stream = io.BufferedReader(raw, self.size) if self.buffered else raw
        if self.text:
            encoding, errors = self.text
            stream = io.TextIOWrapper(
                stream, encoding, errors, write_through=True, line_buffering=self.lines
            )
        return cast(IO[Any], stream)


def _raw(stream: Any) -> stdio.ReadEnd:
    """What is below the buffers of a stream made by `_Pipes`."""
    for layer in ("buffer", "raw"):
        stream = getattr(stream, layer, stream)
    assert isinstance(stream, stdio.ReadEnd)
    return stream


class _Collector:
    """Reads a stream to its end, or writes `data` to it and closes it, on a thread of its own."""

    def __init__(self, stream: IO[Any], data: Any) -> None:
        self.result: Any = None
        self._error: BaseException | None = None
        self._stream, self._data = stream, data
        self._thread = threading.Thread(target=self._run, name="wasix-communicate", daemon=True)
        self.start = self._thread.start

    def _run(self) -> None:
        try:
            if self._stream.readable():
                self.result = self._stream.read()
            else:
                self._feed()
        except BaseException as error:  # raised again in `finish`, where the caller hears of it
            self._error = error

    def _feed(self) -> None:
        with suppress(BrokenPipeError):
            try:
                if self._data:
                    self._stream.write(self._data)
            finally:
                self._stream.close()

    def finish(self, end: float) -> None:
        """Wait until it is done. Raises what it ran into, or `TimeoutError`."""
        while self._thread.is_alive():
            if time.monotonic() >= end:
                raise TimeoutError
            self._thread.join(max(0.0, min(_STEP, end - time.monotonic())))
        if self._error is not None:
            raise self._error
