"""The table of instructions is wasmtime's: no instruction is missing there, and none here."""

from __future__ import annotations

import pytest
import wasmtime

from engines.wasm import binary, decode, replace_sections
from engines.wasm.binary import unsigned_leb
from engines.wasm.immediates import Malformed, opcode, skip
from engines.wasm.opcodes import OPCODES, PREFIXES, Opcode

CONFIG = wasmtime.Config()
for feature in (
    *("bulk_memory", "exceptions", "function_references", "gc", "memory64", "multi_memory"),
    *("multi_value", "reference_types", "relaxed_simd", "simd", "tail_call", "threads"),
    "wide_arithmetic",
):
    setattr(CONFIG, f"wasm_{feature}", True)
ENGINE = wasmtime.Engine(CONFIG)

# A function that every index below means something in: 0 or 1 is what an instruction wants.
HOST = decode(
    bytes(
        wasmtime.wat2wasm(
            """(module
              (type $f (func)) (type $s (struct (field (mut i8)) (field (mut i32))))
              (type $a (array (mut i8))) (type $n (array (mut i32))) (type $r (array (mut funcref)))
              (memory 1) (table 1 funcref) (tag) (global (mut i32) (i32.const 0))
              (elem func 0) (data "x") (func (param i32) (memory.init 0
                (i32.const 0) (i32.const 0) (i32.const 0))))"""
        )
    )
)

SAMPLES = {
    "": [b""],
    "index": [bytes([index]) for index in range(5)],
    "indices2": [bytes([first, second]) for first in range(5) for second in range(5)],
    "s32": [b"\xff\xff\xff\xff\x07"],
    "s64": [b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"],
    "f32": [bytes(4)],
    "f64": [bytes(8)],
    "v128": [bytes(16)],
    "lane": [b"\0"],
    "lanes": [bytes(16)],
    "memarg": [bytes([align]) + b"\xff\x01" for align in range(5)] + [b"\x42\0\0", b"\x40\0\0"],
    "memarg lane": [bytes([align]) + b"\xff\x01\0" for align in range(4)],
    "block": [b"\x40", b"\0"],
    "labels": [b"\2\0\0\0"],
    "types": [b"\1\x7f", b"\1\x63\x70"],
    "heap": [b"\x70", b"\1"],
    "handlers": [b"\x40\1\0\0\0", b"\x40\1\2\0"],
    "cast": [b"\3\0\x6e\x6e", b"\0\0\1\1"],
}
# After what the instruction leaves; with or without a block that it opened.
ENDS = (b"\0\x0b", b"\0\x0b\x0b", b"\0\x0b\0\x0b", b"\x0b\0\x0b")

# Not alone in a function: these belong to a block. Legacy exceptions are not wasmtime's.
PARTS = {"else", "end", "try", "catch", "catch_all", "rethrow", "delegate"}
# Only where a label takes a reference.
IN_BLOCKS = {"br_on_non_null", "br_on_cast", "br_on_cast_fail"}


def encoded(code: int) -> bytes:
    return bytes([code]) if code < 0x100 else bytes([code >> 16]) + unsigned_leb(code & 0xFFFF)


def refusal(code: bytes) -> str | None:
    """Why a function of `code`, reached by nothing, is not valid."""
    body = b"\0\0" + code
    payload = b"\1" + unsigned_leb(len(body)) + body
    try:
        wasmtime.Module.validate(ENGINE, replace_sections(HOST, {binary.CODE: payload}).join())
    except wasmtime.WasmtimeError as error:
        return str(error)
    return None


@pytest.mark.parametrize("found", OPCODES.values(), ids=lambda found: str(found.name))
def test_an_instruction_validates_with_its_immediates(found: Opcode) -> None:
    written = encoded(found.code)
    for immediates in SAMPLES[found.immediates]:
        code, pos = opcode(written + immediates, 0)
        assert (code, pos) == (found.code, len(written))
        assert skip(code, written + immediates, pos) == len(written + immediates)
    if found.name in PARTS:
        return
    block, end = (b"\x02\x6e\0", b"\0\x0b") if found.name in IN_BLOCKS else (b"", b"")
    tried = [
        refusal(block + written + immediates + end + rest)
        for immediates in SAMPLES[found.immediates]
        for rest in ENDS
    ]
    assert None in tried, tried[0]


def test_nothing_else_is_an_instruction() -> None:
    for prefix in (0, *PREFIXES):
        for number in range(0x140 if prefix else 0x100):
            code = prefix << 16 | number
            if code in OPCODES or code in PREFIXES:
                continue
            with pytest.raises(Malformed, match="there is no instruction 0x"):
                opcode(encoded(code) + bytes(8), 0)
            reason = refusal(encoded(code) + bytes(8) + b"\x0b")
            # Proposals that no engine has switched on, or nothing at all.
            assert reason
            assert any(
                word in reason
                for word in (
                    *("illegal opcode", "unknown", "legacy", "stack switching"),
                    *("custom descriptors", "memory control", "shared-everything"),
                )
            ), reason
