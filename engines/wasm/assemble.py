"""Small pieces of code, and adding definitions to a module at the ends of its index spaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Self

from engines.wasm import binary
from engines.wasm.binary import signed_leb, unsigned_leb
from engines.wasm.decode import decode_sections
from engines.wasm.immediates import unsigned
from engines.wasm.module import Module
from engines.wasm.opcodes import OPCODES
from engines.wasm.rewrite import laid_out, pieces_of
from engines.wasm.types import (
    Export,
    FunctionType,
    GlobalType,
    Kind,
    MemoryType,
    TableType,
    ValueType,
)

_EMPTY: Final = 0x40
_END: Final = 0x0B
_DECLARED: Final = 3
"""Flags of an element segment that only allows references to functions."""
_CODES: Final = {
    opcode.name: bytes([code])
    if code < 0x100
    else bytes([code >> 16]) + unsigned_leb(code & 0xFFFF)
    for code, opcode in OPCODES.items()
    # There are two of this name: the one with types is not written here.
    if (opcode.name, opcode.immediates) != ("select", "types")
}


class Code:
    """Instructions, one after another."""

    def __init__(self) -> None:
        self._data = bytearray()

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def op(self, name: str, *immediates: int) -> Self:
        """An instruction, with immediates that are indices."""
        self._data += _CODES[name]
        for immediate in immediates:
            self._data += unsigned_leb(immediate)
        return self

    def i32(self, value: int) -> Self:
        self._data += _CODES["i32.const"] + signed_leb(value)
        return self

    def i64(self, value: int) -> Self:
        self._data += _CODES["i64.const"] + signed_leb(value)
        return self

    def memory(self, name: str, align_log2: int, memory: int) -> Self:
        """A load or store at offset 0 in a memory."""
        self._data += _CODES[name]
        if memory:
            self._data += unsigned_leb(align_log2 | 0x40) + unsigned_leb(memory)
        else:
            self._data += unsigned_leb(align_log2)
        self._data.append(0)
        return self

    def if_(self) -> Self:
        self._data += _CODES["if"]
        self._data.append(_EMPTY)
        return self

    def end(self) -> Self:
        self._data.append(_END)
        return self

    def add(self, code: Code) -> Self:
        self._data += code._data
        return self


class Additions:
    """Definitions to be added to a module; each gets the next index of its kind."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self._entries: dict[int, list[bytes]] = {}
        self._types: dict[FunctionType, int] = {}
        self._next: dict[Kind, int] = {kind: len(module.index_space(kind)) for kind in binary.KINDS}

    def _add(self, section: int, entry: bytes) -> None:
        self._entries.setdefault(section, []).append(entry)

    def _define(self, kind: Kind, section: int, entry: bytes) -> int:
        self._add(section, entry)
        index = self._next[kind]
        self._next[kind] += 1
        return index

    def type(self, of: FunctionType) -> int:
        """The index of a function type."""
        if of not in self._types:
            self._types[of] = len(self.module.types) + len(self._types)
            self._add(binary.TYPE, binary.function_type(of))
        return self._types[of]

    def variable(self, of: GlobalType, initial: Code) -> int:
        entry = binary.external_type(of) + bytes(initial.end())
        return self._define("global", binary.GLOBAL, entry)

    def table(self, of: TableType) -> int:
        return self._define("table", binary.TABLE, binary.external_type(of))

    def memory(self, of: MemoryType) -> int:
        return self._define("memory", binary.MEMORY, binary.external_type(of))

    def function(self, of: FunctionType, body: Code) -> int:
        return self.function_of(self.type(of), body)

    def function_of(self, type_index: int, body: Code, extra: Iterable[ValueType] = ()) -> int:
        """A function of a type by its index; `extra` are its locals after the parameters."""
        groups = (b"\1" + binary.value_type(local) for local in extra)
        code = binary.vector(groups) + bytes(body.end())
        self._add(binary.CODE, unsigned_leb(len(code)) + code)
        return self._define("function", binary.FUNCTION, unsigned_leb(type_index))

    def export(self, name: str, kind: Kind, index: int) -> None:
        self._add(binary.EXPORT, binary.export_entry(Export(name, kind, index)))

    def declare(self, functions: Iterable[int]) -> None:
        """Let code make references to `functions`."""
        entry = bytes([_DECLARED, 0]) + binary.vector(map(unsigned_leb, functions))
        self._add(binary.ELEMENT, entry)

    def made(
        self,
        payloads: Mapping[int, bytes | memoryview | None],
        drop: Callable[[str], bool] = lambda name: False,
    ) -> Module:
        """The module with these sections exchanged (None takes one out), then the additions.

        Custom sections for whose name `drop` is true are left out. DecodeError if it is no module.
        """
        changed = dict(payloads)
        own = {section.id: section.payload for section in self.module.sections}
        for section, entries in self._entries.items():
            old = changed.get(section) or own.get(section) or b"\0"
            changed[section] = _longer(old, entries)
        pieces = pieces_of(self.module, changed, drop)
        return decode_sections(laid_out(pieces), self.module.name, before=self.module)


def _longer(payload: bytes | memoryview, entries: list[bytes]) -> bytes:
    """A list with entries added at its end."""
    count, pos = unsigned(bytes(payload[:5]), 0)
    return b"".join((unsigned_leb(count + len(entries)), payload[pos:], *entries))
