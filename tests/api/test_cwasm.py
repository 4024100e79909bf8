"""Programs compiled ahead of time: what runs, and what is refused before anything of it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import wasix
from engines.native.cranelift.compiler import compiler
from engines.protocol import Engine, EngineError
from engines.wasm import decode
from wasix import catalogue
from wasix.api import cwasm
from wasix.api.compile import compile_program
from wasix.api.cwasm import Cwasm

Wat = Callable[[str], str]

HELLO = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "hello\\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"""


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASIX_CACHE", str(tmp_path / "cache"))
    # What was compiled before would be found in memory, whatever is in a file.
    compiler()._modules.clear()


@pytest.fixture
def compiled(wat: Wat, tmp_path: Path) -> Path:
    path = tmp_path / "hello.cwasm"
    compile_program(catalogue.find(wat(HELLO)), path, "cranelift")
    compiler()._modules.clear()
    return path


def run(path: Path, **options: object) -> str:
    with wasix.Popen([path], stdout=wasix.PIPE, text=True, **options) as process:  # type: ignore[call-overload]
        output = process.communicate()[0]
        assert process.returncode == 0
        return f"{output.strip()} on {process.engine}"


def refused(path: Path, error: type[wasix.WasixError] = wasix.ProgramInvalid) -> str:
    """Why it is not run: one line, which names the file and what to do."""
    with pytest.raises(error) as raised:
        wasix.run([path])
    text = str(raised.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def remake(path: Path, **changed: object) -> None:
    """The same file, made for something else."""
    found = Cwasm.open(path)
    cwasm.write(
        path,
        build=found.build._replace(**changed),  # type: ignore[arg-type]
        key=found.key,
        wasm=found.read_wasm(),
        code=found.read_code(),
    )


def test_it_runs_as_it_is(compiled: Path, tmp_path: Path) -> None:
    assert run(compiled) == "hello on cranelift: the file holds its native code"
    assert run(compiled, engine="cranelift") == "hello on cranelift: the file holds its native code"
    assert not (tmp_path / "cache" / "artifacts").exists(), "nothing was compiled"


def test_it_is_compiled_as_well_when_the_code_is_in_memory(compiled: Path, tmp_path: Path) -> None:
    run(compiled)
    again = tmp_path / "again.cwasm"
    compile_program(catalogue.find(str(compiled)), again, "cranelift")
    assert again.read_bytes() == compiled.read_bytes()


def test_it_is_taken_from_the_cache(wat: Wat, tmp_path: Path) -> None:
    program = wat(HELLO)
    wasix.run([program], engine="cranelift", stdout=wasix.DEVNULL)
    [kept] = (tmp_path / "cache" / "artifacts").glob("*.cwasm")
    compile_program(catalogue.find(program), tmp_path / "hello.cwasm", "cranelift")
    assert Cwasm.open(tmp_path / "hello.cwasm").read_code() == kept.read_bytes()


def test_another_engine_runs_its_webassembly(compiled: Path) -> None:
    compiled.chmod(0o666)
    assert run(compiled, engine="v8") == (
        "hello on v8: it was asked for; the native code in the file is for cranelift"
    )


def test_other_limits_make_another_module_which_is_compiled(compiled: Path, wat: Wat) -> None:
    reason = "the native code in the file is made for other limits"
    assert run(compiled, memory_limit="1 MiB").endswith(reason)
    assert run(compiled, fuel=10_000).endswith(reason)


@pytest.mark.parametrize("memory", [None, 1 << 20])
@pytest.mark.parametrize("fuel", [False, True])
def test_it_is_made_for_limits(wat: Wat, tmp_path: Path, memory: int | None, fuel: bool) -> None:
    path = tmp_path / "hello.cwasm"
    compile_program(catalogue.find(wat(HELLO)), path, "cranelift", memory=memory, fuel=fuel)
    for amount in (10_000, 20_000) if fuel else (None,):
        assert "the file holds" in run(path, memory_limit=memory, fuel=amount)


def test_a_program_of_the_catalogue_keeps_its_arguments(tmp_path: Path) -> None:
    path = tmp_path / "named.cwasm"
    build = compiler().build
    cwasm.write(
        path, build=build, key="", wasm=b"", code=b"", argv=("php", "-q"), environ={"A": "b"}
    )
    found = catalogue.find(str(path))
    assert (found.argv, found.environ) == (("php", "-q"), {"A": "b"})


def test_a_file_that_is_cut_anywhere_is_refused(compiled: Path) -> None:
    whole = compiled.read_bytes()
    found = Cwasm.open(compiled)
    starts = found.wasm.offset, found.code.offset
    for length in (*range(100), *(s + d for s in starts for d in (-1, 0, 1)), len(whole) - 1):
        compiled.write_bytes(whole[:length])
        refused(compiled)
    compiled.write_bytes(whole + b"\0")
    assert "is damaged or incomplete: compile the program again, wasix compile" in refused(compiled)


def test_a_file_with_a_changed_byte_anywhere_is_refused(compiled: Path) -> None:
    whole = compiled.read_bytes()
    for place in (*range(0, 600, 7), *range(600, len(whole), len(whole) // 97)):
        changed = bytearray(whole)
        changed[place] ^= 0x20
        compiled.write_bytes(changed)
        refused(compiled)


def test_a_header_that_makes_no_sense_is_refused(compiled: Path) -> None:
    whole = compiled.read_bytes()
    headers: list[object] = [{}, [], {"build": {}}, {"wasm": 1}, None]
    for header in headers:
        text = json.dumps(header).encode()
        head = cwasm._HEAD.pack(cwasm.MAGIC, len(text), sha256(text).digest())
        compiled.write_bytes(head + text + whole)
        assert "is damaged" in refused(compiled)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": "wasmtime 1.0"}, "compiled by wasmtime 1.0, and here is wasmtime"),
        ({"processor": "pdp11 fpp"}, "compiled for another processor (pdp11, and this is"),
        ({"settings": "0"}, "compiled with other settings of cranelift"),
    ],
)
def test_a_foreign_one_is_refused(compiled: Path, changed: dict[str, str], reason: str) -> None:
    remake(compiled, **changed)
    text = refused(compiled)
    assert reason in text
    assert f"compile it again, wasix compile {compiled} -o {compiled}" in text
    assert run(compiled, engine="v8").startswith("hello on v8")
    # And the remedy helps.
    compile_program(catalogue.find(str(compiled)), compiled, "cranelift")
    assert "the file holds its native code" in run(compiled)


def test_what_two_processors_differ_in_is_named(compiled: Path) -> None:
    features = compiler().build.processor
    remake(compiled, processor=features + " warp")
    assert "(here is no warp)" in refused(compiled)
    remake(compiled, processor=features.rpartition(" ")[0])
    assert f"(which had no {features.rpartition(' ')[2]})" in refused(compiled)


def test_code_that_the_engine_refuses_is_not_made_again_in_silence(compiled: Path) -> None:
    found = Cwasm.open(compiled)
    cwasm.write(
        compiled, build=found.build, key=found.key, wasm=found.read_wasm(), code=b"no code at all"
    )
    assert "refuses its native code: compile it again, wasix compile" in refused(compiled)


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_one_that_others_may_write_is_refused(compiled: Path, mode: int) -> None:
    compiled.chmod(mode)
    assert "may be written by others, so its native code is not executed" in refused(compiled)
    compiled.chmod(0o644)
    assert run(compiled).startswith("hello on cranelift")


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away takes root")
def test_one_of_another_user_is_refused(compiled: Path) -> None:
    os.chown(compiled, 12345, -1)
    assert "belongs to another user" in refused(compiled)


def test_without_its_engine_it_is_not_run(compiled: Path) -> None:
    def without(name: str) -> Engine:
        raise EngineError(f"the engine {name} needs more packages: pip install it")

    found = Cwasm.open(compiled)
    with pytest.raises(EngineError, match=r"hello.cwasm is native code of cranelift: .* needs"):
        found.choice(decode(found.read_wasm()), "auto", without)


def test_other_files_of_that_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.cwasm"
    path.write_bytes(b"\x7fELF" + bytes(100))
    assert "was not made by `wasix compile`" in refused(path)
    path.write_bytes(cwasm.MAGIC[:-1] + b"\x63" + bytes(100))
    assert "was made by another version of wasix" in refused(path)
    path.unlink()
    assert "no such file" in refused(path, wasix.ProgramNotFound)


def test_under_another_name_it_is_told_from_webassembly(compiled: Path, tmp_path: Path) -> None:
    other = compiled.rename(tmp_path / "hello.wasm")
    assert "if its name ends in .cwasm" in refused(other)
    with pytest.raises(wasix.ProgramInvalid, match="compiled ahead of time"):
        wasix.Module(other)


def test_a_file_is_replaced_whole_or_not_at_all(
    compiled: Path, wat: Wat, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = compiled.read_bytes()

    def fail(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(wasix.WasixError, match="cannot be written: No space left on device"):
        compile_program(catalogue.find(wat(HELLO)), compiled, "cranelift")
    assert compiled.read_bytes() == before
    assert not list(compiled.parent.glob("*.new"))
    assert not list(compiled.parent.glob(".*.new"))
