"""What `Popen`, `run` and their twins may be given by name, for type checkers.

What each option means is said where it is used: `wasix.Popen`, `wasix.run`, `wasix.Sandbox`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from socket import socket
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from wasix.api.commands import Commands
    from wasix.api.guest import Watcher
    from wasix.api.sandbox import Sandbox
    from wasix.api.stdio import Stdio
    from wasix.api.volumes import Volumes

Args: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]
"""A program alone, or a program and its arguments."""


class SandboxOptions(TypedDict, total=False):
    volumes: Volumes | None
    engine: str
    abi: str
    memory_limit: int | str | None
    filesystem_limit: int | str | None
    max_files: int
    table_limit: int
    output_limit: int | str | None
    time_limit: float | None
    fuel: int | None
    max_processes: int
    commands: Commands
    background: bool
    network: None


class GuestOptions(SandboxOptions, total=False):
    env: Mapping[str, str] | None
    cwd: str | PathLike[str] | None
    sockets: Sequence[socket]
    trace: Watcher
    profile: str | PathLike[str] | None
    sandbox: Sandbox | None


class PopenOptions(GuestOptions, total=False):
    stdin: Stdio
    stdout: Stdio
    stderr: Stdio
    bufsize: int


class ProcessOptions(GuestOptions, total=False):
    stdin: Stdio
    stdout: Stdio
    stderr: Stdio
    limit: int
    timeout: float | None


class RunOptions(PopenOptions, total=False):
    input: str | bytes | bytearray | memoryview | None
    capture_output: bool
    timeout: float | None
    check: bool


# The same with what decides between text and bytes: beside `text=True`, beside `encoding="..."`,
# for bytes, and where it is not known.


class PopenText(PopenOptions, total=False):
    encoding: str | None
    errors: str | None
    universal_newlines: bool | None


class PopenEncoded(PopenOptions, total=False):
    text: bool | None
    errors: str | None
    universal_newlines: bool | None


class PopenBytes(PopenOptions, total=False):
    text: Literal[False] | None
    encoding: None
    errors: None
    universal_newlines: Literal[False] | None


class PopenAny(PopenText, total=False):
    text: bool | None


class RunText(RunOptions, total=False):
    encoding: str | None
    errors: str | None
    universal_newlines: bool | None


class RunEncoded(RunOptions, total=False):
    text: bool | None
    errors: str | None
    universal_newlines: bool | None


class RunBytes(RunOptions, total=False):
    text: Literal[False] | None
    encoding: None
    errors: None
    universal_newlines: Literal[False] | None


class RunAny(RunText, total=False):
    text: bool | None
