"""Values go into plain modules and come back as they were, as wasmtime's own API has them."""

from __future__ import annotations

import math
import struct
from functools import cache, lru_cache
from typing import Any

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wasix
from tests.api.plain import assembled, exports

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i32": st.integers(-(1 << 31), (1 << 31) - 1),
    "i64": st.integers(-(1 << 63), (1 << 63) - 1),
    "f32": st.floats(width=32),
    "f64": st.floats(),
}


def echo(types: tuple[str, ...], through_host: bool) -> str:
    """A function that gives back its arguments, last first."""
    params, results = " ".join(types), " ".join(reversed(types))
    signature = f"(param {params}) (result {results})"
    loads = " ".join(f"local.get {at}" for at in reversed(range(len(types))))
    if not through_host:
        return f'(func (export "f") {signature} {loads})'
    forward = " ".join(f"local.get {at}" for at in range(len(types)))
    imported = f'(import "env" "h" (func $h {signature}))'
    return f'{imported} (func (export "f") {signature} {forward} call $h)'


@lru_cache(8)  # an instance may have a process of its own
def ours(types: tuple[str, ...], on: str, through_host: bool) -> Any:
    def reverse(*values: Any) -> Any:
        return values[::-1] if len(values) > 1 else values[0]

    return exports(echo(types, through_host), on, h=reverse).f


@cache
def oracle(types: tuple[str, ...]) -> Any:
    store = wasmtime.Store()
    data = assembled(f"(module {echo(types, False)})")
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, data), [])
    function: Any = instance.exports(store)["f"]
    return lambda *values: function(store, *values)


def bits(value: Any) -> Any:
    """Values to compare, NaN too."""
    if isinstance(value, tuple | list):
        return [bits(one) for one in value]
    return struct.pack("<d", value) if isinstance(value, float) else value


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), through_host=st.booleans())
def test_values_come_back_as_wasmtime_gives_them(on: str, data: Any, through_host: bool) -> None:
    types = tuple(data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4)))
    values = [data.draw(VALUES[of]) for of in types]
    found = ours(types, on, through_host)(*values)
    assert bits(found) == bits(oracle(types)(*values))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), of=st.sampled_from(["i32", "i64"]))
def test_integers_are_taken_signed_or_unsigned(on: str, data: Any, of: str) -> None:
    size = int(of[1:])
    value = data.draw(st.integers(0, (1 << size) - 1))
    signed = value - (1 << size) if value >> size - 1 else value
    assert ours((of,), on, False)(value) == ours((of,), on, True)(signed) == signed


@pytest.mark.parametrize("through_host", [False, True])
@pytest.mark.parametrize(
    ("of", "number"),
    [
        ("f64", 0x7FF8000000000000),
        ("f64", 0xFFF8000000001234),
        ("f64", 0x7FF0000000000001),
        ("f32", 0x7FC01234),
    ],
)
def test_nan_keeps_its_bits(on: str, of: str, number: int, through_host: bool) -> None:
    width, whole, real = (8, "<Q", "<d") if of == "f64" else (4, "<I", "<f")
    value = struct.unpack(real, number.to_bytes(width, "little"))[0]
    assert math.isnan(value)
    found = ours((of,), on, through_host)(value)
    assert struct.unpack(whole, struct.pack(real, found))[0] == number


