"""wasix: an operating system for WebAssembly programs, on whichever engine the host has.

    import wasix
    wasix.run(["python", "-c", "print(6*7)"], capture_output=True, text=True, timeout=5)

The names below are loaded at their first use, so that the kernel can be imported where the rest
(threads, subprocesses) does not exist.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from wasix.api.errors import (
        EngineUnavailable,
        FetchError,
        ProgramInvalid,
        ProgramNotFound,
        UsageError,
        VolumeError,
        WasixError,
    )
    from wasix.api.popen import DEVNULL, PIPE, STDOUT, Popen, run
    from wasix.api.sandbox import Sandbox
    from wasix.api.volumes import memory
    from wasix.fs.host import HostVolume

_HOME = {
    "DEVNULL": "wasix.api.popen",
    "EngineUnavailable": "wasix.api.errors",
    "FetchError": "wasix.api.errors",
    "HostVolume": "wasix.fs.host",
    "PIPE": "wasix.api.popen",
    "Popen": "wasix.api.popen",
    "ProgramInvalid": "wasix.api.errors",
    "ProgramNotFound": "wasix.api.errors",
    "STDOUT": "wasix.api.popen",
    "Sandbox": "wasix.api.sandbox",
    "UsageError": "wasix.api.errors",
    "VolumeError": "wasix.api.errors",
    "WasixError": "wasix.api.errors",
    "memory": "wasix.api.volumes",
    "run": "wasix.api.popen",
}

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "EngineUnavailable",
    "FetchError",
    "HostVolume",
    "Popen",
    "ProgramInvalid",
    "ProgramNotFound",
    "Sandbox",
    "UsageError",
    "VolumeError",
    "WasixError",
    "memory",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'wasix' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
