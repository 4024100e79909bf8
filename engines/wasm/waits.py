"""Has a module call its host where it would wait at shared memory, or wake who waits there.

An engine's own wait can be neither ended nor interrupted from outside, and where threads take
turns it would stop them all. So `memory.atomic.wait32`, `memory.atomic.wait64` and
`memory.atomic.notify` become calls of functions that add the offset, trap where the instruction
would, compare the value, and then call what the host has put into an exported table: element 0
`(address i64, expected i32, timeout i64) -> i32`, element 1 the same with an i64 to expect, element
2 `(address i64, count i32) -> i32`. The address is `NOWHERE` in a memory other than the one that
the module exports as `memory`: there is nobody else who has it.

What is added stands at the end of every index space. A start function may wait, so it has to be
taken out before (`rewrite.export_start`) and called by the host when the table has been filled.
Modules that do not wait at shared memory stay as they are. Only functions are looked into that may
have one of these instructions, which few have.

Source: the threads proposal, <https://github.com/WebAssembly/threads>.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from engines.wasm import binary
from engines.wasm.assemble import Additions, Code
from engines.wasm.blocks import Plan, rewrite
from engines.wasm.immediates import Malformed, unsigned
from engines.wasm.module import Module
from engines.wasm.opcodes import OPCODES
from engines.wasm.reader import DecodeError
from engines.wasm.rewrite import hidden_prefix, is_about_code
from engines.wasm.types import FUNCREF, I32, I64, FunctionType, Limits, MemoryType, TableType

NOWHERE: Final = (1 << 64) - 1
"""The address of what no other thread can wake."""

_WAIT32, _WAIT64, _NOTIFY = range(3)
TYPES: Final = (
    FunctionType((I64, I32, I64), (I32,)),
    FunctionType((I64, I64, I64), (I32,)),
    FunctionType((I64, I32), (I32,)),
)
"""Of the table's elements."""
TABLE: Final = TableType(FUNCREF, Limits(len(TYPES), len(TYPES)))


def _section(number: int, entries: Iterable[bytes]) -> bytes:
    content = binary.vector(entries)
    return bytes([number]) + binary.unsigned_leb(len(content)) + content


FILLER: Final = b"".join(
    (
        binary.HEADER,
        _section(binary.TYPE, map(binary.function_type, TYPES)),
        _section(
            binary.IMPORT,
            (
                *(
                    b"\0" + binary.name(str(index)) + bytes([0, index])
                    for index in range(len(TYPES))
                ),
                b"\0" + binary.name("table") + b"\1" + binary.external_type(TABLE),
            ),
        ),
        _section(
            binary.ELEMENT,
            (b"\0\x41\0\x0b" + binary.vector(map(binary.unsigned_leb, range(len(TYPES)))),),
        ),
    )
)
"""A module that puts the host's functions into the table: imports, of a module without a name, are
the functions as `0` to `2`, then the `table`. Instantiating it is all."""

_CODES: Final = {
    opcode.name: code for code, opcode in OPCODES.items() if opcode.name.startswith("memory.atomic")
}
_SIZES: Final = {_WAIT32: 2, _WAIT64: 3, _NOTIFY: 2}
"""Base 2 logarithms of what is looked at."""
_MAYBE: Final = re.compile(rb"\xfe[\x00-\x02\x80-\x82]")
"""How these instructions begin; numbers may be padded."""


class Waits(NamedTuple):
    """A module whose waiting is the host's, and the name of the table that it exports for that."""

    module: Module
    table: str


def exchange(module: Module) -> Waits | None:
    """`module` with its waiting exchanged; None if it never waits at shared memory.

    Raises `DecodeError` if a function body that has to be looked into cannot be read.
    """
    memories = module.index_space("memory")
    if not any(isinstance(of, MemoryType) and of.limits.shared for of in memories):
        return None
    return _Exchanger(module).made()


