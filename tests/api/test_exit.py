"""A program that ends while its guests still run: it must, soon, whatever they are doing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BUSY = {
    "computes": "(loop $again (br $again))",
    "makes calls": """
      (loop $again (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 24)))
        (br $again))""",
    "waits": "(drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))",
}
MODULE = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "\\20\\00\\00\\00\\01\\00\\00\\00\\20\\00\\00\\00\\01\\00\\00\\00")
  (data (i32.const 32) "!")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 24)))
    {}))"""


@pytest.mark.parametrize("busy", BUSY)
def test_a_program_ends_whatever_its_guests_do(
    wat: Callable[[str], str], engine: str, busy: str
) -> None:
    code = f"""
import wasix
guests = [
    wasix.Popen([{wat(MODULE.format(BUSY[busy]))!r}], engine={engine!r},
                stdin=wasix.PIPE, stdout=wasix.PIPE)
    for _ in range(3)
]
for guest in guests:
    assert guest.stdout.read(1) == b"!"
print("under way")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "under way\n", "")
