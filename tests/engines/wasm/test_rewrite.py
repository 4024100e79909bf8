"""Rewritten modules are valid, hold what was asked, and run."""

from collections.abc import Callable

import pytest
import wasmtime

from engines.wasm import (
    DecodeError,
    Export,
    Limits,
    MemoryLimitError,
    MemoryType,
    Module,
    add_export,
    binary,
    clamp_memory,
    decode,
    export_hidden,
    export_start,
    replace_sections,
    set_exports,
    set_imports,
)

PAGE = 1 << 16
MIB = 1 << 20

CONFIG = wasmtime.Config()
CONFIG.wasm_custom_page_sizes = True
CONFIG.wasm_exceptions = True
CONFIG.wasm_gc = True
CONFIG.wasm_function_references = True
CONFIG.wasm_threads = True
CONFIG.shared_memory = True
ENGINE = wasmtime.Engine(CONFIG)


def assemble(text: str, name: str = "a.wasm") -> Module:
    return decode(bytes(wasmtime.wat2wasm(text)), name)


def checked(module: Module) -> Module:
    """The module itself, once it is known that its bytes are valid and say the same."""
    data = module.join()
    wasmtime.Module.validate(ENGINE, data)
    again = decode(data, module.name)
    assert len(data) == module.size
    for part in ("types", "imports", "functions", "tables", "memories", "tags", "globals"):
        assert getattr(again, part) == getattr(module, part)
    assert again.exports == module.exports
    assert again.start == module.start
    assert [section[:2] for section in again.sections] == [
        section[:2] for section in module.sections
    ]
    return module


def instantiate(module: Module) -> tuple[wasmtime.Store, Callable[[str], object]]:
    """The store and exports of an instance of a module without imports."""
    store = wasmtime.Store(ENGINE)
    instance = wasmtime.Instance(store, wasmtime.Module(ENGINE, module.join()), [])
    return store, instance.exports(store).__getitem__


def memory_limits(module: Module) -> list[Limits]:
    found = module.index_space("memory")
    return [memory.limits for memory in found if isinstance(memory, MemoryType)]


# Clamping memory


@pytest.mark.parametrize(
    ("memory", "limit", "clamped"),
    [
        ("1", 16 * MIB, Limits(1, 256)),
        ("1 100", 16 * MIB, Limits(1, 100)),
        ("1 1000", 16 * MIB, Limits(1, 256)),
        ("1", PAGE, Limits(1, 1)),
        ("1", 3 * PAGE - 1, Limits(1, 2)),
        ("0", 0, Limits(0, 0)),
        ("1", 4 << 30, Limits(1)),
        ("1", 1 << 40, Limits(1)),
        ("i64 1", 16 * MIB, Limits(1, 256, is64=True)),
        ("i64 1", 1 << 40, Limits(1, 1 << 24, is64=True)),
        ("1 1000 shared", 16 * MIB, Limits(1, 256, shared=True)),
        ("5 (pagesize 1)", 1000, Limits(5, 1000, page_size_log2=0)),
        ("5 50 (pagesize 1)", 1000, Limits(5, 50, page_size_log2=0)),
    ],
)
@pytest.mark.parametrize("imported", [False, True])
def test_a_memory_grows_no_further_than_the_limit(
    memory: str, limit: int, clamped: Limits, imported: bool
) -> None:
    where = '(import "env" "memory")' if imported else ""
    module = assemble(f'(module (memory {where} {memory}) (export "m" (memory 0)))')
    assert memory_limits(checked(clamp_memory(module, limit))) == [clamped]


def test_the_engine_stops_growing_at_the_limit() -> None:
    module = assemble(
        """(module (memory 1)
             (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"""
    )
    store, exports = instantiate(clamp_memory(module, 4 * PAGE))
    grow = exports("grow")
    assert isinstance(grow, wasmtime.Func)
    assert grow(store, 3) == 1
    assert grow(store, 1) == -1


def test_a_module_within_the_limit_is_left_alone() -> None:
    for text in ("(module (memory 1 2))", "(module)"):
        module = assemble(text)
        assert clamp_memory(module, 2 * PAGE) is module


