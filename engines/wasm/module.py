"""A decoded module: what its sections declare, over the bytes they came from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from engines.wasm.binary import HEADER, SECTION_NAMES
from engines.wasm.names import NameSection
from engines.wasm.types import (
    CompositeType,
    Export,
    ExternalType,
    Feature,
    FunctionType,
    GlobalType,
    Import,
    Kind,
    MemoryType,
    TableType,
    TagType,
)


class Section(NamedTuple):
    """A section as it stands in the module.

    `head` is the id and size before the payload; `offset` is where the payload starts, in bytes
    from the start of the module.
    """

    id: int
    offset: int
    head: memoryview
    payload: memoryview

    @property
    def name(self) -> str:
        """What the specification calls it: `type`, `data count`, `custom`..."""
        return SECTION_NAMES[self.id]


@dataclass(frozen=True, eq=False, repr=False)
class Module:
    """What the sections of a module declare.

    `functions` (indices into `types`), `tables`, `memories`, `tags` and `globals` are those the
    module defines itself; imports come before them in the index spaces (`index_space`). `name` is
    for messages. `encodings` are proposals that a segment or constant expression was seen to use.
    """

    name: str
    sections: tuple[Section, ...]
    types: tuple[CompositeType, ...]
    imports: tuple[Import, ...]
    functions: tuple[int, ...]
    tables: tuple[TableType, ...]
    memories: tuple[MemoryType, ...]
    tags: tuple[TagType, ...]
    globals: tuple[GlobalType, ...]
    exports: tuple[Export, ...]
    start: int | None
    data_count: int | None
    custom_sections: tuple[tuple[str, memoryview], ...]
    encodings: frozenset[Feature]
    hashed: Callable[[], str] | None = None
    """Its digest, if somebody has begun to find it already."""

    def __repr__(self) -> str:
        return f"<Module {self.name!r}: {len(self.sections)} sections, {self.size} bytes>"

    @cached_property
    def size(self) -> int:
        """The module's length in bytes."""
        return len(HEADER) + sum(len(s.head) + len(s.payload) for s in self.sections)

    def buffers(self) -> list[memoryview]:
        """The module's bytes, in order: views of what it was decoded from, and new pieces."""
        pieces = [memoryview(HEADER)]
        for section in self.sections:
            pieces += (section.head, section.payload)
        return pieces

    def join(self) -> bytes:
        """The module as one string of bytes (a copy)."""
        return b"".join(self.buffers())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the module's bytes, in hexadecimal."""
        if self.hashed is not None:
            return self.hashed()
        hashed = sha256()
        for piece in self.buffers():
            hashed.update(piece)
        return hashed.hexdigest()

    def custom(self, name: str) -> list[memoryview]:
        """The contents of every custom section of that name, in order."""
        return [content for custom, content in self.custom_sections if custom == name]

    def name_section(self) -> NameSection:
        """The names of the module and its functions; empty where the section is missing."""
        return self._names

    @cached_property
    def _names(self) -> NameSection:
        found = self.custom("name")
        return NameSection(found[0] if found else memoryview(b""))

    def index_space(self, kind: Kind) -> tuple[ExternalType, ...]:
        """The types of everything of a kind, as indices count them: imports, then definitions."""
        return self._spaces[kind]

    @cached_property
    def _spaces(self) -> dict[Kind, tuple[ExternalType, ...]]:
        spaces: dict[Kind, list[ExternalType]] = {
            "function": [],
            "table": [],
            "memory": [],
            "global": [],
            "tag": [],
        }
        for wanted in self.imports:
            spaces[wanted.kind].append(wanted.type)
        for index in self.functions:
            function = self.types[index]
            assert isinstance(function, FunctionType)  # the decoder refuses anything else
            spaces["function"].append(function)
        spaces["table"] += self.tables
        spaces["memory"] += self.memories
        spaces["tag"] += self.tags
        spaces["global"] += self.globals
        return {kind: tuple(types) for kind, types in spaces.items()}

    def function_type(self, index: int) -> FunctionType:
        """The type of a function by its index, imports first; IndexError if there is none."""
        functions = self.index_space("function")
        if not 0 <= index < len(functions):
            raise IndexError(f"{self.name} has {len(functions)} functions, and none is {index}")
        function = functions[index]
        assert isinstance(function, FunctionType)  # as index_space sorts them
        return function

    def export(self, name: str) -> Export | None:
        """The export of that name, if there is one."""
        return self._exports.get(name)

    @cached_property
    def _exports(self) -> dict[str, Export]:
        return {export.name: export for export in self.exports}

    def exported_as(self, kind: Kind, index: int) -> str | None:
        """The first name under which something is exported, if it is."""
        return self._export_names.get((kind, index))

    @cached_property
    def _export_names(self) -> dict[tuple[Kind, int], str]:
        names: dict[tuple[Kind, int], str] = {}
        for export in self.exports:
            names.setdefault((export.kind, export.index), export.name)
        return names

    def type_of_export(self, name: str) -> ExternalType | None:
        """The type of the export of that name, if there is one."""
        export = self.export(name)
        return None if export is None else self.index_space(export.kind)[export.index]
