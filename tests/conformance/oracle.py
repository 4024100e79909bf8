"""What the same program does elsewhere: a guest on wasmtime, its source as a Linux program."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from wasmtime import Engine, ExitTrap, Linker, Module, Store, Trap, WasiConfig, WasmtimeError


@functools.cache
def _engine() -> Engine:
    return Engine()


def wasmtime(
    args: Sequence[str],
    *,
    volumes: Mapping[str, Path] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> CompletedProcess[str]:
    """Runs `args[0]`, a .wasm file, as `wasix.run` would.

    The status is the guest's own; a trap gives 134, as a shell says of a program that aborted, and
    its message on standard error.
    """
    engine = _engine()
    linker = Linker(engine)
    linker.define_wasi()
    module = Module.from_file(engine, args[0])
    config = WasiConfig()
    config.argv = list(args)
    config.env = list((env or {}).items())
    for name, host in (volumes or {}).items():
        config.preopen_dir(str(host), name)
    with tempfile.TemporaryDirectory() as directory:
        given, stdout, stderr = (Path(directory) / name for name in ("in", "out", "err"))
        given.write_text(stdin)
        config.stdin_file = given
        config.stdout_file = str(stdout)
        config.stderr_file = str(stderr)
        store = Store(engine)
        store.set_wasi(config)
        status, message = 0, ""
        try:
            start = linker.instantiate(store, module).exports(store)["_start"]
            start(store)
        except ExitTrap as stopped:
            status = stopped.code
        except (Trap, WasmtimeError) as failed:
            status, message = 134, str(failed)
        # The files are flushed when the store lets go of them.
        store.close()
        return CompletedProcess(
            list(args), status, stdout.read_text(), stderr.read_text() + message
        )


def linux(args: Sequence[str], *, cwd: Path, stdin: str = "") -> CompletedProcess[str]:
    """Runs a program of this machine in `cwd`; a signal n gives status 128+n, as in a shell."""
    done = subprocess.run(
        list(args), cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60, env={}
    )
    if done.returncode < 0:
        done.returncode = 128 - done.returncode
    return done
