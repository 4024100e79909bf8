"""The engine `v8`: V8 embedded through mini-racer, an isolate and an OS thread for each guest."""

from __future__ import annotations

import atexit
import ctypes
import queue
import threading
import weakref
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from engines.artifacts import Kept
from engines.js.entries import entries
from engines.js.generate import direct, given
from engines.js.mailbox import ARGUMENTS, FUEL
from engines.js.report import outcome
from engines.perf import SUPPORTED
from engines.profile import Samples
from engines.protocol import Abilities, Door, End, EngineError, Linked, Outcome
from engines.spare import Spare
from engines.teardown import finish
from engines.v8 import profiler, shared
from engines.v8.isolate import Failed, Isolate, Value
from engines.v8.keeper import Keeper
from engines.v8.library import library
from engines.v8.profiler import Profiler
from engines.v8.shared import Lent, attach, lend
from engines.wasm import FunctionType, MemoryType, Module, ValueType
from engines.wasm.types import Feature
from wasix.abi.instance import Snapshot

_live: weakref.WeakSet[V8Guest] = weakref.WeakSet()
_keeper = Keeper()

_ROOM = 64 << 10
"""Bytes of a module that need no other buffer than the one made ahead."""


class Seat:
    """An isolate with the glue in it, in which no guest has run yet, and at most one will."""

    def __init__(self) -> None:
        self.isolate = isolate = Isolate()
        try:
            self.mailbox = _buffer(isolate, f"{direct()} guest.mailbox")
            self._room = _buffer(isolate, f"guest.load({_ROOM})")
            self._call = isolate.define("callHost", _nothing)
            self._grown = isolate.define("memoryGrown", _nothing)
        except BaseException:
            isolate.close()
            raise

    def serve(self, call: Callable[[], None], grown: Callable[[], None]) -> None:
        """What to call on the isolate's thread: for a system call, and when memory has grown."""
        self.isolate.redefine(self._call, call)
        self.isolate.redefine(self._grown, grown)

    def load(self, module: Module) -> None:
        """Give it the module. Raises `Failed`."""
        room, self._room = self._room, memoryview(b"")
        if module.size > len(room):
            self.isolate.fill(f"guest.load({module.size})", module.buffers())
            return
        offset = 0
        for part in module.buffers():
            room[offset : offset + len(part)] = part
            offset += len(part)

    def close(self) -> None:
        self.isolate.close()


def _nothing() -> None:
    """In place of serving a guest, where there is none."""


_seats = Spare(Seat, Seat.close)


class Origin(NamedTuple):
    """Where a guest thread comes from that another has started."""

    memories: tuple[Lent, ...]
    """What it is to share, in the order of its imports."""
    arguments: tuple[int, int]
    """What `wasi_thread_start` is called with."""

    def entry(self, module: Module) -> str:
        """That function's name, and its arguments."""
        tid, argument = self.arguments
        of = module.type_of_export("wasi_thread_start")
        wide = isinstance(of, FunctionType) and of.params[1:] == (ValueType("i64"),)
        return f"'wasi_thread_start', {tid}, {argument}{'n' if wide else ''}"