@pytest.mark.parametrize(
    ("memories", "limit", "text"),
    [
        (["1024"], 32 * MIB, "64 MiB of memory to start, but the limit is 32 MiB"),
        (["1"], 1000, "64 KiB of memory to start, but the limit is 1000 bytes"),
        (["1", "i64 2"], 2 * PAGE, "192 KiB of memory to start, but the limit is 128 KiB"),
        (["7 (pagesize 1)"], 0, "7 bytes of memory to start, but the limit is 0 bytes"),
        (
            ["i64 281474976710656"],
            1 << 30,
            "17179869184 GiB of memory to start, but the limit is 1 GiB",
        ),
    ],
)
def test_a_module_that_starts_over_the_limit_is_refused(
    memories: list[str], limit: int, text: str
) -> None:
    module = assemble(f"(module {' '.join(f'(memory {m})' for m in memories)})", "big.wasm")
    with pytest.raises(MemoryLimitError) as caught:
        clamp_memory(module, limit)
    assert str(caught.value) == f"big.wasm needs {text}"


@pytest.mark.parametrize(
    ("memories", "pages", "maxima"),
    [
        (["1", "1"], 10, [5, 5]),
        (["1", "1 2"], 10, [8, 2]),
        (["1 2", "1", "0 1"], 10, [2, 7, 1]),
        (["4", "1"], 10, [6, 4]),
        (["3 3", "1"], 10, [3, 7]),
        (["1", "i64 1"], 11, [5, 6]),
        (["2", "2"], 4, [2, 2]),
    ],
)
def test_several_memories_share_the_limit(
    memories: list[str], pages: int, maxima: list[int]
) -> None:
    module = assemble(f"(module {' '.join(f'(memory {memory})' for memory in memories)})")
    clamped = memory_limits(checked(clamp_memory(module, pages * PAGE)))
    assert [limits.maximum for limits in clamped] == maxima


def test_imported_and_defined_memories_share_the_limit() -> None:
    module = assemble(
        """(module
          (import "env" "f" (func (param i32)))
          (import "env" "a" (memory 1))
          (import "env" "t" (table 1 funcref))
          (import "env" "b" (memory 2 3))
          (memory 1 (pagesize 1)))"""
    )
    clamped = checked(clamp_memory(module, 9 * PAGE + 1))
    assert [str(wanted.type) for wanted in clamped.imports] == [
        "(i32) -> ()",
        "memory 1 3",
        "table 1 funcref",
        "memory 2 3",
    ]
    (own,) = clamped.memories
    assert own.maximum_bytes == 3 * PAGE + 1


# Exports


STATE = """
(module
  (global $counter (mut i32) (i32.const 41))
  (global $constant i32 (i32.const 1))
  (global $shown (mut i64) (i64.const 2))
  (table $hidden 3 funcref)
  (memory $memory 1)
  (export "shown" (global $shown))
  (func (export "next") (result i32)
    (global.set $counter (i32.add (global.get $counter) (global.get $constant)))
    (global.get $counter))
  (data (i32.const 8) "saved"))
"""


def test_hidden_state_is_exported() -> None:
    module = assemble(STATE)
    opened = checked(export_hidden(module))
    assert opened.exports == (
        *module.exports,
        Export("__wasix_global_0", "global", 0),
        Export("__wasix_table_0", "table", 0),
        Export("__wasix_memory_0", "memory", 0),
    )
    assert opened.exported_as("global", 0) == "__wasix_global_0"
    assert opened.exported_as("global", 1) is None
    assert opened.exported_as("global", 2) == "shown"


def test_exported_state_can_be_read_and_written() -> None:
    store, exports = instantiate(export_hidden(assemble(STATE)))
    counter = exports("__wasix_global_0")
    memory = exports("__wasix_memory_0")
    advance = exports("next")
    assert isinstance(counter, wasmtime.Global)
    assert isinstance(memory, wasmtime.Memory)
    assert isinstance(advance, wasmtime.Func)
    assert counter.value(store) == 41
    counter.set_value(store, wasmtime.Val.i32(99))
    assert advance(store) == 100
    assert memory.read(store, 8, 13) == b"saved"


