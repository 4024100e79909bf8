"""Reads over constant expressions, which initialise globals, tables and segments (§3.3.17).

Their instructions never nest, so the end is the first `end` opcode; only immediates must be known.
"""

from engines.wasm.readtypes import TypeReader
from engines.wasm.types import Feature

END = 0x0B
GLOBAL_GET = 0x23
I32_CONST = 0x41
I64_CONST = 0x42
F32_CONST = 0x43
F64_CONST = 0x44
REF_NULL = 0xD0
REF_FUNC = 0xD2
GC_PREFIX = 0xFB
SIMD_PREFIX = 0xFD
V128_CONST = 0x0C

INDEXED = frozenset((GLOBAL_GET, REF_FUNC))
# i32.add, sub, mul and i64.add, sub, mul: the extended-const proposal.
ARITHMETIC = frozenset((0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E))

STRUCT_NEW = 0x00
STRUCT_NEW_DEFAULT = 0x01
ARRAY_NEW = 0x06
ARRAY_NEW_DEFAULT = 0x07
ARRAY_NEW_FIXED = 0x08
GC_OF_A_TYPE = frozenset((STRUCT_NEW, STRUCT_NEW_DEFAULT, ARRAY_NEW, ARRAY_NEW_DEFAULT))
# any.convert_extern, extern.convert_any, ref.i31
GC_PLAIN = frozenset((0x1A, 0x1B, 0x1C))


def skip_expression(reader: TypeReader, what: str, features: set[Feature]) -> None:
    """Read to the end of a constant expression, adding the proposals it shows to `features`."""
    while True:
        start = reader.pos
        opcode = reader.byte(what)
        if opcode == END:
            return
        if opcode == I32_CONST:
            reader.signed(32, what)
        elif opcode in INDEXED:
            reader.u32(what)
        elif opcode == I64_CONST:
            reader.signed(64, what)
        elif opcode == REF_NULL:
            reader.heap_type(what)
        elif opcode in ARITHMETIC:
            features.add("extended-const")
        elif opcode == F32_CONST:
            reader.take(4, what)
        elif opcode == F64_CONST:
            reader.take(8, what)
        elif opcode == SIMD_PREFIX and reader.u32(what) == V128_CONST:
            features.add("simd")
            reader.take(16, what)
        elif opcode == GC_PREFIX:
            features.add("gc")
            _skip_gc(reader, what, start)
        else:
            raise reader.fault(
                f"opcode 0x{opcode:02x} cannot stand in the constant of {what}", start
            )


def _skip_gc(reader: TypeReader, what: str, start: int) -> None:
    opcode = reader.u32(what)
    if opcode in GC_OF_A_TYPE:
        reader.type_index(what)
    elif opcode == ARRAY_NEW_FIXED:
        reader.type_index(what)
        reader.u32(what)
    elif opcode not in GC_PLAIN:
        raise reader.fault(
            f"opcode 0xfb 0x{opcode:02x} cannot stand in the constant of {what}", start
        )
