"""The numbers of the WebAssembly binary format, and the encoders for its small pieces.

The decoder reads these tables, the rewriter writes from them, so a byte has one name. Source:
WebAssembly Core Specification 3.0, chapter 5 (binary format), and the proposals custom-page-sizes
and compact-import-section.
"""

from collections.abc import Iterable
from typing import Final

from engines.wasm.types import (
    PAGE_SIZE_LOG2,
    Export,
    ExternalType,
    FunctionType,
    GlobalType,
    Import,
    Kind,
    Limits,
    MemoryType,
    ReferenceType,
    TableType,
    TagType,
    ValueType,
)

MAGIC: Final = b"\0asm"
VERSION: Final = b"\1\0\0\0"
HEADER: Final = MAGIC + VERSION

CUSTOM: Final = 0
TYPE: Final = 1
IMPORT: Final = 2
FUNCTION: Final = 3
TABLE: Final = 4
MEMORY: Final = 5
GLOBAL: Final = 6
EXPORT: Final = 7
START: Final = 8
ELEMENT: Final = 9
CODE: Final = 10
DATA: Final = 11
DATA_COUNT: Final = 12
TAG: Final = 13

SECTION_NAMES: Final = {
    CUSTOM: "custom",
    TYPE: "type",
    IMPORT: "import",
    FUNCTION: "function",
    TABLE: "table",
    MEMORY: "memory",
    GLOBAL: "global",
    EXPORT: "export",
    START: "start",
    ELEMENT: "element",
    CODE: "code",
    DATA: "data",
    DATA_COUNT: "data count",
    TAG: "tag",
}

# The order sections stand in is not that of their ids: two were invented later (§5.5.2).
SECTION_ORDER: Final = {
    section: place
    for place, section in enumerate(
        (
            TYPE,
            IMPORT,
            FUNCTION,
            TABLE,
            MEMORY,
            TAG,
            GLOBAL,
            EXPORT,
            START,
            ELEMENT,
            DATA_COUNT,
            CODE,
            DATA,
        )
    )
}

KINDS: Final[tuple[Kind, ...]] = ("function", "table", "memory", "global", "tag")
KIND_CODES: Final[dict[Kind, int]] = {kind: code for code, kind in enumerate(KINDS)}

# In place of a kind, after an empty name: imports from one module, and those of one type too.
IMPORTS: Final = 0x7F
IMPORTS_OF_ONE_TYPE: Final = 0x7E

NUMBER_TYPES: Final = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128"}
PACKED_TYPES: Final = {0x78: "i8", 0x77: "i16"}
HEAP_TYPES: Final = {
    0x74: "noexn",
    0x73: "nofunc",
    0x72: "noextern",
    0x71: "none",
    0x70: "func",
    0x6F: "extern",
    0x6E: "any",
    0x6D: "eq",
    0x6C: "i31",
    0x6B: "struct",
    0x6A: "array",
    0x69: "exn",
}
NUMBER_CODES: Final = {name: code for code, name in NUMBER_TYPES.items()}
HEAP_CODES: Final = {name: code for code, name in HEAP_TYPES.items()}

REF: Final = 0x64
REF_NULL: Final = 0x63

FUNCTION_FORM: Final = 0x60
STRUCT_FORM: Final = 0x5F
ARRAY_FORM: Final = 0x5E
SUB_FORM: Final = 0x50
SUB_FINAL_FORM: Final = 0x4F
REC_FORM: Final = 0x4E

LIMIT_MAXIMUM: Final = 1
LIMIT_SHARED: Final = 2
LIMIT_64: Final = 4
LIMIT_PAGE_SIZE: Final = 8


def unsigned_leb(value: int) -> bytes:
    """An unsigned integer in as few bytes as LEB128 needs."""
    if value < 0:
        raise ValueError(f"{value} is negative")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def signed_leb(value: int) -> bytes:
    """A signed integer in as few bytes as LEB128 needs."""
    encoded = bytearray()
    # Bit 6 of the last byte is the sign.
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value & 0x7F)
    return bytes(encoded)


def name(text: str) -> bytes:
    """A name: its length in bytes, then UTF-8."""
    encoded = text.encode()
    return unsigned_leb(len(encoded)) + encoded


def vector(items: Iterable[bytes]) -> bytes:
    """A list: its length, then its encoded items."""
    items = list(items)
    return unsigned_leb(len(items)) + b"".join(items)


def value_type(value: ValueType) -> bytes:
    """A number or reference type; references in their one-byte form where they have one."""
    if not isinstance(value, ReferenceType):
        return bytes([NUMBER_CODES[value]])
    if isinstance(value.heap, int):
        heap = signed_leb(value.heap)
    else:
        heap = bytes([HEAP_CODES[value.heap]])
        if value.nullable:
            return heap
    return bytes([REF_NULL if value.nullable else REF]) + heap


def function_type(signature: FunctionType) -> bytes:
    """An entry of the type section."""
    params = vector(map(value_type, signature.params))
    results = vector(map(value_type, signature.results))
    return bytes([FUNCTION_FORM]) + params + results


def limits(limits: Limits) -> bytes:
    """The limits of a memory or table."""
    flags = LIMIT_SHARED * limits.shared | LIMIT_64 * limits.is64
    numbers = unsigned_leb(limits.minimum)
    if limits.maximum is not None:
        flags |= LIMIT_MAXIMUM
        numbers += unsigned_leb(limits.maximum)
    if limits.page_size_log2 != PAGE_SIZE_LOG2:
        flags |= LIMIT_PAGE_SIZE
        numbers += unsigned_leb(limits.page_size_log2)
    return bytes([flags]) + numbers


def external_type(wanted: ExternalType, type_index: int | None = None) -> bytes:
    """The type of an import, after its kind; functions and tags are given by `type_index`."""
    match wanted:
        case MemoryType():
            return limits(wanted.limits)
        case TableType():
            return value_type(wanted.element) + limits(wanted.limits)
        case GlobalType():
            return value_type(wanted.type) + bytes([wanted.mutable])
    if type_index is None:
        raise ValueError(f"a {wanted.kind} is imported by the index of its type")
    attribute = b"\0" if isinstance(wanted, TagType) else b""
    return attribute + unsigned_leb(type_index)


def import_entry(wanted: Import) -> bytes:
    """An entry of the import section."""
    kind = bytes([KIND_CODES[wanted.kind]])
    described = external_type(wanted.type, wanted.type_index)
    return name(wanted.module) + name(wanted.name) + kind + described


def export_entry(export: Export) -> bytes:
    """An entry of the export section."""
    return name(export.name) + bytes([KIND_CODES[export.kind]]) + unsigned_leb(export.index)
