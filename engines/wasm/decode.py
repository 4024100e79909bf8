"""Decodes the sections of a WebAssembly module.

Everything that stands in the sections is checked for form: numbers, names, lists, order, sizes,
types, and that indices exist where this package hands out what they point at. Left to the engine
that compiles the module are function bodies (of the code section, only the count is read), the
types of constant expressions, and the indices in segments.

Source: WebAssembly Core Specification 3.0, §5.5 (modules).
"""

from collections.abc import Callable, Iterable
from typing import Final

from engines.wasm import binary
from engines.wasm.binary import SECTION_ORDER
from engines.wasm.constexpr import skip_expression
from engines.wasm.foreign import refusal
from engines.wasm.module import Module, Section
from engines.wasm.reader import MOST, DecodeError, Reader
from engines.wasm.readtypes import TypeReader, read_types
from engines.wasm.segments import skip_data, skip_elements
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
    printable,
)

MOST_SECTIONS: Final = 100_000
"""No toolchain comes near it; a file of empty custom sections would cost 100 times its size."""


def decode(
    data: bytes | bytearray | memoryview,
    name: str = "module",
    hashed: Callable[[], str] | None = None,
) -> Module:
    """The module in `data`, which is kept and must not change; `name` is its file, for messages.

    `hashed` gives the digest of `data`. Raises DecodeError, and nothing else, whatever the bytes.
    """
    view = memoryview(data)
    if view.format != "B" or view.ndim != 1 or not view.c_contiguous:
        view = memoryview(view.tobytes())
    fault = refusal(view, name)
    if fault is not None:
        raise DecodeError(fault)
    return _Decoder(tuple(_split(view, name)), name, None).module(hashed)


def decode_sections(sections: Iterable[Section], name: str, before: Module | None = None) -> Module:
    """The module made of `sections`, which stand in their proper order; raises DecodeError.

    `before` is a module that they were taken from: its segments are not read a second time.
    """
    return _Decoder(tuple(sections), name, before).module()


def _split(view: memoryview, name: str) -> list[Section]:
    """Cut a module into its sections, checking their ids, sizes and order."""
    sections: list[Section] = []
    file = Reader(view, name, 0, "the module")
    file.pos = len(binary.HEADER)
    last: int | None = None
    while file.pos < file.end:
        start = file.pos
        section = view[start]
        if section not in binary.SECTION_NAMES:
            raise file.fault(f"0x{section:02x} is no section id")
        title = f"the {binary.SECTION_NAMES[section]} section"
        if section != binary.CUSTOM:
            if section == last:
                raise file.fault(f"{title} is there twice")
            if last is not None and SECTION_ORDER[section] < SECTION_ORDER[last]:
                raise file.fault(f"{title} stands after the {binary.SECTION_NAMES[last]} section")
            last = section
        if len(sections) == MOST_SECTIONS:
            raise file.fault(f"there are more than {MOST_SECTIONS} sections")
        file.pos += 1
        size = _section_size(file, title, start)
        offset = file.pos
        if size > file.end - offset:
            raise DecodeError(
                f"{printable(name)} is truncated: {title} at offset 0x{start:x} takes {size} bytes,"
                f" but the file ends after {file.end - offset} of them"
            )
        file.pos = offset + size
        sections.append(Section(section, offset, view[start:offset], view[offset : file.pos]))
    return sections


def _section_size(file: Reader, title: str, start: int) -> int:
    # A size is at most five bytes: if none of those left ends it, the file was cut short.
    left = bytes(file.data[file.pos : file.pos + 5])
    if len(left) < 5 and all(byte & 0x80 for byte in left):
        raise DecodeError(
            f"{printable(file.file)} is truncated: the file ends inside the size of {title} at"
            f" offset 0x{start:x}"
        )
    return file.u32(f"the size of {title}")


