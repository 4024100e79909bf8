"""What a decoded module says about itself."""

import subprocess
import sys

import pytest
import wasmtime

from engines.wasm import (
    Export,
    FunctionType,
    GlobalType,
    Import,
    Limits,
    MemoryType,
    Module,
    ReferenceType,
    TableType,
    TagType,
    ValueType,
    decode,
)

I32 = ValueType("i32")
I64 = ValueType("i64")
FUNCREF = ReferenceType("func")


def assemble(text: str, name: str = "a.wasm") -> Module:
    return decode(wasmtime.wat2wasm(text), name)


EVERYTHING = """
(module $everything
  (type $add (func (param i32 i64) (result i32)))
  (import "env" "f" (func $f (type $add)))
  (import "env" "t" (table 1 10 funcref))
  (import "env" "m" (memory 1 2 shared))
  (import "env" "g" (global (mut i64)))
  (import "env" "e" (tag (param i32)))
  (func $start)
  (func $first (type $add) local.get 0)
  (table 2 externref)
  (memory i64 3)
  (tag (param i64 i32))
  (global i32 (i32.const 7))
  (global (mut f64) (f64.const 0.5))
  (export "first" (func $first))
  (export "f" (func $f))
  (export "memory" (memory 1))
  (export "e" (tag 1))
  (start $start)
  (elem (table 0) (i32.const 0) func $first $f)
  (data (memory 1) (i64.const 0) "hello")
)
"""


def test_imports_name_module_name_and_type() -> None:
    add = FunctionType((I32, I64), (I32,))
    module = assemble(EVERYTHING)
    assert module.imports == (
        Import("env", "f", add, 0),
        Import("env", "t", TableType(FUNCREF, Limits(1, 10))),
        Import("env", "m", MemoryType(Limits(1, 2, shared=True))),
        Import("env", "g", GlobalType(I64, mutable=True)),
        Import("env", "e", TagType(FunctionType((I32,), ())), 1),
    )


def test_definitions_are_listed_without_the_imports() -> None:
    module = assemble(EVERYTHING)
    assert [module.types[index] for index in module.functions] == [
        FunctionType((), ()),
        FunctionType((I32, I64), (I32,)),
    ]
    assert module.tables == (TableType(ReferenceType("extern"), Limits(2)),)
    assert module.memories == (MemoryType(Limits(3, is64=True)),)
    assert module.tags == (TagType(FunctionType((I64, I32), ())),)
    assert module.globals == (GlobalType(I32, False), GlobalType(ValueType("f64"), True))
    assert module.start == 1
    assert module.data_count is None


def test_exports_resolve_through_imports() -> None:
    module = assemble(EVERYTHING)
    assert module.export("first") == Export("first", "function", 2)
    assert module.export("missing") is None
    assert module.type_of_export("f") == FunctionType((I32, I64), (I32,))
    assert module.type_of_export("memory") == MemoryType(Limits(3, is64=True))
    assert module.type_of_export("e") == TagType(FunctionType((I64, I32), ()))
    assert module.type_of_export("missing") is None
    assert module.exported_as("function", 0) == "f"
    assert module.exported_as("function", 1) is None
    twice = assemble('(module (memory (export "one") (export "two") 1))')
    assert twice.exported_as("memory", 0) == "one"


def test_function_types_by_index_count_imports_first() -> None:
    module = assemble(EVERYTHING)
    assert str(module.function_type(0)) == "(i32, i64) -> (i32)"
    assert str(module.function_type(1)) == "() -> ()"
    for index in (-1, 3):
        with pytest.raises(IndexError, match=r"a\.wasm has 3 functions"):
            module.function_type(index)


def test_sections_are_views_of_the_bytes_given() -> None:
    data = bytes(wasmtime.wat2wasm(EVERYTHING))
    module = decode(data)
    for section in module.sections:
        assert section.payload.obj is data
        assert data[section.offset : section.offset + len(section.payload)] == section.payload
    assert module.join() == data
    assert module.size == len(data)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer_decodes(kind: type) -> None:
    assert decode(kind(wasmtime.wat2wasm(EVERYTHING))).export("first") is not None


def test_a_view_with_gaps_decodes() -> None:
    data = bytes(wasmtime.wat2wasm(EVERYTHING))
    doubled = bytes(byte for byte in data for _ in range(2))
    assert decode(memoryview(doubled)[::2]).join() == data


def test_the_smallest_module_is_empty() -> None:
    module = decode(b"\0asm\1\0\0\0")
    assert (module.imports, module.exports, module.sections) == ((), (), ())
    assert module.start is None


