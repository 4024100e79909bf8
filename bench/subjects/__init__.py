"""What is measured: wasix and its peers, each in a process of its own.

A subject's process reads a line of JSON `[METHOD, ARGUMENT...]` and answers with one:
`{"value": ...}`, or `{"unsupported": WHY}` for what the subject does not do. So subjects can be
measured in turns and do not disturb one another's memory, threads or garbage collection.

The methods are those of `Subject`; `node.mjs` has the same.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

import engines


class Unsupported(Exception):
    """The subject does not do this; the text says why."""


class Subject(Protocol):
    """Times are in seconds. A method that a subject lacks is not supported."""

    def versions(self) -> dict[str, str]: ...

    def call(self, kind: str, count: int, place: str, descriptors: int = 0) -> float:
        """One system call, as the guest `calls` times it; files are in `place`.

        `place` is `host` for a directory of the host's, `memory` for one of the guest system's; for
        the kind `output` it says where output goes: nowhere, or to the host's null device.
        """

    def once(self, program: str, args: list[str]) -> float:
        """One guest system: made, a program run in it to its end, and gone."""

    def start(self, module: str) -> list[float]:
        """The same for a module never seen before, and once more."""

    def live(self, more: int) -> dict[str, float]:
        """Start `more` systems, each with a guest that waits for input, which stay.

        `seconds` they took, and the `memory` of the process and its children in bytes.
        """


PEERS = {
    "wasmtime": ("wasmtime (PyPI), its WASI", "bench.subjects.wasmtime"),
    "define_func": ("wasmtime (PyPI), define_func", "bench.subjects.wasmtime"),
    "wasmer": ("wasmer-sdk (PyPI)", "bench.subjects.wasmer"),
    "node": ("node:wasi", ""),
}
"""Title and Python module by name."""

AUTO = "wasix on auto"
"""What takes the engine that wasix chooses by itself."""

TITLES = {f"wasix-{name}": f"wasix on {name}" for name in engines.ENGINES}
"""What a subject is called where a person reads it, by its name; ours come first."""
TITLES |= {name: title for name, (title, _) in PEERS.items()}


def ours() -> list[str]:
    return [name for name in TITLES if name not in PEERS]


def subjects(*, quick: bool) -> list[str]:
    """Those to measure: a trial does without the peers."""
    return ours() if quick else list(TITLES)


def make(name: str, folder: str) -> Any:
    """The subject called `name`, which may use `folder`."""
    if name.startswith("wasix-"):
        from bench.subjects.wasix import Wasix

        return Wasix(name.removeprefix("wasix-"), folder)
    return import_module(PEERS[name][1]).make(name, folder)
