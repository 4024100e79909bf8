"""Calls on descriptors."""

from __future__ import annotations

import os
from collections.abc import Sequence

from wasix.abi import E, Errno
from wasix.abi.bind import by_descriptor
from wasix.abi.types import (
    DIRENT,
    PREOPENTYPE,
    Attributes,
    Bits,
    Fdflags,
    Filetype,
    Fstflags,
    PrestatDir,
    Rights,
)
from wasix.abi.wasix_types import EVENTFDFLAGS, FDFLAGSEXT
from wasix.fs.descriptor import Descriptor
from wasix.fs.event import Event
from wasix.fs.file import MAX_OFFSET
from wasix.fs.pipe import Pipe, PipeReader, PipeWriter
from wasix.proc.process import Thread

__all__ = [
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_dup",
    "fd_dup2",
    "fd_event",
    "fd_fdflags_get",
    "fd_fdflags_set",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pipe",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
]

_SEMAPHORE, _NONBLOCK = Bits(EVENTFDFLAGS).SEMAPHORE, Bits(EVENTFDFLAGS).NONBLOCK
_CLOEXEC = Bits(FDFLAGSEXT).CLOEXEC
_FILESTAT_GET = Rights.FD_FILESTAT_GET
_PREAD, _PWRITE = Rights.FD_READ | Rights.FD_SEEK, Rights.FD_WRITE | Rights.FD_SEEK


@by_descriptor("readers")
def fd_read(thread: Thread, fd: int, buffers: Sequence[memoryview]) -> int:
    return thread.readers[fd](buffers)


@by_descriptor("writers")
def fd_write(thread: Thread, fd: int, buffers: Sequence[memoryview]) -> int:
    return thread.writers[fd](buffers)


