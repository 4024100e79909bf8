"""The declarations, against what wasmtime offers, what guests import, and C's layouts."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from docs.generate import PATH, render
from engines.wasm import decode
from tests.guests.build import compile_guest
from wasix.abi import CALLS, INTERFACES, PREVIEW1, REVISIONS, SNAPSHOT0, Function, lookup
from wasix.abi import types as t
from wasix.abi.layout import Type
from wasix.calls import HANDLERS, nosys


def test_there_are_46_functions() -> None:
    assert len({function.name for function in PREVIEW1.functions}) == 46
    names = {function.name for function in SNAPSHOT0.functions}
    assert names == {function.name for function in PREVIEW1.functions} - {"sock_accept"}


@pytest.mark.parametrize("function", PREVIEW1.functions, ids=lambda function: function.name)
def test_wasmtime_offers_the_same_type(function: Function) -> None:
    params = " ".join(function.wasm_params)
    results = " ".join(function.wasm_results)
    engine = wasmtime.Engine()
    module = wasmtime.Module(
        engine,
        f'(module (import "{PREVIEW1.module}" "{function.name}"'
        f" (func (param {params}) (result {results}))))",
    )
    store = wasmtime.Store(engine)
    store.set_wasi(wasmtime.WasiConfig())
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    linker.instantiate(store, module)


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.name)
def test_every_function_has_a_handler(function: Function) -> None:
    assert callable(HANDLERS.get(function.served_by, nosys))
    assert function.doc


def test_variants_of_a_name_differ_in_type() -> None:
    for interface in REVISIONS["latest"]:
        for function in interface.functions:
            types = [
                (f.wasm_params, f.wasm_results) for f in lookup(interface.module, function.name)
            ]
            assert len(types) == len(set(types))


# (size, alignment) of wasm32, from the witx documents and wasi-libc's headers.
LAYOUTS: list[tuple[Type, int, int]] = [
    (t.FDSTAT, 24, 8),
    (t.FILESTAT, 64, 8),
    (t.FILESTAT0, 56, 8),
    (t.DIRENT, 24, 8),
    (t.PRESTAT, 8, 4),
    (t.SUBSCRIPTION, 48, 8),
    (t.SUBSCRIPTION0, 56, 8),
    (t.EVENT, 32, 8),
]


@pytest.mark.parametrize(("type_", "size", "align"), LAYOUTS, ids=lambda value: str(value)[:20])
def test_layouts_are_those_of_c(type_: Type, size: int, align: int) -> None:
    assert (type_.size, type_.align) == (size, align)


@pytest.mark.parametrize("name", ["args", "poll", "path_open", "fd_stat", "sock"])
def test_what_libc_imports_is_declared(name: str) -> None:
    module = decode(Path(compile_guest(name)).read_bytes())
    for item in module.imports:
        types = {(f.wasm_params, f.wasm_results) for f in lookup(item.module, item.name)}
        assert (
            tuple(map(str, item.type.params)),  # type: ignore[union-attr]  # functions only
            tuple(map(str, item.type.results)),  # type: ignore[union-attr]
        ) in types


def test_the_page_of_the_abi_names_every_function() -> None:
    page, text = PATH.read_text(), render()
    for function in (function for interface in INTERFACES for function in interface.functions):
        assert f"`{function.name}" in page
    # All but the counts of passed cases, which only a whole run of the tests settles.
    assert [line.split(" | ")[:3] for line in page.splitlines()] == [
        line.split(" | ")[:3] for line in text.splitlines()
    ]
