"""The guests of the conformance tests, and how each is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from subprocess import CompletedProcess
from typing import Any

import wasix
from tests.guests.build import compile_guest

SCRATCH = "scratch"


@dataclass(frozen=True)
class Guest:
    """`tests/guests/NAME.c`, its arguments after the program's name, and what it is given."""

    name: str
    args: tuple[str, ...] = (SCRATCH,)
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    stdin: str = ""


@dataclass(frozen=True)
class Volume:
    """A kind of filesystem, and one that a sandbox can mount."""

    kind: str
    source: Any


def run(guest: Guest, engine: str, volume: Volume | None = None) -> CompletedProcess[str]:
    """Runs a guest through the project's API, `volume` mounted as the scratch directory."""
    return wasix.run(
        [str(compile_guest(guest.name)), *guest.args],
        volumes={} if volume is None else {SCRATCH: volume.source},
        engine=engine,
        env=dict(guest.env),
        input=guest.stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


# Compared with wasmtime, line by line.
GUESTS = (
    Guest("args", (SCRATCH, "", "two words", "café")),
    Guest("badf"),
    Guest("clock"),
    Guest(
        "environ",
        env={"PLAIN": "value", "EMPTY": "", "EQUALS": "a=b=c", "UNICODE": "café"},
    ),
    Guest("fd_dir"),
    Guest("fd_io"),
    Guest("fd_number"),
    Guest("fd_rights"),
    Guest("fd_seek"),
    Guest("fd_stat"),
    Guest("fd_sync"),
    Guest("path_dirs"),
    Guest("path_links"),
    Guest("path_names"),
    Guest("path_open"),
    Guest("path_rename"),
    Guest("path_times"),
    Guest("path_walk"),
    Guest("poll", stdin="ready"),
    Guest("random"),
    Guest("sched"),
    Guest("sock"),
    Guest("stdio", stdin="one\ntwo\n"),
)

# Compared with the same source as a Linux program. `sock_stream` needs no volume, but takes one.
TWINS = (
    Guest("posix_io"),
    Guest("posix_names"),
    Guest("posix_open"),
    Guest("posix_poll", stdin="ready"),
    Guest("posix_readdir"),
    Guest("posix_stdio", stdin="one\ntwo\n"),
    Guest("posix_times"),
    Guest("sock_stream"),
)

# wasmtime traps on what these do, so that their answers are stated in `differences.STATED`.
STATED_GUESTS = (Guest("fault"), Guest("invalid"))