def test_garbage_collected_types_are_read_over() -> None:
    module = assemble(
        """
        (module
          (rec
            (type $node (sub (struct (field (mut i32)) (field (ref null $list)) (field i8))))
            (type $list (array (mut (ref $node)))))
          (type $leaf (sub final $node
            (struct (field (mut i32)) (field (ref null $list)) (field i8) (field i64))))
          (type $visit (func (param (ref $node) anyref) (result (ref null $leaf) i31ref)))
          (import "env" "visit" (func (type $visit)))
          (global (ref null $node) (ref.null $node))
          (global (ref $list) (array.new_default $list (i32.const 3)))
          (export "visit" (func 0)))
        """
    )
    assert [str(declared) for declared in module.types] == [
        "struct ((mut i32), (ref null 1), i8)",
        "array (mut (ref 0))",
        "struct ((mut i32), (ref null 1), i8, i64)",
        "((ref 0), anyref) -> ((ref null 2), i31ref)",
    ]
    assert str(module.type_of_export("visit")) == "((ref 0), anyref) -> ((ref null 2), i31ref)"
    first = module.globals[0].type
    assert isinstance(first, ReferenceType)
    assert (first.heap, first.nullable) == (0, True)


def test_constants_of_every_kind_are_read_over() -> None:
    module = assemble(
        """
        (module
          (import "env" "base" (global $base i32))
          (import "env" "far" (global $far i64))
          (type $pair (struct (field i32) (field i32)))
          (type $bytes (array i8))
          (func $f)
          (elem declare func $f)
          (global i32 (i32.add (global.get $base) (i32.mul (i32.const -4) (i32.const 2147483647))))
          (global i64 (i64.sub (global.get $far) (i64.const -9223372036854775808)))
          (global f32 (f32.const nan))
          (global f64 (f64.const -0))
          (global v128 (v128.const i64x2 0x0b0b0b0b0b0b0b0b 0))
          (global funcref (ref.func $f))
          (global externref (ref.null extern))
          (global anyref (struct.new $pair (i32.const 1) (i32.const 11)))
          (global anyref (array.new_fixed $bytes 2 (i32.const 1) (i32.const 2)))
          (global anyref (ref.i31 (i32.const 5)))
          (global anyref (any.convert_extern (ref.null extern)))
          (table 4 (ref null $pair) (struct.new_default $pair))
          (global (mut i32) (i32.const 1))
        )
        """
    )
    assert [str(variable.type) for variable in module.globals] == [
        "i32",
        "i64",
        "f32",
        "f64",
        "v128",
        "funcref",
        "externref",
        "anyref",
        "anyref",
        "anyref",
        "anyref",
        "i32",
    ]
    assert module.globals[-1].mutable


def test_segments_of_every_kind_are_read_over() -> None:
    module = assemble(
        """
        (module
          (memory 1) (memory 1) (table 8 funcref) (table 8 funcref)
          (func $f) (func $g data.drop 2)
          (elem (i32.const 0) $f $g)
          (elem (table 1) (i32.const 0) func $f)
          (elem func $g)
          (elem declare func $f)
          (elem (i32.const 4) funcref (ref.func $f) (ref.null func))
          (elem (table 1) (i32.const 4) funcref (ref.func $g))
          (elem funcref (ref.null func))
          (elem declare funcref (ref.func $g))
          (data (i32.const 0) "zero")
          (data (memory 1) (i32.const 70000) "one")
          (data "passive")
          (data (i32.const -1) "")
        )
        """
    )
    assert module.data_count == 4
    assert len(module.memories) == 2


def test_data_segments_of_every_length_are_read_over() -> None:
    # Lengths and addresses of one to five bytes each.
    sizes = (0, 1, 127, 128, 16383, 16384, 2097151, 2097152)
    places = (0, 63, 64, 8191, 8192, 1 << 20, (1 << 27) - 1, 1 << 27, -1)
    segments = [f'(data (i32.const {place}) "{"x" * size}")' for size in sizes for place in places]
    module = assemble(f"(module (memory 1) {' '.join(segments)} (func) )")
    assert len(module.sections[-1].payload) > 9 * sum(sizes)


def test_many_elements_with_long_indices_are_read_over() -> None:
    functions = " ".join(f"(func $f{index})" for index in range(300))
    elements = " ".join(f"$f{index % 300}" for index in range(1000))
    module = assemble(
        f"(module {functions} (table 2000 funcref)"
        f" (elem (i32.const 0) {elements}) (elem (i32.const 1000) {elements}))"
    )
    assert len(module.functions) == 300


