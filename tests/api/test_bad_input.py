"""Everything that can be wrong with what is asked: one clear line each, and nothing changed."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wasix

Wat = Callable[[str], str]
MEMORY = '(memory (export "memory") 1)'
START = '(func (export "_start"))'
OTHER_TYPE = '(import "wasi_snapshot_preview1" "fd_read" (func (param i64)))'


def refused(args: list[str], engine: str, **options: Any) -> wasix.WasixError:
    with pytest.raises(wasix.WasixError) as caught:
        wasix.run(args, engine=engine, **options)
    return caught.value


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"hello, world", "is not a WebAssembly module"),
        (b"", "empty"),
        (b"\0asm\1\0\0\0\1\x60", "truncated|shorter|ends|beyond"),
        (b"\0asm\x0d\0\1\0", "component"),
        (b"(module)", "text"),
        (b"\0asm\2\0\0\0", "version"),
    ],
)
def test_files_that_are_no_module(tmp_path: Path, engine: str, data: bytes, text: str) -> None:
    path = tmp_path / "odd.wasm"
    path.write_bytes(data)
    error = refused([str(path)], engine)
    assert error.status == 126
    assert "odd.wasm" in str(error)
    assert "\n" not in str(error)
    assert re.search(text, str(error)), str(error)


@pytest.mark.parametrize(
    ("module", "texts"),
    [
        (
            f'(module (import "wasi_snapshot_preview1" "fd_frob" (func)) {MEMORY} {START})',
            ["guest.wasm imports wasi_snapshot_preview1.fd_frob", "no WASI or WASIX revision"],
        ),
        (
            f"(module {OTHER_TYPE} {MEMORY} {START})",
            ["(i64) -> ()", "(i32, i32, i32, i32) -> (i32)"],
        ),
        (f'(module (import "env" "frob" (func)) {MEMORY} {START})', ["env", "not a WASI program"]),
        (f"(module {MEMORY})", ["does not export _start"]),
        (f'(module {MEMORY} (func (export "_initialize")))', ["_start", "library"]),
        (f"(module {START})", ["does not export its memory"]),
        (f'(module {MEMORY} (func (export "_start") (param i32)))', ["_start that takes"]),
    ],
)
def test_modules_that_cannot_be_linked(
    wat: Wat, engine: str, module: str, texts: list[str]
) -> None:
    error = refused([wat(module)], engine)
    assert error.status == 126
    for text in texts:
        assert text in str(error)


def test_a_module_the_engine_refuses(tmp_path: Path, engine: str, wat: Wat) -> None:
    path = Path(wat(f"(module {MEMORY} {START} (func (result i32) (i32.const 7)))"))
    data = path.read_bytes()
    # The body's i32.const becomes an f32.const of four bytes: malformed inside a body.
    path.write_bytes(data.replace(b"\x41\x07\x0b", b"\x43\x07\x0b"))
    stderr = io.BytesIO()
    process = wasix.Popen([str(path)], engine=engine, stderr=stderr)
    assert process.wait(30) == 126
    assert str(process.message).startswith("guest.wasm: ")
    assert "\n" not in str(process.message)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("unreachable", "unreachable"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "divi"),
        ("(drop (i32.load (i32.const 0x7fffffff)))", "bounds"),
        ("(call $deeper)", "stack"),
    ],
)
def test_traps_are_status_134(wat: Wat, engine: str, body: str, text: str) -> None:
    guest = wat(f'(module {MEMORY} (func $deeper (call $deeper)) (func (export "_start") {body}))')
    process = wasix.Popen([guest], engine=engine)
    assert process.wait(60) == 134
    message = str(process.message)
    assert message.startswith("guest.wasm: trap: ")
    assert text in message
    assert "\n" not in message


def test_deep_recursion_that_makes_system_calls_ends_cleanly(wat: Wat, engine: str) -> None:
    guest = wat(f"""
    (module (import "wasi_snapshot_preview1" "random_get" (func $r (param i32 i32) (result i32)))
      {MEMORY}
      (func $deeper (drop (call $r (i32.const 0) (i32.const 64))) (call $deeper))
      (func (export "_start") (call $deeper)))""")
    assert wasix.run([guest], engine=engine).returncode == 134


def test_memory_over_the_limit_is_refused_before_it_runs(wat: Wat, engine: str) -> None:
    guest = wat(f'(module (memory (export "memory") 100) {START})')
    error = refused([guest], engine, memory_limit="1 MiB")
    assert error.status == 126
    assert "1 MiB" in str(error)


def test_memory_cannot_grow_over_the_limit(wat: Wat, engine: str) -> None:
    # Exits with 1 if growing by 100 pages worked.
    guest = wat("""
    (module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (call $exit (i32.ne (memory.grow (i32.const 100)) (i32.const -1)))))""")
    assert wasix.run([guest], engine=engine, memory_limit="2 MiB").returncode == 0
    assert wasix.run([guest], engine=engine, memory_limit="16 MiB").returncode == 1


@pytest.mark.parametrize(
    ("program", "text"),
    [("/no/such/file.wasm", "no such file"), ("nosuch", "no such program"), ("x.wasm", "x.wasm")],
)
def test_programs_that_are_not_there(engine: str, program: str, text: str) -> None:
    error = refused([program], engine)
    assert error.status == 127
    assert text in str(error)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"engine": "nosuch"}, "no engine 'nosuch'"),
        ({"abi": "nosuch"}, "no ABI revision 'nosuch'"),
        ({"memory_limit": "lots"}, "'lots' is no size"),
        ({"volumes": {"/data": "/no/such/directory"}}, "/no/such/directory"),
        ({"volumes": {"../data": "."}}, "'../data'"),
        ({"cwd": "/nosuch"}, "/nosuch"),
        ({"env": {"A=B": "c"}}, "'A=B'"),
    ],
)
def test_options_that_make_no_sense(wat: Wat, options: dict[str, Any], text: str) -> None:
    with pytest.raises(wasix.WasixError, match=text):
        wasix.run([wat(f"(module {MEMORY} {START})")], **options)


def test_a_revision_restricts_what_may_be_imported(wat: Wat, engine: str) -> None:
    guest = wat(
        f'(module (import "wasi_unstable" "sched_yield" (func (result i32))) {MEMORY} {START})'
    )
    assert wasix.run([guest], engine=engine, abi="unstable").returncode == 0
    assert "wasi_unstable.sched_yield" in str(refused([guest], engine, abi="preview1"))


def test_an_argument_with_a_nul(wat: Wat, engine: str) -> None:
    assert "NUL" in str(refused([wat(f"(module {MEMORY} {START})"), "a\0b"], engine))


def test_an_engine_whose_packages_are_missing(monkeypatch: pytest.MonkeyPatch, wat: Wat) -> None:
    import engines

    monkeypatch.setitem(engines.ENGINES, "other", "engines.nothing_of_that_name")
    with pytest.raises(wasix.EngineUnavailable, match=r"wasix\[engine-other\]"):
        wasix.run([wat(f"(module {MEMORY} {START})")], engine="other")
