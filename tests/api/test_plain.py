"""Plain modules: what they declare, how they are linked, how they trap and end."""

from __future__ import annotations

import gc
import re
import weakref
from pathlib import Path
from typing import Any

import pytest

import engines
import wasix
from bench.subjects.memory import resident
from engines.plain import Plain
from engines.protocol import EngineError
from tests import selection
from tests.api.plain import assembled, exports, instance, module

ADD = """(func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
         (func (export "a name, with spaces") (result i64) (i64.const -1))"""


def test_a_module_tells_what_is_in_it(on: str, tmp_path: Path) -> None:
    data = assembled(
        '(module (import "env" "f" (func (param i32))) (memory (export "m") 1 2)'
        ' (global (export "g") (mut f64) (f64.const 0))'
        ' (@custom "note" "one") (@custom "note" "2"))'
    )
    path = tmp_path / "plug-in.wasm"
    path.write_bytes(data)
    for source in (data, path, str(path), memoryview(data)):
        found = wasix.Module(source, engine=on)
        assert found.engine == on
        assert [(item.module, item.name, item.kind) for item in found.imports] == [
            ("env", "f", "function")
        ]
        assert str(found.imports[0].type) == "(i32) -> ()"
        assert [(item.name, str(item.type)) for item in found.exports] == [
            ("m", "memory 1 2"),
            ("g", "global (mut f64)"),
        ]
        assert found.custom_sections("note") == [b"one", b"2"]
        assert found.custom_sections("other") == []


def test_exports_by_attribute_and_by_name(on: str) -> None:
    with instance(ADD, on) as found:
        assert found.exports.add(1, 2) == 3
        assert found.exports["a name, with spaces"]() == -1
        assert list(found.exports) == ["add", "a name, with spaces"]
        assert "add" in found.exports
        assert "sub" not in found.exports
        assert found.exports.add is found.exports["add"]
        with pytest.raises(AttributeError, match="exports no 'sub'"):
            found.exports.sub(1)
        with pytest.raises(KeyError):
            found.exports["sub"]


@pytest.mark.parametrize("data", [b"", b"\0asm", b"\0asm\1\0\0\0\1", b"hello"])
def test_what_is_no_module_is_refused(on: str, data: bytes) -> None:
    with pytest.raises(wasix.ProgramInvalid):
        wasix.Module(data, engine=on)


def test_a_body_that_is_wrong_is_refused(on: str) -> None:
    data = assembled(f"(module {ADD})").replace(b"\x20\x00\x20\x01\x6a", b"\x20\x00\x20\x01\x7c")
    with pytest.raises(wasix.ProgramInvalid, match="module"):
        wasix.Module(data, engine=on)


WANTED = {
    "function": ("(func (param i32) (result i64))", r"\(i32\) -> \(i64\)"),
    "memory": ("(memory 2 3)", "memory 2 3"),
    "global": ("(global (mut i32))", r"global \(mut i32\)"),
    "table": ("(table 2 funcref)", "table 2 funcref"),
}

GIVEN: list[tuple[str, Any, str]] = [
    ("function", wasix.Memory(1), "a memory 1"),
    ("function", 5, "an int: 5"),
    ("memory", wasix.Memory(2, 4), "a memory 2 4"),
    ("memory", wasix.Memory(1, 3), "a memory 1 3"),
    ("memory", wasix.Memory(2, 3, shared=True), "a memory 2 3 shared"),
    ("memory", len, "a Python function"),
    ("global", wasix.Global("i32", 1), "a global i32"),
    ("global", wasix.Global("i64", 1, mutable=True), r"a global \(mut i64\)"),
    ("table", wasix.Table("externref", 2), "a table 2 externref"),
    ("table", wasix.Table("funcref", 1), "a table 1 funcref"),
]


@pytest.mark.parametrize(("kind", "value", "given"), GIVEN)
def test_a_link_error_names_both_types(on: str, kind: str, value: Any, given: str) -> None:
    text, wanted = WANTED[kind]
    with pytest.raises(wasix.LinkError, match=f"imports env.it as {wanted}, but.* {given}$"):
        instance(f'(import "env" "it" {text})', on, {"env": {"it": value}})


