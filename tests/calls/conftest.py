"""A kernel without an engine: handlers are called directly, on a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from wasix.abi.types import Fdstat, Filestat
from wasix.calls import HANDLERS
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.pipe import Pipe, PipeReader, PipeWriter
from wasix.kernel import Kernel
from wasix.proc.process import Process
from wasix.proc.wait import WaitQueue


@dataclass
class ManualHost:
    """A host whose clocks stand still until they are moved, and whose entropy counts."""

    now: int = 1_000_000_000_000
    queues: dict[tuple[int, str], WaitQueue] = field(default_factory=dict)

    def realtime(self) -> int:
        return self.now + 1_700_000_000_000_000_000

    def monotonic(self) -> int:
        return self.now

    process_time = thread_time = monotonic

    def resolution(self, clock: str) -> int:
        return 1

    def parallelism(self) -> int:
        return 3

    def random(self, count: int) -> bytes:
        return bytes(index % 251 for index in range(count))

    def readable(self, fd: int) -> WaitQueue:
        return self.queues.setdefault((fd, "read"), WaitQueue())

    def writable(self, fd: int) -> WaitQueue:
        return self.queues.setdefault((fd, "write"), WaitQueue())


@dataclass
class Guest:
    """A process with pipes for descriptors 0 and 1, and a writable `/` preopened as 3."""

    host: ManualHost
    process: Process
    stdin: Pipe
    stdout: Pipe

    def call(self, name: str, *args: object) -> object:
        """Make a system call as a guest would, once: raises `Block` if it would wait."""
        return HANDLERS[name](self.process.main, *args)

    def fdstat(self, fd: int) -> Fdstat:
        return Fdstat(*HANDLERS["fd_fdstat_get"](self.process.main, fd))

    def stat(self, fd: int, path: str) -> Filestat:
        """Attributes of what `path` leads to."""
        return Filestat(*HANDLERS["path_filestat_get"](self.process.main, fd, 1, path))


def make_guest(*, filesystem_limit: int | None = None) -> Guest:
    host = ManualHost()
    files = MemoryFilesystem(host.realtime, limit=filesystem_limit)
    namespace = Namespace(files.root, host.realtime)
    kernel = Kernel(host, namespace)
    stdin, stdout = Pipe(), Pipe()
    process = kernel.process(
        [b"guest"],
        {b"A": b"1"},
        [PipeReader(stdin), PipeWriter(stdout), PipeWriter(stdout)],
        {"/": namespace.root},
    )
    return Guest(host, process, stdin, stdout)


@pytest.fixture
def guest() -> Guest:
    return make_guest()