class V8Guest:
    """A guest in an isolate of its own.

    A thread of ours sees it through from making the isolate to freeing it; the guest itself runs on
    the isolate's thread, and so do its system calls.
    """

    def __init__(
        self,
        program: Linked,
        door: Door,
        ended: Callable[[Outcome], None],
        samples: Samples | None = None,
        snapshot: Snapshot | None = None,
        origin: Origin | None = None,
    ) -> None:
        self._origin = origin
        self._failure: Exception | None = None
        self._samples = samples
        self._profiler: Profiler | None = None
        self._program = program
        self._ended = ended
        self._lock = threading.Lock()
        self._stopped = False
        self._isolate: Isolate | None = None
        self._tasks: list[int] = []
        self._memory = memoryview(b"")
        self._fuel = memoryview(b"")
        self._base = 0
        self._given = given(program, snapshot)
        self._entries = entries(program, door, snapshot)
        self.thread = threading.Thread(target=self._supervise, name="wasix-v8", daemon=True)
        _live.add(self)
        self.thread.start()

    def start_thread(
        self, door: Door, ended: Callable[[Outcome], None], tid: int, argument: int
    ) -> V8Guest:
        types = [item.type for item in self._program.module.imports]
        memories = [of for of in types if isinstance(of, MemoryType) and of.limits.shared]
        lent = tuple(lend(f"sharedBuffer{place}", of) for place, of in enumerate(memories))
        return V8Guest(self._program, door, ended, origin=Origin(lent, (tid, argument)))

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for task in self._tasks:
                assert self._isolate
                self._isolate.cancel(task)

    def close(self) -> None:
        self.thread.join()

    # On the guest's thread.

    def _supervise(self) -> None:
        seat: Seat | None = None
        try:
            seat = _seats.take()
            self._isolate = seat.isolate
            try:
                result = self._run(seat)
            finally:
                with self._lock:
                    self._tasks = []
                if self._profiler and self._samples is not None:
                    self._profiler.finish(self._samples)
        except Failed as failure:
            end = End.UNWOUND if failure.terminated else End.INVALID
            left = self._left() if failure.terminated else None
            result = Outcome(end, _first_line(failure.text), fuel=left)
        except Exception as error:  # whoever waits for the guest must hear of its end
            result = Outcome(End.FAILED, f"{type(error).__name__}: {error}")
        size, self._memory = len(self._memory), memoryview(b"")
        finish(size, lambda: self._ended(result), seat.close if seat else None)

    def _run(self, seat: Seat) -> Outcome:
        isolate, mailbox = seat.isolate, seat.mailbox
        self._words, self._longs = mailbox.cast("i"), mailbox.cast("Q")
        self._arguments = mailbox[ARGUMENTS:]
        self._fuel = mailbox[FUEL:ARGUMENTS].cast("q")
        seat.serve(self._make_server(), self._grown)
        if self._samples is not None:
            # Before there is a module, whose functions get their names as they are compiled.
            self._profiler = Profiler(isolate)
        entry = "'_start'"
        if self._origin is not None:
            entry = self._origin.entry(self._program.module)
            isolate.define("attach", self._attach)
            isolate.evaluate("attach()")
            if self._failure is not None:
                raise self._failure
        module = self._program.module
        seat.load(module)
        # From here on guest code may run: instantiation runs a start function.
        begun, ended = self._submit(
            isolate, f"guest.instantiate({self._given}) || guest.memory()", f"guest.begin({entry})"
        )
        if not isinstance(begun, memoryview):
            return outcome(str(begun))
        if not len(begun):
            self._base = isolate.address("guest.memory()")
            (ended,) = self._submit(isolate, f"guest.start({entry})")
        _keeper.used(module)
        return outcome(str(ended))

    def _left(self) -> int | None:
        """The fuel that was left at the last system call, if it is metered and made one."""
        return self._fuel[0] if self._program.fuel is not None and self._fuel else None

    def _submit(self, isolate: Isolate, *codes: str) -> list[Value]:
        """What evaluating `codes` gives, one right after the other, unless the guest is stopped.

        The first may be the guest's memory. Raises `Failed` for the first that fails.
        """
        results: queue.SimpleQueue[Value | Failed] = queue.SimpleQueue()

        def done(value: Value | Failed) -> None:
            if isinstance(value, memoryview):
                # Before what is evaluated next makes system calls.
                self._memory = value
                if len(value):
                    self._base = ctypes.addressof(ctypes.c_char.from_buffer(value))
            results.put(value)

        with self._lock:
            if self._stopped:
                raise Failed("stopped", terminated=True)
            self._tasks = [isolate.submit(code, done) for code in codes]
        values = [results.get() for _ in codes]
        for value in values:
            if isinstance(value, Failed):
                raise value
        return [value for value in values if not isinstance(value, Failed)]

    # On the isolate's thread.

    def _make_server(self) -> Callable[[], None]:
        """What serves a system call: a closure, to look little up."""
        words, arguments, entries = self._words, self._arguments, self._entries

        def serve() -> None:
            enter, unpack = entries[words[0]]
            words[0] = enter(self._memory, unpack(arguments))

        return serve

    def _attach(self) -> None:
        assert self._origin is not None
        try:
            for place, lent in enumerate(self._origin.memories):
                attach(lent, f"lentMemory{place}")
        except Exception as error:  # nothing may go through V8's frames
            self._failure = error

    def _grown(self) -> None:
        # V8 never moves a memory, not even an empty one: only its length is new.
        size = self._longs[1]
        self._memory = memoryview((ctypes.c_ubyte * size).from_address(self._base)).cast("B")


def _buffer(isolate: Isolate, code: str) -> memoryview:
    value = isolate.evaluate(code)
    assert isinstance(value, memoryview)
    return value


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]


@atexit.register
def _stop_all() -> None:
    """A process that ends while isolates live may hang."""
    for guest in list(_live):
        guest.stop()
    for guest in list(_live):
        guest.thread.join()
    _keeper.close()
    _seats.close()


def _self_test() -> None:
    """Check the undocumented behaviour this engine rests on. Raises `EngineError`."""
    isolate = Isolate()
    try:
        box = _buffer(isolate, "globalThis.box = new SharedArrayBuffer(8); box").cast("i")
        seen: list[int] = []

        def host() -> None:
            seen.append(box[0])
            box[1] = 2 * box[0]

        isolate.define("host", host)
        answer = isolate.evaluate("{ const b = new Int32Array(box); b[0] = 21; host(); b[1] }")
        if seen != [21] or answer != 42:
            raise EngineError(
                "the engine v8 cannot be used: this mini-racer does not call Python synchronously"
            )
    except Failed as failure:
        raise EngineError(f"the engine v8 failed its self-test: {failure.text}") from None
    finally:
        isolate.close()


class V8Engine:
    """See `engines.protocol.Engine`."""

    name = "v8"

    def __init__(self) -> None:
        self.abilities = Abilities(
            threads=shared.available(),
            profiles=profiler.available(),
            perf_map=SUPPORTED,
            links=True,
        )
        self._features: frozenset[Feature] | None = None

    def features(self) -> frozenset[Feature]:
        if self._features is None:
            from engines.js.probe import answered, question

            isolate = Isolate()
            try:
                self._features = answered(str(isolate.evaluate(question())))
            finally:
                isolate.close()
        return self._features

    def prepare(self, module: Module, artifacts: Kept | None) -> None:
        """V8 compiles functions when they are first called."""

    def kept(self, module: Module, artifacts: Kept) -> bool:
        return False

    def start(
        self,
        program: Linked,
        door: Door,
        ended: Callable[[Outcome], None],
        samples: Samples | None = None,
        snapshot: Snapshot | None = None,
    ) -> V8Guest:
        return V8Guest(program, door, ended, samples, snapshot)


@cache
def engine() -> V8Engine:
    library()
    _self_test()
    return V8Engine()
