"""The guests of the conformance tests, and how each is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from subprocess import CompletedProcess
from typing import Any

import wasix
from tests.conformance.sockets import host_sockets
from tests.guests.build import compile_guest

SCRATCH = "scratch"


@dataclass(frozen=True)
class Guest:
    """`tests/guests/NAME.c`, its arguments after the program's name, and what it is given."""

    name: str
    args: tuple[str, ...] = (SCRATCH,)
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    stdin: str = ""
    sockets: bool = False
    """Whether it is given those of `host_sockets`."""
    volumes: tuple[str, ...] = (SCRATCH,)


def run(
    guest: Guest, engine: str, volumes: Mapping[str, Any], **options: Any
) -> CompletedProcess[str]:
    """Runs a guest through the project's API."""
    args = [str(compile_guest(guest.name)), *guest.args]
    options |= {"volumes": volumes, "engine": engine, "env": dict(guest.env), "text": True}
    if not guest.sockets:
        return wasix.run(args, input=guest.stdin, capture_output=True, timeout=60, **options)
    with host_sockets() as sockets:
        process = wasix.Popen(
            args,
            stdin=wasix.PIPE,
            stdout=wasix.PIPE,
            stderr=wasix.PIPE,
            sockets=sockets,
            **options,
        )
    # Now the guest alone has them, which the end of its standard input tells it.
    stdout, stderr = process.communicate(timeout=60)
    return CompletedProcess(args, process.wait(), stdout, stderr)


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
    Guest("mounts", (SCRATCH, "other"), volumes=(SCRATCH, "other")),
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

# Compared with the same source as a Linux program.
TWINS = (
    Guest("posix_io"),
    Guest("posix_names"),
    Guest("posix_open"),
    Guest("posix_poll", stdin="ready"),
    Guest("posix_readdir"),
    Guest("posix_stdio", stdin="one\ntwo\n"),
    Guest("posix_times"),
    Guest("sock_stream", sockets=True),
)

# What wasmtime traps on, or has no like of: their answers are stated in `differences.STATED`.
FAULT = Guest("fault", env={"A": "b"})
INVALID = Guest("invalid")
LIMITS = Guest("limits")
READ_ONLY = Guest("read_only")
STATED_GUESTS = (FAULT, INVALID, LIMITS, READ_ONLY)