class _Decoder:
    """Reads sections one after another into the lists that a `Module` is made of."""

    def __init__(self, sections: tuple[Section, ...], name: str, before: Module | None) -> None:
        self.sections = sections
        self.name = name
        self.settled = frozenset[int]()
        self.features: set[Feature] = set()
        if before is not None:
            self.settled = _settled(sections, before.sections)
        if before is not None and self.settled:
            self.features.update(before.encodings)
        self.types: list[CompositeType] = []
        self.imports: list[Import] = []
        self.functions: list[int] = []
        self.tables: list[TableType] = []
        self.memories: list[MemoryType] = []
        self.tags: list[TagType] = []
        self.globals: list[GlobalType] = []
        self.exports: list[Export] = []
        self.start: int | None = None
        self.data_count: int | None = None
        self.bodies = 0
        self.segments = 0
        self.custom_sections: list[tuple[str, memoryview]] = []
        self.sizes: dict[Kind, int] = dict.fromkeys(binary.KINDS, 0)

    def module(self, hashed: Callable[[], str] | None = None) -> Module:
        for section in self.sections:
            if section.id == binary.CUSTOM:
                self._custom(section)
                continue
            # Bytes are quicker to index than a view; the two sections that hold a program's bulk
            # are left where they are.
            bulky = section.id in (binary.CODE, binary.DATA)
            payload = section.payload if bulky else bytes(section.payload)
            title = f"the {section.name} section"
            reader = TypeReader(payload, self.name, section.offset, title, len(self.types))
            SECTION_READERS[section.id](self, reader)
            reader.finish()
        self._check_counts()
        return Module(
            name=self.name,
            sections=self.sections,
            types=tuple(self.types),
            imports=tuple(self.imports),
            functions=tuple(self.functions),
            tables=tuple(self.tables),
            memories=tuple(self.memories),
            tags=tuple(self.tags),
            globals=tuple(self.globals),
            exports=tuple(self.exports),
            start=self.start,
            data_count=self.data_count,
            custom_sections=tuple(self.custom_sections),
            encodings=frozenset(self.features),
            hashed=hashed,
        )

    def _check_counts(self) -> None:
        """Functions and bodies, and data segments and their count, stand in separate sections."""
        end = Reader(b"", self.name, 0, "the module")
        if self.sections:
            last = self.sections[-1]
            end.base = last.offset + len(last.payload)
        declared = len(self.functions)
        if declared != self.bodies:
            raise end.fault(f"{declared} functions are declared, but {self.bodies} have code")
        if self.data_count is not None and self.data_count != self.segments:
            raise end.fault(
                f"{self.data_count} data segments are declared, but there are {self.segments}"
            )

    def _custom(self, section: Section) -> None:
        reader = Reader(section.payload, self.name, section.offset, "the custom section")
        name = reader.name("the name of a custom section")
        self.custom_sections.append((name, section.payload[reader.pos :]))

    def _types(self, reader: TypeReader) -> None:
        self.types, gc = read_types(reader)
        if gc:
            self.features.add("gc")

    def _imports(self, reader: TypeReader) -> None:
        for _ in range(reader.count("imports", smallest=4)):
            module = reader.name("the module of an import")
            name = reader.name("the name of an import")
            if name or not self._group_of_imports(reader, module):
                self._import(module, name, *self._external_type(reader))

    def _group_of_imports(self, reader: TypeReader, module: str) -> bool:
        """Read several imports from one module, if that is what comes next (compact imports)."""
        start = reader.pos
        form = reader.byte("the kind of an import")
        if form not in (binary.IMPORTS, binary.IMPORTS_OF_ONE_TYPE):
            reader.pos = start
            return False
        self.features.add("compact-imports")
        common = self._external_type(reader) if form == binary.IMPORTS_OF_ONE_TYPE else None
        count = reader.count("imports")
        if len(self.imports) + count > MOST["imports"]:
            raise reader.fault(
                f"there are more than the {MOST['imports']} imports an engine accepts"
            )
        for _ in range(count):
            name = reader.name("the name of an import")
            self._import(module, name, *(common or self._external_type(reader)))
        return True

    def _external_type(self, reader: TypeReader) -> tuple[ExternalType, int | None]:
        """The kind and type of an import; with its index if the type is in the type section."""
        start = reader.pos
        code = reader.byte("the kind of an import")
        match code:
            case 0:
                return reader.function_type_index(self.types, "an import")
            case 1:
                return reader.table_type(), None
            case 2:
                return reader.memory_type(), None
            case 3:
                return reader.global_type(), None
            case 4:
                return reader.tag_type(self.types)
        raise reader.fault(f"0x{code:02x} is no kind of import", start)

    def _import(self, module: str, name: str, found: ExternalType, index: int | None) -> None:
        self.imports.append(Import(module, name, found, index))
        self.sizes[found.kind] += 1

    def _functions(self, reader: TypeReader) -> None:
        start = reader.pos
        count = reader.count("functions")
        self.functions = reader.u32s(count, "the type of a function")
        for index in set(self.functions):
            if index >= len(self.types):
                raise reader.no_such_type(index, start)
            if not isinstance(self.types[index], FunctionType):
                raise reader.fault(f"a function has type {index}, which is no function type", start)
        self.sizes["function"] += count

    def _tables(self, reader: TypeReader) -> None:
        count = reader.count("tables", smallest=3)
        for _ in range(count):
            start = reader.pos
            initialised = reader.byte("a table") == 0x40
            if initialised:
                self.features.add("function-references")
                if reader.byte("a table"):
                    raise reader.fault("a table with an initial value has an unknown form", start)
            else:
                reader.pos = start
            self.tables.append(reader.table_type())
            if initialised:
                skip_expression(reader, "a table", self.features)
        self.sizes["table"] += count

    def _memories(self, reader: TypeReader) -> None:
        count = reader.count("memories", smallest=2)
        self.memories = [reader.memory_type() for _ in range(count)]
        self.sizes["memory"] += count

    def _tags(self, reader: TypeReader) -> None:
        count = reader.count("tags", smallest=2)
        self.tags = [reader.tag_type(self.types)[0] for _ in range(count)]
        self.sizes["tag"] += count

    def _globals(self, reader: TypeReader) -> None:
        count = reader.count("globals", smallest=3)
        for _ in range(count):
            self.globals.append(reader.global_type())
            skip_expression(reader, "a global", self.features)
        self.sizes["global"] += count

    def _exports(self, reader: TypeReader) -> None:
        names: set[str] = set()
        for _ in range(reader.count("exports", smallest=3)):
            start = reader.pos
            name = reader.name("the name of an export")
            if name in names:
                raise reader.fault(f'"{printable(name)}" is exported twice', start)
            names.add(name)
            code = reader.byte("the kind of an export")
            if code >= len(binary.KINDS):
                raise reader.fault(f"0x{code:02x} is no kind of export", reader.pos - 1)
            kind = binary.KINDS[code]
            at = reader.pos
            index = reader.u32("the index of an export")
            if index >= self.sizes[kind]:
                size = self.sizes[kind]
                what = f'"{printable(name)}" exports {kind} {index}'
                raise reader.fault(f"{what}, which is out of range: there are {size}", at)
            self.exports.append(Export(name, kind, index))

    def _start(self, reader: TypeReader) -> None:
        index = reader.u32("the start function")
        size = self.sizes["function"]
        if index >= size:
            raise reader.fault(f"start function {index} is out of range: there are {size}", 0)
        self.start = index

    def _elements(self, reader: TypeReader) -> None:
        if binary.ELEMENT in self.settled:
            reader.pos = reader.end
        else:
            skip_elements(reader, self.features)

    def _data_count(self, reader: TypeReader) -> None:
        self.data_count = reader.u32("the number of data segments")

    def _code(self, reader: TypeReader) -> None:
        self.bodies = reader.count("functions", smallest=3)
        if self.bodies:
            reader.pos = reader.end

    def _data(self, reader: TypeReader) -> None:
        self.segments = reader.count("data segments", smallest=2)
        if binary.DATA in self.settled:
            reader.pos = reader.end
        else:
            skip_data(reader, self.features, self.segments)


def _settled(sections: Iterable[Section], before: Iterable[Section]) -> frozenset[int]:
    """The element and data section, where they are those in `before` and so are the types."""
    old = {section.id: section.payload for section in before}
    same = {section.id for section in sections if section.payload is old.get(section.id)}
    new = {section.id for section in sections}
    if binary.TYPE not in same and binary.TYPE in old.keys() | new:
        return frozenset()
    return frozenset(same & {binary.ELEMENT, binary.DATA})


SECTION_READERS: Final[dict[int, Callable[[_Decoder, TypeReader], None]]] = {
    binary.TYPE: _Decoder._types,
    binary.IMPORT: _Decoder._imports,
    binary.FUNCTION: _Decoder._functions,
    binary.TABLE: _Decoder._tables,
    binary.MEMORY: _Decoder._memories,
    binary.TAG: _Decoder._tags,
    binary.GLOBAL: _Decoder._globals,
    binary.EXPORT: _Decoder._exports,
    binary.START: _Decoder._start,
    binary.ELEMENT: _Decoder._elements,
    binary.DATA_COUNT: _Decoder._data_count,
    binary.CODE: _Decoder._code,
    binary.DATA: _Decoder._data,
}
