"""Bounds a module's tables, which take the host's memory as linear memory does."""

from __future__ import annotations

from engines.wasm import binary
from engines.wasm.constexpr import skip_expression
from engines.wasm.module import Module, Section
from engines.wasm.readtypes import TypeReader
from engines.wasm.rewrite import replace_sections, shares
from engines.wasm.types import TableType, printable


class TableLimitError(ValueError):
    """A module needs more elements to start than it may have. One line: file, need and limit."""


def _most(table: TableType) -> int:
    if table.limits.maximum is not None:
        return table.limits.maximum
    return (1 << (64 if table.limits.is64 else 32)) - 1


def clamp_tables(module: Module, limit: int) -> Module:
    """Lower the maxima of the tables a module defines: to `limit` elements for all together.

    As `clamp_memory` does it. Raises TableLimitError if they are over the limit at the start.
    """
    tables = module.tables
    needed = sum(table.limits.minimum for table in tables)
    if needed > limit:
        raise TableLimitError(
            f"{printable(module.name)} needs {needed} elements of tables to start,"
            f" but the limit is {limit}"
        )
    if sum(map(_most, tables)) <= limit:
        return module
    wanting = [(table.limits.minimum, _most(table), 1) for table in tables]
    maxima = shares(wanting, limit - needed)
    clamped = [
        TableType(table.element, table.limits._replace(maximum=maximum))
        for table, maximum in zip(tables, maxima, strict=True)
    ]
    section = next(section for section in module.sections if section.id == binary.TABLE)
    return replace_sections(module, {binary.TABLE: _exchanged(module, section, clamped)})


def growable(module: Module) -> Module:
    """The module with tables of its own that have no maximum."""
    tables = [
        TableType(table.element, table.limits._replace(maximum=None)) for table in module.tables
    ]
    if tables == list(module.tables):
        return module
    section = next(section for section in module.sections if section.id == binary.TABLE)
    return replace_sections(module, {binary.TABLE: _exchanged(module, section, tables)})


INITIALISED = 0x40
"""Begins a table with an initial value; a byte of 0 follows, then its type."""


def _exchanged(module: Module, section: Section, tables: list[TableType]) -> bytes:
    """The payload of the table section with other types, and the same initial values."""
    data = bytes(section.payload)
    known = len(module.types)
    reader = TypeReader(data, module.name, section.offset, "the table section", known)
    parts: list[bytes] = []
    reader.count("tables", smallest=3)
    for table in tables:
        start = reader.pos
        initialised = data[start] == INITIALISED
        reader.pos += 2 * initialised
        parts += (data[start : reader.pos], binary.external_type(table))
        reader.table_type()
        if initialised:
            start = reader.pos
            skip_expression(reader, "a table", set())
            parts.append(data[start : reader.pos])
    return binary.unsigned_leb(len(tables)) + b"".join(parts)
