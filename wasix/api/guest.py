"""A guest under way: what `Popen` and the asyncio `Process` are handles of.

The engine's thread refers to the guest and the guest to the kernel, never to a handle or a sandbox:
so these can be seen to be forgotten, and the guest with them.
"""

from __future__ import annotations

import atexit
import os
import threading
from _thread import start_new_thread
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from os import PathLike
from socket import socket
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakSet

from engines.protocol import End, Linked, Outcome
from engines.traps import named
from wasix import catalogue
from wasix.abi import Errno, Unwind
from wasix.api import stdio
from wasix.api.artifacts import Filler, allowed, kept
from wasix.api.auto import Choice
from wasix.api.backtrace import frames
from wasix.api.errors import UsageError
from wasix.api.linked import linked
from wasix.api.needs import declared_lacking
from wasix.api.profile import Profile
from wasix.api.sockets import shared
from wasix.api.trace import Call, Trace
from wasix.api.trap import Frame
from wasix.fs.allowance import Allowance, Bounded
from wasix.fs.file import OpenFile
from wasix.net.host import HostSocket
from wasix.proc.carrier import OsThreadCarrier
from wasix.proc.process import (
    STATUS_FUEL,
    STATUS_INTERNAL,
    STATUS_OUTPUT,
    STATUS_TIMEOUT,
    STATUS_TRAP,
)
from wasix.proc.signal import Signal
from wasix.proc.tracing import Traced, Tracer

if TYPE_CHECKING:
    from wasix.api.sandbox import Sandbox

STATUS_INVALID = 126
ENVIRONMENT = {"HOME": "/", "PATH": "/usr/local/bin:/bin:/usr/bin"}
"""What a guest's environment holds unless told otherwise. Nothing of the host's is passed on."""

Path: TypeAlias = str | PathLike[str]
Watcher: TypeAlias = bool | Trace | Callable[[Call], object] | None
"""What `trace=` may be."""


@dataclass(frozen=True)
class Loaded:
    """A program that is ready to be started."""

    args: list[str]
    name: str
    """What messages call it."""
    argv: list[str]
    environ: Mapping[str, str]
    linked: Linked
    choice: Choice
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
    written = None if profile is None else Profile(profile)
    found = catalogue.find(texts[0])
    program = linked(
        found,
        abi=box.abi,
        memory=box.memory_limit,
        elements=box.table_limit,
        fuel=box.fuel is not None,
        artifacts=kept(),
    )
    if program.fuel is not None and box.fuel is not None:
        program = replace(program, fuel=replace(program.fuel, limit=box.fuel))
    argv = [*found.argv, *texts[1:]]
    if any("\0" in arg for arg in argv):
        raise UsageError("an argument has a NUL character in it")
    choice = box.choose(program.module, found.cwasm, profiled=written is not None)
    return Loaded(texts, found.name, argv, found.environ, program, choice, written)


