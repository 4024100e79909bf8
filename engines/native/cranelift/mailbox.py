"""What stands between a guest and the callbacks that serve its calls: a module of WebAssembly.

wasmtime calls back with four arguments, and turning these into Python's takes ctypes longer than
all the rest of the way. So the functions that a guest imports are WebAssembly too. Each leaves its
arguments in a memory that Python sees, calls Python with none, and takes the answer from there; it
traps where that is `UNWIND`, which it stays if the callback fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from engines.native.cranelift.store import SharedMemory, Store, view
from engines.wasm import FunctionType, MemoryType
from engines.wasm.binary import (
    CODE,
    EXPORT,
    FUNCTION,
    HEADER,
    IMPORT,
    TYPE,
    export_entry,
    function_type,
    import_entry,
    unsigned_leb,
    vector,
)
from engines.wasm.types import Export, Import, Limits
from wasix.abi import UNWIND

ANSWER = 0
ARGUMENTS = 8
"""Bytes from the start of the memory. Arguments lie there as `Function.argument_format` has it."""

MEMORY = MemoryType(Limits(1, 1, shared=True))
"""Shared, since such a memory belongs to no store: the next guest takes it over."""

_KEPT = 64

_CALLBACK = FunctionType.of([])
_VERSION = 1
"""Changes whenever the same types would make another module: part of the digest."""


@dataclass(frozen=True)
class Mailbox:
    """A module that exports a function of each type, named by its place.

    It imports a memory of type `MEMORY`, then as many callbacks.
    """

    types: tuple[FunctionType, ...]

    @cached_property
    def digest(self) -> str:
        """A name for the module, known without making it."""
        types = ";".join(map(str, self.types))
        return hashlib.sha256(f"mailbox {_VERSION} {MEMORY} {types}".encode()).hexdigest()

    def join(self) -> bytes:
        """The module."""
        numbers = range(len(self.types))
        imports = [Import("", "memory", MEMORY)]
        imports += (Import("", str(number), _CALLBACK, 0) for number in numbers)
        exports = [Export(str(number), "function", len(numbers) + number) for number in numbers]
        return b"".join(
            (
                HEADER,
                _section(TYPE, map(function_type, (_CALLBACK, *self.types))),
                _section(IMPORT, map(import_entry, imports)),
                _section(FUNCTION, (unsigned_leb(1 + number) for number in numbers)),
                _section(EXPORT, map(export_entry, exports)),
                _section(CODE, map(_function, numbers, self.types)),
            )
        )


class Mail:
    """The memory of a mailbox, for one guest at a time."""

    def __init__(self, memory: SharedMemory) -> None:
        self.memory = memory
        data = view(memory)
        self.answer = data[ANSWER : ANSWER + 4].cast("i")
        """To the last system call."""
        self.arguments = data[ARGUMENTS:]


class Mails:
    """The memories of mailboxes: made for one guest, and given to further ones."""

    def __init__(self) -> None:
        self._free: list[Mail] = []

    def take(self, store: Store) -> Mail:
        try:
            return self._free.pop()
        except IndexError:
            return Mail(store.shared_memory(MEMORY))

    def give_back(self, mail: Mail) -> None:
        """Let others have it: no guest writes to it any more."""
        if len(self._free) < _KEPT:
            self._free.append(mail)


def _section(number: int, entries: Iterable[bytes]) -> bytes:
    payload = vector(entries)
    return bytes([number]) + unsigned_leb(len(payload)) + payload


def _function(number: int, of: FunctionType) -> bytes:
    """The code of the function that leads to callback `number`."""
    from engines.wasm.assemble import Code  # what is kept compiled is not written again

    body = Code().i32(ANSWER).i32(UNWIND).memory("i32.store", 2, 0)
    at = ARGUMENTS
    for place, kind in enumerate(of.params):
        size_log2 = {"i32": 2, "i64": 3}[kind]
        at = at + (1 << size_log2) - 1 & -(1 << size_log2)
        body.i32(at).op("local.get", place).memory(f"{kind}.store", size_log2, 0)
        at += 1 << size_log2
    body.op("call", number)
    answer = Code().i32(ANSWER).memory("i32.load", 2, 0)
    body.add(answer).i32(UNWIND).op("i32.eq").if_().op("unreachable").end()
    if of.results:
        body.add(answer)
    code = vector([]) + bytes(body.end())
    return unsigned_leb(len(code)) + code
