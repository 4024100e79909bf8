"""Reads types: value types, limits, imports' types and the type section (§5.3 and §5.5.4)."""

from collections.abc import Sequence

from engines.wasm import binary
from engines.wasm.reader import MOST, DecodeError, Reader
from engines.wasm.types import (
    PAGE_SIZE_LOG2,
    ArrayType,
    CompositeType,
    Field,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    ReferenceType,
    StructType,
    TableType,
    TagType,
    ValueType,
)

NUMBERS = {code: ValueType(name) for code, name in binary.NUMBER_TYPES.items()}
PACKED = {code: ValueType(name) for code, name in binary.PACKED_TYPES.items()}
SHORT_REFERENCES = {code: ReferenceType(name) for code, name in binary.HEAP_TYPES.items()}
VALUE_TYPES: dict[int, ValueType] = {**NUMBERS, **SHORT_REFERENCES}


class TypeReader(Reader):
    """A `Reader` that knows how many types there are, and so which type indices mean something."""

    __slots__ = ("known",)

    def __init__(
        self, data: bytes | memoryview, file: str, base: int, where: str, known: int
    ) -> None:
        super().__init__(data, file, base, where)
        self.known = known

    def type_index(self, what: str) -> int:
        start = self.pos
        index = self.u32(what)
        if index >= self.known:
            raise self.no_such_type(index, start)
        return index

    def no_such_type(self, index: int, at: int) -> DecodeError:
        return self.fault(f"type {index} is out of range: there are {self.known} types", at)

    def value_type(self, what: str) -> ValueType:
        start = self.pos
        byte = self.byte(what)
        found = VALUE_TYPES.get(byte)
        if found is not None:
            return found
        if byte in (binary.REF, binary.REF_NULL):
            return ReferenceType(self.heap_type(what), nullable=byte == binary.REF_NULL)
        raise self.fault(f"{what} has the unknown value type 0x{byte:02x}", start)

    def reference_type(self, what: str) -> ReferenceType:
        start = self.pos
        found = self.value_type(what)
        if not isinstance(found, ReferenceType):
            raise self.fault(f"{what} has type {found}, which is no reference type", start)
        return found

    def heap_type(self, what: str) -> str | int:
        """An abstract heap found, or the index of a type (a 33-bit integer, so that both fit)."""
        start = self.pos
        if start < self.end:
            abstract = binary.HEAP_TYPES.get(self.data[start])
            if abstract is not None:
                self.pos += 1
                return abstract
        index = self.signed(33, what)
        if index < 0:
            raise self.fault(f"{what} has the unknown heap type 0x{self.data[start]:02x}", start)
        if index >= self.known:
            raise self.no_such_type(index, start)
        return index

    def limits(self, what: str, memory: bool = False) -> Limits:
        """Limits; numbers are read as 64-bit ones whatever the address type (§5.3.8)."""
        start = self.pos
        flags = self.byte(what)
        allowed = binary.LIMIT_MAXIMUM | binary.LIMIT_64
        if memory:
            allowed |= binary.LIMIT_SHARED | binary.LIMIT_PAGE_SIZE
        if flags & ~allowed:
            raise self.fault(f"{what} has unknown limits flags 0x{flags:02x}", start)
        minimum = self.unsigned(64, f"the minimum of {what}")
        maximum = None
        if flags & binary.LIMIT_MAXIMUM:
            maximum = self.unsigned(64, f"the maximum of {what}")
            if maximum < minimum:
                raise self.fault(f"{what} has minimum {minimum} above its maximum {maximum}", start)
        page_size_log2 = PAGE_SIZE_LOG2
        if flags & binary.LIMIT_PAGE_SIZE:
            page_size_log2 = self.u32(f"the page size of {what}")
            if page_size_log2 not in (0, PAGE_SIZE_LOG2):
                raise self.fault(
                    f"{what} has pages of 2**{page_size_log2} bytes, not 1 or 65536", start
                )
        shared = bool(flags & binary.LIMIT_SHARED)
        if shared and maximum is None:
            raise self.fault(f"{what} is shared but has no maximum", start)
        return Limits(minimum, maximum, shared, bool(flags & binary.LIMIT_64), page_size_log2)

    def memory_type(self) -> MemoryType:
        start = self.pos
        found = MemoryType(self.limits("a memory", memory=True))
        pages = found.limits.minimum if found.limits.maximum is None else found.limits.maximum
        if pages > found.most_pages:
            raise self.fault(
                f"a memory of {pages} pages is over the {found.most_pages} there can be", start
            )
        return found

    def table_type(self) -> TableType:
        start = self.pos
        found = TableType(self.reference_type("a table"), self.limits("a table"))
        size = found.limits.minimum if found.limits.maximum is None else found.limits.maximum
        if size >> 32 and not found.limits.is64:
            raise self.fault(
                f"a table of {size} elements is over the {(1 << 32) - 1} there can be", start
            )
        return found

    def mutability(self, what: str) -> bool:
        start = self.pos
        byte = self.byte(what)
        if byte > 1:
            raise self.fault(f"{what} has mutability 0x{byte:02x}, neither 0 nor 1", start)
        return byte == 1

    def global_type(self) -> GlobalType:
        return GlobalType(self.value_type("a global"), self.mutability("a global"))

    def function_type_index(
        self, types: Sequence[CompositeType], what: str
    ) -> tuple[FunctionType, int]:
        """The index of a function found, with the found."""
        start = self.pos
        index = self.type_index(what)
        found = types[index]
        if not isinstance(found, FunctionType):
            raise self.fault(f"{what} has type {index}, which is no function type", start)
        return found, index

    def tag_type(self, types: Sequence[CompositeType]) -> tuple[TagType, int]:
        start = self.pos
        attribute = self.byte("a tag")
        if attribute:
            raise self.fault(f"a tag has attribute 0x{attribute:02x}, which is not 0", start)
        found, index = self.function_type_index(types, "a tag")
        return TagType(found), index


