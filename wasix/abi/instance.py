"""What passes between the kernel and an engine about a guest's instance beside its calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Upcall:
    """A function of the guest's to call, with i32 arguments; what it returns is dropped."""

    export: str
    arguments: tuple[int, ...]


@dataclass(frozen=True)
class Snapshot:
    """A guest whose stack has been unwound, to be started as another instance."""

    memory: bytes | bytearray | memoryview
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
        """All of linear memory, writable."""

    @property
    def area(self) -> int:
        """The address of its asyncify area: two u32, where the unwound stack ends and where the
        area does, and then the stack."""

    @property
    def stack_pointer(self) -> int | None:
        """Which of the variables is the pointer of the stack in linear memory."""

    variables: tuple[int, ...]
    """The values of its mutable globals, as in `Snapshot`. Can be set."""
