"""Every instruction by its opcode: its name in the text format, and what follows it.

WebAssembly 3.0 with threads, SIMD and relaxed SIMD, both kinds of exceptions, and wide arithmetic.
What follows an opcode is given as words:

- `index`: an unsigned 32-bit integer; `indices2` two of them; `s32`, `s64` a signed one;
- `f32`, `f64`, `v128`: 4, 8 or 16 bytes; `lane` one; `lanes` 16;
- `memarg`: alignment, memory and offset; `memarg lane` has a lane after that;
- `block`: the type of a block; `labels`, `types`, `heap`, `handlers`, `cast`: see `bodies.py`.

Source: WebAssembly Core Specification 3.0, §5.4 (instructions), and the proposals' texts.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Opcode(NamedTuple):
    """An instruction: `code` is its byte, or for those after a prefix `prefix << 16 | number`."""

    code: int
    name: str
    immediates: str


GC: Final = 0xFB
NUMERIC: Final = 0xFC
VECTOR: Final = 0xFD
ATOMIC: Final = 0xFE
PREFIXES: Final = (GC, NUMERIC, VECTOR, ATOMIC)

# Rows of (prefix, number of the first, immediates, names of it and those that follow).
_Rows = tuple[tuple[int, int, str, str], ...]

_CONTROL: Final[_Rows] = (
    (0, 0x00, "", "unreachable nop"),
    (0, 0x02, "block", "block loop if"),
    (0, 0x05, "", "else"),
    (0, 0x06, "block", "try"),
    (0, 0x07, "index", "catch throw rethrow"),
    (0, 0x0A, "", "throw_ref end"),
    (0, 0x0C, "index", "br br_if"),
    (0, 0x0E, "labels", "br_table"),
    (0, 0x0F, "", "return"),
    (0, 0x10, "index", "call"),
    (0, 0x11, "indices2", "call_indirect"),
    (0, 0x12, "index", "return_call"),
    (0, 0x13, "indices2", "return_call_indirect"),
    (0, 0x14, "index", "call_ref return_call_ref"),
    (0, 0x18, "index", "delegate"),
    (0, 0x19, "", "catch_all drop select"),
    (0, 0x1C, "types", "select"),
    (0, 0x1F, "handlers", "try_table"),
    (0, 0x20, "index", "local.get local.set local.tee global.get global.set"),
    (0, 0x25, "index", "table.get table.set"),
    (0, 0xD0, "heap", "ref.null"),
    (0, 0xD1, "", "ref.is_null"),
    (0, 0xD2, "index", "ref.func"),
    (0, 0xD3, "", "ref.eq ref.as_non_null"),
    (0, 0xD5, "index", "br_on_null br_on_non_null"),
)

_MEMORY: Final[_Rows] = (
    (0, 0x28, "memarg", "i32.load i64.load f32.load f64.load"),
    (0, 0x2C, "memarg", "i32.load8_s i32.load8_u i32.load16_s i32.load16_u"),
    (0, 0x30, "memarg", "i64.load8_s i64.load8_u i64.load16_s i64.load16_u"),
    (0, 0x34, "memarg", "i64.load32_s i64.load32_u"),
    (0, 0x36, "memarg", "i32.store i64.store f32.store f64.store"),
    (0, 0x3A, "memarg", "i32.store8 i32.store16 i64.store8 i64.store16 i64.store32"),
    (0, 0x3F, "index", "memory.size memory.grow"),
)

_NUMBERS: Final[_Rows] = (
    (0, 0x41, "s32", "i32.const"),
    (0, 0x42, "s64", "i64.const"),
    (0, 0x43, "f32", "f32.const"),
    (0, 0x44, "f64", "f64.const"),
    (
        *(0, 0x45, ""),
        (
            "i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s "
            "i32.ge_u i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u "
            "i64.ge_s i64.ge_u f32.eq f32.ne f32.lt f32.gt f32.le f32.ge f64.eq f64.ne f64.lt "
            "f64.gt f64.le f64.ge"
        ),
    ),
    (
        *(0, 0x67, ""),
        (
            "i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s "
            "i32.rem_u i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr"
        ),
    ),
    (
        *(0, 0x79, ""),
        (
            "i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s "
            "i64.rem_u i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr"
        ),
    ),
    (
        *(0, 0x8B, ""),
        (
            "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt f32.add f32.sub "
            "f32.mul f32.div f32.min f32.max f32.copysign"
        ),
    ),
    (
        *(0, 0x99, ""),
        (
            "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt f64.add f64.sub "
            "f64.mul f64.div f64.min f64.max f64.copysign"
        ),
    ),
    (
        *(0, 0xA7, ""),
        (
            "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u "
            "i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s "
            "i64.trunc_f64_u f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s "
            "f32.convert_i64_u f32.demote_f64 f64.convert_i32_s f64.convert_i32_u "
            "f64.convert_i64_s f64.convert_i64_u f64.promote_f32 i32.reinterpret_f32 "
            "i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64 i32.extend8_s "
            "i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s"
        ),
    ),
    (
        *(NUMERIC, 0, ""),
        (
            "i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u "
            "i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u"
        ),
    ),
    (NUMERIC, 0x13, "", "i64.add128 i64.sub128 i64.mul_wide_s i64.mul_wide_u"),
)

_BULK: Final[_Rows] = (
    (NUMERIC, 0x08, "indices2", "memory.init"),
    (NUMERIC, 0x09, "index", "data.drop"),
    (NUMERIC, 0x0A, "indices2", "memory.copy"),
    (NUMERIC, 0x0B, "index", "memory.fill"),
    (NUMERIC, 0x0C, "indices2", "table.init"),
    (NUMERIC, 0x0D, "index", "elem.drop"),
    (NUMERIC, 0x0E, "indices2", "table.copy"),
    (NUMERIC, 0x0F, "index", "table.grow table.size table.fill"),
)

_OBJECTS: Final[_Rows] = (
    (GC, 0x00, "index", "struct.new struct.new_default"),
    (GC, 0x02, "indices2", "struct.get struct.get_s struct.get_u struct.set"),
    (GC, 0x06, "index", "array.new array.new_default"),
    (GC, 0x08, "indices2", "array.new_fixed array.new_data array.new_elem"),
    (GC, 0x0B, "index", "array.get array.get_s array.get_u array.set"),
    (GC, 0x0F, "", "array.len"),
    (GC, 0x10, "index", "array.fill"),
    (GC, 0x11, "indices2", "array.copy array.init_data array.init_elem"),
    (GC, 0x14, "heap", "ref.test ref.test_null ref.cast ref.cast_null"),
    (GC, 0x18, "cast", "br_on_cast br_on_cast_fail"),
    (GC, 0x1A, "", "any.convert_extern extern.convert_any ref.i31 i31.get_s i31.get_u"),
)

_VECTORS: Final[_Rows] = (
    (
        *(VECTOR, 0x00, "memarg"),
        (
            "v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u "
            "v128.load32x2_s v128.load32x2_u v128.load8_splat v128.load16_splat v128.load32_splat "
            "v128.load64_splat v128.store"
        ),
    ),
    (VECTOR, 0x0C, "v128", "v128.const"),
    (VECTOR, 0x0D, "lanes", "i8x16.shuffle"),
    (
        *(VECTOR, 0x0E, ""),
        "i8x16.swizzle i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat",
    ),
    (
        *(VECTOR, 0x15, "lane"),
        (
            "i8x16.extract_lane_s i8x16.extract_lane_u i8x16.replace_lane i16x8.extract_lane_s "
            "i16x8.extract_lane_u i16x8.replace_lane i32x4.extract_lane i32x4.replace_lane "
            "i64x2.extract_lane i64x2.replace_lane f32x4.extract_lane f32x4.replace_lane "
            "f64x2.extract_lane f64x2.replace_lane"
        ),
    ),
    (
        *(VECTOR, 0x23, ""),
        (
            "i8x16.eq i8x16.ne i8x16.lt_s i8x16.lt_u i8x16.gt_s i8x16.gt_u i8x16.le_s i8x16.le_u "
            "i8x16.ge_s i8x16.ge_u i16x8.eq i16x8.ne i16x8.lt_s i16x8.lt_u i16x8.gt_s i16x8.gt_u "
            "i16x8.le_s i16x8.le_u i16x8.ge_s i16x8.ge_u i32x4.eq i32x4.ne i32x4.lt_s i32x4.lt_u "
            "i32x4.gt_s i32x4.gt_u i32x4.le_s i32x4.le_u i32x4.ge_s i32x4.ge_u f32x4.eq f32x4.ne "
            "f32x4.lt f32x4.gt f32x4.le f32x4.ge f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le "
            "f64x2.ge v128.not v128.and v128.andnot v128.or v128.xor v128.bitselect v128.any_true"
        ),
    ),
    (
        *(VECTOR, 0x54, "memarg lane"),
        (
            "v128.load8_lane v128.load16_lane v128.load32_lane v128.load64_lane v128.store8_lane "
            "v128.store16_lane v128.store32_lane v128.store64_lane"
        ),
    ),
    (VECTOR, 0x5C, "memarg", "v128.load32_zero v128.load64_zero"),
    (
        *(VECTOR, 0x5E, ""),
        (
            "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4 i8x16.abs i8x16.neg i8x16.popcnt "
            "i8x16.all_true i8x16.bitmask i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u f32x4.ceil "
            "f32x4.floor f32x4.trunc f32x4.nearest i8x16.shl i8x16.shr_s i8x16.shr_u i8x16.add "
            "i8x16.add_sat_s i8x16.add_sat_u i8x16.sub i8x16.sub_sat_s i8x16.sub_sat_u f64x2.ceil "
            "f64x2.floor i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u f64x2.trunc i8x16.avgr_u "
            "i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u "
            "i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u"
        ),
    ),
    (
        *(VECTOR, 0x80, ""),
        (
            "i16x8.abs i16x8.neg i16x8.q15mulr_sat_s i16x8.all_true i16x8.bitmask "
            "i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u i16x8.extend_low_i8x16_s "
            "i16x8.extend_high_i8x16_s i16x8.extend_low_i8x16_u i16x8.extend_high_i8x16_u "
            "i16x8.shl i16x8.shr_s i16x8.shr_u i16x8.add i16x8.add_sat_s i16x8.add_sat_u "
            "i16x8.sub i16x8.sub_sat_s i16x8.sub_sat_u f64x2.nearest i16x8.mul i16x8.min_s "
            "i16x8.min_u i16x8.max_s i16x8.max_u"
        ),
    ),
    (
        *(VECTOR, 0x9B, ""),
        (
            "i16x8.avgr_u i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_s "
            "i16x8.extmul_low_i8x16_u i16x8.extmul_high_i8x16_u i32x4.abs i32x4.neg"
        ),
    ),
    (VECTOR, 0xA3, "", "i32x4.all_true i32x4.bitmask"),
    (
        *(VECTOR, 0xA7, ""),
        (
            "i32x4.extend_low_i16x8_s i32x4.extend_high_i16x8_s i32x4.extend_low_i16x8_u "
            "i32x4.extend_high_i16x8_u i32x4.shl i32x4.shr_s i32x4.shr_u i32x4.add"
        ),
    ),
    (VECTOR, 0xB1, "", "i32x4.sub"),
    (
        *(VECTOR, 0xB5, ""),
        "i32x4.mul i32x4.min_s i32x4.min_u i32x4.max_s i32x4.max_u i32x4.dot_i16x8_s",
    ),
    (
        *(VECTOR, 0xBC, ""),
        (
            "i32x4.extmul_low_i16x8_s i32x4.extmul_high_i16x8_s i32x4.extmul_low_i16x8_u "
            "i32x4.extmul_high_i16x8_u i64x2.abs i64x2.neg"
        ),
    ),
    (VECTOR, 0xC3, "", "i64x2.all_true i64x2.bitmask"),
    (
        *(VECTOR, 0xC7, ""),
        (
            "i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s i64x2.extend_low_i32x4_u "
            "i64x2.extend_high_i32x4_u i64x2.shl i64x2.shr_s i64x2.shr_u i64x2.add"
        ),
    ),
    (VECTOR, 0xD1, "", "i64x2.sub"),
    (
        *(VECTOR, 0xD5, ""),
        (
            "i64x2.mul i64x2.eq i64x2.ne i64x2.lt_s i64x2.gt_s i64x2.le_s i64x2.ge_s "
            "i64x2.extmul_low_i32x4_s i64x2.extmul_high_i32x4_s i64x2.extmul_low_i32x4_u "
            "i64x2.extmul_high_i32x4_u f32x4.abs f32x4.neg"
        ),
    ),
    (
        *(VECTOR, 0xE3, ""),
        (
            "f32x4.sqrt f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin "
            "f32x4.pmax f64x2.abs f64x2.neg"
        ),
    ),
    (
        *(VECTOR, 0xEF, ""),
        (
            "f64x2.sqrt f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin "
            "f64x2.pmax i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s "
            "f32x4.convert_i32x4_u i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero "
            "f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u"
        ),
    ),
    (
        *(VECTOR, 0x100, ""),
        (
            "i8x16.relaxed_swizzle i32x4.relaxed_trunc_f32x4_s i32x4.relaxed_trunc_f32x4_u "
            "i32x4.relaxed_trunc_f64x2_s_zero i32x4.relaxed_trunc_f64x2_u_zero f32x4.relaxed_madd "
            "f32x4.relaxed_nmadd f64x2.relaxed_madd f64x2.relaxed_nmadd i8x16.relaxed_laneselect "
            "i16x8.relaxed_laneselect i32x4.relaxed_laneselect i64x2.relaxed_laneselect "
            "f32x4.relaxed_min f32x4.relaxed_max f64x2.relaxed_min f64x2.relaxed_max "
            "i16x8.relaxed_q15mulr_s i16x8.relaxed_dot_i8x16_i7x16_s "
            "i32x4.relaxed_dot_i8x16_i7x16_add_s"
        ),
    ),
)

_ATOMICS: Final[_Rows] = (
    (ATOMIC, 0x00, "memarg", "memory.atomic.notify memory.atomic.wait32 memory.atomic.wait64"),
    (ATOMIC, 0x03, "lane", "atomic.fence"),
    (
        *(ATOMIC, 0x10, "memarg"),
        (
            "i32.atomic.load i64.atomic.load i32.atomic.load8_u i32.atomic.load16_u "
            "i64.atomic.load8_u i64.atomic.load16_u i64.atomic.load32_u i32.atomic.store "
            "i64.atomic.store i32.atomic.store8 i32.atomic.store16 i64.atomic.store8 "
            "i64.atomic.store16 i64.atomic.store32"
        ),
    ),
    (
        *(ATOMIC, 0x1E, "memarg"),
        " ".join(
            f"{kind}.{operation}" if not width else f"{kind}{width}.{operation}_u"
            for operation in ("add", "sub", "and", "or", "xor", "xchg", "cmpxchg")
            for kind, width in (
                ("i32.atomic.rmw", ""),
                ("i64.atomic.rmw", ""),
                ("i32.atomic.rmw", "8"),
                ("i32.atomic.rmw", "16"),
                ("i64.atomic.rmw", "8"),
                ("i64.atomic.rmw", "16"),
                ("i64.atomic.rmw", "32"),
            )
        ),
    ),
)

OPCODES: Final[dict[int, Opcode]] = {
    prefix << 16 | first + place: Opcode(prefix << 16 | first + place, name, immediates)
    for rows in (_CONTROL, _MEMORY, _NUMBERS, _BULK, _OBJECTS, _VECTORS, _ATOMICS)
    for prefix, first, immediates, names in rows
    for place, name in enumerate(names.split())
}
"""Every instruction by `Opcode.code`."""
