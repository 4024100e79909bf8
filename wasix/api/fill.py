"""Compiles a module for next time, in a process of its own that nobody waits for.

`start` begins one; the process runs this module. It is niced and its processor time is bounded;
there is at most one for a module and engine.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import engines
from engines.artifacts import Artifacts
from engines.protocol import EngineError
from engines.wasm import DecodeError, Module, decode
from wasix.api.needs import lacking

_WRITTEN = ".new-"
PROCESSOR_TIME = 600
"""Seconds a compilation may compute."""
_ROOT = Path(__file__).parents[2]


def key(engine: str, digest: str) -> str:
    """What a compilation is locked by, of the module with that digest."""
    return f"{engine}-{digest[:40]}"


def start(engine: str, module: Module, artifacts: Artifacts, source: Path | None = None) -> None:
    """Compile `module` with `engine` into `artifacts`, soon. Nothing depends on its success.

    `source` is a file that holds it, or did.
    """
    import subprocess

    lock = key(engine, module.digest)
    if not artifacts.lock(lock):
        return
    try:
        name = str(source.absolute()) if source else _written(module, artifacts)
        command = [sys.executable, "-m", "wasix.api.fill", engine, name, lock]
        subprocess.Popen(
            [*command, str(artifacts.directory), str(artifacts.limit)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "WASIX_PERF": "0"},
            cwd=_ROOT,
            start_new_session=True,
        )
    except OSError:
        artifacts.unlock(lock)


def _written(module: Module, artifacts: Artifacts) -> str:
    """A file with the module, for the process to remove."""
    import tempfile

    handle, name = tempfile.mkstemp(dir=artifacts.directory, prefix=_WRITTEN, suffix=".wasm")
    with os.fdopen(handle, "wb") as file:
        for piece in module.buffers():
            file.write(piece)
    return name


def main() -> None:
    engine, name, lock, directory, limit = sys.argv[1:]
    artifacts = Artifacts(Path(directory), int(limit))
    artifacts.hold(lock)
    try:
        _be_modest()
        module = decode(Path(name).read_bytes(), name)
        compiler = engines.get(engine)
        if key(engine, module.digest) == lock and not lacking(module, compiler):
            compiler.prepare(module, artifacts)
    except (OSError, EngineError, DecodeError):
        pass
    finally:
        if Path(name).parent == artifacts.directory and Path(name).name.startswith(_WRITTEN):
            with suppress(OSError):
                os.unlink(name)
        artifacts.unlock(lock)


def _be_modest() -> None:
    if sys.platform != "win32":
        import resource

        with suppress(OSError):
            os.nice(19)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_TIME, PROCESSOR_TIME))


if __name__ == "__main__":
    main()
