"""Libraries that are opened by programs, and programs that are linked when they start."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import wasix
from tests.conformance.wasmer import WORKSPACE, is_installed, wasmer
from tests.guests.build import compile_guest, compile_linked
from wasix.abi import E

Wat = Callable[..., str]

FLAGS = (
    *("-Wno-cast-function-type", "-Wno-incompatible-pointer-types"),
    *("-Wl,--export=shared_var", "-Wl,--export=base"),
)
LIBRARIES = ("lib_side", "lib_mid", "lib_top")


def library(name: str, *, shared: bool = False) -> Path:
    needed = ("lib_mid",) if name == "lib_top" else ()
    return compile_linked(name, *needed, shared=shared)


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    folder = tmp_path / "lib"
    folder.mkdir()
    for name in LIBRARIES:
        shutil.copy(library(name), folder)
    (folder / "text.so").write_text("hello")
    return folder


SAID = """\
twice: 1122 1123
visible: 7
pointer to data: 1
pointer to code: 1
again: 1, the program: 1
dlsym missing: 79 undefined symbol: missing
dlsym twice: 79 77 is no handle of a library
dlopen /lib/none.so: 79 /lib/none.so: cannot open shared object file: no such file
dlopen nowhere.so: 79 nowhere.so: cannot open shared object file: no such file
dlopen /lib/text.so: 79 /lib/text.so is not a WebAssembly module (it starts with "hello")
valid: 0 0 45 45
own data: 1
own code: 2
sum: 21
even: 1 0
dlsym not_there: 79 undefined symbol: not_there
not defined: 0
"""


def test_a_program_opens_libraries(engine: str, lib: Path) -> None:
    program = str(compile_guest("dlopen", flags=FLAGS))
    with wasix.Sandbox(engine=engine, volumes={"/lib": str(lib)}) as box:
        done = box.run([program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SAID


def test_calling_what_nobody_defines_ends_a_program_and_names_it(engine: str, lib: Path) -> None:
    program = str(compile_guest("dlopen", flags=FLAGS))
    with (
        wasix.Sandbox(engine=engine, volumes={"/lib": str(lib)}) as box,
        box.Popen(
            [program, "/lib/lib_side.so", "", "call"], stdout=wasix.PIPE, text=True
        ) as process,
    ):
        output = process.stdout.read()  # type: ignore[union-attr]
        assert process.wait(120) == 134
        assert process.message == f"{Path(program).name}: undefined symbol: missing_function"
    assert output == SAID


@pytest.mark.parametrize(
    ("path", "name"),
    [("/nowhere:/opt", "lib_side.so"), ("", "./lib_side.so"), ("", "../opt/lib_side.so")],
)
def test_libraries_are_looked_for(lib: Path, path: str, name: str) -> None:
    program = str(compile_guest("dlopen", flags=FLAGS))
    with wasix.Sandbox(engine="v8", volumes={"/opt": str(lib)}) as box:
        done = box.run([program, name, path], cwd="/opt", capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("twice: 1122 1123\n")


LINKED = ["5", "two", "1000", "2", "1122", "7", "21", *"0010100", "42"]


@pytest.mark.parametrize("shared", [False, True])
def test_a_program_is_linked_when_it_starts(engine: str, tmp_path: Path, shared: bool) -> None:
    program = compile_linked("linked", "lib_side", "lib_top", main=True, shared=shared)
    for name in LIBRARIES:
        shutil.copy(library(name, shared=shared), tmp_path)
    if shared and engine == "spidermonkey":
        pytest.skip("it has no threads")
    with wasix.Sandbox(engine=engine, volumes={"/lib": str(tmp_path)}) as box:
        done = box.run([str(program)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == LINKED


@pytest.mark.skipif(not is_installed(), reason="wasmer-sdk is not installed")
def test_wasmer_links_it_to_the_same() -> None:
    program = compile_linked("linked", "lib_side", "lib_top", main=True, shared=True)
    files = {f"lib/{name}.so": library(name, shared=True) for name in LIBRARIES}
    env = {"LD_LIBRARY_PATH": f"{WORKSPACE}/lib"}
    done = wasmer(program, files=files, env=env)
    assert (done.returncode, done.stdout.splitlines()) == (0, LINKED)


def test_a_program_whose_libraries_are_missing_does_not_start(engine: str) -> None:
    program = compile_linked("linked", "lib_side", "lib_top", main=True)
    with (
        wasix.Sandbox(engine=engine) as box,
        box.Popen([str(program)], stdout=wasix.PIPE) as process,
    ):
        assert process.communicate()[0] == b""
        assert process.returncode == 127
        assert process.message == "lib_side.so: cannot open shared object file: no such file"


# Opens /lib/x.so, and exits with what that answers, or what its function `f` gives.
OPENS = """
(module
  (import "wasix_32v1" "dlopen"
    (func $open (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasix_32v1" "dlsym" (func $find (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $__stack_pointer (mut i32) (i32.const 65536))
  (table 1 funcref)
  (type $f (func (result i32)))
  (data (i32.const 64) "/lib/x.sof")
  (data (i32.const 16) "\\00\\04\\00\\00\\64\\00\\00\\00")
  (func (export "_start")
    (if (call $open (i32.const 64) (i32.const 9) (i32.const 2) (i32.const 1024) (i32.const 100)
        (i32.const 0) (i32.const 0) (i32.const 32)) (then
      (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 36)))
      (call $exit (i32.const 79))))
    (if (call $find (i32.load (i32.const 32)) (i32.const 73) (i32.const 1) (i32.const 1024)
        (i32.const 100) (i32.const 36)) (then (call $exit (i32.const 46))))
    (call $exit (call_indirect (type $f) (i32.load (i32.const 36))))))
"""


def dylink(*subsections: tuple[int, bytes]) -> bytes:
    """A custom section `dylink.0`; its parts are shorter than 128 bytes."""
    parts = b"".join(bytes([kind, len(data)]) + data for kind, data in subsections)
    content = b"\x08dylink.0" + parts
    return bytes([0, len(content)]) + content


def opened(
    wat: Wat, engine: str, tmp_path: Path, text: str, section: bytes, *, fuel: int | None = None
) -> tuple[int, str]:
    """What a guest's status is that opens such a library, and the error it reads."""
    import wasmtime

    lib = tmp_path / "lib"
    lib.mkdir()
    module = bytes(wasmtime.wat2wasm(f"(module {text})"))
    (lib / "x.so").write_bytes(module[:8] + section + module[8:])
    with wasix.Sandbox(engine=engine, volumes={"/lib": str(lib)}, fuel=fuel) as box:
        done = box.run([wat(OPENS)], capture_output=True, timeout=120)
    return done.returncode, done.stdout.split(b"\0")[0].decode()


MEMORY = '(import "env" "memory" (memory 0)) '
ANSWER = '(func (export "f") (result i32) (i32.const 7))'
SIZES = (1, bytes([8, 2, 1, 0]))


def test_a_library_may_be_almost_nothing(engine: str, wat: Wat, tmp_path: Path) -> None:
    assert opened(wat, engine, tmp_path, ANSWER, dylink()) == (7, "")


def test_a_library_calls_the_kernel(engine: str, wat: Wat, tmp_path: Path) -> None:
    text = """
      (import "wasi_snapshot_preview1" "clock_res_get" (func $res (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_seek"
        (func $seek (param i32 i64 i32 i32) (result i32)))
      (func (export "f") (result i32) (call $seek (i32.const 99) (i64.const -1) (i32.const 0)
        (i32.add (call $res (i32.const 0) (i32.const -4)) (i32.const 0))))"""
    assert opened(wat, engine, tmp_path, text, dylink())[0] == E.BADF


@pytest.mark.parametrize(
    ("text", "section", "reason"),
    [
        (ANSWER, b"", "/lib/x.so is no library: it has no section dylink.0"),
        ("(memory 1)" + ANSWER, dylink(), "/lib/x.so is no library: it has a memory of its own"),
        (
            '(import "GOT.mem" "data" (global (mut i32)))' + ANSWER,
            dylink(),
            "/lib/x.so: undefined symbol: data",
        ),
        (
            '(import "env" "_start" (func (param i32)))' + ANSWER,
            dylink(),
            "/lib/x.so: it imports _start as (i32) -> (), but guest.wasm has it as () -> ()",
        ),
        (
            '(import "wasi_snapshot_preview1" "fd_fly" (func))' + ANSWER,
            dylink(),
            "/lib/x.so imports wasi_snapshot_preview1.fd_fly as () -> (), which is not offered",
        ),
        (
            '(import "env" "odd" (table 1 funcref))' + ANSWER,
            dylink(),
            "/lib/x.so: it imports the table env.odd, which no program offers to libraries",
        ),
        (
            ANSWER,
            dylink((1, b"\xff\xff\xff\xff\x0f\0\0\0")),
            "/lib/x.so: there is no memory for it",
        ),
        (
            ANSWER,
            dylink((1, b"\0\0\xff\xff\xff\xff\x0f\0")),
            "/lib/x.so: there is no room in the table of functions",
        ),
        (ANSWER, dylink((1, b"\1\x1f\0\0")), "/lib/x.so: memory cannot be aligned like that"),
        (ANSWER, dylink((2, b"\1\4y.so")), "y.so: cannot open shared object file: no such file"),
    ],
)
def test_why_a_library_is_not_linked_can_be_read(
    engine: str, wat: Wat, tmp_path: Path, text: str, section: bytes, reason: str
) -> None:
    status, said = opened(wat, engine, tmp_path, text, section)
    assert (status, said) == (E.UNKNOWN, reason[:99])


def test_a_library_that_traps_when_it_begins_ends_its_program(
    engine: str, wat: Wat, tmp_path: Path
) -> None:
    text = '(func (export "__wasm_call_ctors") (unreachable))' + ANSWER
    assert opened(wat, engine, tmp_path, text, dylink())[0] == 134


def test_a_library_that_needs_itself_is_linked(engine: str, wat: Wat, tmp_path: Path) -> None:
    text = (
        """
      (import "env" "f" (func $f (result i32)))
      (import "GOT.func" "f" (global (mut i32)))
      (func (export "g") (result i32) (call $f))"""
        + ANSWER
    )
    assert opened(wat, engine, tmp_path, text, dylink((2, b"\1\4x.so")))[0] == 7


def test_a_metered_program_has_no_libraries(wat: Wat, tmp_path: Path) -> None:
    status, said = opened(wat, "v8", tmp_path, ANSWER, dylink(), fuel=10_000_000)
    assert (status, said) == (
        E.UNKNOWN,
        "/lib/x.so: a program that is metered can have no libraries",
    )


@pytest.mark.parametrize("engine", ["v8", "cranelift"])
def test_threads_have_what_was_linked_before(engine: str, tmp_path: Path) -> None:
    program = compile_linked("linked_threads", "lib_side", "lib_top", main=True, shared=True)
    for name in LIBRARIES:
        shutil.copy(library(name, shared=True), tmp_path)
    with wasix.Sandbox(engine=engine, volumes={"/lib": str(tmp_path)}) as box:
        done = box.run([str(program)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
