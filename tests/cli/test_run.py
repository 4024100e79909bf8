"""The command `wasix run`, as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Wat = Callable[[str], str]

CLOSED_STDOUT = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "hello\\n")
  (func (export "_start") (local $errno i32)
    (loop $again
      (local.set $errno (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (i32.eqz (local.get $errno))))
    (call $exit (local.get $errno))))
"""
SPIN = '(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'
HELLO = CLOSED_STDOUT.replace("(br_if $again (i32.eqz (local.get $errno)))", "")


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "wasix", *args]


def wasix(
    *args: str,
    env: Mapping[str, str] | None = None,
    input: str | None = None,  # noqa: A002 - subprocess calls it so
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*args),
        input=input,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )


def test_output_and_status_pass_through(engine: str) -> None:
    code = "import sys; print(input()); print('err', file=sys.stderr); raise SystemExit(7)"
    done = wasix("run", "--engine", engine, "python", "-c", code, input="in\n")
    assert (done.stdout, done.stderr, done.returncode) == ("in\n", "err\n", 7)


def test_options_after_the_program_are_the_programs(engine: str) -> None:
    done = wasix("run", "--engine", engine, "python", "-c", "import sys; print(sys.argv)", "-v")
    assert done.stdout == "['-c', '-v']\n"


def test_environment(engine: str) -> None:
    code = "import os; print(os.environ['A'], os.environ['COPIED'], 'SECRET' in os.environ)"
    done = wasix(
        *("run", "--engine", engine, "--env", "A=b=c", "--env", "COPIED"),
        *("python", "-c", code),
        env={"COPIED": "yes", "SECRET": "no"},
    )
    assert done.stdout == "b=c yes False\n"


def test_volumes_and_directory(engine: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hi")
    code = "print(open('a').read()); open('b', 'w')"
    done = wasix(
        *("run", "--engine", engine, "--volume", f"{tmp_path}:/data", "--cwd", "/data"),
        *("python", "-c", code),
    )
    assert (done.stdout, done.returncode) == ("hi\n", 0)
    assert (tmp_path / "b").exists()


def test_a_read_only_volume(engine: str, tmp_path: Path) -> None:
    done = wasix(
        *("run", "--engine", engine, "--volume", f"{tmp_path}:/data:ro"),
        *("python", "-c", "open('/data/b', 'w')"),
    )
    assert "Read-only file system" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_timeout(wat: Wat, engine: str) -> None:
    done = wasix("run", "--engine", engine, "--timeout", "0.3", wat(SPIN))
    assert done.returncode == 124
    assert done.stderr == "wasix: guest.wasm: killed after 0.3 s, as --timeout asked\n"


def test_interrupt(engine: str, wat: Wat) -> None:
    code = "print('ready', flush=True); import time; time.sleep(600)"
    process = subprocess.Popen(
        command("run", "--engine", engine, "python", "-c", code),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


@pytest.mark.parametrize(
    ("args", "status", "text"),
    [
        (["nosuch"], 127, "no such program"),
        (["./nosuch.wasm"], 127, "no such file"),
        ([__file__], 126, "is not a WebAssembly module"),
        (["--engine", "nosuch", "cowsay"], 125, "no engine"),
        (["--volume", "/no/such:/data", "cowsay"], 2, "/no/such does not exist"),
        (["--memory", "lots", "cowsay"], 2, "'lots'"),
        (["--timeout", "-1", "cowsay"], 2, "--timeout"),
        (["--frob", "cowsay"], 2, "--frob"),
        ([], 2, "PROGRAM"),
    ],
)
def test_mistakes_are_told_in_a_line(args: list[str], status: int, text: str) -> None:
    done = wasix("run", *args)
    assert done.returncode == status
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = wasix("run", "cowsay", "x", env={"WASIX_CACHE": str(blocked / "cache")})
    assert done.returncode == 125
    assert "WASIX_CACHE" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_network(tmp_path: Path) -> None:
    nowhere = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}
    done = wasix("run", "cowsay", "x", env={"WASIX_CACHE": str(tmp_path / "cache"), **nowhere})
    assert done.returncode == 125
    assert "cowsay cannot be fetched" in done.stderr
    assert not list(tmp_path.rglob("*.wasm"))


def test_a_damaged_cache_is_not_run(tmp_path: Path) -> None:
    from wasix.catalogue import PROGRAMS

    program = PROGRAMS["cowsay"]
    kept = tmp_path / "programs" / f"{program.sha256}.wasm"
    kept.parent.mkdir()
    kept.write_bytes(b"\0asm\1\0\0\0damaged")
    nowhere = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}
    done = wasix("run", "cowsay", "x", env={"WASIX_CACHE": str(tmp_path), **nowhere})
    assert done.returncode == 125


def test_a_closed_standard_output_is_the_guests_to_see(wat: Wat, engine: str) -> None:
    shell = f"{' '.join(command('run', '--engine', engine, wat(CLOSED_STDOUT)))} | head -1; echo $?"
    script = f"set -o pipefail; {shell}"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "hello\n64\n"  # the errno `pipe`


def test_strace_shows_calls(wat: Wat, engine: str) -> None:
    done = wasix("run", "--engine", engine, "--strace", wat(HELLO))
    assert done.stdout == "hello\n"
    assert re.sub(r"<\d\.\d{6}>", "<T>", done.stderr).splitlines() == [
        'fd_write(1, "hello\\n") = 6 <T>',
        "proc_exit(0) = ? <T>",
        "+++ exited with 0 +++",
    ]


def test_verbose_says_how_it_went(wat: Wat, engine: str) -> None:
    trap = wat('(module (memory (export "memory") 1) (func (export "_start") unreachable))')
    done = wasix("run", "--engine", engine, "-v", trap)
    assert done.returncode == 134
    assert f"running on {engine}" in done.stderr
    assert "wasix: guest.wasm: trap: unreachable" in done.stderr
    assert "status 134" in done.stderr


def test_help_names_every_option() -> None:
    text = wasix("run", "--help").stdout
    for option in ("volume", "env", "cwd", "timeout", "memory", "engine", "abi", "strace", "-v"):
        assert option in text


def test_the_catalogue_is_listed() -> None:
    text = wasix("programs").stdout
    for name in ("python", "sqlite3", "php", "ruby", "qjs", "cowsay"):
        assert name in text
