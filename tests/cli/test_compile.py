"""The command `wasix compile`, and `wasix run` of what it made."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Wat = Callable[[str], str]

ARGUMENTS = """
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (call $exit (i32.load (i32.const 0)))))
"""
"""Ends with the number of its arguments, its name included."""

LARGE = f"""(module
  (memory (export "memory") 32)
  (data (i32.const 0) "{"x" * (1 << 20)}")
  (func (export "_start")))"""


def wasix(cwd: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wasix", *args],
        cwd=cwd,
        env=environment(cwd),
        capture_output=True,
        text=True,
        timeout=120,
    )


def environment(cwd: Path) -> Mapping[str, str]:
    own = {"PYTHONPATH": str(ROOT), "WASIX_CACHE": str(cwd / "cache"), "TERM": "xterm"}
    return {**os.environ, **own}


def on_terminal(cwd: Path, *args: str, interrupt: str | None = None) -> tuple[int, str]:
    """The exit status, and what a terminal that is standard error was sent.

    Ctrl-C is pressed when `interrupt` has been shown.
    """
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "wasix", *args]
    with subprocess.Popen(
        command, cwd=cwd, env=environment(cwd), stdout=subprocess.DEVNULL, stderr=slave
    ) as process:
        os.close(slave)
        sent = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # Linux's answer when nobody has the other side open
                break
            if not piece:
                break
            sent += piece
            if interrupt and interrupt.encode() in sent:
                process.send_signal(signal.SIGINT)
                interrupt = None
    os.close(master)
    return process.returncode, sent.decode()


def test_a_compiled_program_is_run(wat: Wat, tmp_path: Path) -> None:
    wat(ARGUMENTS)
    done = wasix(tmp_path, "compile", "guest.wasm", "-o", "x.cwasm")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("x.cwasm is ready (")
    done = wasix(tmp_path, "run", "-v", "x.cwasm", "a", "-b")
    assert done.returncode == 3
    assert "x.cwasm: running on cranelift: the file holds its native code" in done.stderr


def test_the_file_is_called_as_the_program_is(wat: Wat, tmp_path: Path) -> None:
    wat(ARGUMENTS)
    assert wasix(tmp_path, "compile", "guest.wasm").returncode == 0
    assert wasix(tmp_path, "run", "guest.cwasm").returncode == 1


def test_text_is_compiled_and_run(tmp_path: Path) -> None:
    (tmp_path / "guest.wat").write_text(ARGUMENTS)
    assert wasix(tmp_path, "compile", "guest.wat").returncode == 0
    assert wasix(tmp_path, "run", "guest.cwasm", "a").returncode == 2
    assert wasix(tmp_path, "run", "guest.wat", "a").returncode == 2
    (tmp_path / "guest.wat").write_text("(module\n  (func i33.add))")
    done = wasix(tmp_path, "run", "guest.wat")
    assert done.returncode == 126
    assert done.stderr.startswith("wasix: guest.wat: line 2, column 9: unknown operator")


def test_limits_and_fuel_are_compiled_for(wat: Wat, tmp_path: Path) -> None:
    wat(ARGUMENTS)
    wasix(tmp_path, "compile", "--fuel", "--memory", "1MiB", "guest.wasm")
    done = wasix(tmp_path, "run", "-v", "--fuel", "9999", "--memory", "1MiB", "guest.cwasm")
    assert done.returncode == 1
    assert "the file holds its native code" in done.stderr
    assert "of 9999 units of fuel used" in done.stderr
    done = wasix(tmp_path, "run", "-v", "guest.cwasm")
    assert done.returncode == 1
    assert "the native code in the file is made for other limits" in done.stderr


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (["--engine", "v8", "guest.wasm"], 2, "the engine v8 makes no code that can be kept"),
        (["--engine", "none", "guest.wasm"], 125, "there is no engine 'none'"),
        (["-o", "x.wasm", "guest.wasm"], 2, "must end in .cwasm"),
        (["-o", "none/x.cwasm", "guest.wasm"], 125, "x.cwasm cannot be written: No such file"),
        (["--memory", "much", "guest.wasm"], 2, "'much' is no size"),
        (["none.wasm"], 127, "no such file"),
        (["broken.wasm"], 126, "type mismatch"),
        (["library.wasm"], 126, "does not export _start"),
    ],
)
def test_what_cannot_be_compiled_is_told_in_a_line(
    wat: Callable[..., str], tmp_path: Path, args: list[str], status: int, message: str
) -> None:
    wat(ARGUMENTS)
    wat('(module (memory (export "memory") 1) (func (export "_start") drop))', "broken.wasm")
    (tmp_path / "library.wasm").write_bytes(b"\0asm\1\0\0\0")
    done = wasix(tmp_path, "compile", *args)
    assert done.returncode == status
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.cwasm"))


def test_a_damaged_file_is_refused_with_a_line(wat: Wat, tmp_path: Path) -> None:
    wat(ARGUMENTS)
    wasix(tmp_path, "compile", "guest.wasm", "-o", "x.cwasm")
    path = tmp_path / "x.cwasm"
    path.write_bytes(path.read_bytes()[:-1])
    done = wasix(tmp_path, "run", "x.cwasm")
    assert (done.returncode, done.stdout) == (126, "")
    assert done.stderr == (
        "wasix: x.cwasm is damaged or incomplete: compile the program again, "
        "wasix compile PROGRAM -o x.cwasm\n"
    )


@pytest.mark.parametrize("command", [("compile",), ("run", "--engine", "cranelift")])
def test_a_terminal_shows_what_is_being_compiled(
    wat: Wat, tmp_path: Path, command: tuple[str, ...]
) -> None:
    wat(LARGE)
    status, sent = on_terminal(tmp_path, *command, "guest.wasm")
    assert status == 0
    shown, _, after = sent.rpartition("compiling guest.wasm (1.0 MB) with cranelift")
    assert shown
    assert "0:00:" in after
    assert "%" not in sent
    assert after.rstrip("\r\n").endswith("\x1b[2K"), "the line is wiped"
    assert sent.count("\x1b[?25l") == sent.count("\x1b[?25h"), "the cursor is back"


def test_nothing_is_shown_where_there_is_nothing_to_wait_for(wat: Wat, tmp_path: Path) -> None:
    wat(LARGE)
    assert wasix(tmp_path, "run", "--engine", "cranelift", "guest.wasm").stderr == ""
    # Now it is in the cache.
    assert on_terminal(tmp_path, "run", "--engine", "cranelift", "guest.wasm") == (0, "")
    assert on_terminal(tmp_path, "compile", "guest.wasm") == (0, "")
    assert on_terminal(tmp_path, "run", "guest.cwasm") == (0, "")


def test_compiling_is_interrupted(tmp_path: Path) -> None:
    (tmp_path / "cache").symlink_to(os.environ["WASIX_CACHE"])
    output = tmp_path / "x.cwasm"
    # A bound that nobody else has: its code is in no cache.
    args = ("compile", "--memory", "777MiB", "python", "-o", str(output))
    status, sent = on_terminal(tmp_path, *args, interrupt="compiling python (26.3 MB)")
    assert status == 130
    assert sent.endswith("\x1b[2K")
    assert sent.count("\x1b[?25l") == sent.count("\x1b[?25h")
    assert not output.exists()
