"""`wasix run` in a terminal: a program that wants single keys, and the terminal afterwards."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Wat = Callable[[str], str]

# Shows each key as <key>, until q; and as it begins, and for each signal, the number of columns as
# a character.
KEYS = """
(module
  (import "wasix_32v1" "tty_get" (func $tty_get (param i32) (result i32)))
  (import "wasix_32v1" "tty_set" (func $tty_set (param i32) (result i32)))
  (import "wasix_32v1" "callback_signal" (func $callback (param i32 i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (data (i32.const 24) "\\20\\00\\00\\00\\03\\00\\00\\00<?>on_signal")
  (func $show (param $key i32)
    (i32.store8 (i32.const 33) (local.get $key))
    (drop (call $write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 8))))
  (func $columns
    (drop (call $tty_get (i32.const 64)))
    (call $show (i32.load (i32.const 64))))
  (func (export "on_signal") (param i32) (call $columns))
  (func (export "_start")
    (if (i32.const CALLBACK) (then (call $callback (i32.const 35) (i32.const 9))))
    (drop (call $tty_get (i32.const 64)))
    (i32.store16 (i32.const 83) (i32.const 0))
    (if (call $tty_set (i32.const 64)) (then (call $exit (i32.const 99))))
    (call $columns)
    (loop $again
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const 113)) (then (call $exit (i32.const 7))))
      (call $show (i32.load8_u (i32.const 16)))
      (br $again))))
"""


class Seat:
    """Someone at a terminal of 65 columns (A) with a program in it."""

    def __init__(self, *args: str) -> None:
        self.master, self.slave = os.openpty()
        self.resize(65)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wasix", "run", *args],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.shown = b""

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def sees(self, text: bytes) -> None:
        """Wait until `text` is shown, and forget what came before it."""
        while text not in self.shown:
            ended = self.process.poll() is not None
            if select.select([self.master], [], [], 0 if ended else 1)[0]:
                self.shown += os.read(self.master, 4096)
            else:
                assert not ended, self.shown
        self.shown = self.shown.partition(text)[2]

    def modes(self) -> tuple[bool, bool]:
        """Whether it echoes, and whether it waits for lines."""
        flags: Any = termios.tcgetattr(self.slave)[3]
        return bool(flags & termios.ECHO), bool(flags & termios.ICANON)

    def ends(self, status: int) -> None:
        """It ends so, and the terminal is as it was."""
        assert self.process.wait(60) == status
        assert termios.tcgetattr(self.slave) == self.before

    def leave(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def sit(wat: Wat, engine: str) -> Iterator[Callable[..., Seat]]:
    seats: list[Seat] = []

    def take(*args: str, callback: bool = False) -> Seat:
        guest = wat(KEYS.replace("CALLBACK", str(int(callback))))
        seats.append(Seat("--engine", engine, *args, guest))
        seats[-1].sees(b"<A>")
        return seats[-1]

    yield take
    for seat in seats:
        seat.leave()


def test_a_program_gets_single_keys(sit: Callable[..., Seat]) -> None:
    seat = sit()
    assert seat.modes() == (False, False)
    for key in (b"x", b"\r", b"\n", b"y"):
        seat.type(key)
        seat.sees(b"<" + key.replace(b"\n", b"\r\n") + b">")
    seat.type(b"q")
    seat.ends(7)


def test_it_is_given_back_after_ctrl_c(sit: Callable[..., Seat]) -> None:
    seat = sit()
    seat.type(b"\x03")
    seat.ends(130)


def test_it_is_given_back_after_a_kill_for_time(sit: Callable[..., Seat]) -> None:
    sit("--timeout", "5").ends(124)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_is_given_back_when_the_command_is_ended(
    sit: Callable[..., Seat], number: signal.Signals
) -> None:
    seat = sit()
    seat.process.send_signal(number)
    seat.ends(-number)


def test_new_sizes_reach_the_program(sit: Callable[..., Seat]) -> None:
    seat = sit(callback=True)
    for columns in (66, 67):
        seat.resize(columns)
        seat.sees(b"<%c>" % columns)
    seat.type(b"x")
    seat.sees(b"<x>")
    seat.type(b"q")
    seat.ends(7)
