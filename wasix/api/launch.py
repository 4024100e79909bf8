"""Running processes: from a program to the engine that runs it, through exec, to the end.

The kernel asks a `Launcher` for the programs that guests start (`wasix.proc.program.Programs`); the
host program's own go the same way.
"""

from __future__ import annotations

import atexit
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple, TypedDict, cast
from weakref import WeakSet

import engines
from engines.protocol import End, EngineError, Linked, Outcome
from engines.traps import named
from engines.wasm import FunctionType, MemoryType
from wasix.abi import WASIX, WASIX64, E, Errno
from wasix.abi.instance import Signature, Snapshot
from wasix.api.artifacts import Filler, allowed, kept
from wasix.api.auto import Choice, choose
from wasix.api.backtrace import frames
from wasix.api.commands import Command
from wasix.api.cwasm import Code, Cwasm
from wasix.api.errors import EngineUnavailable, ProgramInvalid, UsageError, WasixError
from wasix.api.linked import linked
from wasix.api.needs import check_perf, declared_lacking, lacking, refusal, unable
from wasix.api.program import MOST_ELEMENTS, link
from wasix.api.trap import Frame
from wasix.catalogue import Found
from wasix.fs.file import OpenFile, contents
from wasix.proc.carrier import OsThreadCarrier
from wasix.proc.library import Library
from wasix.proc.process import (
    STATUS_FUEL,
    STATUS_INTERNAL,
    STATUS_TRAP,
    Process,
    Thread,
)
from wasix.proc.program import Loading
from wasix.proc.signal import Signal
from wasix.proc.wait import Block, WaitQueue

if TYPE_CHECKING:
    from engines.artifacts import Artifacts, Kept
    from engines.profile import Samples
    from engines.protocol import Engine, ThreadedGuest
    from engines.wasm import Module
    from wasix.api.artifacts import Foreground
    from wasix.kernel import Kernel

STATUS_INVALID = 126

_WASIX = (WASIX.module, WASIX64.module)
_MOST_IMAGES = 64


@dataclass(frozen=True)
class Image:
    """A program and the engine chosen for it: what the kernel calls a `Program`."""

    name: str
    linked: Linked
    choice: Choice

    @property
    def suspends(self) -> bool:
        return self.linked.suspends

    @cached_property
    def wasix(self) -> bool:
        return any(module in _WASIX for module, _ in self.linked.functions)

    @cached_property
    def _functions(self) -> frozenset[str]:
        exports = self.linked.module.exports
        return frozenset(export.name for export in exports if export.kind == "function")

    @property
    def links(self) -> bool:
        return self.linked.table is not None and self.choice.engine.abilities.links

    def exports(self, name: str) -> bool:
        return name in self._functions

    @cached_property
    def _library(self) -> Library:
        from wasix.api.library import of_program

        return of_program(self.linked, self.name)

    def library(self) -> Library:
        return self._library

    def stubs(self, signatures: tuple[Signature | None, ...]) -> Module:
        from engines.wasm.dylink import stubs
        from wasix.api.library import function_type

        return stubs(tuple(function_type(of) for of in signatures if of is not None))

    def closure(self, signature: Signature) -> Module:
        from engines.wasm.adapters import closure

        memory = self.linked.module.type_of_export("memory")
        assert isinstance(memory, MemoryType)
        return closure(FunctionType.of(signature.params, signature.results), memory)


class LinkOptions(TypedDict):
    """What `link` and `linked` are given beside the program."""

    abi: str
    memory: int | None
    elements: int
    fuel: bool
    artifacts: Artifacts | None


class Settings(NamedTuple):
    """How the programs of one sandbox are linked, and on what they run."""

    engine_name: str = "auto"
    abi: str = "latest"
    memory_limit: int | None = None
    table_limit: int = MOST_ELEMENTS
    fuel: int | None = None
    background: bool = True