def test_a_function_of_another_type_is_not_linked(on: str) -> None:
    found = exports(ADD, on)
    with pytest.raises(wasix.LinkError) as caught:
        instance('(import "m" "add" (func (param i64)))', on, {"m": found})
    text = r"module imports m.add as (i64) -> (), but it is given a function (i32, i32) -> (i32)"
    assert str(caught.value) == text


def test_everything_missing_is_named_at_once(on: str) -> None:
    text = '(import "a" "f" (func)) (import "a" "g" (global i32)) (import "b" "h" (func))'
    with pytest.raises(wasix.LinkError) as caught:
        instance(text, on, {"b": {"h": print}})
    assert str(caught.value) == (
        "module imports a.f as () -> (), which it is not given\n"
        "module imports a.g as global i32, which it is not given"
    )


def test_instances_share_what_they_export(on: str) -> None:
    first = exports(
        """(memory (export "m") 1) (global (export "g") (mut i32) (i32.const 1))
           (table (export "t") 1 funcref) (func (export "f") (result i32) (i32.const 7))""",
        on,
    )
    second = instance(
        """(import "first" "m" (memory 1)) (import "first" "g" (global $g (mut i32)))
           (import "first" "t" (table 1 funcref)) (import "first" "f" (func $f (result i32)))
           (elem (i32.const 0) $f)
           (func (export "run")
             (i32.store8 (i32.const 3) (i32.const 42))
             (global.set $g (i32.add (global.get $g) (call $f))))""",
        on,
        {"first": first},
    )
    second.exports.run()
    assert first.m.view()[3] == 42
    assert first.g.value == 8
    assert first.t.get(0)() == 7
    strange = exports('(func (export "f") (result i32) (i32.const 7))', on)
    with pytest.raises(wasix.LinkError, match="not linked to the others"):
        instance(
            '(import "a" "m" (memory 1)) (import "b" "f" (func (result i32)))',
            on,
            {"a": first, "b": strange},
        )


@pytest.mark.parametrize("name", ["__proto__", "constructor", "toString", "", "\N{SNOWMAN}"])
def test_names_are_names(on: str, name: str) -> None:
    text = f"""(import "{name}" "{name}" (func $f (result i32)))
        (func (export "{name}") (result i32) (call $f))"""
    assert instance(text, on, {name: {name: lambda: 7}}).exports[name]() == 7


TRAPS = {
    "unreachable": "unreachable",
    "integer divide by zero": "(drop (i32.div_s (i32.const 1) (global.get $zero)))",
    "integer overflow": "(drop (i32.div_s (i32.const 0x80000000) (global.get $minus)))",
    "invalid conversion to integer": "(drop (i32.trunc_f32_s (f32.const nan)))",
    "out of bounds memory access": "(drop (i32.load (i32.const 65536)))",
    "undefined element": "(call_indirect (i32.const 9))",
    "indirect call type mismatch": "(call_indirect (i32.const 1))",
    "call stack exhausted": "(call $f)",
}


@pytest.mark.parametrize("words", TRAPS)
def test_traps_have_the_words_of_the_specification(on: str, words: str) -> None:
    found = exports(
        f"""(memory 1) (table 2 funcref) (global $zero (mut i32) (i32.const 0))
            (global $minus (mut i32) (i32.const -1))
            (elem (i32.const 1) $other) (func $other (param i32))
            (func $f (export "f") {TRAPS[words]}) (func $outer (export "g") (call $f))""",
        on,
    )
    with pytest.raises(wasix.Trap) as caught:
        found.g()
    assert str(caught.value) == words
    names = [frame.name for frame in caught.value.backtrace]
    assert names[0] == "f"
    assert words == "call stack exhausted" or names == ["f", "outer"]
    with pytest.raises(wasix.Trap, match=words):
        found.g()


def test_a_start_function_may_trap_and_call_out(on: str) -> None:
    with pytest.raises(wasix.Trap, match="unreachable"):
        instance("(func $f unreachable) (start $f)", on)
    seen: list[int] = []
    text = '(import "env" "f" (func $f (param i32))) (func $s (call $f (i32.const 3))) (start $s)'
    instance(text, on, {"env": {"f": seen.append}})
    assert seen == [3]

    def fail(_: int) -> None:
        raise LookupError("from the start function")

    with pytest.raises(LookupError, match="from the start function"):
        instance(text, on, {"env": {"f": fail}})