def read_types(reader: TypeReader) -> tuple[list[CompositeType], bool]:
    """The type section, and whether it has forms that only the GC proposal knows.

    Recursion groups are flattened, as type indices count; of subtyping only the form is checked.
    """
    types: list[CompositeType] = []
    gc = False
    for _ in range(reader.count("types", smallest=2)):
        form = _peek(reader)
        group = 1
        if form == binary.REC_FORM:
            gc = True
            reader.pos += 1
            group = reader.count("types", smallest=2)
            if len(types) + group > MOST["types"]:
                raise reader.fault(
                    f"there are more than the {MOST['types']} types an engine accepts"
                )
        # The types of a group may name each other, so all of them are known from its start.
        reader.known = len(types) + group
        for _ in range(group):
            form = _peek(reader)
            if form in (binary.SUB_FORM, binary.SUB_FINAL_FORM):
                gc = True
                reader.pos += 1
                _read_supertypes(reader, len(types))
            composite = _read_composite(reader)
            gc = gc or not isinstance(composite, FunctionType)
            types.append(composite)
    reader.known = len(types)
    return types, gc


def _peek(reader: Reader) -> int:
    form = reader.byte("a type")
    reader.pos -= 1
    return form


def _read_supertypes(reader: TypeReader, own: int) -> None:
    start = reader.pos
    count = reader.u32("the number of supertypes")
    if count > 1:
        raise reader.fault(
            f"type {own} has {count} supertypes, but one is the most there can be", start
        )
    if count:
        start = reader.pos
        index = reader.u32("a supertype")
        if index >= own:
            raise reader.fault(
                f"type {own} has supertype {index}, which is not declared before it", start
            )


def _read_composite(reader: TypeReader) -> CompositeType:
    start = reader.pos
    form = reader.byte("a type")
    if form == binary.FUNCTION_FORM:
        params = [reader.value_type("a parameter") for _ in range(reader.count("parameters"))]
        results = [reader.value_type("a result") for _ in range(reader.count("results"))]
        return FunctionType(tuple(params), tuple(results))
    if form == binary.STRUCT_FORM:
        fields = [_read_field(reader) for _ in range(reader.count("fields", smallest=2))]
        return StructType(tuple(fields))
    if form == binary.ARRAY_FORM:
        return ArrayType(_read_field(reader))
    raise reader.fault(f"0x{form:02x} is no form of type", start)


def _read_field(reader: TypeReader) -> Field:
    start = reader.pos
    stored = PACKED.get(reader.byte("a field"))
    if stored is None:
        reader.pos = start
        stored = reader.value_type("a field")
    return Field(stored, reader.mutability("a field"))
