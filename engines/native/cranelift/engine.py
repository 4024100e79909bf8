"""The engine `cranelift`: machine code by wasmtime's compiler, an OS thread for each guest."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from struct import Struct

from engines.artifacts import Kept
from engines.native.cranelift.compiler import WASM_STACK, Compiler, Invalid, compiler
from engines.native.cranelift.library import SLOT, Extern, Instance
from engines.native.cranelift.profiler import Profiler
from engines.native.cranelift.store import Memory, Store
from engines.perf import SUPPORTED
from engines.plain import Refused, Trapped
from engines.profile import Samples
from engines.protocol import Abilities, Build, Door, End, Fuel, Linked, Outcome
from engines.teardown import finish
from engines.wasm import FunctionType, Import, MemoryType, Module, TagType
from engines.wasm.types import Feature
from wasix.abi import UNWIND, E, Function

_STACK = WASM_STACK + (8 << 20)
"""Bytes of stack of a guest's thread: the guest's own, and what its deepest system call takes."""
_MOST_SLOTS = 32
_KEPT_VIEWS = 512

_starting = threading.Lock()


class CraneliftGuest:
    """A guest in a store of its own, on a thread of ours that sees it through."""

    def __init__(
        self,
        compiler: Compiler,
        program: Linked,
        door: Door,
        ended: Callable[[Outcome], None],
        samples: Samples | None = None,
    ) -> None:
        self._compiler = compiler
        self._samples = samples
        self._profiler: Profiler | None = None
        self._program = program
        self._door = door
        self._ended = ended
        self._stopped = False
        self._unwinding = False
        self._store: Store | None = None
        self._memory: Memory | None = None
        self._bytes = memoryview(b"")
        self._views: dict[int, memoryview] = {}
        self.thread = threading.Thread(target=self._supervise, name="wasix-cranelift", daemon=True)
        with _starting:
            usual = threading.stack_size(_STACK)
            try:
                self.thread.start()
            finally:
                threading.stack_size(usual)

    def stop(self) -> None:
        self._stopped = True
        self._compiler.interrupt(self.thread.is_alive)

    def close(self) -> None:
        self.thread.join()

    # On the guest's thread.

    def _supervise(self) -> None:
        try:
            outcome = self._run()
        except Invalid as error:
            outcome = Outcome(End.INVALID, _last_line(error))
        except Exception as error:  # whoever waits for the guest must hear of its end
            outcome = Outcome(End.FAILED, f"{type(error).__name__}: {error}")
        size, self._bytes = len(self._bytes), memoryview(b"")
        store, self._store = self._store, None
        finish(size, lambda: self._ended(outcome), store.close if store else None)

    def _run(self) -> Outcome:
        module = self._program.module
        compiled = self._compiler.module(module)
        self._store = store = Store(self._compiler, self._asked)
        try:
            if self._samples is not None:
                self._profiler = Profiler(self._compiler, compiled, store, module)
            imports = [self._import(store, item) for item in module.imports]
            if self._stopped:
                return Outcome(End.UNWOUND)
            if self._profiler:
                self._profiler.begin()
            # From here on guest code may run: instantiation runs a start function.
            instance = store.instantiate(compiled, imports)
            self._memory = store.exported_memory(instance, "memory")
            self._look()
            if self._program.fuel is None:
                store.call(store.export(instance, "_start"))
                return Outcome(End.RETURNED)
            return self._metered(store, instance, self._program.fuel)
        except Trapped as trap:
            return self._trapped(trap)
        finally:
            self._views.clear()
            self._finish_profile()

    def _asked(self) -> bool:
        """Whether the guest is to stop, which it asks at every epoch."""
        if self._profiler:
            self._profiler.look()
        return self._stopped

    def _finish_profile(self) -> None:
        if self._profiler and self._samples is not None:
            try:
                self._profiler.finish(self._samples)
            finally:
                self._profiler.close()

    def _metered(self, store: Store, instance: Instance, fuel: Fuel) -> Outcome:
        left = store.variable(instance, fuel.variable)
        left.value = fuel.limit
        try:
            if fuel.start is not None:
                store.call(store.export(instance, fuel.start))
            store.call(store.export(instance, "_start"))
            outcome = Outcome(End.RETURNED)
        except Trapped as trap:
            outcome = self._trapped(trap)
        return replace(outcome, fuel=left.value)

    def _trapped(self, trap: Trapped) -> Outcome:
        if self._unwinding or self._stopped:
            return Outcome(End.UNWOUND)
        return Outcome(End.TRAPPED, str(trap), tuple(trap.frames))

    def _import(self, store: Store, item: Import) -> Extern:
        match item.type:
            case FunctionType() as declared:
                function = self._program.functions[item.module, item.name]
                return store.function(declared, self._call(store, function))
            case MemoryType() as declared:
                return store.memory(declared)
            case TagType() as declared:
                return store.tag(declared)
        raise TypeError(f"{item.module}.{item.name} is a {item.kind}")

    def _call(self, store: Store, function: Function) -> Callable[[int, int, int, int], int]:
        """What wasmtime calls for `function`: a closure, to look little up."""
        enter = self._door.entry(function)
        if self._profiler:
            enter = self._profiler.watched(function.name, enter)
        # As `Function.argument_format`, with a slot for each.
        codes = [
            f"{scalar.code}8x" if scalar and scalar.size == 8 else "I12x"
            for _, scalar in function.slots
        ]
        unpack = Struct("<" + "".join(codes)).unpack_from
        views, fault = self._views, int(E.FAULT)

        def call(environment: int, caller: int, slots: int, count: int) -> int:
            try:
                view = views.get(slots) or self._slots(slots)
                arguments = unpack(view)
                answer = enter(self._bytes, arguments)
                # Memory never moves, so the view of it stays good; what grew since is not in it.
                if answer == fault and self._look():
                    answer = enter(self._bytes, arguments)
                if answer != UNWIND:
                    view[0] = answer
                    return 0
            except BaseException as error:  # nothing may go through wasmtime's frames
                self._failure = error
            self._unwinding = True
            return store.trap(b"unwound")

        return call

    def _slots(self, address: int) -> memoryview:
        """The arguments at an address on the stack, where the result goes as well."""
        if len(self._views) >= _KEPT_VIEWS:
            self._views.clear()
        area = (ctypes.c_uint8 * (SLOT * _MOST_SLOTS)).from_address(address)
        view = self._views[address] = memoryview(area).cast("B").cast("i")
        return view

    def _look(self) -> bool:
        """Look where memory ends now. False if that is known."""
        if self._memory is None:
            return False
        size = self._memory.size()
        if size == len(self._bytes):
            return False
        area = (ctypes.c_ubyte * size).from_address(self._memory.data())
        self._bytes = memoryview(area).cast("B")
        return True


class CraneliftEngine:
    """See `engines.protocol.Engine`."""

    name = "cranelift"
    abilities = Abilities(artifacts=True, profiles=True, perf_map=SUPPORTED)

    def __init__(self) -> None:
        self.compiler = compiler()

    def features(self) -> frozenset[Feature]:
        return self.compiler.features()

    def prepare(self, module: Module, artifacts: Kept | None) -> None:
        with suppress(Invalid):
            self.compiler.module(module, artifacts)

    def build(self) -> Build:
        return self.compiler.build

    def key(self, module: Module) -> str:
        return self.compiler.key(module)

    def compile(self, module: Module, artifacts: Kept) -> None:
        try:
            compiled = self.compiler.module(module, artifacts)
        except Invalid as error:
            raise Refused(_last_line(error)) from None
        if not self.kept(module, artifacts):  # it was in memory
            self.compiler.store(module, compiled, artifacts)

    def kept(self, module: Module, artifacts: Kept) -> bool:
        return artifacts.has(self.compiler.key(module))

    def start(
        self,
        program: Linked,
        door: Door,
        ended: Callable[[Outcome], None],
        samples: Samples | None = None,
    ) -> CraneliftGuest:
        return CraneliftGuest(self.compiler, program, door, ended, samples)


def _last_line(error: Invalid) -> str:
    """What is wrong, without where wasmtime was when it found out."""
    return str(error).strip().rpartition("\n")[2].strip()


@cache
def engine() -> CraneliftEngine:
    return CraneliftEngine()
