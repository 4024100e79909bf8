"""The programs that are measured: C sources compiled for WASI, and modules of any size."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parent
BUILD = Path(__file__).parents[2] / "build" / "bench" / "guests"

_OPTIONS = ("-target", "wasm32-wasi", "-O2", "-s")


@cache
def guest(name: str) -> Path:
    """The compiled `bench/guests/NAME.c`, named by a hash of its source."""
    source = SOURCES / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    compiled = BUILD / f"{name}-{digest}.wasm"
    if not compiled.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            output = Path(folder) / compiled.name
            command = [sys.executable, "-m", "ziglang", "cc", *_OPTIONS, str(source)]
            subprocess.run([*command, "-o", str(output)], check=True)
            os.replace(output, compiled)
    return compiled


def module(size: int) -> bytes:
    """A program of about `size` bytes, nearly all of it functions, which does nothing.

    Each function is 16 times a multiplication, a rotation, an addition, and a branch around a
    store; no two are the same.
    """
    unit = bytes.fromhex("6c 2000 4107 77 6a 2200 0440 2000 41fcff03 71 2000 360200 0b")
    get, const = b"\x20\x00", b"\x41"

    def body(number: int) -> bytes:
        # Constants are padded to five bytes, so that every body has the same size.
        parts = [
            get + const + _padded((number * 16 + place) & 0x7FFF_FFFF) + unit for place in range(16)
        ]
        code = b"\x00" + b"".join(parts) + b"\x20\x00\x0b"
        return _leb(len(code)) + code

    count = max(1, (size - 200) // (len(body(0)) + 1))
    start = b"\x02\x00\x0b"
    return b"".join(
        [
            b"\0asm\1\0\0\0",
            _section(1, b"\x02\x60\x01\x7f\x01\x7f\x60\x00\x00"),
            _section(3, _leb(count + 1) + bytes(count) + b"\x01"),
            _section(5, b"\x01\x00\x02"),
            _section(7, b"\x02\x06memory\x02\x00\x06_start\x00" + _leb(count)),
            _section(10, _leb(count + 1) + b"".join(map(body, range(count))) + start),
        ]
    )


def _section(number: int, content: bytes) -> bytes:
    return bytes([number]) + _leb(len(content)) + content


def _leb(value: int) -> bytes:
    data = b""
    while value >= 0x80:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def _padded(value: int) -> bytes:
    return bytes([value >> shift & 0x7F | 0x80 for shift in (0, 7, 14, 21)] + [value >> 28 & 0x07])
