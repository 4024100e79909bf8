"""The kernel: the namespace, the processes, the lock, and the table of system calls.

It is driven by plain calls: a test makes a `Kernel` and a process and calls handlers; an engine
does the same through a carrier (`wasix.proc.carrier`) that waits in its own way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wasix.abi import Errno, Function, Unwind
from wasix.abi.bind import Call, direct
from wasix.abi.types import Rights
from wasix.calls import HANDLERS
from wasix.fs.descriptor import DescriptorTable
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory
from wasix.fs.mount import Namespace
from wasix.host import Host
from wasix.proc.process import Process

Tracer = Callable[[Process, Function, tuple[Any, ...], object], None]
"""Told of every finished call: process, declaration, decoded arguments, result or exception."""


class Kernel:
    """One namespace and the processes in it.

    `lock` is held whenever kernel state is looked at or changed; a blocked call gives it up.
    """

    def __init__(
        self,
        host: Host,
        namespace: Namespace,
        *,
        lock: threading.Lock | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.host = host
        self.namespace = namespace
        self.tracer = tracer
        self.lock = lock or threading.Lock()
        self.processes: dict[int, Process] = {}
        self.current: Process | None = None
        """Whose path is being walked, for `/dev/fd`."""
        self._last_pid = 0

    def process(
        self,
        args: Sequence[bytes],
        environ: Mapping[bytes, bytes],
        stdio: Sequence[OpenFile],
        preopens: Mapping[str, Directory],
        *,
        sockets: Sequence[OpenFile] = (),
        max_files: int = 1024,
    ) -> Process:
        """A new process: its descriptors are `stdio` (0, 1, 2), `sockets`, `preopens`, in order."""
        descriptors = DescriptorTable(max_files)
        for fd, file in enumerate(stdio):
            descriptors.set(fd, file)
        for socket in sockets:
            descriptors.add(socket, inheriting=Rights.ALL, preopen="")
        for name, directory in preopens.items():
            file = self.namespace.open(directory, Access())
            descriptors.add(file, inheriting=Rights.ALL, preopen=name)
        self._last_pid += 1
        process = Process(self, self._last_pid, args, environ, descriptors)
        self.processes[process.pid] = process
        return process

    def forget(self, process: Process) -> None:
        self.processes.pop(process.pid, None)

    def handler(self, function: Function) -> Callable[..., Any]:
        """The function that serves `function`, wrapped by the tracer if there is one."""
        handler = HANDLERS[function.served_by]
        tracer = self.tracer
        return handler if tracer is None else _traced(handler, function, tracer)

    def direct(self, function: Function) -> Call:
        """`function` for an engine whose memory Python sees; see `wasix.abi.bind.direct`."""
        return direct(function, self.handler(function))


def _traced(handler: Callable[..., Any], function: Function, tracer: Tracer) -> Callable[..., Any]:
    def call(thread: Any, *args: Any) -> Any:
        try:
            result = handler(thread, *args)
        except (Errno, Unwind) as error:
            tracer(thread.process, function, args, error)
            raise
        tracer(thread.process, function, args, result)
        return result

    return call