class Launcher:
    """Starts the processes of one kernel."""

    foreground: Foreground | None = None
    """What carries out compiling that a start waits for; None for doing it."""

    def __init__(self, kernel: Kernel, settings: Settings) -> None:
        self.kernel = kernel
        self.settings = settings
        self.runs: dict[Process, Run] = {}
        """What runs."""
        self._images: OrderedDict[object, Image] = OrderedDict()

    # Choosing an engine.

    def choose(
        self, module: Module, compiled: Cwasm | None = None, *, profiled: bool = False
    ) -> Choice:
        """The engine for `module`, which is prepared on it. Takes as long as compiling does.

        `compiled` is the file it was read from, if that holds native code as well. With `profiled`
        the engine is one that tells where a guest spends its time.
        """
        artifacts = kept()
        check_perf()
        try:
            choice = compiled.choice(module, self.settings.engine_name) if compiled else None
            if choice is None:
                choice = self._choose(module, artifacts, profiled)
                if compiled:
                    reason = f"{choice.reason}; {compiled.why_not(self.settings.engine_name)}"
                    choice = choice._replace(reason=reason)
        except EngineError as error:
            raise EngineUnavailable(str(error)) from None
        self._prepare(choice.engine, module, Code(compiled, artifacts) if compiled else artifacts)
        return choice

    def _choose(self, module: Module, artifacts: Artifacts, profiled: bool) -> Choice:
        if self.settings.engine_name == "auto":
            return choose(module, artifacts, profiled=profiled)
        choice = Choice(engines.get(self.settings.engine_name), "it was asked for")
        if why := unable(choice.engine, profiled=profiled):
            raise UsageError(f"{why}; --engine cranelift can")
        if lack := lacking(module, choice.engine):
            raise ProgramInvalid(refusal(module, [self.settings.engine_name], lack))
        return choice

    def _prepare(self, engine: Engine, module: Module, artifacts: Kept) -> None:
        def work() -> None:
            engine.prepare(module, artifacts)

        if (
            self.foreground is None
            or not engine.abilities.artifacts
            or engine.kept(module, artifacts)
        ):
            work()
        else:
            self.foreground(engine, module, work)

    # The kernel's side.

    def load(self, name: str, file: OpenFile) -> Loading:
        """Begin to load a program that a guest wants to run, on a thread of its own.

        One that was loaded before, from a file that has not changed, is there at once.
        """
        loading = Loading()
        inode = file.inode
        try:
            stat = file.stat()
            key = (inode.key if inode else None, stat.size, stat.mtim, stat.ctim)
            image = self._images.get(key)
            # A command is read by whoever links it, who may know it already.
            source: bytes | Found = b""
            if isinstance(inode, Command):
                source = inode.found
            elif image is None:
                source = contents(file, stat.size)
        finally:
            file.close()
        if image is not None:
            self._images.move_to_end(key)
            loading.program = replace(image, name=name)
        else:
            threading.Thread(
                target=self._load, args=(loading, name, source, key), name="wasix-load", daemon=True
            ).start()
        return loading

    def _load(self, loading: Loading, name: str, source: bytes | Found, key: object) -> None:
        image: Image | None = None
        reason = None
        try:
            image = self.image(name, source)
        except WasixError as error:
            reason = str(error)
        except Exception as error:  # whoever waits for it must hear of it
            reason = f"{name}: {type(error).__name__}: {error}"
        with self.kernel.lock:
            if image is None:
                loading.error, loading.reason = Errno(E.NOEXEC), reason
            else:
                loading.program = self._images[key] = image
                if len(self._images) > _MOST_IMAGES:
                    self._images.popitem(last=False)
            loading.ready.wake()

    def load_library(self, process: Process, name: str, file: OpenFile) -> Loading:
        """Begin to load a library for a guest, on a thread of its own."""
        loading, image = Loading(), process.program
        assert isinstance(image, Image)
        try:
            data = contents(file, file.stat().size)
        finally:
            file.close()
        threading.Thread(
            target=self._load_library,
            args=(loading, image, name, data),
            name="wasix-load",
            daemon=True,
        ).start()
        return loading

    def _load_library(self, loading: Loading, image: Image, name: str, data: bytes) -> None:
        from wasix.api.library import load

        settings, found, reason = self.settings, None, None
        try:
            if image.linked.fuel is not None:
                raise ProgramInvalid(f"{name}: a program that is metered can have no libraries")
            found = load(data, name, image.linked, abi=settings.abi, elements=settings.table_limit)
            engine = image.choice.engine
            if lack := lacking(found.module, engine):
                raise ProgramInvalid(refusal(found.module, [engine.name], lack))
            engine.prepare(found.module, kept())
        except WasixError as error:
            reason = str(error)
        except Exception as error:  # as in `_load`
            reason = f"{name}: {type(error).__name__}: {error}"
        with self.kernel.lock:
            if reason is None:
                loading.library = found
            else:
                loading.error, loading.reason = Errno(E.NOEXEC), reason
            loading.ready.wake()

    def image(self, name: str, source: bytes | Found) -> Image:
        """A program, on the engine that is to run it. Raises `WasixError`."""
        settings = self.settings
        options: LinkOptions = {
            "abi": settings.abi,
            "memory": settings.memory_limit,
            "elements": settings.table_limit,
            "fuel": settings.fuel is not None,
            "artifacts": kept(),
        }
        if isinstance(source, bytes):
            program = link(source, name, **options)
            return Image(name, program, self.choose(program.module))
        program = linked(source, **options)
        return Image(name, program, self.choose(program.module, source.cwasm))

    def start(self, process: Process, snapshot: Snapshot | None = None) -> None:
        """Run a process that another has made."""
        self.run(process, snapshot)

    def start_thread(self, thread: Thread, starter: Thread, argument: int) -> None:
        """Run a thread that another has made."""
        image = thread.process.program
        assert isinstance(image, Image)
        if thread.process.record and image.linked.relocated is None:
            raise Errno(E.NOTSUP)  # nothing would make its table the same
        self.runs[thread.process].begin_thread(thread, starter, argument)

    # Running.

    def run(
        self,
        process: Process,
        snapshot: Snapshot | None = None,
        samples: Samples | None = None,
        over: Callable[[Run], object] | None = None,
    ) -> Run:
        """Run `process`, whose program is an `Image`; `over` is called before anybody who waits
        hears that it is over.

        Raises what the engine raises if it cannot start at all; the process has then ended.
        """
        run = Run(self, process, samples, over)
        self.runs[process] = run
        run.begin(snapshot)
        return run


