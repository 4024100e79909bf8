"""What an engine is to the rest: it compiles and runs guests, owns linear memory, carries threads.

An engine knows no files. A guest's system calls go through the `Door` it is started with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from engines.artifacts import Kept
from engines.wasm import Module
from engines.wasm.types import Feature, ValueType
from wasix.abi import ATOMICS, LINKING, Function
from wasix.abi.instance import FreshMemory, Request, Snapshot, Suspended, Upcall

if TYPE_CHECKING:  # the page has neither
    from engines.backtrace import Site
    from engines.profile import Samples

Entry = Callable[[memoryview, Sequence[int]], int]
"""A system call: (linear memory, wasm arguments as unsigned integers) -> what it answers.

That is an errno (or a value, see `Function.plain`), or one of `UNWIND`, `UPCALL` and `SUSPEND`.
Never raises. `memory` is valid during the call only.
"""


class Door(Protocol):
    """The kernel's side of a guest thread."""

    def entry(self, function: Function) -> Entry:
        """The call that serves `function` for this thread."""

    def upcall(self) -> Upcall | Request:
        """What to call, or to do otherwise, after a call has answered `UPCALL`."""

    def proceed(self, memory: memoryview, answer: Any = None) -> int:
        """What the call that asked for it answers, when that has returned or been done; as an
        `Entry`. `answer` is what a request says."""

    def suspended(self, guest: Suspended) -> int | None:
        """What a call that answered `SUSPEND` is to answer when the guest's stack, which has been
        unwound, is rewound. None if the guest is to end instead."""


class End(Enum):
    """How a guest's run ended."""

    RETURNED = "returned"
    """`_start` returned."""
    UNWOUND = "unwound"
    """A system call answered `UNWIND`, or the guest was stopped."""
    TRAPPED = "trapped"
    INVALID = "invalid"
    """The engine refused the module; no code ran."""
    FAILED = "failed"
    """The engine itself failed."""


class Outcome(NamedTuple):
    """How a guest's run ended; `message` says why, for a person, when it did not simply return."""

    end: End
    message: str = ""
    frames: tuple[Site, ...] = ()
    """Where it trapped, the innermost first. Their names are not looked at."""
    fuel: int | None = None
    """What is left of `Linked.fuel`, negative if it did not suffice; None if that is not known."""


class Guest(Protocol):
    """A started program: one guest thread on a carrier of its engine's."""

    def stop(self) -> None:
        """Make it unwind soon, even while it computes. Any thread; returns at once."""

    def close(self) -> None:
        """Free what the engine holds for it, when its run has ended. Not from its own thread."""


class ThreadedGuest(Guest, Protocol):
    """A guest of an engine with threads (`Abilities.threads`)."""

    def start_thread(
        self, door: Door, ended: Callable[[Outcome], None], tid: int, argument: int
    ) -> ThreadedGuest:
        """Start another guest thread, on a carrier of its own: a new instance of the program on
        the same shared memories, in `wasi_thread_start(tid, argument)`.

        From a system call of this thread's, and where `Linked.shares`. `RuntimeError` if the host
        has no more threads. `ended` is as in `Engine.start`.
        """


class Fuel(NamedTuple):
    """What a guest may execute, by a module that `engines.wasm.meter` has instrumented.

    Before anything else runs the engine sets the exported global `variable`, an i64, to `limit`.
    """

    limit: int
    variable: str


ASYNCIFY = tuple(
    f"asyncify_{name}" for name in ("start_unwind", "stop_unwind", "start_rewind", "stop_rewind")
)
"""What a module exports whose stack can be unwound and rewound (Binaryen's asyncify pass)."""


class Relocated(NamedTuple):
    """How a program is started that is linked only then (`dylink.0`).

    Beside memories, tags and system calls it imports tables, globals, and functions that are to
    come from libraries: stubs for these.
    """

    cells: tuple[tuple[str, str, int, int], ...]
    """What it is given for globals of type i32: import module and name, the cell's number
    (`wasix.abi.instance.Request`), and its value."""
    base: int
    """Where its data begins."""
    stubs: Module | None = None
    """See `engines.wasm.dylink.stubs`: instance 1, with 0 for its base."""
    stubbed: tuple[tuple[str, str], ...] = ()
    """Import module and name of the functions that these are for, in order."""


