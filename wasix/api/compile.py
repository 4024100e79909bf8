"""Compiling a program ahead of time, to a file that runs without its compiler's work."""

from __future__ import annotations

from pathlib import Path

import engines
from engines.artifacts import Kept
from engines.plain import Refused
from engines.protocol import EngineError, Native
from wasix.api import cwasm
from wasix.api.artifacts import Foreground, kept
from wasix.api.errors import EngineUnavailable, ProgramInvalid, UsageError
from wasix.api.needs import lacking, refusal
from wasix.api.program import link
from wasix.catalogue import Found


class _Made:
    """What an engine makes, in memory, and before that what `rest` has."""

    def __init__(self, rest: Kept) -> None:
        self._rest = rest
        self._made: dict[str, bytes] = {}

    def load(self, key: str) -> Path | bytes | None:
        return self._made.get(key) or self._rest.load(key)

    def has(self, key: str) -> bool:
        return key in self._made or self._rest.has(key)

    def store(self, key: str, data: bytes | memoryview) -> Path | None:
        self._made[key] = bytes(data)
        return None

    def reject(self, key: str) -> None:
        self._rest.reject(key)


def compile_program(
    found: Found,
    output: Path,
    engine_name: str,
    *,
    abi: str = "latest",
    memory: int | None = None,
    fuel: bool = False,
    foreground: Foreground | None = None,
) -> None:
    """Compile `found` to the file `output`, for guests with these limits. Raises `WasixError`.

    What the user's cache has of it is not compiled again.
    """
    if output.suffix != cwasm.SUFFIX:
        raise UsageError(f"{output}: a compiled program's name must end in {cwasm.SUFFIX}")
    try:
        engine = engines.get(engine_name)
    except EngineError as error:
        raise EngineUnavailable(str(error)) from None
    if not isinstance(engine, Native):
        raise UsageError(
            f"the engine {engine.name} makes no code that can be kept: take one that does, such as "
            "--engine cranelift (see `wasix engines`)"
        )
    wasm = found.read()
    module = link(wasm, found.name, abi=abi, memory=memory, fuel=fuel, artifacts=kept()).module
    if lack := lacking(module, engine):
        raise ProgramInvalid(refusal(module, [engine.name], lack))
    made = _Made(kept())
    try:
        if foreground is None or engine.kept(module, made):
            engine.compile(module, made)
        else:
            foreground(engine, module, lambda: engine.compile(module, made))
    except Refused as error:
        raise ProgramInvalid(f"{found.name}: {error}") from None
    key = engine.key(module)
    code = made.load(key)
    if code is None:
        raise EngineUnavailable(f"the engine {engine.name} gave no code for {found.name}")
    cwasm.write(
        output,
        build=engine.build(),
        key=key,
        wasm=wasm,
        code=code if isinstance(code, bytes) else code.read_bytes(),
        argv=_argv(found),
        environ=found.environ,
    )


def _argv(found: Found) -> tuple[str, ...]:
    """How the argument list is to begin; empty for the name of the compiled file."""
    if found.cwasm is not None:
        return found.cwasm.argv
    return () if isinstance(found.source, Path) else found.argv
