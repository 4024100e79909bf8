"""Random bytes."""

from __future__ import annotations

from wasix.proc.process import Thread

__all__ = ["random_get"]

_CHUNK = 1 << 20


def random_get(thread: Thread, buffer: memoryview) -> int:
    random = thread.process.kernel.host.random
    size = len(buffer)
    if size <= _CHUNK:
        buffer[:] = random(size)
        return size
    for start in range(0, size, _CHUNK):
        end = min(start + _CHUNK, size)
        buffer[start:end] = random(end - start)
    return size
