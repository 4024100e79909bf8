"""Reading a file that holds a module, as bytes or as text."""

from __future__ import annotations

from pathlib import Path

from engines.plain import Refused
from engines.protocol import EngineError
from wasix.api import cwasm
from wasix.api.errors import EngineUnavailable, ProgramInvalid, ProgramNotFound

TEXT = ".wat"
"""How the name of a file of WebAssembly text ends."""


def read(path: Path) -> bytes:
    """The binary module in a file, which may be text. Raises `WasixError`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ProgramNotFound(f"{path}: no such file") from None
    except OSError as error:
        raise ProgramInvalid(f"{path}: {error.strerror}") from None
    if path.suffix == TEXT:
        return _assembled(data, path)
    if data.startswith(cwasm.MAGIC[:-1]):
        raise ProgramInvalid(
            f"{path} is a program compiled ahead of time: `wasix run` and wasix.run take it, if "
            f"its name ends in {cwasm.SUFFIX}"
        )
    return data


def _assembled(text: bytes, path: Path) -> bytes:
    from engines.native.cranelift.text import assemble

    try:
        return assemble(text)
    except Refused as error:
        raise ProgramInvalid(f"{path}: {error}") from None
    except (EngineError, ImportError) as error:
        raise EngineUnavailable(
            f"{path} is WebAssembly text, which takes wasmtime to be run ({error}): "
            "pip install 'wasix[engine-cranelift]', or assemble it first (wat2wasm)"
        ) from None
