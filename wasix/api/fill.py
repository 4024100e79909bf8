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

PROCESSOR_TIME = 600
"""Seconds a compilation may compute."""
_ROOT = Path(__file__).parents[2]


def key(engine: str, digest: str) -> str:
    """What a compilation is locked by, of the module with that digest."""
    return f"{engine}-{digest[:40]}"


def start(engine: str, module: Module, artifacts: Artifacts) -> None:
    """Compile `module` with `engine` into `artifacts`, soon. Nothing depends on its success."""
    import subprocess
    import tempfile

    lock = key(engine, module.digest)
    if not artifacts.lock(lock):
        return
    try:
        handle, name = tempfile.mkstemp(dir=artifacts.directory, prefix=".new-", suffix=".wasm")
        with os.fdopen(handle, "wb") as file:
            for piece in module.buffers():
                file.write(piece)
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


def main() -> None:
    engine, name, lock, directory, limit = sys.argv[1:]
    artifacts = Artifacts(Path(directory), int(limit))
    artifacts.hold(lock)
    try:
        _be_modest()
        module = decode(Path(name).read_bytes(), name)
        engines.get(engine).prepare(module, artifacts)
    except (OSError, EngineError, DecodeError):
        pass
    finally:
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