class _Exchanger:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.additions = Additions(module)
        self._memories = module.index_space("memory")
        exported = module.export("memory")
        self._main = exported.index if exported and exported.kind == "memory" else -1
        self._helpers: dict[tuple[int, int], int] = {}
        self._table = len(module.index_space("table"))

    def made(self) -> Waits | None:
        plan = Plan(
            lambda _cost, _head: b"",
            exchanged={
                _CODES["memory.atomic.wait32"]: lambda data, at: self._call(_WAIT32, data, at),
                _CODES["memory.atomic.wait64"]: lambda data, at: self._call(_WAIT64, data, at),
                _CODES["memory.atomic.notify"]: lambda data, at: self._call(_NOTIFY, data, at),
            },
        )
        payloads: dict[int, bytes | memoryview | None] = {}
        for section in self.module.sections:
            if section.id == binary.CODE:
                payloads[binary.CODE] = self._code(section.payload, section.offset, plan)
        if not self._helpers:
            return None
        prefix = hidden_prefix(self.module)
        table = self.additions.table(TABLE)
        self.additions.export(prefix + "waits", "table", table)
        made = self.additions.made(payloads, drop=is_about_code)
        return Waits(made, prefix + "waits")

    def _code(self, payload: memoryview, base: int, plan: Plan) -> bytes:
        data = bytes(payload)
        parts: list[bytes | memoryview] = []
        done = 0
        try:
            for size, start, end in self._to_look_into(data):
                body = rewrite(data, start, end, plan)
                parts += (payload[done:size], binary.unsigned_leb(len(body)), body)
                done = end
        except (Malformed, IndexError) as error:
            at = base + getattr(error, "at", 0)
            name = self.module.name
            raise DecodeError(f"{name}: a function cannot be read at offset 0x{at:x}") from None
        parts.append(payload[done:])
        return b"".join(parts)

    @staticmethod
    def _to_look_into(data: bytes) -> Iterator[tuple[int, int, int]]:
        """Where the bodies are that may have one of these instructions: size, beginning, end."""
        found = _MAYBE.search(data)
        count, pos = unsigned(data, 0)
        for _ in range(count):
            if found is None:
                return
            place = pos
            size, pos = unsigned(data, pos)
            end = pos + size
            if found.start() < pos:
                found = _MAYBE.search(data, pos)
            if found is not None and found.start() < end:
                yield place, pos, end
                found = _MAYBE.search(data, end)
            pos = end

    def _call(self, what: int, data: bytes, pos: int) -> bytes | None:
        flags, pos = unsigned(data, pos)
        memory = 0
        if flags & 0x40:
            memory, pos = unsigned(data, pos)
        offset, _ = unsigned(data, pos)
        of = self._memories[memory] if memory < len(self._memories) else None
        if flags & 0x3F != _SIZES[what] or not isinstance(of, MemoryType) or not of.limits.shared:
            return None  # it is invalid, or traps
        signed = offset - (1 << 64) if offset >> 63 else offset
        return bytes(Code().i64(signed).op("call", self._helper(what, memory, of)))

    def _helper(self, what: int, memory: int, of: MemoryType) -> int:
        """The function in place of an instruction: its operands, then its offset."""
        key = what, memory
        if key not in self._helpers:
            wide = of.limits.is64
            params = (I64 if wide else I32, *TYPES[what].params[1:], I64)
            offset = len(params) - 1
            place = offset + 1
            body = Code().op("local.get", 0)
            if not wide:
                body.op("i64.extend_i32_u")
            body.op("local.get", offset).op("i64.add").op("local.tee", place)
            # Beyond all memory: the sum of 32-bit numbers has more bits, of 64-bit ones it wraps.
            body.add(Code().op("local.get", 0).op("i64.lt_u") if wide else _more_than_32_bits())
            body.if_().op("unreachable").end()
            body.op("local.get", place)
            if not wide:
                body.op("i32.wrap_i64")
            word = "i64" if what == _WAIT64 else "i32"
            body.memory(f"{word}.atomic.load", _SIZES[what], memory)
            if what == _NOTIFY:
                body.op("drop")
            else:
                body.op("local.get", 1).op(f"{word}.ne").if_().i32(1).op("return").end()
            if memory == self._main:
                body.op("local.get", place)
            else:
                body.i64(-1)
            for operand in range(1, offset):
                body.op("local.get", operand)
            body.i32(what)
            body.op("call_indirect", self.additions.type(TYPES[what]), self._table)
            index = self.additions.type(FunctionType(params, (I32,)))
            self._helpers[key] = self.additions.function_of(index, body, (I64,))
        return self._helpers[key]


def _more_than_32_bits() -> Code:
    return Code().i64(32).op("i64.shr_u").i64(0).op("i64.ne")
