"""Programs compiled ahead of time: the `.cwasm` files of `wasix compile`.

A file holds the program as WebAssembly and as native code:

    8 bytes    magic, the last of which is the version of the format
    4 bytes    length of the header, little-endian
    32 bytes   SHA-256 of the header
    header     JSON: what the code is made for, and length and SHA-256 of both parts
    WebAssembly, then native code

Nothing is used before its digest is checked. Digests find damage, not malice: native code is not
confined, so a file is executed only if nobody but its user may have written it. The digests of the
two parts are apart because only an engine that takes the code has to read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import engines
from engines.artifacts import Kept, distrust
from engines.protocol import Build, EngineError, Native
from engines.wasm import Module
from wasix.api.auto import Choice, Get
from wasix.api.errors import ProgramInvalid, ProgramNotFound, WasixError

SUFFIX = ".cwasm"
MAGIC = b"\0wasixc\1"
_HEAD = struct.Struct("<8sI32s")
_MOST_HEADER = 1 << 20
_ROOT = 0
"""The user who may write any file anyway, and who installs programs for others."""


class Part(NamedTuple):
    """A part of a file: where it begins, its length (bytes), and its SHA-256."""

    offset: int
    size: int
    sha256: str


class Cwasm(NamedTuple):
    """A file whose header has been checked, and whose parts are checked as they are read."""

    path: Path
    build: Build
    key: str
    """What its engine keeps the code under: it says which module, with which limits."""
    argv: tuple[str, ...]
    """How the program's argument list begins; empty for the file's name."""
    environ: Mapping[str, str]
    wasm: Part
    code: Part

    @classmethod
    def open(cls, path: Path) -> Cwasm:
        """Raises `ProgramNotFound` or `ProgramInvalid`."""
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            magic, length, digest = _HEAD.unpack(file.read(_HEAD.size).ljust(_HEAD.size, b"\0"))
            if magic[:-1] != MAGIC[:-1]:
                raise ProgramInvalid(
                    f"{path} was not made by `wasix compile`: compile the program's .wasm file"
                )
            if magic != MAGIC:
                raise ProgramInvalid(
                    f"{path} was made by another version of wasix: compile the program again, "
                    f"{_command('PROGRAM', path)}"
                )
            text = file.read(min(length, _MOST_HEADER))
        if hashlib.sha256(text).digest() != digest:
            raise _damaged(path)
        try:
            header = json.loads(text)
            build = Build(**{name: str(header["build"][name]) for name in Build._fields})
            wasm = _part(header["wasm"], _HEAD.size + len(text))
            code = _part(header["code"], wasm.offset + wasm.size)
            argv = tuple(map(str, header["argv"]))
            environ = {str(name): str(value) for name, value in header["environ"].items()}
            found = cls(path, build, str(header["key"]), argv, environ, wasm, code)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise _damaged(path) from None
        if size != code.offset + code.size:
            raise _damaged(path)
        return found

    def read_wasm(self) -> bytes:
        """The program as WebAssembly. Raises `ProgramNotFound` or `ProgramInvalid`."""
        with _opened(self.path) as file:
            return self._read(file, self.wasm)

    def read_code(self) -> bytes:
        """Its native code, which may be executed. Raises as `read_wasm` does."""
        with _opened(self.path) as file:
            if reason := distrust(os.fstat(file.fileno()), _ROOT):
                raise ProgramInvalid(
                    f"{self.path} {reason}, so its native code is not executed: {self._again()}, "
                    "or make it yours alone to write"
                )
            return self._read(file, self.code)

    def _read(self, file: BinaryIO, part: Part) -> bytes:
        file.seek(part.offset)
        data = file.read(part.size)
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise _damaged(self.path)
        return data

    def choice(self, module: Module, asked: str, get: Get = engines.get) -> Choice | None:
        """Its own engine; None if another is asked for, or limits that the code is not made with.

        `module` is the program as it is to run. Raises `EngineError` or `ProgramInvalid`.
        """
        if asked not in ("auto", self.build.engine):
            return None
        try:
            engine = get(self.build.engine)
        except EngineError as error:
            raise EngineError(
                f"{self.path} is native code of {self.build.engine}: {error}"
            ) from None
        if not isinstance(engine, Native):
            raise EngineError(f"{self.path}: the engine {engine.name} takes no native code")
        self._check(engine.build())
        if engine.key(module) != self.key:
            return None
        return Choice(engine, "the file holds its native code")

    def why_not(self, asked: str) -> str:
        """Why `choice` has answered None to `asked`."""
        if asked in ("auto", self.build.engine):
            return "the native code in the file is made for other limits"
        return f"the native code in the file is for {self.build.engine}"

    def _check(self, here: Build) -> None:
        """Raises `ProgramInvalid` if the code is made for something else than `here`."""
        made = self.build
        if made == here:
            return
        if made.version != here.version:
            what = f"by {made.version}, and here is {here.version}"
        elif made.processor != here.processor:
            what = f"for another processor{_difference(made.processor, here.processor)}"
        else:
            what = f"with other settings of {made.engine}"
        raise ProgramInvalid(f"{self.path} was compiled {what}: {self._again()}")

    def _again(self) -> str:
        """What to do where only the native code is of no use."""
        return f"compile it again, {_command(self.path, self.path)}"


class Code:
    """The code of one file as an engine finds it; whatever else it needs is in `rest`."""

    def __init__(self, cwasm: Cwasm, rest: Kept | None = None) -> None:
        self._cwasm = cwasm
        self._rest = rest

    def load(self, key: str) -> Path | bytes | None:
        if key == self._cwasm.key:
            return self._cwasm.read_code()
        return self._rest.load(key) if self._rest else None

    def has(self, key: str) -> bool:
        return key == self._cwasm.key or (self._rest is not None and self._rest.has(key))

    def store(self, key: str, data: bytes | memoryview) -> Path | None:
        return self._rest.store(key, data) if self._rest else None

    def reject(self, key: str) -> None:
        if key == self._cwasm.key:
            raise ProgramInvalid(
                f"{self._cwasm.path}: {self._cwasm.build.version} refuses its native code: "
                f"{self._cwasm._again()}"
            )
        if self._rest:
            self._rest.reject(key)


def write(
    path: Path,
    *,
    build: Build,
    key: str,
    wasm: bytes,
    code: bytes,
    argv: tuple[str, ...] = (),
    environ: Mapping[str, str] | None = None,
) -> None:
    """Make a file, all of it or nothing. Raises `WasixError`."""
    header = {
        "build": build._asdict(),
        "key": key,
        "argv": argv,
        "environ": dict(environ or {}),
        "wasm": _described(wasm),
        "code": _described(code),
    }
    text = json.dumps(header).encode()
    head = _HEAD.pack(MAGIC, len(text), hashlib.sha256(text).digest())
    new = path.with_name(f".{path.name}.{os.urandom(8).hex()}.new")
    try:
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
                for piece in (head, text, wasm, code):
                    file.write(piece)
            os.replace(new, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(new)
            raise
    except OSError as error:
        raise WasixError(f"{path} cannot be written: {error.strerror}") from None


def _described(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _part(described: Mapping[str, Any], offset: int) -> Part:
    size = int(described["size"])
    if size < 0:
        raise ValueError(size)
    return Part(offset, size, str(described["sha256"]))


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise ProgramNotFound(f"{path}: no such file") from None
    except OSError as error:
        raise ProgramInvalid(f"{path}: {error.strerror}") from None


def _damaged(path: Path) -> ProgramInvalid:
    return ProgramInvalid(
        f"{path} is damaged or incomplete: compile the program again, {_command('PROGRAM', path)}"
    )


def _command(program: Path | str, output: Path) -> str:
    from shlex import quote

    return f"wasix compile {quote(str(program))} -o {quote(str(output))}"


def _difference(made: str, here: str) -> str:
    """Where two processors differ, as far as a line has room."""
    theirs, ours = made.split(" "), here.split(" ")
    if theirs[0] != ours[0]:
        return f" ({theirs[0]}, and this is {ours[0]})"
    lacking = [name for name in theirs if name not in ours]
    new = [name for name in ours if name not in theirs]
    texts = [
        f"{text} {', '.join(names[:3])}{'...' if len(names) > 3 else ''}"
        for text, names in (("here is no", lacking), ("which had no", new))
        if names
    ]
    return f" ({'; '.join(texts)})"