class Run:
    """A process being run, from its start to when no engine has anything of it any more.

    It is over later than its process: that may end by a signal while a guest still computes.
    """

    frames: Sequence[Frame] = ()
    """Where in the guest it trapped, the innermost first."""

    def __init__(
        self,
        launcher: Launcher,
        process: Process,
        samples: Samples | None,
        over: Callable[[Run], object] | None,
    ) -> None:
        self.launcher = launcher
        self.process = process
        self.fuel = launcher.settings.fuel
        self._samples = samples
        self._first = over
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._callbacks: list[Callable[[], object]] = []
        self._carried = 0
        """Guest threads that engines carry."""
        self._begun = WaitQueue()
        """Woken when the main thread can be referred to."""
        _live.add(self)
        _watch_exit()

    @property
    def image(self) -> Image:
        image = self.process.program
        assert isinstance(image, Image)
        return image

    def begin(self, snapshot: Snapshot | None = None) -> None:
        """Have the engine start the process's program, or go on from a snapshot."""
        image, thread = self.image, self.process.main
        linked = image.linked
        if linked.fuel is not None and self.fuel is not None:
            linked = replace(linked, fuel=linked.fuel._replace(limit=self.fuel))
        self._carried += 1
        options = {} if snapshot is None else {"snapshot": snapshot}
        try:
            runner = image.choice.engine.start(
                linked,
                OsThreadCarrier(thread),
                lambda outcome: self._ended(thread, image, outcome),
                self._samples,
                **options,
            )
        except BaseException as error:
            self._ended(thread, image, Outcome(End.FAILED, f"{type(error).__name__}: {error}"))
            raise
        if image.choice.fill and self.launcher.settings.background and allowed():
            self.on_over(Filler(image.choice, linked.module).fill)
        with self.launcher.kernel.lock:
            thread.runner = runner
            self._begun.wake()
            if self.process.status is not None or self.process.replacement is not None:
                runner.stop()

    def begin_thread(self, thread: Thread, starter: Thread, argument: int) -> None:
        """Have the engine start another thread. Called by `starter`, in a system call."""
        image = self.image
        linked = image.linked
        # What threads execute together cannot be counted alike in two runs.
        if not image.choice.engine.abilities.threads or not linked.shares or linked.fuel:
            raise Errno(E.NOTSUP)
        if starter.runner is None:
            raise Block([self._begun])
        self._carried += 1
        try:
            thread.runner = cast("ThreadedGuest", starter.runner).start_thread(
                OsThreadCarrier(thread),
                lambda outcome: self._ended(thread, image, outcome),
                thread.tid,
                argument,
            )
        except BaseException as error:
            self._carried -= 1
            if isinstance(error, RuntimeError):  # the host has no more threads
                raise Errno(E.AGAIN) from None
            raise

    def _ended(self, thread: Thread, image: Image, outcome: Outcome) -> None:
        """The engine is done with a guest thread. Called on that."""
        outcome = _explained(image, outcome)
        process = self.process
        with self.launcher.kernel.lock:
            if outcome.end is End.TRAPPED or not self.frames:
                self.frames = frames(outcome, image.linked.module)
            self._settle(thread, outcome)
            # The engine's side refers to this run: without it both go at once.
            thread.end()
            process.threads.pop(thread.tid, None)
            self._carried -= 1
            replacement = process.replacement
            if self._carried:
                return
            if process.status is None and replacement is not None:
                process.execute(replacement)
            else:
                replacement = None
                self.launcher.runs.pop(process, None)
        if replacement is None:
            self._finish()
            return
        try:
            self.begin()
        except Exception:  # `_ended` has been called for it
            return

    def _settle(self, thread: Thread, outcome: Outcome) -> None:
        """What the end of a thread means for its process."""
        process = thread.process
        if process is not self.process:  # a vfork's child has not given it back
            process.exit(STATUS_TRAP, f"{process.name}: ended its parent's thread")
            thread.join(self.process)
            process = self.process
        left = outcome.fuel
        if left is not None:
            process.fuel = max(left, 0)
            self.fuel = process.fuel
        name = process.name
        match outcome.end:
            case _ if process.replacement is not None:
                pass
            case End.RETURNED | End.TRAPPED if left is not None and left < 0:
                limit = self.launcher.settings.fuel
                process.exit(STATUS_FUEL, f"{name}: ended when its fuel of {limit} was used")
            case End.UNWOUND if thread.tid not in process.threads:
                pass  # it has ended by itself
            case End.RETURNED if thread.tid != process.pid:
                process.end_thread(thread)
            case End.RETURNED:
                process.exit(0)
            case End.TRAPPED:
                process.exit(STATUS_TRAP, f"{name}: trap: {named(outcome.message)}")
            case End.INVALID:
                process.exit(STATUS_INVALID, f"{name}: {outcome.message}")
            case End.UNWOUND:
                process.exit(STATUS_INTERNAL, f"{name}: stopped by its engine")
            case End.FAILED:
                process.exit(STATUS_INTERNAL, f"{name}: engine: {outcome.message}")

    def _finish(self) -> None:
        if self._first is not None:
            self._first(self)
        with self._lock:
            self._over.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_over(self, callback: Callable[[], object]) -> None:
        """Call `callback` when it is over, on the engine's thread; now, if it is. Not raising."""
        with self._lock:
            if not self._over.is_set():
                self._callbacks.append(callback)
                return
        callback()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over, at most `timeout` seconds; whether it is."""
        return self._over.wait(timeout)

    def kill(self) -> None:
        with self.launcher.kernel.lock:
            self.process.deliver(Signal.KILL)


def _explained(image: Image, outcome: Outcome) -> Outcome:
    """How it ended, with what the engine lacks if that may be why it refused the module."""
    if outcome.end is not End.INVALID:
        return outcome
    engine = image.choice.engine
    lack = declared_lacking(image.linked.module, engine)
    if not lack:
        return outcome
    why = f"it is built with {', '.join(lack)}, which {engine.name} lacks: see `wasix engines`"
    return outcome._replace(message=f"{outcome.message} ({why})")


_live: WeakSet[Run] = WeakSet()


@cache
def _watch_exit() -> None:
    """End all runs before the interpreter ends, which no thread of theirs would survive.

    What is registered last is called first: so this is, after the engine that is in use, and the
    engine finds nothing that waits in a system call.
    """
    atexit.register(_end_all)


def _end_all() -> None:
    runs = list(_live)
    for run in runs:
        run.kill()
    for run in runs:
        run.wait()