def fd_pread(thread: Thread, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
    file = thread.process.descriptors.file(fd, _PREAD)
    if offset > MAX_OFFSET:
        raise Errno(E.INVAL)
    return file.pread(buffers, offset)


def fd_pwrite(thread: Thread, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
    file = thread.process.descriptors.file(fd, _PWRITE)
    if offset > MAX_OFFSET:
        raise Errno(E.INVAL)
    return file.pwrite(buffers, offset)


def fd_seek(thread: Thread, fd: int, offset: int, whence: str) -> int:
    right = Rights.FD_SEEK
    if whence == "cur" and not offset:
        # Asking for the offset needs the lesser right only, which the greater one implies.
        right &= thread.process.descriptors.get(fd).rights
        right = right or Rights.FD_TELL
    return thread.process.descriptors.file(fd, right).seek(offset, whence)


def fd_tell(thread: Thread, fd: int) -> int:
    return fd_seek(thread, fd, 0, "cur")


def fd_close(thread: Thread, fd: int) -> None:
    """WASIX's libc finds all files by its preopened directories: closing them does nothing there.

    Programs close what they did not open in a loop, as daemons do.
    """
    process = thread.process
    if process.wasix and _is_preopen(process.descriptors.get(fd)):
        return
    process.descriptors.close(fd)


def fd_renumber(thread: Thread, fd: int, to: int) -> None:
    """In WASIX this is POSIX's dup2: `fd` stays open. What is preopened stays too (`notsup`)."""
    process = thread.process
    if not process.wasix:
        process.descriptors.renumber(fd, to)
        return
    source, replaced = process.descriptors.get(fd), process.descriptors.entries.get(to)
    if replaced and _is_preopen(replaced) and replaced is not source:
        raise Errno(E.NOTSUP)
    if fd != to:
        process.descriptors.duplicate(fd, to)


def _is_preopen(entry: Descriptor) -> bool:
    return bool(entry.preopen)


def fd_dup(thread: Thread, fd: int) -> int:
    return thread.process.descriptors.clone(fd)


def fd_dup2(thread: Thread, fd: int, least: int, cloexec: int) -> int:
    """What `fcntl` does by F_DUPFD: the new number is the lowest free one from `least` on."""
    return thread.process.descriptors.clone(fd, least, close_on_exec=bool(cloexec))


def fd_pipe(thread: Thread) -> tuple[int, int]:
    descriptors = thread.process.descriptors
    descriptors.check_room(2)
    pipe = Pipe()
    return descriptors.add(PipeReader(pipe)), descriptors.add(PipeWriter(pipe))


def fd_event(thread: Thread, count: int, flags: int) -> int:
    return thread.process.descriptors.add(
        Event(
            count,
            Fdflags.NONBLOCK * bool(flags & _NONBLOCK),
            semaphore=bool(flags & _SEMAPHORE),
        )
    )


def fd_fdflags_get(thread: Thread, fd: int) -> int:
    return _CLOEXEC * thread.process.descriptors.get(fd).close_on_exec


def fd_fdflags_set(thread: Thread, fd: int, flags: int) -> None:
    thread.process.descriptors.get(fd).close_on_exec = bool(flags & _CLOEXEC)


def fd_advise(thread: Thread, fd: int, offset: int, length: int, advice: int) -> None:
    thread.process.descriptors.file(fd, Rights.FD_ADVISE).advise(offset, length)


def fd_allocate(thread: Thread, fd: int, offset: int, length: int) -> None:
    file = thread.process.descriptors.file(fd, Rights.FD_ALLOCATE)
    if not length or max(offset, length) > MAX_OFFSET:
        raise Errno(E.INVAL)
    file.allocate(offset, length)


def fd_datasync(thread: Thread, fd: int) -> None:
    thread.process.descriptors.file(fd, Rights.FD_DATASYNC).sync(data_only=True)


def fd_sync(thread: Thread, fd: int) -> None:
    thread.process.descriptors.file(fd, Rights.FD_SYNC).sync(data_only=False)


def fd_fdstat_get(thread: Thread, fd: int) -> tuple[int, int, int, int]:
    """The fields of an `Fdstat`; as with `Attributes`, a plain tuple takes less time."""
    entry = thread.process.descriptors.get(fd)
    file = entry.file
    return file.filetype, file.flags, entry.rights, entry.inheriting


def fd_fdstat_set_flags(thread: Thread, fd: int, flags: int) -> None:
    thread.process.descriptors.file(fd, Rights.FD_FDSTAT_SET_FLAGS).set_flags(flags)


def fd_fdstat_set_rights(thread: Thread, fd: int, base: int, inheriting: int) -> None:
    thread.process.descriptors.restrict(fd, base, inheriting)


def fd_filestat_get(thread: Thread, fd: int) -> Attributes:
    descriptors = thread.process.descriptors
    entry = descriptors.entries.get(fd)
    if entry is None or not entry.rights & _FILESTAT_GET:
        entry = descriptors.get(fd, _FILESTAT_GET)  # what is wrong with it
    return entry.file.attributes()


def fd_filestat_set_size(thread: Thread, fd: int, size: int) -> None:
    thread.process.descriptors.file(fd, Rights.FD_FILESTAT_SET_SIZE).set_size(size)


def chosen_times(thread: Thread, atim: int, mtim: int, flags: int) -> tuple[int | None, int | None]:
    """What `fstflags` makes of two timestamps: given, now, or (None) left alone."""
    conflicts = (Fstflags.ATIM | Fstflags.ATIM_NOW, Fstflags.MTIM | Fstflags.MTIM_NOW)
    if any(flags & both == both for both in conflicts):
        raise Errno(E.INVAL)
    now = thread.process.kernel.host.realtime()
    return (
        atim if flags & Fstflags.ATIM else now if flags & Fstflags.ATIM_NOW else None,
        mtim if flags & Fstflags.MTIM else now if flags & Fstflags.MTIM_NOW else None,
    )


def fd_filestat_set_times(thread: Thread, fd: int, atim: int, mtim: int, flags: int) -> None:
    file = thread.process.descriptors.file(fd, Rights.FD_FILESTAT_SET_TIMES)
    file.set_times(*chosen_times(thread, atim, mtim, flags))


def fd_prestat_get(thread: Thread, fd: int) -> tuple[int, PrestatDir | None]:
    """A socket the host gave is described too: `badf` would tell libc that nothing comes behind."""
    entry = thread.process.descriptors.get(fd)
    if entry.preopen is None:
        raise Errno(E.BADF)
    if entry.file.filetype != Filetype.DIRECTORY:
        return PREOPENTYPE.members.index("socket"), None
    return PREOPENTYPE.members.index("dir"), PrestatDir(len(entry.preopen.encode()))


def fd_prestat_dir_name(thread: Thread, fd: int, buffer: memoryview) -> int:
    entry = thread.process.descriptors.get(fd)
    if entry.preopen is None or entry.file.filetype != Filetype.DIRECTORY:
        raise Errno(E.NOTDIR)
    name = entry.preopen.encode()
    if len(buffer) < len(name):
        raise Errno(E.NAMETOOLONG)
    buffer[: len(name)] = name
    return len(name)


def fd_readdir(thread: Thread, fd: int, buffer: memoryview, cookie: int) -> int:
    """Entries as they fit; the last one may be cut, which tells the guest that there are more."""
    entries = thread.process.descriptors.file(fd, Rights.FD_READDIR).entries(cookie)
    if entries is None:
        raise Errno(E.NOTDIR)
    room = len(buffer)
    data, head = bytearray(), memoryview(bytearray(DIRENT.size))
    for entry in entries:
        name = os.fsencode(entry.name)
        DIRENT.store(head, 0, (entry.next, entry.ino, len(name), entry.filetype))
        data += head
        data += name
        if len(data) >= room:
            break
    used = min(len(data), room)
    buffer[:used] = memoryview(data)[:used]
    return used
