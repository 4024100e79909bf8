"""Modules of all kinds in the page: refused, trapping, hostile, within their limits."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

import wasix
from e2e.conftest import Script, message

COMMAND = '(memory (export "memory") 1) (func (export "_start") {body})'


def module(text: str) -> bytes:
    """A module's bytes from its text."""
    return bytes(wasmtime.wat2wasm(f"(module {text})"))


def run_module(shared_script: Script, text: str, options: str = "{}") -> dict[str, object]:
    found: dict[str, object] = shared_script(
        f"return await wasix.run({{ module: new Uint8Array(arg) }}, [], {options})", module(text)
    )
    return found


NOTHING = COMMAND.format(body="")

MODULES = {
    "a text": b"(module)",
    "cut": b"\0asm",
    "a component": b"\0asm\x0d\0\1\0",
    "no _start": module('(memory (export "memory") 1)'),
    "no memory": module('(func (export "_start"))'),
    "unknown": module(f'(import "wasi_snapshot_preview1" "fd_zap" (func)) {NOTHING}'),
    "another type": module(
        f'(import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32))) {NOTHING}'
    ),
    "not WASI": module(f'(import "env" "emscripten_run" (func)) {NOTHING}'),
    "too much memory": module('(memory (export "memory") 1000) (func (export "_start"))'),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_refused_in_the_same_words_as_on_v8(
    shared_script: Script, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "guest.wasm"
    path.write_bytes(bytes(MODULES[name]))
    with pytest.raises(wasix.WasixError) as refused:
        wasix.run([path], engine="v8", memory_limit=1 << 20)
    found = message(
        lambda: shared_script(
            "await wasix.run({ module: new Uint8Array(arg), name: 'guest.wasm' }, [],"
            " { memoryLimit: 1 << 20 })",
            MODULES[name],
        )
    )
    assert found == str(refused.value).splitlines()[0]


@pytest.mark.parametrize(
    ("body", "trap"),
    [
        ("unreachable", "unreachable"),
        ("(drop (i32.load (i32.const -4)))", "out of bounds memory access"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(call 0)", "call stack exhausted"),
    ],
)
def test_a_trap_is_status_134_and_one_clear_line(
    shared_script: Script, body: str, trap: str
) -> None:
    assert run_module(shared_script, COMMAND.format(body=body)) == {
        "status": 134,
        "stdout": "",
        "stderr": "",
        "message": f"module.wasm: trap: {trap}",
    }


CATCHING = """
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
(memory (export "memory") 1)
(func (export "_start")
  (loop $again
    (block $caught (try_table (catch_all $caught) (call $exit (i32.const 7))))
    (br $again)))
"""


def test_a_guest_cannot_catch_its_own_exit(shared_script: Script) -> None:
    assert run_module(shared_script, CATCHING)["status"] == 7


CATCHING_KILL = """
(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
(memory (export "memory") 1)
(data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
(func (export "_start")
  (loop $again
    (block $caught
      (try_table (catch_all $caught)
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))
    (br $again)))
"""


def test_a_guest_cannot_catch_being_killed_while_it_waits(shared_script: Script) -> None:
    found = shared_script(
        """
        const process = await wasix.spawn({ module: new Uint8Array(arg) });
        await new Promise((resolve) => setTimeout(resolve, 200));
        await process.kill("SIGKILL");
        return [await process.ended, (await wasix.run("cowsay", ["alive"])).status];
        """,
        module(CATCHING_KILL),
    )
    assert found == [{"status": 137}, 0]


GROWING = """
(memory (export "memory") 1)
(func (export "_start")
  (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (if (i32.gt_u (memory.size) (i32.const 32)) (then unreachable)))
"""


def test_memory_grows_to_its_limit(shared_script: Script) -> None:
    assert run_module(shared_script, GROWING, "{ memoryLimit: 2 << 20 }")["status"] == 0


BAD_POINTERS = """
(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
(memory (export "memory") 1)
(func (export "_start")
  (if (i32.ne (call $write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 0)) (i32.const 21))
    (then unreachable))
  (if (i32.ne (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const -1)) (i32.const 21))
    (then unreachable)))
"""


def test_a_bad_pointer_is_fault(shared_script: Script) -> None:
    assert run_module(shared_script, BAD_POINTERS) == {"status": 0, "stdout": "", "stderr": ""}