@dataclass(frozen=True)
class Linked:
    """A module with the declaration that serves each of its function imports."""

    module: Module
    functions: dict[tuple[str, str], Function]
    """By import module and name."""
    fuel: Fuel | None = None
    start: str | None = None
    """What was its start function: the export to call first, unless a snapshot is started. A module
    whose calls may run functions of its own has it here, so that these find an instance."""
    waits: str | None = None
    """How it waits at shared memory, if the module was changed by `engines.wasm.waits`: the
    exported table into which the engine puts the functions that serve `wasix.abi.ATOMICS`, in
    order, before anything else of the guest runs (`engines.wasm.waits.FILLER` does that)."""
    shares: bool = False
    """Whether the memory that it exports is a shared one that it imports."""
    variables: tuple[tuple[str, ValueType], ...] = ()
    """The mutable globals that a copy of an instance needs, by export name; number types only."""
    stack_pointer: int | None = None
    """Which of the variables is the pointer of the stack in linear memory."""
    suspends: bool = False
    """Whether the module exports all of `ASYNCIFY`."""
    table: str | None = None
    """The exported table of functions that requests are about."""
    stack: str | None = None
    """The exported global that is the pointer of the stack in linear memory, for libraries."""
    relocated: Relocated | None = None
    """If it is to make the call `wasix.abi.linking.START` before `_start` is called."""
    fresh: FreshMemory = field(default_factory=FreshMemory, compare=False)
    """What the memory of an instance starts with, once that has been seen."""

    @property
    def served(self) -> tuple[Function, ...]:
        """What the door serves: what it imports, and what it waits by."""
        waits = ATOMICS.functions if self.waits is not None else ()
        linking = LINKING.functions if self.relocated is not None else ()
        return (*self.functions.values(), *waits, *linking)


class Abilities(NamedTuple):
    """What an engine does for its guests beside running them; `engines.survey` explains each."""

    stops: bool = True
    memory_limit: bool = True
    artifacts: bool = False
    own_process: bool = False
    threads: bool = False
    profiles: bool = False
    perf_map: bool = False
    links: bool = False


class Engine(Protocol):
    """An engine that runs command modules (those that export `_start` and their memory)."""

    name: str
    abilities: Abilities

    def features(self) -> frozenset[Feature]:
        """The proposals it has here: those whose module in `engines.wasm.probes` it compiles."""

    def prepare(self, module: Module, artifacts: Kept | None) -> None:
        """Do what can be done for `module` before it is started: compile it, or load what is kept.

        Returns when it is done, and raises nothing of its own: what is wrong shows when it is
        started.
        """

    def kept(self, module: Module, artifacts: Kept) -> bool:
        """Whether `prepare` would find it compiled."""

    def start(
        self,
        program: Linked,
        door: Door,
        ended: Callable[[Outcome], None],
        samples: Samples | None = None,
        snapshot: Snapshot | None = None,
    ) -> Guest:
        """Start `program` on a carrier of its own.

        `ended` is called once, from the carrier, when the run is over. An engine that profiles has
        by then put into `samples` where the guest spent its time. With a `snapshot` the guest goes
        on from there instead of starting.
        """


class Build(NamedTuple):
    """What native code is made for, beside its module. It fits nothing else."""

    engine: str
    version: str
    """Of the compiler, with its name."""
    processor: str
    """As `engines.native.processor` has it."""
    settings: str
    """A digest of them."""


@runtime_checkable
class Native(Engine, Protocol):
    """An engine whose native code can be kept (`Abilities.artifacts`)."""

    def build(self) -> Build:
        """What its code is made for."""

    def key(self, module: Module) -> str:
        """What the code of `module` is kept under. It tells builds and modules apart."""

    def compile(self, module: Module, artifacts: Kept) -> None:
        """Have `artifacts` hold the code of `module`. Raises `engines.plain.Refused`."""


class EngineError(RuntimeError):
    """An engine is not usable here; the text names what is missing and the remedy."""
