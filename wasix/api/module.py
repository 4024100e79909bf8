"""Plain modules: those that are no programs but libraries, plug-ins of a Python program."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import engines
from engines.plain import Ended, Plain, Refused
from engines.protocol import EngineError
from engines.wasm import DecodeError, Import, decode
from engines.wasm.types import ExternalType, Kind
from wasix.api.auto import SMALL
from wasix.api.errors import EngineUnavailable, InstanceLost, ProgramInvalid
from wasix.api.needs import lacking, refusal
from wasix.api.source import read

PREFERRED = ("cranelift", "v8")
"""Engines for plain modules, the best for small ones first: it calls fast, but compiles long."""

OTHERS = ("jsc", "spidermonkey", "jsc-jitless")
"""Those in processes of their own, if there is none of the others."""


class ExportType(NamedTuple):
    """What a module exports under a name."""

    name: str
    type: ExternalType

    @property
    def kind(self) -> Kind:
        return self.type.kind


class Module:
    """A WebAssembly module, from its bytes or a file, compiled. Instances of it do not share state.

    `engine` is `cranelift`, `v8`, `jsc`, `jsc-jitless` or `spidermonkey`, or `auto` for one that is
    here. Raises `ProgramInvalid`, `ProgramNotFound` or `EngineUnavailable`.

        >>> module = wasix.Module(bytes.fromhex(
        ...     "0061736d0100000001070160027f7f017f030201000707010361646400000a09010700"
        ...     "200020016a0b"))
        >>> for export in module.exports:
        ...     print(export.name, export.kind, export.type)
        add function (i32, i32) -> (i32)
    """

    def __init__(
        self, source: bytes | bytearray | memoryview | str | PathLike[str], engine: str = "auto"
    ) -> None:
        if isinstance(source, str | PathLike):
            data, name = read(Path(source)), os.fspath(source)
        else:
            data, name = bytes(source), "module"
        try:
            self._module = decode(data, name)
        except DecodeError as error:
            raise ProgramInvalid(str(error)) from None
        self._engine = _choose(engine, self._module.size)
        try:
            self._compiled = self._engine.compile(self._module)
        except Refused as error:
            missing = lacking(self._module, engines.get(self.engine))
            if missing:
                raise ProgramInvalid(refusal(self._module, [self.engine], missing)) from None
            raise ProgramInvalid(f"{name}: {error}") from None
        except Ended as error:
            raise InstanceLost(f"{name}: {error}") from None

    @property
    def engine(self) -> str:
        """The engine it runs on."""
        return self._engine.name

    @property
    def imports(self) -> list[Import]:
        """What its instances need, each with `module`, `name`, `kind` and `type`."""
        return list(self._module.imports)

    @property
    def exports(self) -> list[ExportType]:
        """What its instances offer."""
        return [
            ExportType(export.name, self._module.index_space(export.kind)[export.index])
            for export in self._module.exports
        ]

    def custom_sections(self, name: str) -> list[bytes]:
        """The contents of the custom sections called `name`, in order."""
        return [bytes(section) for section in self._module.custom(name)]

    def __repr__(self) -> str:
        return f"<Module {self._module.name}: {self._module.size} bytes, on {self.engine}>"


def _choose(name: str, size: int) -> Plain:
    """An engine. Raises `EngineUnavailable`."""
    names = [name]
    if name == "auto":
        names = [known for known in PREFERRED if known in engines.PLAIN]
        if size > SMALL:
            names.reverse()
        names += [known for known in OTHERS if known in engines.PLAIN]
    missing = []
    for candidate in names:
        try:
            return engines.get_plain(candidate)
        except EngineError as error:
            missing.append(str(error))
    raise EngineUnavailable("; ".join(missing))
