"""A sandbox: one guest system, its files and limits, in which programs are run."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import engines
from engines.protocol import Engine, EngineError
from wasix.abi import Errno
from wasix.api.errors import EngineUnavailable, UsageError, VolumeError
from wasix.api.volumes import Volume, Volumes, mount_point, root_of
from wasix.fs import walk
from wasix.fs.inode import Directory
from wasix.kernel import Tracer
from wasix.proc.signal import Signal
from wasix.pump import SystemHost
from wasix.system import make_kernel

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from wasix.api import popen

ENVIRONMENT = {"HOME": "/", "PATH": "/usr/local/bin:/bin:/usr/bin"}
"""What a guest's environment holds unless told otherwise. Nothing of the host's is passed on."""

_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_UNITS |= {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def size(value: int | str) -> int:
    """A number of bytes: 65536, `"256 MiB"`, `"64K"`. Raises `UsageError`."""
    if isinstance(value, int):
        number, unit = value, ""
    else:
        match = re.fullmatch(r"\s*(\d+)\s*([A-Za-z]*)\s*", value)
        if not match or match[2] not in _UNITS:
            raise UsageError(f"{value!r} is no size: write a number of bytes, or 256MiB, 1GiB")
        number, unit = int(match[1]), match[2]
    if number <= 0:
        raise UsageError(f"a size must be positive, not {value!r}")
    return number * _UNITS[unit]


class Sandbox:
    """A guest system: a filesystem with volumes, an engine, and limits for what runs in it.

    volumes: host paths (or `wasix.memory()`) by guest path; each is also preopened by its name.
    engine: name of the engine, `auto` for the best one here.
    abi: the revision a guest may import from (`latest`, `preview1`, `unstable`, `wasmedge`).
    memory_limit: linear memory of one guest, bytes or a text such as "256 MiB".
    filesystem_limit: bytes the in-memory `/` may hold, likewise.
    max_files: descriptors a guest may have open.
    tracer: told of every system call (see `wasix.kernel.Tracer`).

    Files live as long as the sandbox. Leaving the context kills what still runs.
    """

    def __init__(
        self,
        *,
        volumes: Volumes | None = None,
        engine: str = "auto",
        abi: str = "latest",
        memory_limit: int | str | None = None,
        filesystem_limit: int | str | None = None,
        max_files: int = 1024,
        network: None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.engine_name = "v8" if engine == "auto" else engine
        self.abi = abi
        self.memory_limit = None if memory_limit is None else size(memory_limit)
        self.max_files = max_files
        lock = threading.Lock()
        self._host = SystemHost(lock)
        self.kernel = make_kernel(
            self._host,
            filesystem_limit=None if filesystem_limit is None else size(filesystem_limit),
            lock=lock,
            tracer=tracer,
        )
        self.namespace = self.kernel.namespace
        self.volumes: list[str] = []
        self._running: set[popen.Popen] = set()
        self._closed = False
        for name, volume in (volumes or {}).items():
            self._mount(name, volume)

    def _mount(self, name: str, volume: Volume) -> None:
        path = mount_point(name)
        root = root_of(volume)
        try:
            self.namespace.mount(path, root)
        except Errno as error:
            raise VolumeError(f"no volume can be mounted on {name}: {error}") from None
        if isinstance(root, Directory):
            self.volumes.append(name)

    def engine(self) -> Engine:
        try:
            return engines.get(self.engine_name)
        except EngineError as error:
            raise EngineUnavailable(str(error)) from None

    def preopens(self, cwd: str) -> dict[str, Directory]:
        """The directories a new process has open, by name: `/`, every volume, and `cwd` as `.`."""
        names = {"/": "/"} | {name: mount_point(name) for name in self.volumes}
        names["."] = "/" + cwd
        found = {}
        for name, path in names.items():
            try:
                place = walk.resolve(
                    self.namespace, self.namespace.root, path.lstrip("/") or ".", follow=True
                )
            except Errno as error:
                raise UsageError(f"the working directory {cwd} cannot be used: {error}") from None
            if not isinstance(place.inode, Directory):
                raise UsageError(f"the working directory {cwd} is no directory of the guest's")
            found[name] = place.inode
        return found

    def Popen(self, args: Sequence[str | os.PathLike[str]], **options: Any) -> popen.Popen:  # noqa: N802
        """Start a program in this sandbox; see `wasix.Popen`."""
        from wasix.api.popen import Popen

        return Popen(args, sandbox=self, **options)

    def run(self, args: Sequence[str | os.PathLike[str]], **options: Any) -> CompletedProcess[Any]:
        """Run a program in this sandbox; see `wasix.run`."""
        from wasix.api.popen import run

        return run(args, sandbox=self, **options)

    def adopt(self, process: popen.Popen) -> None:
        if self._closed:
            raise UsageError("this sandbox has been closed")
        self._running.add(process)

    def release(self, process: popen.Popen) -> None:
        self._running.discard(process)

    def close(self) -> None:
        """Kill what still runs, and free what the sandbox holds. May be called again."""
        self._closed = True
        for process in list(self._running):
            process.send_signal(Signal.KILL)
        for process in list(self._running):
            process.wait()
        with self.kernel.lock:
            self._host.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
