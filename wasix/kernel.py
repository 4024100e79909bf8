"""The kernel: the namespace, the processes, the lock, and the table of system calls.

It is driven by plain calls: a test makes a `Kernel` and a process and calls handlers; an engine
does the same through a carrier (`wasix.proc.carrier`) that waits in its own way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from wasix.abi import E, Errno, Function
from wasix.abi.bind import Call, direct
from wasix.abi.types import Rights
from wasix.calls import HANDLERS, nosys
from wasix.fs import walk
from wasix.fs.descriptor import DescriptorTable
from wasix.fs.epoll import Budget
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory
from wasix.fs.mount import Namespace
from wasix.host import Host
from wasix.proc.process import Process, Thread
from wasix.proc.program import Programs
from wasix.proc.tracing import Tracer, Tracing


class Kernel:
    """One namespace and the processes in it.

    `lock` is held whenever kernel state is looked at or changed; a blocked call gives it up.
    """

    def __init__(
        self,
        host: Host,
        namespace: Namespace,
        *,
        lock: threading.RLock | None = None,
    ) -> None:
        self.host = host
        self.clocks = [host.realtime, host.monotonic, host.process_time, host.thread_time]
        """By preview1's `clockid`: what they show to guests, in nanoseconds."""
        self.namespace = namespace
        self.lock = lock or threading.RLock()
        self.processes: dict[int, Process] = {}
        self.current: Process | None = None
        """Whose path is being walked, for `/dev/fd`."""
        self.programs: Programs | None = None
        """Where programs that guests start come from; without it they can start none."""
        self.max_processes = 1024
        self.epoll_budget = Budget()
        self._last_id = 0

    def next_id(self) -> int:
        """A number for a process or a thread, which share them."""
        self._last_id += 1
        return self._last_id

    def check_processes(self) -> None:
        """`again` if there are as many processes as there may be."""
        if len(self.processes) >= self.max_processes:
            raise Errno(E.AGAIN)

    @property
    def entered(self) -> bool:
        """Whether the calling thread holds the lock: a finalizer runs in the middle of anything."""
        entered: bool = cast(Any, self.lock)._is_owned()  # which `threading.Condition` asks, too
        return entered

    def process(
        self,
        args: Sequence[bytes],
        environ: Mapping[bytes, bytes],
        stdio: Sequence[OpenFile],
        preopens: Mapping[str, Directory],
        *,
        cwd: str = "/",
        sockets: Sequence[OpenFile] = (),
        max_files: int = 1024,
        tracer: Tracer | None = None,
    ) -> Process:
        """A new process: its descriptors are `stdio` (0, 1, 2), `sockets`, `preopens`, in order.

        `cwd` is its working directory, an absolute path (`noent`, `notdir`); a preopened `.` is
        taken for it. `tracer` is told of its system calls.
        """
        names = walk.locate(self.namespace, walk.Tree(), cwd)
        descriptors = DescriptorTable(max_files)
        for fd, file in enumerate(stdio):
            descriptors.set(fd, file)
        for socket in sockets:
            descriptors.add(socket, inheriting=Rights.ALL, preopen="")
        for name, directory in preopens.items():
            file = self.namespace.open(directory, Access())
            where = names if name == "." else _names(name) if name.startswith("/") else None
            descriptors.add(file, inheriting=Rights.ALL, preopen=name, names=where)
        process = Process(self, self.next_id(), args, environ, descriptors)
        process.cwd = "/" + "/".join(names)
        if tracer:
            process.tracing = Tracing(process, tracer)
        self.processes[process.pid] = process
        return process

    def forget(self, process: Process) -> None:
        self.processes.pop(process.pid, None)

    def handler(self, function: Function, tracing: Tracing | None = None) -> Callable[..., Any]:
        """The function that serves `function`, watched by `tracing`."""
        handler = HANDLERS.get(function.served_by, nosys)
        return tracing.handler(function, handler) if tracing else handler

    def direct(self, function: Function, thread: Thread) -> Call:
        """`function` for an engine whose memory Python sees; see `wasix.abi.bind.direct`."""
        handler = HANDLERS.get(function.served_by, nosys)
        tracing = thread.process.tracing
        if tracing:
            return tracing.direct(function, handler, thread)
        return direct(function, handler, thread)


def _names(path: str) -> tuple[str, ...]:
    return tuple(name for name in path.split("/") if name)
