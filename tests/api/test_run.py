"""`wasix.run`, `wasix.Popen` and `wasix.Sandbox`, with guests of a few instructions."""

from __future__ import annotations

import io
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import wasix

Wat = Callable[[str], str]

# Copies standard input to standard output until its end, then exits with the number of reads.
CAT = """
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (loop $again
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 60000))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8)) (then
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
        (br $again))))))
"""
SPIN = '(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'
# Spins before it can be started: in its start function.
SPIN_AT_START = """
(module (memory (export "memory") 1)
  (func $spin (loop $l (br $l))) (start $spin) (func (export "_start")))
"""
# A signal handler of Python's, in wasm terms: catches everything its call to proc_exit may throw.
CATCHER = """
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (block $caught (try_table (catch_all $caught) (call $exit (i32.const 3))))
    (call $exit (i32.const 4))))
"""


def exits(status: int) -> str:
    return f"""
    (module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $exit (i32.const {status}))))"""


def test_every_status_is_the_guests(wat: Wat, engine: str) -> None:
    for status in range(256):
        assert wasix.run([wat(exits(status))], engine=engine).returncode == status


def test_returning_from_start_is_status_0(wat: Wat, engine: str) -> None:
    guest = wat('(module (memory (export "memory") 1) (func (export "_start")))')
    assert wasix.run([guest], engine=engine).returncode == 0


def test_exit_cannot_be_caught_by_the_guest(wat: Wat, engine: str) -> None:
    assert wasix.run([wat(CATCHER)], engine=engine).returncode == 3


def test_input_and_output_are_bytes_or_text(wat: Wat, engine: str) -> None:
    cat = wat(CAT)
    assert wasix.run([cat], input=b"a\xff\r\n", capture_output=True, engine=engine).stdout == (
        b"a\xff\r\n"
    )
    text = wasix.run([cat], input="é\n", capture_output=True, text=True, engine=engine)
    assert text.stdout == "é\n"


def test_large_input_comes_through_whole(wat: Wat, engine: str) -> None:
    data = bytes(range(256)) * 20000
    assert wasix.run([wat(CAT)], input=data, capture_output=True, engine=engine).stdout == data


def test_pipes_carry_a_conversation(wat: Wat, engine: str) -> None:
    with wasix.Popen([wat(CAT)], stdin=wasix.PIPE, stdout=wasix.PIPE, engine=engine) as process:
        assert process.stdin
        assert process.stdout
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line
        assert process.poll() is None
    assert process.returncode == 0


def test_communicate_does_not_deadlock_on_more_than_a_pipe_holds(wat: Wat, engine: str) -> None:
    data = b"x" * 1_000_000
    process = wasix.Popen([wat(CAT)], stdin=wasix.PIPE, stdout=wasix.PIPE, engine=engine)
    assert process.communicate(data)[0] == data


def test_streams_may_be_files_and_objects(wat: Wat, engine: str, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(b"from a file")
    seen = io.BytesIO()
    with source.open("rb") as stdin:
        wasix.run([wat(CAT)], stdin=stdin, stdout=seen, engine=engine)
    assert seen.getvalue() == b"from a file"


def test_stderr_may_go_to_stdout(wat: Wat, engine: str) -> None:
    guest = wat(CAT.replace("(call $write (i32.const 1)", "(call $write (i32.const 2)"))
    done = wasix.run([guest], input=b"oops", stdout=wasix.PIPE, stderr=wasix.STDOUT, engine=engine)
    assert done.stdout == b"oops"
    assert done.stderr is None


@pytest.mark.parametrize("guest", [SPIN, SPIN_AT_START], ids=["computing", "starting"])
def test_a_spinning_guest_is_stopped_by_its_timeout(wat: Wat, engine: str, guest: str) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        wasix.run([wat(guest)], timeout=0.3, engine=engine)


def test_a_waiting_guest_is_stopped_by_its_timeout(wat: Wat, engine: str) -> None:
    process = wasix.Popen([wat(CAT)], stdin=wasix.PIPE, engine=engine)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.kill()
    assert process.wait(30) == 137


def test_what_was_written_before_a_timeout_is_kept(wat: Wat, engine: str) -> None:
    guest = wat(CAT.replace("(br $again)", "(loop $forever (br $forever))"))
    for timeout in (0.5, 4, 32):  # a busy machine may take some time to start the guest
        with pytest.raises(subprocess.TimeoutExpired) as caught:
            wasix.run([guest], input=b"so far", capture_output=True, timeout=timeout, engine=engine)
        if caught.value.output is not None:
            break
    assert caught.value.output == b"so far"


def test_signals_end_with_128_and_their_number(wat: Wat, engine: str) -> None:
    for end, status in ((wasix.Popen.terminate, 143), (wasix.Popen.kill, 137)):
        process = wasix.Popen([wat(SPIN)], engine=engine)
        end(process)
        assert process.wait(30) == status
        end(process)


def test_a_stopped_guest_continues(wat: Wat, engine: str) -> None:
    process = wasix.Popen([wat(CAT)], stdin=wasix.PIPE, stdout=wasix.PIPE, engine=engine)
    assert process.stdin
    assert process.stdout
    process.send_signal(19)
    process.stdin.write(b"late")
    process.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(18)
    assert process.communicate()[0] == b"late"


def test_many_guests_run_at_once(wat: Wat, engine: str) -> None:
    cat, results = wat(CAT), {}

    def go(number: int) -> None:
        data = str(number).encode()
        results[number] = wasix.run([cat], input=data, capture_output=True, engine=engine).stdout

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: str(number).encode() for number in range(8)}


def test_files_live_as_long_as_the_sandbox(wat: Wat, engine: str) -> None:
    volume = wasix.memory()
    with wasix.Sandbox(volumes={"/data": volume}, engine=engine) as box:
        for _ in range(2):
            assert box.run([wat(exits(0))]).returncode == 0
    with pytest.raises(wasix.UsageError, match="closed"):
        box.run([wat(exits(0))])


def test_leaving_a_sandbox_kills_what_runs(wat: Wat, engine: str) -> None:
    with wasix.Sandbox(engine=engine) as box:
        process = box.Popen([wat(SPIN)])
    assert process.wait(0) == 137


def test_check_raises_for_a_failure(wat: Wat, engine: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        wasix.run([wat(exits(1))], check=True, engine=engine)


def test_the_host_environment_is_not_passed_on(
    engine: str, monkeypatch: pytest.MonkeyPatch, wat: Wat
) -> None:
    monkeypatch.setenv("SECRET", "x")
    # Exits with the number of environment variables.
    guest = wat("""
    (module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (import "wasi_snapshot_preview1" "environ_sizes_get"
        (func $sizes (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (drop (call $sizes (i32.const 0) (i32.const 4)))
        (call $exit (i32.load (i32.const 0)))))""")
    assert wasix.run([guest], engine=engine).returncode == 3  # HOME, PATH, PWD
    assert wasix.run([guest], env={}, engine=engine).returncode == 0
