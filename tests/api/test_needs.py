"""Modules that need what an engine lacks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import engines
import wasix
from engines.protocol import EngineError

Wat = Callable[[str], str]

TWO_MEMORIES = '(module (memory (export "memory") 1) (memory 1) (func (export "_start")))'
SHARED = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 10 shared)
  (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (func (export "_start")
    (drop (memory.grow (i32.const 2)))
    (i32.atomic.store8 (i32.const 16) (i32.const 46))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 131072))
      (then unreachable))))"""
SMALL_PAGES = '(module (memory (export "memory") 4 (pagesize 1)) (func (export "_start")))'


@pytest.fixture(params=["spidermonkey", "jsc"])
def lesser(request: pytest.FixtureRequest) -> str:
    """Engines that lack something."""
    name: str = request.param
    try:
        engines.get(name)
    except EngineError as error:
        pytest.skip(str(error))
    return name


def test_a_module_that_needs_more_is_refused_with_a_line(wat: Wat, lesser: str) -> None:
    needs = {"spidermonkey": ("threads", SHARED), "jsc": ("multi-memory", TWO_MEMORIES)}
    feature, text = needs[lesser]
    with pytest.raises(wasix.ProgramInvalid) as caught:
        wasix.run([wat(text)], engine=lesser)
    line = str(caught.value)
    assert line.startswith(f"guest.wasm needs {feature}, which {lesser} lacks; v8, cranelift")
    assert lesser not in line.partition(";")[2]


def test_shared_memory_is_seen_where_there_is_any(wat: Wat, engine: str) -> None:
    done = wasix.run([wat(SHARED)], engine=engine, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b".")


def test_auto_takes_the_engine_that_has_it(wat: Wat) -> None:
    pages = wasix.Popen([wat(SMALL_PAGES)])
    assert pages.wait() == 0
    assert pages.engine.startswith("cranelift: ")


def test_what_only_the_toolchain_declares_is_tried(wat: Wat, engine: str) -> None:
    declares = '(@custom "target_features" "\\01+\\0fwide-arithmetic")'
    module = wat(f'(module {declares} (memory (export "memory") 1) (func (export "_start")))')
    assert wasix.run([module], engine=engine).returncode == 0


def test_a_refusal_names_what_the_toolchain_declared(wat: Wat, lesser: str) -> None:
    declares = '(@custom "target_features" "\\01+\\0fwide-arithmetic")'
    code = "(i64.mul_wide_s (i64.const 0) (i64.const 0)) drop drop"
    start = f'(func (export "_start") {code})'
    module = wat(f'(module {declares} (memory (export "memory") 1) {start})')
    with wasix.Popen([module], engine=lesser) as process:
        assert process.wait() == 126
    assert process.message is not None
    why = f"(it is built with wide-arithmetic, which {lesser} lacks: see `wasix engines`)"
    assert process.message.endswith(why)
