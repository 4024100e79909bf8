"""Types print as people write them, and compare as the specification does."""

import copy
import pickle

import pytest

from engines.wasm import (
    FunctionType,
    GlobalType,
    Import,
    Limits,
    MemoryType,
    ReferenceType,
    TableType,
    TagType,
    ValueType,
)
from engines.wasm.types import printable

I32 = ValueType("i32")


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (FunctionType.of(["i32", "i64"], ["i32"]), "(i32, i64) -> (i32)"),
        (FunctionType.of([]), "() -> ()"),
        (MemoryType(Limits(1)), "memory 1"),
        (MemoryType(Limits(1, 256, shared=True)), "memory 1 256 shared"),
        (MemoryType(Limits(1, is64=True)), "memory i64 1"),
        (MemoryType(Limits(1, page_size_log2=0)), "memory 1 (pagesize 1)"),
        (TableType(ReferenceType("func"), Limits(0, 10)), "table 0 10 funcref"),
        (GlobalType(I32, True), "global (mut i32)"),
        (GlobalType(I32, False), "global i32"),
        (TagType(FunctionType.of(["i32"])), "tag (i32)"),
        (ReferenceType("extern"), "externref"),
        (ReferenceType("exn"), "exnref"),
        (ReferenceType("func", nullable=False), "(ref func)"),
        (ReferenceType(3), "(ref null 3)"),
    ],
)
def test_types_print_in_the_text_format(declared: object, text: str) -> None:
    assert str(declared) == text


def test_a_host_may_declare_functions_in_plain_names() -> None:
    plain = FunctionType.of(["i32", "funcref"], ["i64"])
    assert plain == FunctionType((I32, ReferenceType("func")), (ValueType("i64"),))
    assert hash(plain) == hash(FunctionType((I32, ReferenceType("func")), (ValueType("i64"),)))


@pytest.mark.parametrize("heap", ["func", 3])
def test_references_survive_copying(heap: str | int) -> None:
    reference = ReferenceType(heap, nullable=False)
    for copied in (copy.deepcopy(reference), pickle.loads(pickle.dumps(reference))):
        assert copied == reference
        assert (copied.heap, copied.nullable) == (heap, False)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (Limits(0), 1 << 32),
        (Limits(0, 3), 3 << 16),
        (Limits(0, is64=True), 1 << 64),
        (Limits(0, page_size_log2=0), (1 << 32) - 1),
    ],
)
def test_a_memory_can_grow_to_what_it_declares_or_can_address(limits: Limits, most: int) -> None:
    assert MemoryType(limits).maximum_bytes == most


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("fd_read", "fd_read"),
        ("naïve", "naïve"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202e", "\\u202e"),
        ("\udcff", "\\udcff"),
        ("x" * 500, "x" * 200 + "…"),
    ],
)
def test_names_are_safe_to_print(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert str(Import("m", name, GlobalType(I32, False))) == f"m.{shown}"
