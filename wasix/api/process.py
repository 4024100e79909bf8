"""Running guests from asyncio, shaped like `asyncio.create_subprocess_exec`."""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import warnings
from collections.abc import Mapping, Sequence
from socket import socket
from subprocess import TimeoutExpired
from types import TracebackType
from typing import Any, Self, Unpack, cast

from wasix.api import stdio
from wasix.api.guest import Guest, Path, Watcher, abandon, load
from wasix.api.loop import end_of, stop
from wasix.api.options import SandboxOptions
from wasix.api.sandbox import Sandbox, sandbox_for
from wasix.api.trace import Trace
from wasix.api.transport import PipeReadTransport, PipeWriteTransport
from wasix.fs.pipe import PipeReader, PipeWriter
from wasix.kernel import Kernel
from wasix.proc.signal import Signal


class GuestTransport(asyncio.SubprocessTransport):
    """A guest as asyncio's streams see a process. `timeout` is in seconds from now."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.SubprocessProtocol,
        guest: Guest,
        ends: Mapping[int, stdio.PipeEnd],
        timeout: float | None,
    ) -> None:
        super().__init__()
        self.guest = guest
        self.ended = end_of(guest)
        self.expired = False
        self._protocol = protocol
        self._closing = False
        self._pipes: dict[int, PipeReadTransport | PipeWriteTransport] = {
            fd: _transport(loop, guest.kernel, end, protocol, fd) for fd, end in ends.items()
        }
        self._timer = None if timeout is None else loop.call_later(timeout, self._expire)
        self.ended.add_done_callback(self._exited)
        protocol.connection_made(self)
        for pipe in self._pipes.values():
            if isinstance(pipe, PipeReadTransport):
                pipe.start()

    def _expire(self) -> None:
        if not self.ended.done():
            self.expired = True
            self.guest.kill()

    def _exited(self, _: asyncio.Future[None]) -> None:
        if self._timer:
            self._timer.cancel()
        stdin = self._pipes.get(0)
        if isinstance(stdin, PipeWriteTransport):
            stdin.abort()
        self._protocol.process_exited()

    def get_pid(self) -> int:
        return self.guest.pid

    def get_returncode(self) -> int | None:
        return self.guest.status

    def get_pipe_transport(self, fd: int) -> asyncio.BaseTransport | None:
        return self._pipes.get(fd)

    def send_signal(self, signal: int) -> None:
        if self.guest.status is not None:
            raise ProcessLookupError(f"process {self.guest.pid} has ended")
        self.guest.send_signal(signal)

    def terminate(self) -> None:
        self.send_signal(Signal.TERM)

    def kill(self) -> None:
        self.send_signal(Signal.KILL)

    def close(self) -> None:
        """Close the pipes; a guest that still runs is killed."""
        if self._closing:
            return
        self._closing = True
        if self.guest.status is None:
            self.guest.kill()
        self.close_pipes()

    def close_pipes(self) -> None:
        for pipe in self._pipes.values():
            pipe.close()

    def is_closing(self) -> bool:
        return self._closing


def _transport(
    loop: asyncio.AbstractEventLoop,
    kernel: Kernel,
    end: stdio.PipeEnd,
    protocol: asyncio.SubprocessProtocol,
    fd: int,
) -> PipeReadTransport | PipeWriteTransport:
    if isinstance(end, PipeWriter):
        return PipeWriteTransport(loop, kernel, end, protocol)
    assert isinstance(end, PipeReader)
    return PipeReadTransport(loop, kernel, end, protocol, fd)


class Process(asyncio.subprocess.Process):
    """A running guest program, as `wasix.create_subprocess_exec` gives it.

    It has what an `asyncio.subprocess.Process` has, and is one: `stdin` (a `StreamWriter`),
    `stdout` and `stderr` (`StreamReader`s), `wait`, `communicate`, `returncode` (0-255, as
    `wasix.Popen` has it), `pid`, `send_signal`, `terminate`, `kill`. Methods that signal raise
    `ProcessLookupError` when it has ended.

    Leaving `async with` closes the pipes and waits; if the block failed or its task was cancelled,
    the guest is killed. As in asyncio, cancelling `wait` or `communicate` alone does not stop it.
    One that is forgotten while it runs gives a `ResourceWarning`, and is killed unless it runs in a
    sandbox that is still there.
    """

    _transport: GuestTransport

    def __init__(
        self,
        transport: GuestTransport,
        protocol: asyncio.subprocess.SubprocessStreamProtocol,
        loop: asyncio.AbstractEventLoop,
        sandbox: Sandbox,
        own: bool,
        args: list[str],
        timeout: float | None,
    ) -> None:
        super().__init__(cast(Any, transport), protocol, loop)
        self.sandbox, self._own = sandbox, own
        self.args = args
        self._timeout = timeout

    @property
    def trace(self) -> Trace | None:
        """Its system calls, if asked for; to be used with `async for`."""
        return self._transport.guest.trace

    @property
    def message(self) -> str | None:
        """Why it ended, in a line, if it did not end by itself: a trap, an invalid module."""
        return self._transport.guest.process.message

    @property
    def fuel(self) -> int | None:
        """What was left of its fuel when it ended; see `Popen.fuel`."""
        return self._transport.guest.process.fuel

    async def wait(self) -> int:
        """Wait for the end; its status. Raises `TimeoutExpired` if its timeout has ended it."""
        await asyncio.shield(self._transport.ended)
        if self._transport.expired:
            raise TimeoutExpired(self.args, self._timeout or 0)
        status = self.returncode
        assert status is not None
        return status

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        transport = self._transport
        transport.close_pipes()
        try:
            if kind is None:
                await asyncio.shield(transport.ended)
        finally:
            await stop(transport.guest, transport.ended)
            transport.close()

    def __del__(self) -> None:
        if self.returncode is None:
            if self._own:
                abandon([self._transport.guest.run])
            warnings.warn(f"{self!r} is still running", ResourceWarning, source=self, stacklevel=2)


async def create_subprocess_exec(
    program: Path,
    *args: Path,
    stdin: stdio.Stdio = None,
    stdout: stdio.Stdio = None,
    stderr: stdio.Stdio = None,
    limit: int = 1 << 16,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    sockets: Sequence[socket] = (),
    trace: Watcher = None,
    profile: Path | None = None,
    sandbox: Sandbox | None = None,
    **options: Unpack[SandboxOptions],
) -> Process:
    """Start a program, as `asyncio.create_subprocess_exec` does.

    >>> async def reverse(word):
    ...     async with await wasix.create_subprocess_exec(
    ...         "python", "-c", "print(input()[::-1])", stdin=wasix.PIPE, stdout=wasix.PIPE
    ...     ) as process:
    ...         process.stdin.write(word + b"\\n")
    ...         return (await process.stdout.readline()).strip()
    >>> asyncio.run(reverse(b"drawer"))
    b'reward'

    limit: bytes a `StreamReader` holds before the guest has to wait.
    timeout: seconds after which the guest is killed; `wait` and `communicate` then raise
        `subprocess.TimeoutExpired`.

    The rest is as in `wasix.Popen`, without text. Raises `WasixError`.
    """
    loop = asyncio.get_running_loop()
    box, own = sandbox_for(sandbox, options)
    try:
        # Reading and checking a program is slow; it holds nothing, should this be cancelled.
        loaded = await asyncio.to_thread(load, box, [program, *args], profile)
        files, ends = stdio.connect(box.kernel, stdin, stdout, stderr)
        guest = Guest(box, loaded, files, env=env, cwd=cwd, sockets=sockets, trace=trace, own=own)
    except BaseException:
        if own:
            box.close()
        raise
    protocol = asyncio.subprocess.SubprocessStreamProtocol(limit=limit, loop=loop)
    transport = GuestTransport(loop, protocol, guest, ends, timeout)
    return Process(transport, protocol, loop, box, own, loaded.args, timeout)
