"""Rewrites the sections besides code that refer to functions: elements, globals, tables.

So that whatever a guest can call, directly or through a reference, is what was put in its place.
"""

from __future__ import annotations

from collections.abc import Mapping

from engines.wasm.binary import GLOBAL, TABLE, unsigned_leb
from engines.wasm.constexpr import REF_FUNC, skip_expression
from engines.wasm.immediates import opcode, skip
from engines.wasm.module import Module, Section
from engines.wasm.readtypes import TypeReader
from engines.wasm.segments import EXPLICIT, EXPRESSIONS, NOT_ACTIVE
from engines.wasm.tables import INITIALISED


class _Rewriter:
    """Copies a payload, functions exchanged, as its reader goes over it."""

    def __init__(self, module: Module, section: Section, functions: Mapping[int, int]) -> None:
        self.data = bytes(section.payload)
        self.functions = functions
        title = f"the {section.name} section"
        known = len(module.types)
        self.reader = TypeReader(self.data, module.name, section.offset, title, known)
        self.parts: list[bytes] = []
        self.done = 0

    def function(self) -> None:
        at = self.reader.pos
        index = self.reader.u32("a function")
        if index in self.functions:
            self.parts += (self.data[self.done : at], unsigned_leb(self.functions[index]))
            self.done = self.reader.pos

    def expression(self) -> None:
        pos = self.reader.pos
        skip_expression(self.reader, "a constant", set())
        end = self.reader.pos - 1
        while pos < end:
            code, pos = opcode(self.data, pos)
            if code == REF_FUNC:
                self.reader.pos = pos
                self.function()
                pos = self.reader.pos
            else:
                pos = skip(code, self.data, pos)
        self.reader.pos = end + 1

    def payload(self) -> bytes:
        return b"".join((*self.parts, self.data[self.done :]))


def elements(module: Module, section: Section, functions: Mapping[int, int]) -> bytes:
    """The payload of the element section with `functions` exchanged."""
    rewriter = _Rewriter(module, section, functions)
    reader = rewriter.reader
    for _ in range(reader.count("element segments", smallest=2)):
        flags = reader.u32("an element segment")
        if not flags & NOT_ACTIVE:
            if flags & EXPLICIT:
                reader.u32("a table")
            rewriter.expression()
        typed = flags & (NOT_ACTIVE | EXPLICIT)
        if flags & EXPRESSIONS and typed:
            reader.reference_type("an element segment")
        elif typed:
            reader.byte("an element kind")
        item = rewriter.expression if flags & EXPRESSIONS else rewriter.function
        for _ in range(reader.count("elements")):
            item()
    return rewriter.payload()


def initialisers(module: Module, section: Section, functions: Mapping[int, int]) -> bytes:
    """The payload of the global or table section with `functions` exchanged."""
    rewriter = _Rewriter(module, section, functions)
    reader = rewriter.reader
    if section.id == GLOBAL:
        for _ in range(reader.count("globals", smallest=3)):
            reader.global_type()
            rewriter.expression()
        return rewriter.payload()
    assert section.id == TABLE
    for _ in range(reader.count("tables", smallest=3)):
        initialised = reader.data[reader.pos] == INITIALISED
        reader.pos += 2 * initialised
        reader.table_type()
        if initialised:
            rewriter.expression()
    return rewriter.payload()
