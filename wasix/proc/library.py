"""Libraries as the kernel has them: modules that are linked to a program while it runs.

What they are made of is the face's business, which says here what they import and export.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wasix.abi import Function
from wasix.abi.instance import Signature


class Import(NamedTuple):
    """Something a library imports; `kind` is WebAssembly's word for it."""

    module: str
    name: str
    kind: str
    signature: Signature | None = None
    """Of a function or a tag; None if it cannot be told."""
    mutable: bool = False
    weak: bool = False
    """Whether it may be missing."""
    function: Function | None = None
    """The system call that it is."""


class Export(NamedTuple):
    kind: str
    signature: Signature | None = None
    """Of a function; None if it cannot be told."""
    hidden: bool = False
    """Whether `dlsym` does not see it."""
    thread_local: bool = False
    """Whether it is an offset from where the library's thread-local variables begin."""


@dataclass(frozen=True)
class Library:
    """A module that can be linked. Sizes in bytes and slots, alignments as powers of two."""

    name: str
    module: Any
    imports: tuple[Import, ...]
    exports: Mapping[str, Export]
    memory_size: int = 0
    memory_align_log2: int = 0
    table_size: int = 0
    table_align_log2: int = 0
    needed: tuple[str, ...] = ()
    """The names of those that it needs."""
    runtime_path: tuple[str, ...] = ()
    """Directories where these may be."""
    start: str | None = None
    """What was its start function: the export to call first."""
    waits: str | None = None
    """The exported table by which it waits at shared memory."""
    filler: Any = None
    """What fills that: a module that imports the functions of `wasix.abi.ATOMICS`, and it."""
    base: int = 0
    """Where the data of a program lies that is linked already."""
    cells: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Which cells a program has been given for globals, by import."""
    stack_cell: int | None = None
    """The cell that is a program's stack pointer."""
    stubs: tuple[tuple[str, Signature | None], ...] = ()
    """The functions that a program has been given stubs for, which are instance 1."""
