"""What passes between the kernel and an engine about a guest's instance beside its calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Upcall(NamedTuple):
    """A function of the guest's to call, with i32 arguments; what it returns is dropped."""

    export: str
    arguments: tuple[int, ...]


_CHUNK = 1 << 14
_ZEROS = bytes(_CHUNK)


def _empty(memory: memoryview, at: int) -> bool:
    # As bytes: views are compared item by item.
    part = bytes(memory[at : at + _CHUNK])
    return part == _ZEROS if len(part) == _CHUNK else not any(part)


class FreshMemory:
    """Where the memory of a program's new instances is not zero: the same for all of them."""

    def __init__(self) -> None:
        self._places: frozenset[int] | None = None

    def places(self, memory: memoryview) -> frozenset[int]:
        """As found in the memory of the first one that is given."""
        if self._places is None:
            self._places = frozenset(
                at for at in range(0, len(memory), _CHUNK) if not _empty(memory, at)
            )
        return self._places


class MemoryImage:
    """A copy of a linear memory. Only what is not zero is held, since most of it never is."""

    def __init__(self, memory: memoryview, unused: range = range(0)) -> None:
        """Bytes in `unused` need not be copied."""
        self.size = len(memory)
        """In bytes."""
        self._held: dict[int, bytes] = {}
        first = -(-unused.start // _CHUNK) * _CHUNK
        for at in range(0, self.size, _CHUNK):
            if first <= at and at + _CHUNK <= unused.stop:
                continue
            if not _empty(memory, at):
                self._held[at] = bytes(memory[at : at + _CHUNK])

    def restore(self, memory: memoryview, fresh: FreshMemory) -> None:
        """Make the beginning of a new instance's memory, which is no shorter, what was copied.

        What is zero in both is not touched.
        """
        for at in fresh.places(memory) - self._held.keys():
            size = min(_CHUNK, len(memory) - at)
            memory[at : at + size] = bytes(size)
        for at, data in self._held.items():
            memory[at : at + len(data)] = data

    def join(self) -> bytes:
        """All of it."""
        whole = bytearray(self.size)
        self.restore(memoryview(whole), FreshMemory())
        return bytes(whole)


class Signature(NamedTuple):
    """The type of a function: names of number types and `v128`."""

    params: tuple[str, ...]
    results: tuple[str, ...]


class Reflect(NamedTuple):
    """The `Signature` of the function in a slot; None if there is none that has one."""

    slot: int


class CallSlot(NamedTuple):
    """Call the function in a slot: the bytes of its results, or None as in `Reflect`.

    Values and results lie one after the other, little-endian, each in as many bytes as it has.
    """

    slot: int
    values: bytes = b""


@dataclass(frozen=True)
class GrowTable:
    """So many more slots, which are empty: the first of them, or None if there is no room."""

    count: int


class GrowMemory(NamedTuple):
    """So many more pages: where they begin, or None if there is no room."""

    pages: int


class Place(NamedTuple):
    """Put a function that an instance exports into a slot, or empty that with None; whether it is
    there now. The slot may be one of another instance's, in its exported `table`."""

    slot: int
    instance: int = 0
    export: str | None = None
    table: int = 0


class Read(NamedTuple):
    """The value of an exported global of 32 bits; None if there is none."""

    instance: int
    export: str


class Write(NamedTuple):
    """Give a cell a value of 32 bits. Answers None."""

    cell: int
    value: int


class Given(NamedTuple):
    """What an import is given: `of` says what the rest means."""

    of: str
    """`memory`, `table` and `stack` (the pointer of the stack) are the program's own; `export`,
    `cell` (a global of 32 bits), `call` (a system call) and `tag`."""
    instance: int = 0
    """Of an `export`."""
    name: str = ""
    """Of an `export`, or of a `tag`: the same name gets the same tag."""
    cell: int = 0
    value: int = 0
    """What a new cell has."""
    mutable: bool = False
    """Of a new cell."""
    function: Any = None
    """The `wasix.abi.Function` of a `call`."""
    params: tuple[str, ...] = ()
    """Of a `tag`."""


class Instantiate(NamedTuple):
    """Instantiate a module (the face's, as the engine knows it): the number of the instance, or a
    text that says why that cannot be."""

    module: Any
    imports: tuple[Given, ...]
    """One for each of its imports, in their order."""


Request = Reflect | CallSlot | GrowTable | GrowMemory | Place | Read | Write | Instantiate
"""Something the kernel wants of a guest's instance before a call can go on.

Slots are places in the guest's table of functions. Instances have numbers: 0 is the program's
own, others come from `Instantiate`. So have cells, which whoever makes them numbers.
"""


class Snapshot(NamedTuple):
    """A guest whose stack has been unwound, to be started as another instance."""

    memory: MemoryImage
    variables: tuple[int, ...]
    """The values of its mutable globals, as unsigned bits (`engines.protocol.Linked.variables`)."""
    area: int
    """The address of its asyncify area, where the unwound stack is."""
    answer: int = 0
    """What the call that unwound it answers."""


class Suspended(Protocol):
    """A guest whose stack has been unwound. Valid while the door is asked what comes next."""

    @property
    def memory(self) -> memoryview:
        """All of linear memory, writable. Where that is not Python's, this has only the length of a
        view and its slices, which are copies."""

    @property
    def area(self) -> int:
        """The address of its asyncify area: two u32, where the unwound stack ends and where the
        area does, and then the stack."""

    @property
    def stack_pointer(self) -> int | None:
        """Which of the variables is the pointer of the stack in linear memory."""

    variables: tuple[int, ...]
    """The values of its mutable globals, as in `Snapshot`. Can be set."""