def test_what_is_closed_says_so(on: str) -> None:
    found = instance(ADD + '(memory (export "m") 1)', on)
    add, memory = found.exports.add, found.exports.m
    view = memory.view()
    view[0] = 1
    found.close()
    found.close()
    for action in (lambda: add(1, 2), memory.view, lambda: memory.size, lambda: memory.grow(1)):
        with pytest.raises(wasix.UsageError, match="the instance is closed"):
            action()
    assert (view[0], len(view)) == (1, 65536)


def test_what_is_let_go_of_is_freed(on: str) -> None:
    class Host:
        """Refers to the instance that refers to it."""

        instance: wasix.Instance

        def __call__(self) -> None: ...

    host = Host()
    host.instance = instance(
        '(import "env" "f" (func)) (memory (export "m") 1)', on, {"env": {"f": host}}
    )
    gone = weakref.ref(host)
    view = host.instance.exports.m.view()
    view[5] = 9
    del host
    gc.collect()
    assert view[5] == 9
    del view
    gc.collect()
    assert gone() is None


def many(on: str) -> int:
    if on == "cranelift":
        return 10_000 if selection.FULL else 1000
    return 200 if selection.FULL and on == "v8" else 40


def test_many_instances_leave_nothing(on: str) -> None:
    """Half of them closed, half let go of, each in a cycle with an object that its table holds."""

    class Plugin:
        instance: wasix.Instance

        def host(self, value: object) -> object:
            return value

    compiled = module(
        """(import "env" "h" (func $h (param externref) (result externref)))
           (memory (export "m") 1) (table 2 externref)
           (func (export "f") (param externref) (result externref)
             (table.set (i32.const 1) (local.get 0)) (call $h (local.get 0)))""",
        on,
    )
    live: weakref.WeakSet[Plugin] = weakref.WeakSet()
    sizes = []
    count = many(on)
    for turn in range(1, count + 1):
        plugin = Plugin()
        live.add(plugin)
        plugin.instance = wasix.Instance(compiled, {"env": {"h": plugin.host}})
        assert plugin.instance.exports.f(plugin) is plugin
        plugin.instance.exports.m.view()[0] = 1
        if turn % 2:
            plugin.instance.close()
        if turn in (count // 2, count):
            del plugin
            gc.collect()
            assert not live
            sizes.append(resident())
    assert sizes[1] - sizes[0] < 16 << 20


def test_an_engine_that_is_not_known_is_named(on: str) -> None:
    with pytest.raises(wasix.EngineUnavailable, match="no engine 'nonesuch'"):
        wasix.Module(assembled("(module)"), engine="nonesuch")


def test_the_engine_is_chosen_among_those_that_are_here(
    on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = engines.get_plain

    def only(name: str) -> Plain:
        if name != on:
            raise EngineError(f"there is no {name} here")
        return get(name)

    monkeypatch.setattr(engines, "get_plain", only)
    assert wasix.Module(assembled(f"(module {ADD})")).engine == on


def test_the_page_has_a_line_for_every_engine(on: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "api.md"
    assert re.search(rf"^\| .*`{on}`.* \| yes", page.read_text(), re.M)


OUTSIDE = {
    "(call_indirect (i32.const 9))": "undefined element",
    "(return_call_indirect (i32.const 9))": "undefined element",
    "(drop (table.get $t (i32.const 9)))": "undefined element",
    "(table.fill $t (i32.const 9) (ref.null func) (i32.const 9))": "undefined element",
    "(drop (i32.load (i32.const 65536)))": "out of bounds memory access",
    "(memory.fill (i32.const 65536) (i32.const 0) (i32.const 1))": "out of bounds memory access",
}


@pytest.mark.parametrize("code", OUTSIDE)
def test_outside_of_a_table_is_not_outside_of_a_memory(on: str, code: str) -> None:
    text = f'(memory 1) (table $t 2 funcref) (func (export "f") {code})'
    with pytest.raises(wasix.Trap, match=OUTSIDE[code]):
        exports(text, on).f()