@pytest.mark.parametrize(
    ("of", "value", "error", "words"),
    [
        ("i32", 1 << 32, OverflowError, "32 bits"),
        ("i32", -(1 << 31) - 1, OverflowError, "32 bits"),
        ("i64", 1 << 64, OverflowError, "64 bits"),
        ("i32", 1.0, TypeError, "1.0 is no i32"),
        ("i32", "1", TypeError, "'1' is no i32"),
        ("f64", "1", TypeError, "'1' is no f64"),
        ("f64", None, TypeError, "None is no f64"),
        ("f64", 10**400, OverflowError, "too large"),
    ],
)
def test_what_does_not_fit_is_named(
    on: str, of: str, value: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        ours((of,), on, False)(value)
    assert str(caught.value).startswith("f: ")
    host = exports(echo((of,), True), on, h=lambda _: value).f
    with pytest.raises(error, match=words) as caught:
        host(0)
    assert str(caught.value).startswith("env.h: ")


def test_the_number_of_values_must_fit(on: str) -> None:
    with pytest.raises(TypeError, match="1 values are needed, not 2"):
        ours(("i32",), on, False)(1, 2)
    two = exports(echo(("i32", "i32"), True), on, h=lambda *_: (1,)).f
    with pytest.raises(TypeError, match="2 values are needed, not 1"):
        two(1, 2)
    one = exports(echo(("i32", "i32"), True), on, h=lambda *_: 7).f
    with pytest.raises(TypeError, match="7 is no 2 values"):
        one(1, 2)


def test_a_large_float_is_rounded_as_the_instruction_does(on: str) -> None:
    assert ours(("f32",), on, False)(1e300) == math.inf
    assert ours(("f32",), on, False)(0.1) == struct.unpack("f", struct.pack("f", 0.1))[0]


def test_vectors_are_bytes(on: str) -> None:
    if on == "jsc-jitless":
        with pytest.raises(wasix.ProgramInvalid, match="needs simd, which jsc-jitless lacks"):
            exports('(func (export "f") (param v128))', on)
        return
    add = exports(
        """(func (export "add") (param v128 v128) (result v128)
             (i8x16.add (local.get 0) (local.get 1)))
           (global (export "g") (mut v128) (v128.const i64x2 1 2))""",
        on,
    )
    assert add.add(bytes(range(16)), bytes([1] * 16)) == bytes(range(1, 17))
    assert add.g.value == struct.pack("<qq", 1, 2)
    add.g.value = b"0123456789abcdef"
    assert add.g.value == b"0123456789abcdef"
    with pytest.raises(TypeError, match="it takes 16 bytes"):
        add.add(b"short", bytes(16))


def test_objects_go_through_as_they_are(on: str) -> None:
    through = exports(
        """(import "env" "h" (func $h (param externref externref) (result externref)))
           (table (export "t") 2 externref)
           (global (export "g") (mut externref) (ref.null extern))
           (func (export "f") (param externref externref) (result externref)
             (call $h (local.get 1) (local.get 0)))
           (func (export "keep") (param externref) (table.set (i32.const 0) (local.get 0)))
           (func (export "null") (param externref) (result i32) (ref.is_null (local.get 0)))""",
        on,
        h=lambda a, b: (a, b) if a is not b else a,
    )
    one, other = object(), {"a": [1]}
    assert through.f(one, other) == (other, one)
    assert through.f(one, one) is one
    assert through.f(None, None) is None
    assert (through.null(None), through.null(0), through.null(False)) == (1, 0, 0)
    through.keep(one)
    assert through.t.get(0) is one
    assert through.t.get(1) is None
    through.t.set(1, other)
    assert through.t.get(1) is other
    through.g.value = other
    assert through.g.value is other


def test_objects_outlive_a_thousand_others(on: str) -> None:
    kept = exports(
        """(import "env" "h" (func $h (param externref) (result externref)))
           (table $t 1000 externref)
           (func (export "put") (param i32 externref)
             (table.set $t (local.get 0) (call $h (local.get 1))))
           (func (export "get") (param i32) (result externref) (table.get $t (local.get 0)))""",
        on,
        h=lambda value: value,
    )
    for turn in range(5):
        objects = [[turn, at] for at in range(1000)]
        for at, value in enumerate(objects):
            kept.put(at, value)
        assert all(kept.get(at) is value for at, value in enumerate(objects))


def test_functions_are_values(on: str) -> None:
    found = exports(
        """(type $t (func (param i32) (result i32)))
           (import "env" "h" (func $h (param funcref) (result funcref)))
           (table (export "t") 2 funcref) (elem (i32.const 0) $double)
           (func $double (type $t) (i32.mul (local.get 0) (i32.const 2)))
           (func (export "square") (type $t) (i32.mul (local.get 0) (local.get 0)))
           (func (export "call") (param i32 funcref) (result i32)
             (table.set (i32.const 1) (local.get 1))
             (call_indirect (type $t) (local.get 0) (i32.const 1)))
           (func (export "f") (param funcref) (result funcref) (call $h (local.get 0)))""",
        on,
        h=lambda function: function,
    )
    assert found.call(7, found.square) == 49
    assert found.t.get(1) == found.square
    assert found.t.get(0)(21) == 42
    assert found.call(7, found.t.get(0)) == 14
    assert found.f(found.square)(3) == 9
    assert found.f(None) is None
    with pytest.raises(TypeError, match="only functions of instances"):
        found.call(1, len)
    with pytest.raises(wasix.Trap, match=r"uninitialized element|indirect call type mismatch"):
        found.call(1, None)


def test_a_type_that_python_lacks_is_named(on: str) -> None:
    found = exports('(func (export "f") (param anyref))', on)
    with pytest.raises(TypeError, match=r"f has type \(anyref\) -> \(\), and Python has no value"):
        found.f(1)
