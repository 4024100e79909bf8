"""Every call of the host that the kernel makes, found in its source, and made to fail at will.

`SITES` are read from the source, so a new call is a site as soon as it is written.
"""

from __future__ import annotations

import ast
import errno
import fcntl
import os
import select
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import wasix

SOURCE = Path(wasix.__file__).parent
FILES = [
    path
    for part in ("abi", "calls", "fs", "net", "proc", "")
    for path in sorted((SOURCE / part).glob("*.py"))
    if path.name not in ("cache.py", "catalogue.py", "__init__.py")
]
"""The kernel's."""
_MODULES = ("os", "select", "selectors", "socket", "fcntl", "termios")
_OBJECTS = (
    "bell", "connection", "entry", "listener", "own", "poll", "poller", "selector", "self._bell",
    "self.socket",
)  # fmt: skip
"""Names that objects of the host's go by, whose methods are its calls too."""
_NO_CALLS = (
    "os.fsdecode", "os.fsencode", "os.fspath", "os.isatty", "os.strerror", "select.select",
    "socket.socket", "entry.inode", "own.fileno", "listener.fileno", "selector.get_map",
)  # fmt: skip
"""What asks nothing of the host, cannot fail, or is there for another system than Linux."""

ERRORS = ("EIO", "ENOSPC", "EINTR", "EMFILE", "EACCES", "EDQUOT", "EROFS", "ESTALE")


@dataclass(frozen=True)
class Site:
    """A place in the source that calls the host."""

    file: str
    line: int
    where: str
    """The function it is in."""
    call: str

    def __str__(self) -> str:
        return f"{self.file} {self.where} {self.call}"


class _Finder(ast.NodeVisitor):
    def __init__(self, path: Path) -> None:
        self.file = str(path.relative_to(SOURCE))
        self.names: list[str] = []
        self.found: list[Site] = []
        tree = ast.parse(path.read_text())
        imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
        self.modules = {alias.name for node in imports for alias in node.names} & set(_MODULES)
        if self.modules:
            self.visit(tree)

    def _enter(self, node: ast.ClassDef | ast.FunctionDef) -> None:
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._enter(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._enter(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        call = ast.unparse(node.func)
        owner = call.rpartition(".")[0]
        if (owner in self.modules or owner in _OBJECTS) and call not in _NO_CALLS:
            self.found.append(Site(self.file, node.lineno, ".".join(self.names), call))


SITES = [site for path in FILES for site in _Finder(path).found]
_BY_PLACE = {(site.file, site.line, site.call.rpartition(".")[2]): site for site in SITES}


class HostCalls:
    """The calls made since `watch`, by site; one may be told to fail, some to move less."""

    def __init__(self) -> None:
        self.made: Counter[Site] = Counter()
        self.failed = False
        self._fault: tuple[Site, int, str] | None = None
        self._shorten = ""

    def watch(self, fault: tuple[Site, int, str] | None = None, *, shorten: str = "") -> None:
        """Count anew. Of `fault`, the call number so-and-so (1 the first) at the site fails so.

        Every call of the name `shorten` moves half of the bytes it is asked to, but one at least.
        """
        self.made.clear()
        self.failed = False
        self._fault = fault
        self._shorten = shorten

    @staticmethod
    def site(frame: FrameType, name: str) -> Site | None:
        """Where in the kernel `frame` is, if it is there."""
        if not frame.f_globals.get("__name__", "").startswith("wasix."):
            return None
        file = str(Path(frame.f_code.co_filename).relative_to(SOURCE))
        return _BY_PLACE.get((file, frame.f_lineno, name))

    def make(self, site: Site | None, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Make the call, or fail if it is one of the kernel's and its turn."""
        if site is None:
            return real(*args, **kwargs)
        name = site.call.rpartition(".")[2]
        self.made[site] += 1
        if self._fault and self._fault[:2] == (site, self.made[site]):
            self.failed = True
            if name == "close":
                real(*args, **kwargs)  # Linux closes even then
            number = getattr(errno, self._fault[2])
            raise OSError(number, os.strerror(number))
        if name == self._shorten:
            # What is moved comes behind the descriptor or the socket.
            args = args[0], _half(args[1]), *args[2:]
        return real(*args, **kwargs)


def _half(argument: Any) -> Any:
    """Half of a number of bytes, of bytes, or of buffers; one byte at least."""
    if isinstance(argument, int):
        return -(-argument // 2)
    if isinstance(argument, bytes | memoryview):
        return argument[: _half(len(argument))]
    left = _half(sum(map(len, argument)))
    found = []
    for part in argument:
        found.append(part[:left])
        left -= len(found[-1])
    return found


class _Wrapped:
    """A function of a module that tells `calls` of being called."""

    def __init__(self, calls: HostCalls, real: Callable[..., Any]) -> None:
        self.calls = calls
        self.real = real

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self.real.__name__
        site = self.calls.site(sys._getframe(1), name)
        found = self.calls.make(site, self.real, *args, **kwargs)
        return Watched(self.calls, found) if site and name in ("poll", "scandir") else found

    # It passes for the original where functions are looked up: `os.supports_dir_fd`.
    def __eq__(self, other: object) -> bool:
        return other is self or other is self.real

    def __hash__(self) -> int:
        return hash(self.real)


class Watched:
    """An object of the host's whose methods tell `calls` of being called."""

    def __init__(self, calls: HostCalls, real: Any) -> None:
        self.calls = calls
        self.real = real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            site = self.calls.site(sys._getframe(1), name)
            return self.calls.make(site, found, *args, **kwargs)

        return call

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *about: object) -> None:
        self.real.close()

    def __iter__(self) -> Iterator[Watched]:
        return (Watched(self.calls, entry) for entry in self.real)


def _method(calls: HostCalls, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return calls.make(calls.site(sys._getframe(1), name), real, *args)

    return call


@contextmanager
def host_calls() -> Iterator[HostCalls]:
    """The host's modules with their functions, and its sockets with their methods, under watch."""
    calls = HostCalls()
    modules = {"os": os, "select": select, "fcntl": fcntl, "socket": socket}
    with pytest.MonkeyPatch.context() as patch:
        for call in {site.call for site in SITES}:
            owner, _, name = call.rpartition(".")
            if owner in modules:
                patch.setattr(modules[owner], name, _Wrapped(calls, getattr(modules[owner], name)))
            elif hasattr(socket.socket, name):
                real = getattr(socket.socket, name)
                patch.setattr(socket.socket, name, _method(calls, name, real), raising=False)
        yield calls