class Guest:
    """A program running in `box`, started from `files` as its descriptors 0, 1 and 2.

    With `own` the sandbox is the guest's alone, and what it holds is freed at the guest's end.
    """

    frames: Sequence[Frame] = ()
    """Where in the guest it trapped, the innermost first."""

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
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []
        self._guests, self._own_host = box.guests, box.host if own else None
        self._deadline: threading.Timer | None = None
        if box.output_limit is not None:
            files = self._bounded(files, box.output_limit)
        watchers = [*box.traces]
        if self.trace is not None:
            watchers.append(self.trace)
        preopens = box.preopens(directory)
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
                    sockets=given,
                    max_files=box.max_files,
                    tracer=_tracer(watchers, trace if callable(trace) else None),
                )
                self._guests.add(self)
        except BaseException as error:
            for file in given:
                file.close()
            if isinstance(error, Errno):
                raise UsageError(f"max_files={box.max_files} is not enough to start") from None
            raise
        self.process.name = loaded.name
        self.pid = self.process.pid
        self._fuel = box.fuel
        self._module = loaded.linked.module
        self.profile = loaded.profile
        if box.time_limit is not None:
            self._deadline = threading.Timer(box.time_limit, self._expire, (box.time_limit,))
            self._deadline.daemon = True
            self._deadline.start()
        self.engine = f"{loaded.choice.engine.name}: {loaded.choice.reason}"
        """What it runs on, and why."""
        carrier = OsThreadCarrier(self.process.main)
        try:
            runner = loaded.choice.engine.start(
                loaded.linked,
                carrier,
                lambda outcome: self._ended(explained(loaded, outcome)),
                None if self.profile is None else self.profile.samples,
            )
        except BaseException as error:
            self._ended(Outcome(End.FAILED, f"{type(error).__name__}: {error}"))
            raise
        if loaded.choice.fill and box.background and allowed():
            self.on_end(Filler(loaded.choice, loaded.linked.module).fill)
        _watch_exit()
        _live.add(self)
        with kernel.lock:
            if self.process.status is None:
                self.process.main.runner = runner
            else:
                runner.stop()

    def _ended(self, outcome: Outcome) -> None:
        """The engine is done with the guest. Called on its thread."""
        process = self.process
        self.frames = frames(outcome, self._module)
        if self._deadline is not None:
            self._deadline.cancel()
        if self.profile is not None:
            self.profile.write(process.name)
        with self.kernel.lock:
            left = outcome.fuel
            process.fuel = None if left is None else max(left, 0)
            match outcome.end:
                case End.RETURNED | End.TRAPPED if left is not None and left < 0:
                    process.exit(
                        STATUS_FUEL, f"{process.name}: ended when its fuel of {self._fuel} was used"
                    )
                case End.RETURNED:
                    process.exit(0)
                case End.TRAPPED:
                    process.exit(STATUS_TRAP, f"{process.name}: trap: {named(outcome.message)}")
                case End.INVALID:
                    process.exit(STATUS_INVALID, f"{process.name}: {outcome.message}")
                case End.UNWOUND:
                    process.exit(STATUS_INTERNAL, f"{process.name}: stopped by its engine")
                case End.FAILED:
                    process.exit(STATUS_INTERNAL, f"{process.name}: engine: {outcome.message}")
            # The engine's side refers to this guest: without it both go at once.
            process.main.runner = None
            self._guests.discard(self)
            if self._own_host:
                self._own_host.close()
        if self.trace is not None:
            self.trace.close()
        with self._lock:
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def _bounded(self, files: Sequence[OpenFile], limit: int) -> list[OpenFile]:
        """`files` with a bound for what is written to the second and third."""

        def exceeded() -> Unwind:
            process = self.process
            text = f"{process.name}: ended when it had written {limit} bytes of output, its limit"
            process.exit(STATUS_OUTPUT, text)
            return Unwind()

        allowance = Allowance(limit, exceeded)
        stdin, *outputs = files
        # Both may be the same file.
        wrapped = {id(file): Bounded(file, allowance) for file in outputs}
        return [stdin, *(wrapped[id(file)] for file in outputs)]

    def _expire(self, seconds: float) -> None:
        with self.kernel.lock:
            self.process.exit(
                STATUS_TIMEOUT, f"{self.process.name}: ended after {seconds:g} s, its time limit"
            )

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call `callback` at its end, on the engine's thread; now, if it has ended. Not raising."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    @property
    def status(self) -> int | None:
        """How it ended; None while it runs."""
        return self.process.status if self._done.is_set() else None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; whether it has come."""
        return self._done.wait(timeout)

    def send_signal(self, signal: int) -> None:
        """Deliver a signal, by Linux's number; nothing if it has ended."""
        with self.kernel.lock:
            self.process.deliver(Signal(signal))

    def kill(self) -> None:
        self.send_signal(Signal.KILL)


def explained(loaded: Loaded, outcome: Outcome) -> Outcome:
    """How it ended, with what the engine lacks if that may be why it refused the module."""
    if outcome.end is not End.INVALID:
        return outcome
    engine = loaded.choice.engine
    lack = declared_lacking(loaded.linked.module, engine)
    if not lack:
        return outcome
    why = f"it is built with {', '.join(lack)}, which {engine.name} lacks: see `wasix engines`"
    return replace(outcome, message=f"{outcome.message} ({why})")


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


_live: WeakSet[Guest] = WeakSet()


@cache
def _watch_exit() -> None:
    """End all guests before the interpreter ends, which no thread of theirs would survive.

    What is registered last is called first: so this is, after the engine that is in use, and the
    engine finds nothing that waits in a system call.
    """
    atexit.register(_end_all)


def _end_all() -> None:
    guests = list(_live)
    for guest in guests:
        guest.kill()
    for guest in guests:
        guest.wait()


def abandon(guests: Iterable[Guest]) -> None:
    """Kill `guests` from a finalizer.

    Garbage is collected in the middle of anything, also on a thread that holds the kernel lock or
    one of `threading`'s: so on a thread of its own, which takes none of them to start.
    """

    def kill() -> None:
        for guest in doomed:
            guest.kill()

    doomed = list(guests)
    if doomed:
        with suppress(RuntimeError):  # the interpreter is ending, and stops every engine itself
            start_new_thread(kill, ())