def test_imported_state_is_exported_too() -> None:
    module = assemble(
        """(module
          (import "env" "g" (global (mut i32)))
          (import "env" "constant" (global i32))
          (import "env" "m" (memory 1 2 shared)))"""
    )
    assert [export.name for export in checked(export_hidden(module)).exports] == [
        "__wasix_global_0",
        "__wasix_memory_0",
    ]


def test_a_guest_cannot_take_the_names_of_what_is_hidden() -> None:
    module = assemble(
        """(module (memory 1) (table 1 funcref)
          (func (export "__wasix_memory_0")) (func (export "__wasix__")))"""
    )
    opened = checked(export_hidden(module))
    assert [export.name for export in opened.exports[2:]] == [
        "__wasix___table_0",
        "__wasix___memory_0",
    ]


def test_a_module_that_hides_nothing_is_left_alone() -> None:
    module = assemble('(module (memory (export "m") 1) (global i32 (i32.const 0)))')
    assert export_hidden(module) is module


def test_a_start_function_becomes_an_export() -> None:
    module = assemble(
        """(module
             (global $calls (export "calls") (mut i32) (i32.const 0))
             (func $start (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
             (start $start)
             (func (export "__wasix_taken")))"""
    )
    changed, name = export_start(module)
    assert (changed.start, name) == (None, "__wasix__start")
    store = wasmtime.Store(ENGINE)
    exports = wasmtime.Instance(store, wasmtime.Module(ENGINE, changed.join()), []).exports(store)
    calls, start = exports["calls"], exports[name]
    assert isinstance(calls, wasmtime.Global)
    assert isinstance(start, wasmtime.Func)
    assert calls.value(store) == 0
    start(store)
    assert calls.value(store) == 1


def test_a_module_without_a_start_function_is_left_alone() -> None:
    module = assemble("(module)")
    assert export_start(module) == (module, None)


def test_exports_are_replaced_and_added() -> None:
    module = assemble('(module (func (export "f")) (memory 1))')
    renamed = checked(set_exports(module, [Export("ƒ", "function", 0)]))
    assert renamed.exports == (Export("ƒ", "function", 0),)
    more = checked(add_export(renamed, "memory", "memory", 0))
    assert more.export("memory") == Export("memory", "memory", 0)
    assert checked(set_exports(more, [])).exports == ()


def test_exports_that_make_no_sense_are_refused() -> None:
    module = assemble('(module (func (export "f")))')
    with pytest.raises(DecodeError, match='"f" is exported twice'):
        add_export(module, "f", "function", 0)
    with pytest.raises(DecodeError, match='"g" exports function 1, which is out of range'):
        add_export(module, "g", "function", 1)


# Any section


def test_imports_come_back_as_they_were() -> None:
    module = assemble(
        """(module
          (type $f (func (param i32)))
          (rec (type $node (struct (field (ref null $node)))) (type $g (func)))
          (import "a" "f" (func (type $f)))
          (import "a" "g" (func (type $g)))
          (import "b" "e" (tag (type $f)))
          (import "b" "t" (table i64 1 (ref null $node)))
          (import "b" "x" (global (mut externref)))
          (import "b" "y" (global (ref null $node)))
          (import "é" "m" (memory i64 1 2)))"""
    )
    again = checked(set_imports(module, module.imports))
    assert again.imports == module.imports
    assert [bytes(old.payload) for old in module.sections] == [
        bytes(new.payload) for new in again.sections
    ]


def test_grouped_imports_are_written_one_by_one() -> None:
    module = assemble('(module (import "m" (item "a") (item "b") (func (param i32))))')
    assert checked(set_imports(module, module.imports)).imports == module.imports


def test_what_is_not_replaced_is_not_copied() -> None:
    data = bytes(wasmtime.wat2wasm(STATE))
    rewritten = export_hidden(decode(data))
    shared = sum(len(piece) for piece in rewritten.buffers() if piece.obj is data)
    (exports,) = (s for s in decode(data).sections if s.id == binary.EXPORT)
    assert shared == len(data) - len(binary.HEADER) - len(exports.head) - len(exports.payload)


