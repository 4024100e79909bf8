"""Which proposals a module is seen to need."""

import pytest
import wasmtime

from engines.wasm import Module, decode, features


def assemble(text: str) -> Module:
    return decode(wasmtime.wat2wasm(f"(module {text})"))


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("", set()),
        (
            '(memory 1) (table 1 funcref) (func (export "f") (param i32) (result i64) i64.const 0)',
            set(),
        ),
        ('(import "env" "memory" (memory 1 2 shared))', {"threads"}),
        ("(memory i64 1)", {"memory64"}),
        ("(table i64 1 funcref)", {"memory64"}),
        ("(memory 1) (memory 1)", {"multi-memory"}),
        ('(import "a" "b" (memory 1)) (memory 1)', {"multi-memory"}),
        ("(memory 1 (pagesize 1))", {"custom-page-sizes"}),
        ("(tag)", {"exceptions"}),
        ('(import "env" "__cpp_exception" (tag (param i32)))', {"exceptions"}),
        ("(type (func (param exnref)))", {"exceptions", "reference-types"}),
        ("(type (func (result i32 i32)))", {"multi-value"}),
        ("(type (func (param v128)))", {"simd"}),
        ("(global v128 (v128.const i64x2 0 0))", {"simd"}),
        ("(type (func (param externref)))", {"reference-types"}),
        ("(type (func (param funcref)))", {"reference-types"}),
        ("(table 1 externref)", {"reference-types"}),
        ("(table 1 funcref) (table 1 funcref)", {"reference-types"}),
        ("(func $f) (elem declare func $f)", {"reference-types"}),
        ("(table 1 funcref) (elem (i32.const 0) funcref (ref.null func))", {"reference-types"}),
        ("(func $f) (elem func $f)", {"bulk-memory"}),
        ('(memory 1) (data "passive")', {"bulk-memory"}),
        ('(memory 1) (func data.drop 0) (data (i32.const 0) "")', {"bulk-memory"}),
        ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", {"extended-const"}),
        ('(global (export "g") (mut i32) (i32.const 0))', {"mutable-globals"}),
        ('(import "env" "g" (global (mut i32)))', {"mutable-globals"}),
        ("(global (mut i32) (i32.const 0))", set()),
        ("(type (struct))", {"gc"}),
        ("(type (array i8))", {"gc"}),
        ("(rec (type (func)))", {"gc"}),
        ("(type (sub (func)))", {"gc"}),
        ("(type (func (param anyref)))", {"gc", "reference-types"}),
        (
            "(type $f (func)) (type (func (param (ref $f))))",
            {"function-references", "reference-types"},
        ),
        (
            "(func $f) (table 1 (ref func) (ref.func $f))",
            {"function-references", "reference-types"},
        ),
        ('(import "m" (item "a" (func)))', {"compact-imports"}),
    ],
)
def test_sections_show_what_is_needed(text: str, needed: set[str]) -> None:
    assert features(assemble(text)) == needed


def test_the_toolchain_says_what_it_used() -> None:
    content = rb"\05+\07atomics+\07simd128=\0ftail-call-newer-\08sign-ext+\09tail-call"
    text = f'(@custom "target_features" "{content.decode()}")'
    assert features(assemble(text)) == {"threads", "simd", "tail-call"}


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        (r"\02+\07simd128+\20cut", {"simd"}),
        (r"\ff\ff\ff\ff\0f+\07simd128", {"simd"}),
        (r"", set()),
        (r"\01+\02\ff\ff", set()),
    ],
)
def test_a_damaged_list_is_read_up_to_the_damage(content: str, needed: set[str]) -> None:
    assert features(assemble(f'(@custom "target_features" "{content}")')) == needed


def test_names_stand_for_the_same_proposal_whoever_writes_them() -> None:
    from_toolchain = features(assemble(r'(@custom "target_features" "\01+\0bmultimemory")'))
    assert from_toolchain == features(assemble("(memory 1) (memory 1)")) == {"multi-memory"}
