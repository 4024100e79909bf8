"""What an engine is to plain modules: those that a Python program calls, and that call it back.

A value is a slot of 16 bytes, little-endian, at the same place whatever the engine
(`engines.values` has the formats). References are numbers that the store gives out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from engines.backtrace import Site
from engines.wasm import FunctionType, GlobalType, MemoryType, Module, TableType

SLOT = 16
"""Bytes of a value."""

Item: TypeAlias = Any
"""Something in a store: a function, memory, table, global or tag. The engine's own."""

Host: TypeAlias = Callable[[memoryview], bool]
"""A host function: finds its arguments in the slots and leaves its results there.

Called on the thread that called the guest. False ends the guest by a trap, which it cannot catch.
Never raises.
"""


class Frame(NamedTuple):
    """Slots for a call, and where the engine knows them to be."""

    slots: memoryview
    place: int


Call: TypeAlias = Callable[[Frame], None]
"""Calls a guest's function with arguments, and for results, in a frame. Raises `Trapped`."""


class Trapped(Exception):
    """A guest trapped, was stopped, or was ended by a host function.

    `frames` tell where, the innermost first.
    """

    def __init__(self, message: str, frames: Sequence[Site] = ()) -> None:
        super().__init__(message)
        self.frames = list(frames)


class Ended(Exception):
    """A store is gone for good, with the process it was in; the text says why.

    Raised by all that uses it.
    """


class Refused(Exception):
    """The engine does not take a module or an import; the text says why."""


class Store(Protocol):
    """What instances that share functions, memories, tables or globals live in.

    Used by one thread at a time, save `interrupt`. It is freed when nothing refers to it.
    """

    def free(self) -> None:
        """Free it as soon as no bytes of a memory are held. It is not used any more."""

    def function(self, of: FunctionType, host: Host) -> Item:
        """Raises `Refused`."""

    def memory(self, of: MemoryType) -> Item:
        """Raises `Refused`."""

    def table(self, of: TableType) -> Item:
        """Of null references. Raises `Refused`."""

    def variable(self, of: GlobalType, value: memoryview) -> Item:
        """A global, holding the value in a slot. Raises `Refused`."""

    def instantiate(
        self, compiled: Any, module: Module, imports: Sequence[Item]
    ) -> Callable[[str], Item]:
        """What finds an export by its name. Raises `Trapped`, or `Refused`."""

    def frame(self, count: int) -> Frame:
        """For calls with so many slots, one at a time. It lives no longer than the store."""

    def call(self, function: Item, of: FunctionType) -> Call: ...

    def bytes(self, memory: Item) -> memoryview:
        """All of a memory, as long as it is now. It keeps the store."""

    def pages(self, memory: Item) -> int:
        """How long a memory is; cheaper than its bytes."""

    def grow_memory(self, memory: Item, pages: int) -> int:
        """Pages before; -1 if it cannot grow so far."""

    def load(self, variable: Item, of: GlobalType, slot: memoryview) -> None: ...
    def save(self, variable: Item, of: GlobalType, slot: memoryview) -> None: ...
    def table_size(self, table: Item) -> int: ...

    def table_get(self, table: Item, of: TableType, index: int) -> int:
        """The reference at an index that is inside."""

    def table_set(self, table: Item, of: TableType, index: int, reference: int) -> None: ...

    def grow_table(self, table: Item, of: TableType, count: int, reference: int) -> int:
        """Elements before; -1 if it cannot grow so far."""

    def reference(self, value: object) -> int:
        """A number for any Python object, to be given to the guest at once; 0 is null."""

    def value(self, reference: int) -> object: ...
    def function_reference(self, function: Item) -> int: ...

    def referred(self, reference: int) -> tuple[Item, FunctionType | None]:
        """A function by its reference, and its type where that can be told."""

    def interrupt(self) -> None:
        """Have the guest that runs ask whether it is to stop. Any thread; returns at once."""


class Plain(Protocol):
    """An engine that runs plain modules."""

    name: str

    def compile(self, module: Module) -> Any:
        """What `Store.instantiate` takes. Raises `Refused`."""

    def store(self, stopping: Callable[[], bool]) -> Store:
        """A new store. `stopping` tells whether the guest that runs in it is to stop."""
