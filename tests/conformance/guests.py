"""The guests of the conformance tests, and how each is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SCRATCH = "scratch"


@dataclass(frozen=True)
class Guest:
    """`tests/guests/NAME.c`, its arguments after the program's name, and what it is given."""

    name: str
    args: tuple[str, ...] = (SCRATCH,)
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    stdin: str = ""


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

# wasmtime traps on what these do, so that their answers are stated in `differences.STATED`.
STATED_GUESTS = (Guest("fault"), Guest("invalid"))
