"""No bytes make the decoder fail in any other way than by refusing them."""

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.wasm import (
    DecodeError,
    MemoryLimitError,
    Module,
    clamp_memory,
    decode,
    export_hidden,
    features,
    link_problems,
)

SEEDS = [
    bytes(wasmtime.wat2wasm(text))
    for text in (
        """(module
          (type (func (param i32 i64 f32 f64 v128) (result i32 i64)))
          (import "env" "f" (func (type 0)))
          (import "env" "m" (memory 1 2 shared))
          (import "env" "g" (global (mut i64)))
          (import "env" "t" (table 1 10 externref))
          (func $f (export "f")) (func (export "main"))
          (table 4 funcref) (memory i64 1 4)
          (global (mut i32) (i32.add (i32.const 1) (i32.const -70000)))
          (elem (table 1) (i32.const 0) func $f $f) (elem funcref (ref.func $f) (ref.null func))
          (data (i32.const 0) "hello") (data "passive")
          (@custom "target_features" "\\02+\\07atomics+\\07simd128")
          (start $f))""",
        """(module
          (rec (type $node (sub (struct (field (mut i32)) (field (ref null $list)))))
               (type $list (array (mut i8))))
          (type $throw (func (param (ref null $node) anyref)))
          (import "a" "e" (tag (type $throw)))
          (import "b" (item "x") (item "y") (func (param exnref)))
          (tag $t (param i32)) (export "t" (tag $t))
          (global (ref $list) (array.new_default $list (i32.const 3)))
          (table 2 (ref null $node) (struct.new_default $node)))""",
        """(module (memory 1 (pagesize 1)) (memory 2 3) (memory i64 0)
          (export "m" (memory 1)) (func (result i32) (i32.const 1)))""",
    )
]

CONFIG = wasmtime.Config()
CONFIG.wasm_gc = True
CONFIG.wasm_function_references = True
CONFIG.wasm_custom_page_sizes = True
CONFIG.wasm_exceptions = True
CONFIG.wasm_threads = True
CONFIG.shared_memory = True
ENGINE = wasmtime.Engine(CONFIG)


def is_valid(data: bytes) -> bool:
    try:
        wasmtime.Module.validate(ENGINE, data)
    except wasmtime.WasmtimeError:
        return False
    return True


# Bytes that mean something somewhere in the format.
TELLING = bytes.fromhex("00 01 02 03 04 05 0b 40 41 4e 50 5e 5f 60 63 64 70 7e 7f 80 d0 fb fd ff")
PIECES = st.one_of(
    st.sampled_from([bytes([byte]) for byte in TELLING]),
    st.just(b"\xff\xff\xff\xff\x0f"),
    st.binary(max_size=3),
)
EDITS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3), PIECES), max_size=4)


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for at, removed, piece in edits:
        start = 8 + at % (len(data) - 7) if len(data) > 8 else 0
        data = data[:start] + piece + data[start + removed :]
    return data


def decoded(data: bytes) -> Module | str:
    """The module, or why it is none."""
    try:
        return decode(data, "a.wasm")
    except DecodeError as error:
        return str(error)


def use(module: Module) -> None:
    """Everything that is read from a module only when asked for."""
    features(module)
    names = module.name_section()
    assert names.module is None or isinstance(names.module, str)
    assert isinstance(names.functions, dict)
    for export in module.exports:
        assert module.type_of_export(export.name) is not None
    link_problems(module, lambda _module, _name: [])
    assert all(str(declared) for declared in module.types)
    hidden = export_hidden(module)
    assert decode(hidden.join()).exports == hidden.exports
    try:
        clamped = clamp_memory(module, 1 << 17)
    except MemoryLimitError:
        return
    assert decode(clamped.join()).memories == clamped.memories


@given(st.sampled_from(SEEDS), EDITS)
@settings(max_examples=1500, deadline=None, derandomize=True)
def test_a_changed_module_decodes_or_is_refused_in_one_line(
    seed: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    data = edited(seed, edits)
    outcome = decoded(data)
    if isinstance(outcome, Module):
        use(outcome)
    else:
        assert outcome.startswith("a.wasm")
        assert "\n" not in outcome
        # Whatever runs elsewhere is not refused here.
        assert not is_valid(data)


@given(st.binary(max_size=64))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_any_bytes_are_refused_or_decode(data: bytes) -> None:
    for candidate in (data, b"\0asm\1\0\0\0" + data):
        outcome = decoded(candidate)
        assert isinstance(outcome, Module) or "\n" not in outcome


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_the_modules_it_starts_from_are_valid(seed: int) -> None:
    assert is_valid(SEEDS[seed])
    use(decode(SEEDS[seed]))