def test_type_indices_beyond_one_byte() -> None:
    types = " ".join(f"(type $t{index} (func (param{' i32' * index})))" for index in range(200))
    functions = " ".join(f"(func (type $t{index}))" for index in range(200))
    module = assemble(f"(module {types} {functions})")
    assert module.functions == tuple(range(200))
    assert len(module.function_type(199).params) == 199


def test_custom_page_sizes() -> None:
    module = decode(bytes.fromhex("0061736d01000000 0504 01080500"), "tiny.wasm")
    (memory,) = module.memories
    assert memory == MemoryType(Limits(5, page_size_log2=0))
    assert (memory.page_size, memory.minimum_bytes, memory.maximum_bytes) == (1, 5, (1 << 32) - 1)


def test_grouped_imports_count_one_by_one() -> None:
    by_kind = assemble('(module (import "m" (item "a" (func)) (item "b" (global i32))))')
    assert [(str(wanted), wanted.kind) for wanted in by_kind.imports] == [
        ("m.a", "function"),
        ("m.b", "global"),
    ]
    by_type = assemble('(module (import "m" (item "a") (item "b") (func (param i32))))')
    assert [str(wanted.type) for wanted in by_type.imports] == ["(i32) -> ()"] * 2
    assert [wanted.name for wanted in by_type.imports] == ["a", "b"]


def test_custom_sections_by_name_in_order() -> None:
    module = assemble(
        """(module
          (@custom "note" (before first) "one")
          (func)
          (@custom "note" "two")
          (@custom "other" ""))"""
    )
    assert [bytes(content) for content in module.custom("note")] == [b"one", b"two"]
    assert [bytes(content) for content in module.custom("other")] == [b""]
    assert module.custom("missing") == []


def test_names_of_module_and_functions() -> None:
    names = assemble(EVERYTHING).name_section()
    assert names.module == "everything"
    assert names.functions == {0: "f", 1: "start", 2: "first"}


def test_a_module_without_names_has_none() -> None:
    names = decode(b"\0asm\1\0\0\0").name_section()
    assert names.module is None
    assert names.functions == {}


@pytest.mark.parametrize(
    ("content", "module_name", "functions"),
    [
        (b"\0\3\2me\1\x06\2\0\1f\1\1", "me", {0: "f"}),  # the second name is cut
        (b"\0\5\2me\1\4\1\0\1f", "me", {}),  # the module's part swallows what follows
        (b"\0\3\2m\xff", "m�", {}),  # not UTF-8
        (b"\1\x06\xff\xff\xff\xff\x0f\0", None, {}),  # 2**32-1 names
        (b"\x80", None, {}),
        (b"\2\1\0\1\4\1\7\1g", None, {7: "g"}),  # a part that means nothing here
    ],
)
def test_a_damaged_name_section_is_read_up_to_the_damage(
    content: bytes, module_name: str | None, functions: dict[int, str]
) -> None:
    payload = b"\4name" + content
    names = decode(b"\0asm\1\0\0\0\0" + bytes([len(payload)]) + payload).name_section()
    assert names.module == module_name
    assert names.functions == functions


ORACLE_NAMES = {
    "FuncType": "function",
    "TableType": "table",
    "MemoryType": "memory",
    "GlobalType": "global",
    "TagType": "tag",
}


def test_imports_and_exports_agree_with_wasmtime() -> None:
    data = wasmtime.wat2wasm(EVERYTHING)
    config = wasmtime.Config()
    config.wasm_exceptions = True
    config.wasm_threads = True
    config.shared_memory = True
    oracle = wasmtime.Module(wasmtime.Engine(config), data)
    module = decode(data)
    assert [(wanted.module, wanted.name, wanted.kind) for wanted in module.imports] == [
        (wanted.module, wanted.name, ORACLE_NAMES[type(wanted.type).__name__])
        for wanted in oracle.imports
    ]
    assert [(export.name, export.kind) for export in module.exports] == [
        (export.name, ORACLE_NAMES[type(export.type).__name__]) for export in oracle.exports
    ]
    first = module.type_of_export("first")
    assert isinstance(first, FunctionType)
    theirs = next(export.type for export in oracle.exports if export.name == "first")
    assert list(first.params) == [str(param) for param in theirs.params]
    assert list(first.results) == [str(result) for result in theirs.results]


def test_only_the_standard_library_is_imported() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        "import engines.wasm\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - sys.stdlib_module_names - {'engines', 'wasix'}))"
    )
    root = sys.modules["engines.wasm"].__file__
    assert root is not None
    shown = subprocess.run(
        [sys.executable, "-I", "-c", code, root.removesuffix("engines/wasm/__init__.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "\n"
