"""The system programs expect: a writable `/` in memory with `/dev`, `/tmp` and `/bin`."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from wasix.fs.devices import Devices
from wasix.fs.file import OpenFile
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.host import Host
from wasix.kernel import Kernel


def make_kernel(
    host: Host,
    *,
    files: MemoryFilesystem | None = None,
    filesystem_limit: int | None = None,
    lock: threading.RLock | None = None,
) -> Kernel:
    """A kernel with the standard directories. `files` is `/`, else a new one that
    `filesystem_limit` bounds in bytes."""
    files = files or MemoryFilesystem(host.realtime, limit=filesystem_limit)
    for name in ("bin", "dev", "tmp"):
        files.add_directory(name)
    namespace = Namespace(files.root, host.realtime)
    kernel = Kernel(host, namespace, lock=lock)

    def open_files() -> Mapping[int, OpenFile]:
        process = kernel.current
        if process is None:
            return {}
        return {fd: entry.file for fd, entry in process.descriptors.entries.items()}

    def terminal() -> OpenFile | None:
        files = open_files()
        return next((files[fd] for fd in (0, 1, 2) if fd in files and files[fd].is_terminal), None)

    devices = Devices(host.random, open_files, terminal, host.realtime)
    namespace.mount("/dev", devices.root())
    return kernel
