"""Says what a file is that is not a core WebAssembly module.

People hand over the wrong file far more often than a damaged one: the sentence names the mistake.
"""

import re

from engines.wasm.binary import HEADER, MAGIC
from engines.wasm.types import printable

# What a file starts with, what it therefore is and what to do about it.
OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip data: decompress it first"),
    (b"\x28\xb5\x2f\xfd", "zstd data: decompress it first"),
    (b"PK\x03\x04", "a zip archive: extract the module first"),
    (b"BC\xc0\xde", "LLVM bitcode: link it to a module first"),
    (b"\x7fELF", "a native program: build it for WebAssembly"),
    (b"MZ", "a native program: build it for WebAssembly"),
    (b"\xcf\xfa\xed\xfe", "a native program: build it for WebAssembly"),
    (b"!<arch>\n", "a library archive: link it to a module first"),
    (b"#!", "a script: run its interpreter on it"),
    (b"<!DOCTYPE", "a web page: was the download refused?"),
    (b"<html", "a web page: was the download refused?"),
    (b"version https://git-lfs", "a Git LFS pointer: fetch the file itself with `git lfs pull`"),
)

# Blanks and comments, then a parenthesis and the word that a text module starts with. Possessive:
# nothing is gained by trying again, and a hostile file could make that slow.
TEXT_FORMAT = re.compile(
    rb"(?:\s++|;;[^\n]*+\n|\(;[^;]*+(?:;(?!\))[^;]*+)*+;\))*+\(\s*+(?:module|component)\b"
)
TEXT_LOOKED_AT = 65536

COMPONENT_LAYER = b"\1\0"


def refusal(data: memoryview, file: str) -> str | None:
    """Why these bytes are not a module of a version that we know, or None if they may be one."""
    file = printable(file)
    start = bytes(data[:64])
    if start.startswith(HEADER):
        return None
    if not start:
        return f"{file} is empty, not a WebAssembly module"
    if len(start) < len(HEADER) and HEADER.startswith(start):
        return (
            f"{file} is truncated: it ends after {len(start)} bytes, inside the header of a module"
        )
    if start.startswith(MAGIC):
        if start[6:8] == COMPONENT_LAYER:
            remedy = "wasix runs core modules: extract or build the core module"
            return f"{file} is a WebAssembly component; {remedy}"
        version = int.from_bytes(start[4:8], "little")
        return f"{file} is WebAssembly of version {version}; only version 1 is known here"
    if TEXT_FORMAT.match(bytes(data[:TEXT_LOOKED_AT])):
        return f"{file} is WebAssembly text, not a binary module: assemble it first (wat2wasm)"
    refused = f"{file} is not a WebAssembly module (it starts with {_show(start)})"
    for magic, meaning in OTHER_FORMATS:
        if start[: len(magic)].lower() == magic.lower():
            return f"{refused}: it is {meaning}"
    return refused


def _show(start: bytes) -> str:
    """The first bytes, as text where they are."""
    text = start[:16].split(b"\n")[0].rstrip(b"\r")
    if text.isascii() and text.decode("ascii").isprintable() and text.strip():
        return f'"{text.decode("ascii")}"'
    return " ".join(f"{byte:02x}" for byte in start[:8])
