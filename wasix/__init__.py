"""wasix: an operating system for WebAssembly programs, on whichever engine the host has.

    >>> import wasix
    >>> wasix.run(["python", "-c", "print(6*7)"], capture_output=True, text=True).stdout.strip()
    '42'

The names below are loaded at their first use, so that the kernel can be imported where the rest
(threads, subprocesses) does not exist.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from subprocess import DEVNULL, PIPE, STDOUT

    from wasix.api.errors import (
        EngineUnavailable,
        FetchError,
        InstanceLost,
        LinkError,
        ProgramInvalid,
        ProgramNotFound,
        UsageError,
        VolumeError,
        WasixError,
    )
    from wasix.api.externs import Global, Memory, Table
    from wasix.api.files import Files
    from wasix.api.function import Function
    from wasix.api.instance import Exports, Instance
    from wasix.api.module import Module
    from wasix.api.popen import Popen
    from wasix.api.process import Process, create_subprocess_exec
    from wasix.api.run import run, run_async
    from wasix.api.sandbox import Sandbox
    from wasix.api.trace import Call, Trace
    from wasix.api.trap import Trap
    from wasix.api.volumes import image, memory, overlay
    from wasix.fs.host import HostVolume

_HOME = {
    "Call": "wasix.api.trace",
    "DEVNULL": "subprocess",
    "EngineUnavailable": "wasix.api.errors",
    "FetchError": "wasix.api.errors",
    "Files": "wasix.api.files",
    "Function": "wasix.api.function",
    "Global": "wasix.api.externs",
    "HostVolume": "wasix.fs.host",
    "Exports": "wasix.api.instance",
    "Instance": "wasix.api.instance",
    "InstanceLost": "wasix.api.errors",
    "LinkError": "wasix.api.errors",
    "Memory": "wasix.api.externs",
    "Module": "wasix.api.module",
    "PIPE": "subprocess",
    "Popen": "wasix.api.popen",
    "Process": "wasix.api.process",
    "ProgramInvalid": "wasix.api.errors",
    "ProgramNotFound": "wasix.api.errors",
    "STDOUT": "subprocess",
    "Sandbox": "wasix.api.sandbox",
    "Table": "wasix.api.externs",
    "Trace": "wasix.api.trace",
    "Trap": "wasix.api.trap",
    "UsageError": "wasix.api.errors",
    "VolumeError": "wasix.api.errors",
    "WasixError": "wasix.api.errors",
    "create_subprocess_exec": "wasix.api.process",
    "image": "wasix.api.volumes",
    "memory": "wasix.api.volumes",
    "overlay": "wasix.api.volumes",
    "run": "wasix.api.run",
    "run_async": "wasix.api.run",
}

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "Call",
    "EngineUnavailable",
    "Exports",
    "FetchError",
    "Files",
    "Function",
    "Global",
    "HostVolume",
    "Instance",
    "InstanceLost",
    "LinkError",
    "Memory",
    "Module",
    "Popen",
    "Process",
    "ProgramInvalid",
    "ProgramNotFound",
    "Sandbox",
    "Table",
    "Trace",
    "Trap",
    "UsageError",
    "VolumeError",
    "WasixError",
    "create_subprocess_exec",
    "image",
    "memory",
    "overlay",
    "run",
    "run_async",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'wasix' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
