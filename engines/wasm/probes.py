"""A small module for each proposal, which an engine compiles if it has that proposal.

Each is given as text and in bytes, so that no assembler is needed where it is used. Compiling one
is a surer test than an engine's documentation, and also sees what was left out of a build of it.
"""

from __future__ import annotations

from typing import NamedTuple

from engines.wasm.binary import HEADER
from engines.wasm.types import Feature


class Probe(NamedTuple):
    text: str
    module: bytes


def _probe(text: str, sections: str) -> Probe:
    return Probe(f"(module {text})", HEADER + bytes.fromhex(sections))


PROBES: dict[Feature, Probe] = {
    "bulk-memory": _probe(
        "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
        "0104016000000302010005030100010a0d010b00410041004100fc0b000b",
    ),
    "compact-imports": _probe(
        '(import "m" (item "a" (func)) (item "b" (func)))',
        "010401600000020e01016d007f020161000001620000",
    ),
    "custom-page-sizes": _probe(
        "(memory 1 (pagesize 1))",
        "050401080100",
    ),
    "exceptions": _probe(
        "(func (block (try_table (catch_all 0))))",
        "010401600000030201000a0d010b0002401f400102000b0b0b",
    ),
    "extended-const": _probe(
        "(global i32 (i32.add (i32.const 1) (i32.const 1)))",
        "0609017f00410141016a0b",
    ),
    "function-references": _probe(
        "(type (func)) (func (param (ref 0)) (call_ref 0 (local.get 0)))",
        "0109026000006001640000030201010a08010600200014000b",
    ),
    "gc": _probe(
        "(type (struct)) (func (drop (struct.new 0)))",
        "0106025f00600000030201010a08010600fb00001a0b",
    ),
    "half-precision": _probe(
        "(memory 1) (func (drop (f32.load_f16 (i32.const 0))))",
        "0104016000000302010005030100010a0b0109004100fc3001001a0b",
    ),
    "legacy-exceptions": _probe(
        "(func (try (do) (catch_all)))",
        "010401600000030201000a080106000640190b0b",
    ),
    "memory64": _probe(
        "(memory i64 1)",
        "0503010401",
    ),
    "multi-memory": _probe(
        "(memory 1) (memory 1)",
        "05050200010001",
    ),
    "multi-value": _probe(
        "(func (result i32 i32) (i32.const 0) (i32.const 0))",
        "0106016000027f7f030201000a08010600410041000b",
    ),
    "mutable-globals": _probe(
        '(global (export "g") (mut i32) (i32.const 0))',
        "0606017f0141000b07050101670300",
    ),
    "nontrapping-fptoint": _probe(
        "(func (drop (i32.trunc_sat_f32_s (f32.const 0))))",
        "010401600000030201000a0c010a004300000000fc001a0b",
    ),
    "reference-types": _probe(
        "(func (drop (ref.null extern)))",
        "010401600000030201000a07010500d06f1a0b",
    ),
    "relaxed-simd": _probe(
        "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
        "01050160017b00030201000a0c010a0020002000fd80021a0b",
    ),
    "shared-everything": _probe(
        "(global (shared i32) (i32.const 0))",
        "0606017f0241000b",
    ),
    "sign-extension": _probe(
        "(func (drop (i32.extend8_s (i32.const 0))))",
        "010401600000030201000a080106004100c01a0b",
    ),
    "simd": _probe(
        "(func (drop (v128.const i64x2 0 0)))",
        "010401600000030201000a17011500fd0c000000000000000000000000000000001a0b",
    ),
    "stack-switching": _probe(
        "(type (func)) (type (cont 0)) (func (param (ref 0)) (drop (cont.new 1 (local.get 0))))",
        "010b036000005d006001640000030201020a090107002000e0011a0b",
    ),
    "tail-call": _probe(
        "(func (return_call 0))",
        "010401600000030201000a0601040012000b",
    ),
    "threads": _probe(
        "(memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0))))",
        "010401600000030201000504010301010a0b0109004100fe1002001a0b",
    ),
    "wide-arithmetic": _probe(
        "(func (i64.mul_wide_s (i64.const 0) (i64.const 0)) drop drop)",
        "010401600000030201000a0c010a0042004200fc151a1a0b",
    ),
}
