"""What the same program does elsewhere: a guest on wasmtime, its source as a Linux program."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from wasmtime import Engine, ExitTrap, Linker, Module, Store, Trap, WasiConfig, WasmtimeError

from tests.conformance.sockets import host_sockets


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


# Becomes the program in argv[2:] with the descriptors listed in argv[1] as 3 and up.
_AS_THREE_AND_UP = """
import fcntl, os, sys
given = [int(fd) for fd in sys.argv[1].split(",")]
moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in given]
for fd in given:
    os.close(fd)
for number, fd in enumerate(moved, 3):
    os.dup2(fd, number)
os.execv(sys.argv[2], sys.argv[2:])
"""


def linux_with_sockets(args: Sequence[str], *, cwd: Path) -> CompletedProcess[str]:
    """`linux` for a program that inherits `host_sockets` as descriptors 3 and up."""
    with host_sockets() as sockets:
        given = [one.fileno() for one in sockets]
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _AS_THREE_AND_UP, ",".join(map(str, given)), *args],
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={},
            pass_fds=given,
        )
    # Now the program alone has them, which the end of its standard input tells it.
    stdout, stderr = process.communicate(timeout=60)
    return CompletedProcess(list(args), process.returncode, stdout, stderr)