ORDERED = [
    (binary.TYPE, binary.vector([b"\x60\0\0"])),
    (binary.IMPORT, binary.vector([b"\1m\1f\0\0"])),
    (binary.FUNCTION, binary.vector([b"\0"])),
    (binary.TABLE, binary.vector([b"\x70\0\1"])),
    (binary.MEMORY, binary.vector([b"\0\1"])),
    (binary.TAG, binary.vector([b"\0\0"])),
    (binary.GLOBAL, binary.vector([b"\x7f\0\x41\0\x0b"])),
    (binary.EXPORT, binary.vector([b"\1e\0\0"])),
    (binary.START, b"\0"),
    (binary.ELEMENT, binary.vector([b"\0\x41\0\x0b\1\0"])),
    (binary.DATA_COUNT, b"\1"),
    (binary.CODE, binary.vector([b"\2\0\x0b"])),
    (binary.DATA, binary.vector([b"\0\x41\0\x0b\1x"])),
]


def test_sections_are_put_in_their_order() -> None:
    module = checked(replace_sections(decode(binary.HEADER), dict(reversed(ORDERED))))
    assert [section.id for section in module.sections] == [section for section, _ in ORDERED]
    assert module.start == 0


@pytest.mark.parametrize(
    "section",
    # Those that nothing else in the module refers to.
    [
        binary.TAG,
        binary.GLOBAL,
        binary.EXPORT,
        binary.START,
        binary.ELEMENT,
        binary.DATA_COUNT,
    ],
)
def test_a_section_taken_out_goes_back_where_it_was(section: int) -> None:
    whole = checked(replace_sections(decode(binary.HEADER), dict(ORDERED)))
    without = checked(replace_sections(whole, {section: None}))
    assert section not in [left.id for left in without.sections]
    back = checked(replace_sections(without, {section: dict(ORDERED)[section]}))
    assert back.join() == whole.join()


def test_new_sections_go_between_custom_ones() -> None:
    module = assemble(
        '(module (@custom "dylink.0" (before first) "") (memory 1) (@custom "producers" ""))'
    )
    typed = checked(replace_sections(module, {binary.TYPE: b"\0", binary.EXPORT: b"\0"}))
    assert [section.name for section in typed.sections] == [
        "custom",
        "type",
        "memory",
        "export",
        "custom",
    ]


def test_a_module_of_custom_sections_gets_new_ones_at_the_end() -> None:
    module = assemble('(module (@custom "dylink.0" ""))')
    assert [s.name for s in replace_sections(module, {binary.TYPE: b"\0"}).sections] == [
        "custom",
        "type",
    ]


def test_results_that_are_no_modules_are_refused() -> None:
    module = assemble("(module (func))")
    with pytest.raises(DecodeError, match=r"a\.wasm: 1 functions are declared, but 0 have code"):
        replace_sections(module, {binary.CODE: None})
    with pytest.raises(DecodeError, match="the memory section is 1 bytes longer"):
        replace_sections(module, {binary.MEMORY: b"\0\0"})


@pytest.mark.parametrize("section", [binary.CUSTOM, 14, -1])
def test_only_numbered_sections_can_be_replaced(section: int) -> None:
    with pytest.raises(ValueError, match="is not the id of a section that can be replaced"):
        replace_sections(assemble("(module)"), {section: b""})


def test_changes_follow_one_another() -> None:
    module = assemble(STATE)
    changed = checked(clamp_memory(export_hidden(add_export(module, "n", "function", 0)), 2 * PAGE))
    assert changed.export("n") is not None
    assert changed.export("__wasix_memory_0") is not None
    assert memory_limits(changed) == [Limits(1, 2)]


def test_types_that_segments_need_cannot_be_taken_away() -> None:
    module = assemble(
        """(module (type $t (func)) (func (type $t)) (type $s (struct))
          (elem (ref null $s) (ref.null $s)))"""
    )
    with pytest.raises(DecodeError, match="type 1 is out of range"):
        replace_sections(module, {binary.TYPE: binary.vector([b"\x60\0\0"])})
