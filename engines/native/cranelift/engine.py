"""The engine `cranelift`: machine code by wasmtime's compiler, an OS thread for each guest."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from engines.artifacts import Kept
from engines.asyncify import PAGE
from engines.native.cranelift.build import WASM_STACK
from engines.native.cranelift.compiler import Compiler, Invalid, compiler
from engines.native.cranelift.library import Extern, Instance
from engines.native.cranelift.linking import Common, Linking
from engines.native.cranelift.mailbox import Mail, Mailbox, Mails
from engines.native.cranelift.store import Memory, SharedMemory, Store, Variable, view
from engines.native.machine import Machine
from engines.perf import SUPPORTED
from engines.plain import Refused, Trapped
from engines.profile import Samples
from engines.protocol import Abilities, Build, Door, End, Linked, Outcome
from engines.teardown import finish
from engines.wasm import (
    FunctionType,
    GlobalType,
    MemoryType,
    Module,
    TableType,
    TagType,
    ValueType,
    decode,
)
from engines.wasm.types import Feature
from engines.wasm.waits import FILLER, TYPES
from wasix.abi import ATOMICS, UNWIND, E, Function, Unwind
from wasix.abi.instance import GrowMemory, Request, Snapshot
from wasix.abi.linking import START

if TYPE_CHECKING:
    from engines.native.cranelift.profiler import Profiler

_STACK = WASM_STACK + (8 << 20)
"""Bytes of stack of a guest's thread: the guest's own, and what its deepest system call takes."""
_FEW = 8
"""Functions for which a mailbox is made in about a millisecond: it is not worth a file."""

_starting = threading.Lock()

_FILLER = decode(FILLER, "waits")


class Origin(NamedTuple):
    """Where a guest thread comes from that another has started."""

    memories: tuple[SharedMemory, ...]
    """What it is to share, in the order of its imports."""
    arguments: tuple[int, int]
    """What `wasi_thread_start` is called with."""


class CraneliftGuest:
    """A guest in a store of its own, on a thread of ours that sees it through."""

    def __init__(
        self,
        compiler: Compiler,
        mails: Mails,
        program: Linked,
        door: Door,
        ended: Callable[[Outcome], None],
        samples: Samples | None = None,
        snapshot: Snapshot | None = None,
        origin: Origin | None = None,
    ) -> None:
        self._compiler = compiler
        self._origin = origin
        self._shared: list[SharedMemory] = []
        self._samples = samples
        self._snapshot = snapshot
        self._profiler: Profiler | None = None
        self._program = program
        self._door = door
        self._ended = ended
        self._stopped = False
        self._store: Store | None = None
        self._memory: Memory | None = None
        self._bytes = memoryview(b"")
        self._mails = mails
        self._mail: Mail | None = None
        self._failure: BaseException | None = None
        """Why a call did not return; the innermost, where calls are made within upcalls."""
        self.thread = threading.Thread(target=self._supervise, name="wasix-cranelift", daemon=True)
        with _starting:
            usual = threading.stack_size(_STACK)
            try:
                self.thread.start()
            finally:
                threading.stack_size(usual)

    def start_thread(
        self, door: Door, ended: Callable[[Outcome], None], tid: int, argument: int
    ) -> CraneliftGuest:
        origin = Origin(tuple(self._shared), (tid, argument))
        return CraneliftGuest(
            self._compiler, self._mails, self._program, door, ended, origin=origin
        )

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
            outcome = _failed(error)
        size, self._bytes = len(self._bytes), memoryview(b"")
        finish(size, lambda: self._ended(outcome), self._free if self._store else None)

    def _free(self) -> None:
        store, self._store = self._store, None
        if store:
            store.close()
        if self._mail:
            self._mails.give_back(self._mail)

    def _run(self) -> Outcome:
        module = self._program.module
        compiled = self._compiler.module(module)
        self._store = store = Store(self._compiler, self._asked)
        instance = _Instance(store, self._program, self._seen, self._linking)
        self._machine = Machine(self._program, self._door, instance)
        try:
            if self._samples is not None:
                from engines.native.cranelift.profiler import Profiler

                self._profiler = Profiler(self._compiler, compiled, store, module)
            self._mail = self._mails.take(store)
            self._common = Common(store, self._compiler, self._program, self._serve)
            imports, waits = self._imports(store, module)
            if self._stopped:
                return Outcome(End.UNWOUND)
            if self._profiler:
                self._profiler.begin()
            # From here on guest code may run: instantiation runs a start function.
            instance.begin(store.instantiate(compiled, imports))
            self._memory = instance.linear = store.exported_memory(instance.instance, "memory")
            self._look()
            if self._program.waits is not None:
                table = store.export(instance.instance, self._program.waits)
                store.instantiate(self._compiler.module(_FILLER), [*waits, table])
            return self._metered(instance)
        except Trapped as trap:
            return self._trapped(trap)
        finally:
            del self._machine  # which refers to this
            self._finish_profile()

    def _linking(self, main: Instance) -> Linking:
        assert self._store is not None
        return Linking(self._program, main, self._common)

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

    def _metered(self, instance: _Instance) -> Outcome:
        fuel = self._program.fuel
        if fuel is None:
            return self._called(instance)
        left = instance.number(fuel.variable, ValueType("i64"))
        left.value = fuel.limit
        outcome = self._called(instance)
        return outcome._replace(fuel=ctypes.c_int64(left.value).value)

    def _called(self, instance: _Instance) -> Outcome:
        first, snapshot = self._program.start, self._snapshot
        self._snapshot = None
        try:
            if first is not None and snapshot is None:
                instance.call(first)
            if self._origin is None:
                if self._program.relocated is not None and snapshot is None:
                    self._begin()
                returned = self._machine.run("_start", start=snapshot)
            else:
                if self._program.relocated is not None:
                    self._begin()
                returned = self._machine.run("wasi_thread_start", self._origin.arguments)
        except Trapped as trap:
            return self._trapped(trap)
        return Outcome(End.RETURNED if returned else End.UNWOUND)

    def _begin(self) -> None:
        """Make the call that links the program. Raises `Trapped`."""
        assert self._mail is not None
        self._call(START, self._mail)()
        if self._mail.answer[0] == UNWIND:
            raise Trapped("the program was not linked")

    def _trapped(self, trap: Trapped) -> Outcome:
        failure = self._failure
        if isinstance(failure, Unwind) or self._stopped:
            return Outcome(End.UNWOUND)
        if isinstance(failure, Trapped):
            trap = Trapped(str(failure), failure.frames or trap.frames)
        elif failure is not None:
            return _failed(failure)
        return Outcome(End.TRAPPED, str(trap), tuple(trap.frames))

    def _imports(self, store: Store, module: Module) -> tuple[list[Extern], list[Extern]]:
        """What the module imports, and what goes into the table that it waits by."""
        of_program = self._program.functions
        served = [
            (item.type, of_program[item.module, item.name])
            for item in module.imports
            if isinstance(item.type, FunctionType) and (item.module, item.name) in of_program
        ]
        if self._program.waits is not None:
            served += zip(TYPES, ATOMICS.functions, strict=True)
        functions = iter(self._serve(store, served))
        imports = []
        for item in module.imports:
            match item.type:
                case FunctionType() if (item.module, item.name) in of_program:
                    imports.append(next(functions))
                case MemoryType() as declared:
                    imports.append(self._memory_for(store, declared))
                case TagType() as declared:
                    tag = self._common.tag(item.name, declared)
                    imports.append(tag)
                case GlobalType() | TableType() | FunctionType():
                    imports.append(self._common.own(self._program, item))
                case _:
                    raise TypeError(f"{item.module}.{item.name} is a {item.kind}")
        return imports, list(functions)

    def _memory_for(self, store: Store, of: MemoryType) -> Extern:
        if not of.limits.shared:
            return store.memory(of)
        if self._origin is None:
            memory = store.shared_memory(of)
        else:
            memory = self._origin.memories[len(self._shared)]
        self._shared.append(memory)
        return store.share(memory)

    def _serve(
        self, store: Store, functions: Sequence[tuple[FunctionType, Function]]
    ) -> list[Extern]:
        """The system calls for a module that imports them as such types."""
        mail = self._mail
        assert mail is not None
        calls = [store.callback(self._call(function, mail)) for _, function in functions]
        compiled = self._compiler.module(Mailbox(tuple(of for of, _ in functions)))
        instance = store.instantiate(compiled, [store.share(mail.memory), *calls])
        return [store.export(instance, str(number)) for number in range(len(calls))]

    def _call(self, function: Function, mail: Mail) -> Callable[[], int]:
        """What wasmtime calls for `function`: a closure, to look little up."""
        enter = self._door.entry(function)
        if self._profiler:
            enter = self._profiler.watched(function.name, enter)
        if self._program.suspends:
            enter = self._machine.entry(enter)
        layout = Struct(function.argument_format)
        unpack, place = layout.unpack, mail.arguments[: layout.size]
        fault, answers, special = function.error(E.FAULT), mail.answer, self._machine.answer

        def call() -> int:
            try:
                arguments = unpack(place)
                answer = enter(self._bytes, arguments)
                # Memory never moves, so the view of it stays good; what grew since is not in it.
                if answer == fault and self._look():
                    answer = enter(self._bytes, arguments)
                answers[0] = answer if answer >= 0 else special(answer)
            except BaseException as error:  # nothing may go through wasmtime's frames
                self._failure = self._failure or error
                answers[0] = UNWIND
            return 0

        return call

    def _seen(self) -> memoryview:
        """All of linear memory."""
        self._look()
        return self._bytes

    def _look(self) -> bool:
        """Look where memory ends now. False if that is known."""
        if self._memory is None:
            return False
        if self._memory.size() == len(self._bytes):
            return False
        self._bytes = view(self._memory)
        return True


_mailboxes: WeakKeyDictionary[Module, Mailbox] = WeakKeyDictionary()


def _mailbox(module: Module) -> Mailbox:
    """What serves the functions that a module imports."""
    found = _mailboxes.get(module)
    if found is None:
        types = (item.type for item in module.imports)
        found = Mailbox(tuple(of for of in types if isinstance(of, FunctionType)))
        _mailboxes[module] = found
    return found


class _Instance:
    """See `engines.native.machine.Instance`."""

    instance: Instance
    linear: Memory

    def __init__(
        self,
        store: Store,
        program: Linked,
        look: Callable[[], memoryview],
        linking: Callable[[Instance], Linking],
    ) -> None:
        self._store = store
        self._program = program
        self._look = look
        self._link = linking
        self._linking: Linking | None = None
        self._numbers: dict[str, Variable] = {}

    def begin(self, instance: Instance) -> None:
        self.instance = instance

    @property
    def linking(self) -> Linking:
        if self._linking is None:
            self._linking = self._link(self.instance)
        return self._linking

    def call_slot(self, slot: int, values: bytes | None) -> bytes | None:
        return self.linking.call(slot, values)

    def perform(self, request: Request) -> Any:
        if isinstance(request, GrowMemory):
            return self.grow(request.pages)
        return self.linking.perform(request)

    def call(self, export: str, arguments: Sequence[int] = ()) -> None:
        of = self._program.module.type_of_export(export)
        assert isinstance(of, FunctionType)
        assert len(of.params) == len(arguments)
        self._store.call(self._store.export(self.instance, export), arguments, len(of.results))

    def memory(self) -> memoryview:
        return self._look()

    def grow(self, pages: int) -> int | None:
        before = self.linear.grow(pages)
        return None if before is None else before * PAGE

    def number(self, name: str, of: ValueType) -> Variable:
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = self._store.variable(self.instance, name, of)
        return found

    def variable(self, index: int) -> int:
        return self.number(*self._program.variables[index]).value

    def set_variable(self, index: int, bits: int) -> None:
        self.number(*self._program.variables[index]).value = bits


class CraneliftEngine:
    """See `engines.protocol.Engine`."""

    name = "cranelift"
    abilities = Abilities(
        artifacts=True, threads=True, profiles=True, perf_map=SUPPORTED, links=True
    )

    def __init__(self) -> None:
        self.compiler = compiler()
        self._mails = Mails()

    def features(self) -> frozenset[Feature]:
        return self.compiler.features()

    def prepare(self, module: Module, artifacts: Kept | None) -> None:
        with suppress(Invalid):
            self.compiler.module(module, artifacts)
            mailbox = _mailbox(module)
            self.compiler.module(mailbox, artifacts if len(mailbox.types) > _FEW else None)

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
        snapshot: Snapshot | None = None,
    ) -> CraneliftGuest:
        return CraneliftGuest(self.compiler, self._mails, program, door, ended, samples, snapshot)


def _failed(error: BaseException) -> Outcome:
    return Outcome(End.FAILED, f"{type(error).__name__}: {error}")


def _last_line(error: Invalid) -> str:
    """What is wrong, without where wasmtime was when it found out."""
    return str(error).strip().rpartition("\n")[2].strip()


@cache
def engine() -> CraneliftEngine:
    return CraneliftEngine()
