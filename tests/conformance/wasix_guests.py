"""The guests of WASIX, and how each is started here, on Wasmer and on Linux."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import wasix
from tests.conformance.wasmer import WORKSPACE, wasmer
from tests.guests.build import compile_guest, compile_native, compile_suspending, compile_wasix

SELF, SCRATCH = "{self}", "{scratch}"
"""In a guest's arguments: the path of its own module, and an empty directory."""

TABLE = ("-Wl,--export-table", "-Wl,--growable-table")
WASMER_LIMIT = 15
"""Seconds. Wasmer answers in less than one, or waits for ever."""


@dataclass(frozen=True)
class WasixGuest:
    """`tests/guests/NAME.c`; one for POSIX is linked with the shim."""

    name: str
    args: tuple[str, ...] = ()
    suspends: bool = False
    """Whether here, but not on Wasmer, its stack must be one that can be unwound."""

    @property
    def label(self) -> str:
        return " ".join((self.name, *(arg for arg in self.args if not arg.startswith("{"))))

    def compiled(self, *, shared: bool = False) -> Path:
        if self.name.startswith("unix_"):
            return compile_wasix(self.name, shared=shared)
        if self.suspends and not shared:
            return compile_suspending(self.name, flags=TABLE)
        return compile_guest(self.name, flags=TABLE)

    def arguments(self, own: str, scratch: str) -> list[str]:
        return [{SELF: own, SCRATCH: scratch}.get(arg, arg) for arg in self.args]


# Compared with Wasmer, line by line.
RAW = (
    WasixGuest("wasix_call"),
    WasixGuest("wasix_context", suspends=True),
    WasixGuest("wasix_cwd", (SCRATCH,)),
    WasixGuest("wasix_dl"),
    *(WasixGuest("wasix_exec", (SELF, call)) for call in ("proc_exec", "proc_exec2")),
    *(WasixGuest("wasix_exec", (SELF, f"{call} missing")) for call in ("proc_exec", "proc_exec2")),
    *(WasixGuest("wasix_exec", (SELF, call)) for call in ("proc_exec3", "proc_exec4")),
    WasixGuest("wasix_exec", (SELF, "proc_exit2")),
    WasixGuest("wasix_fd", (SCRATCH,)),
    WasixGuest("wasix_proc", (SELF,)),
    WasixGuest("wasix_signal"),
    WasixGuest("wasix_tty"),
    WasixGuest("wasix_wait"),
)

# Whose answers are stated: Wasmer's change from run to run, or it waits for ever.
STATED = (WasixGuest("wasix_epoll"), WasixGuest("wasix_proc", (SELF, "kill")))

# Compared with the same source as a Linux program.
TWINS = tuple(
    WasixGuest(f"unix_{what}", (SELF, SCRATCH))
    for what in ("exec", "fork", "pipe", "setjmp", "signal")
)
# Those of them that come to an end on Wasmer; the others wait for ever, in a `futex_wait` that
# no signal ends, and for an edge that is not told.
WASMER_TWINS = tuple(guest for guest in TWINS if guest.name not in ("unix_pipe", "unix_signal"))


def run(
    guest: WasixGuest, engine: str, place: Path, *, shared: bool = False
) -> CompletedProcess[str]:
    """Runs a guest through the project's API, with its module in the directory `place`."""
    program = guest.compiled(shared=shared)
    shutil.copy(program, place / "self.wasm")
    return wasix.run(
        [str(program), *guest.arguments("/programs/self.wasm", "/scratch")],
        engine=engine,
        volumes={
            "/programs": wasix.HostVolume(place, read_only=True),
            "/scratch": wasix.memory(),
        },
        env={},
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )


@functools.cache
def on_wasmer(guest: WasixGuest) -> CompletedProcess[str]:
    program = guest.compiled(shared=True)
    return wasmer(
        program,
        guest.arguments(f"{WORKSPACE}/self.wasm", f"{WORKSPACE}/scratch"),
        files={"self.wasm": program},
        directories=["scratch"],
        timeout=WASMER_LIMIT,
    )


@functools.cache
def on_linux(guest: WasixGuest) -> CompletedProcess[str]:
    program = str(compile_native(guest.name))
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory) / "scratch"
        scratch.mkdir()
        return subprocess.run(
            [program, *guest.arguments(program, str(scratch))],
            cwd=directory,
            env={},
            input="",
            capture_output=True,
            text=True,
            timeout=60,
        )
