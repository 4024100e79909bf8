"""A guest under way: what `Popen` and the asyncio `Process` are handles of.

The engine's thread refers to the guest and the guest to the kernel, never to a handle or a sandbox:
so these can be seen to be forgotten, and the guest with them.
"""

from __future__ import annotations

import os
import threading
from _thread import start_new_thread
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from os import PathLike
from socket import socket
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from wasix import catalogue
from wasix.abi import Errno
from wasix.api import stdio
from wasix.api.artifacts import kept
from wasix.api.errors import UsageError
from wasix.api.launch import Image, Run
from wasix.api.linked import linked
from wasix.api.sockets import shared
from wasix.api.trace import Call, Trace
from wasix.api.trap import Frame
from wasix.fs.file import OpenFile
from wasix.net.host import HostSocket
from wasix.proc.limit import OutputLimit, expire
from wasix.proc.signal import Signal
from wasix.proc.tracing import Traced, Tracer

if TYPE_CHECKING:
    from wasix.api.profile import Profile
    from wasix.api.sandbox import Sandbox

ENVIRONMENT = {"HOME": "/", "PATH": "/usr/local/bin:/bin:/usr/bin"}
"""What a guest's environment holds unless told otherwise. Nothing of the host's is passed on."""

Path: TypeAlias = str | PathLike[str]
Watcher: TypeAlias = bool | Trace | Callable[[Call], object] | None
"""What `trace=` may be."""


class Loaded(NamedTuple):
    """A program that is ready to be started."""

    args: list[str]
    name: str
    """What messages call it."""
    argv: list[str]
    environ: Mapping[str, str]
    image: Image
    profile: Profile | None = None
    """Where to write what it spent its time in."""


def arguments(args: Path | Sequence[Path]) -> list[str]:
    """`args` as `subprocess` takes them: a list, or a program alone. Raises `UsageError`."""
    if isinstance(args, str | PathLike):
        args = [args]
    if not args:
        raise UsageError("args must be the program, then its arguments")
    return [os.fspath(arg) for arg in args]


def load(box: Sandbox, args: Path | Sequence[Path], profile: Path | None = None) -> Loaded:
    """Fetch the program if need be, read and check it. Holds nothing; any thread."""
    texts = arguments(args)
    written = None
    if profile is not None:
        from wasix.api.profile import Profile

        written = Profile(profile)
    found = catalogue.find(texts[0])
    program = linked(
        found,
        abi=box.abi,
        memory=box.memory_limit,
        elements=box.table_limit,
        fuel=box.fuel is not None,
        artifacts=kept(),
    )
    box.provide(found)
    argv = [*found.argv, *texts[1:]]
    if any("\0" in arg for arg in argv):
        raise UsageError("an argument has a NUL character in it")
    choice = box.launcher.choose(program.module, found.cwasm, profiled=written is not None)
    if program.module.hashed is not None:  # it is as it was read
        choice = choice._replace(source=found.file)
    image = Image(found.name, program, choice)
    return Loaded(texts, found.name, argv, found.environ, image, written)


class Guest:
    """A program running in `box`, started from `files` as its descriptors 0, 1 and 2.

    With `own` the sandbox is the guest's alone, and what it holds is freed at the guest's end.
    """

    def __init__(
        self,
        box: Sandbox,
        loaded: Loaded,
        files: Sequence[OpenFile],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        sockets: Sequence[socket] = (),
        trace: Watcher = None,
        own: bool = False,
    ) -> None:
        directory = os.fspath(cwd or "/")
        if env is None:
            env = {**ENVIRONMENT, "PWD": directory, **loaded.environ}
        self.kernel = kernel = box.kernel
        self.trace = Trace() if trace is True else trace if isinstance(trace, Trace) else None
        self._launcher, self._own_host = box.launcher, box.host if own else None
        self._deadline: threading.Timer | None = None
        output = None if box.output_limit is None else OutputLimit(box.output_limit)
        if output is not None:
            files = output.bound(files)
        watchers = [*box.traces]
        if self.trace is not None:
            watchers.append(self.trace)
        preopens = box.preopens(directory)
        if loaded.image.wasix:
            # Its libc asks for the working directory, and would take `.` for the root.
            del preopens["."]
        environ = stdio.environment(dict(env))
        given: list[HostSocket] = shared(kernel.host, sockets)
        try:
            with kernel.lock:
                box.check_open()
                self.process = kernel.process(
                    [os.fsencode(arg) for arg in loaded.argv],
                    environ,
                    files,
                    preopens,
                    cwd="/" + directory,
                    sockets=given,
                    max_files=box.max_files,
                    tracer=_tracer(watchers, trace if callable(trace) else None),
                )
        except BaseException as error:
            for file in given:
                file.close()
            if isinstance(error, Errno):
                raise UsageError(f"max_files={box.max_files} is not enough to start") from None
            raise
        if output is not None:
            output.process = self.process
        self.process.become(loaded.image)
        self.pid = self.process.pid
        self.profile = loaded.profile
        if box.time_limit is not None:
            self._deadline = threading.Timer(box.time_limit, self._expire, (box.time_limit,))
            self._deadline.daemon = True
            self._deadline.start()
        choice = loaded.image.choice
        self.engine = f"{choice.engine.name}: {choice.reason}"
        """What it runs on, and why."""
        samples = None if self.profile is None else self.profile.samples
        self.run = box.launcher.run(self.process, samples=samples, over=self._over)

    def _over(self, run: Run) -> None:
        """Nothing of it runs any more. Called on an engine's thread."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self.profile is not None:
            self.profile.write(self.process.name)
        with self.kernel.lock:
            # What it has left behind ends with it, as in a container.
            self.process.group.deliver(Signal.KILL)
            if self._own_host:
                self._own_host.close()
        if self.trace is not None:
            self.trace.close()

    @property
    def frames(self) -> Sequence[Frame]:
        """Where in the guest it trapped, the innermost first."""
        return self.run.frames

    def _expire(self, seconds: float) -> None:
        with self.kernel.lock:
            expire(self.process, seconds)

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call `callback` at its end, on the engine's thread; now, if it has ended. Not raising."""
        self.run.on_over(callback)

    @property
    def status(self) -> int | None:
        """How it ended; None while it runs."""
        return self.process.status if self.run.over else None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; whether it has come."""
        return self.run.wait(timeout)

    def send_signal(self, signal: int) -> None:
        """Deliver a signal, by Linux's number; nothing if it has ended."""
        with self.kernel.lock:
            self.process.deliver(Signal(signal))

    def interrupt(self) -> None:
        """What Ctrl-C does: a signal to it and to all that it has started; the second one ends what
        has not heard of the first."""
        with self.kernel.lock:
            self.process.group.interrupt()

    def kill(self) -> None:
        self.send_signal(Signal.KILL)


def _tracer(watchers: Sequence[Trace], function: Callable[[Call], object] | None) -> Tracer | None:
    if not watchers and function is None:
        return None

    def tell(traced: Traced) -> None:
        call = Call.of(traced)
        for watcher in watchers:
            watcher.put(call)
        if function is not None:
            function(call)

    return tell


def abandon(runs: Iterable[Run]) -> None:
    """Kill `runs` from a finalizer.

    Garbage is collected in the middle of anything, also on a thread that holds the kernel lock or
    one of `threading`'s: so on a thread of its own, which takes none of them to start.
    """

    def kill() -> None:
        for run in doomed:
            run.kill()

    doomed = list(runs)
    if doomed:
        with suppress(RuntimeError):  # the interpreter is ending, and stops every engine itself
            start_new_thread(kill, ())
