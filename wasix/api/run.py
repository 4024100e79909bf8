"""Running guests to their end, shaped like `subprocess.run`."""

from __future__ import annotations

import asyncio
import io
import sys
from subprocess import PIPE, CompletedProcess, TimeoutExpired
from typing import Any, Literal, Unpack, overload

from wasix.api import stdio
from wasix.api.errors import UsageError
from wasix.api.guest import Guest, load
from wasix.api.loop import end_of, stop
from wasix.api.options import Args, RunAny, RunBytes, RunEncoded, RunText
from wasix.api.popen import Popen, check_input, is_text
from wasix.api.sandbox import sandbox_for
from wasix.proc.process import Process


class _Capture:
    """What `run` makes of its options: the guest's output is collected in memory, without pipes.

    `options` is left with what `Popen` is to be given.
    """

    def __init__(self, data: Any, capture_output: bool, options: dict[str, Any]) -> None:
        if capture_output:
            if options.get("stdout") is not None or options.get("stderr") is not None:
                raise UsageError("stdout and stderr cannot be given with capture_output")
            options["stdout"] = options["stderr"] = PIPE
        text = [options.pop(n, None) for n in ("text", "encoding", "errors", "universal_newlines")]
        self.text = is_text(*text)
        self.encoding, self.errors = text[1] or "utf-8", text[2] or "strict"
        check_input(data, text=self.text)
        if data is not None:
            if options.get("stdin") is not None:
                raise UsageError("stdin and input cannot both be given")
            if isinstance(data, str):
                data = data.encode(self.encoding, self.errors)
            options["stdin"] = bytes(data)
        elif options.get("stdin") == PIPE:
            options["stdin"] = b""
        self.collected: dict[str, io.BytesIO] = {}
        for name in ("stdout", "stderr"):
            if options.get(name) == PIPE:
                options[name] = self.collected[name] = io.BytesIO()

    def bytes(self, name: str) -> bytes | None:
        """What an output has collected so far; None if nothing."""
        return (name in self.collected and self.collected[name].getvalue()) or None

    def output(self, name: str) -> Any:
        """A finished output as asked for; None if it was not to be collected."""
        if name not in self.collected:
            return None
        data = self.collected[name].getvalue()
        if not self.text:
            return data
        # As a text file would read it: line ends become \n.
        text = data.decode(self.encoding, self.errors)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def expired(self, args: list[str], timeout: float) -> TimeoutExpired:
        return TimeoutExpired(args, timeout, self.bytes("stdout"), self.bytes("stderr"))

    def completed(self, args: list[str], status: int, *, check: bool) -> CompletedProcess[Any]:
        done = CompletedProcess(args, status, self.output("stdout"), self.output("stderr"))
        if check:
            done.check_returncode()
        return done


@overload
def run(
    args: Args, *, text: Literal[True], **options: Unpack[RunText]
) -> CompletedProcess[str]: ...
@overload
def run(args: Args, *, encoding: str, **options: Unpack[RunEncoded]) -> CompletedProcess[str]: ...
@overload
def run(args: Args, **options: Unpack[RunBytes]) -> CompletedProcess[bytes]: ...
@overload
def run(args: Args, **options: Unpack[RunAny]) -> CompletedProcess[Any]: ...


def run(
    args: Args,
    *,
    input: Any = None,  # noqa: A002 - subprocess calls it so
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> CompletedProcess[Any]:
    """Run a program to its end; the arguments and the result are `subprocess.run`'s.

    >>> wasix.run(["python", "-c", "print(6*7)"], capture_output=True, text=True).stdout.strip()
    '42'

    `options` are those of `Popen`. After `timeout` seconds the guest is killed and `TimeoutExpired`
    raised, with the bytes it had written; `check` raises `CalledProcessError` for a status but 0.
    """
    capture = _Capture(input, capture_output, options)
    process: Popen[bytes] = Popen(args, **options)
    try:
        status = process.wait(timeout)
    except BaseException as error:
        process.kill()
        process.wait()
        if isinstance(error, TimeoutExpired):
            raise capture.expired(process.args, error.timeout) from None
        raise
    _tell_defect(process.process)
    return capture.completed(process.args, status, check=check)


@overload
async def run_async(
    args: Args, *, text: Literal[True], **options: Unpack[RunText]
) -> CompletedProcess[str]: ...
@overload
async def run_async(
    args: Args, *, encoding: str, **options: Unpack[RunEncoded]
) -> CompletedProcess[str]: ...
@overload
async def run_async(args: Args, **options: Unpack[RunBytes]) -> CompletedProcess[bytes]: ...
@overload
async def run_async(args: Args, **options: Unpack[RunAny]) -> CompletedProcess[Any]: ...


async def run_async(
    args: Args,
    *,
    input: Any = None,  # noqa: A002 - subprocess calls it so
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> CompletedProcess[Any]:
    """`run` without keeping the event loop waiting. Cancelling it kills the guest.

    >>> async def both():
    ...     square = ["python", "-c", "print(int(input()) ** 2)"]
    ...     return await asyncio.gather(*(
    ...         wasix.run_async(square, input=number, capture_output=True, text=True)
    ...         for number in ("3", "4")))
    >>> [int(done.stdout) for done in asyncio.run(both())]
    [9, 16]
    """
    capture = _Capture(input, capture_output, options)
    streams = [options.pop(name, None) for name in ("stdin", "stdout", "stderr")]
    options.pop("bufsize", None)
    started = {n: options.pop(n) for n in ("env", "cwd", "sockets", "trace") if n in options}
    profile = options.pop("profile", None)
    box, own = sandbox_for(options.pop("sandbox", None), options)
    try:
        loaded = await asyncio.to_thread(load, box, args, profile)
        files, _ = stdio.connect(box.kernel, *streams)
        guest = Guest(box, loaded, files, **started, own=own)
    except BaseException:
        if own:
            box.close()
        raise
    ended = end_of(guest)
    try:
        async with asyncio.timeout(timeout):
            await asyncio.shield(ended)
    except TimeoutError:
        await stop(guest, ended)
        assert timeout is not None
        raise capture.expired(loaded.args, timeout) from None
    except asyncio.CancelledError:
        await stop(guest, ended)
        raise
    _tell_defect(guest.process)
    assert guest.status is not None
    return capture.completed(loaded.args, guest.status, check=check)


def _tell_defect(process: Process) -> None:
    if process.defect is not None:
        print(process.message, file=sys.stderr)
