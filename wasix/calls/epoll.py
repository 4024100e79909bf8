"""Sets of descriptors that are waited for together."""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.abi.types import Rights
from wasix.abi.wasix_types import EPOLL_CTL, EpollEvent
from wasix.fs.epoll import EpollFile
from wasix.fs.file import READ
from wasix.proc.process import Thread
from wasix.proc.wait import Block

__all__ = ["epoll_create", "epoll_ctl", "epoll_wait"]

_ADD, _MOD, _DEL = (EPOLL_CTL.members.index(name) for name in ("add", "mod", "del"))
_FOR_EVER = (1 << 64) - 1


def epoll_create(thread: Thread) -> int:
    process = thread.process
    return process.descriptors.add(EpollFile(process.kernel.epoll_budget))


def _set(thread: Thread, fd: int) -> EpollFile:
    file = thread.process.descriptors.file(fd)
    if not isinstance(file, EpollFile):
        raise Errno(E.INVAL)
    return file


def epoll_ctl(thread: Thread, epfd: int, op: int, fd: int, event: EpollEvent | None) -> None:
    """Only for removal no event is needed (`fault`). A descriptor in the set is known by its number
    and its open file, as on Linux."""
    descriptors = thread.process.descriptors
    descriptors.file(epfd)
    file = descriptors.file(fd, Rights.POLL_FD_READWRITE)
    epoll = _set(thread, epfd)
    if file is epoll:
        raise Errno(E.INVAL)
    if op == _DEL:
        epoll.remove(fd, file)
        return
    if event is None:
        raise Errno(E.FAULT)
    if op == _ADD:
        epoll.add(fd, file, event.events, event.data)
    else:
        epoll.change(fd, file, event.events, event.data)


def epoll_wait(thread: Thread, epfd: int, most: int, timeout: int) -> list[EpollEvent]:
    """What is ready, at most `most`; none after `timeout` nanoseconds, of which -1 are endless."""
    epoll = _set(thread, epfd)
    if not most:
        raise Errno(E.INVAL)
    found = epoll.collect(most)
    if found:
        return [EpollEvent(states, data) for states, data in found]
    if timeout == _FOR_EVER:
        raise Block([epoll.queue(READ)])
    now = thread.process.kernel.host.monotonic()
    deadline: int = thread.call.setdefault("deadline", now + timeout)
    if now < deadline:
        raise Block([epoll.queue(READ)], deadline)
    return []
