"""Calls on paths. Where a path leads is decided in `wasix.fs.walk` alone."""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.abi.types import Filestat, Oflags, Rights
from wasix.calls.fd import chosen_times
from wasix.fs import walk
from wasix.fs.descriptor import WRITE_RIGHTS
from wasix.fs.inode import Access, Directory
from wasix.fs.mount import Namespace
from wasix.proc.process import Thread

__all__ = [
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
]

_FOLLOW = 1
"""`lookupflags` has this one bit."""


def _namespace(thread: Thread) -> Namespace:
    kernel = thread.process.kernel
    kernel.current = thread.process
    return kernel.namespace


def _directory(thread: Thread, fd: int, right: int) -> Directory:
    return thread.process.descriptors.directory(fd, right)


def path_open(
    thread: Thread,
    fd: int,
    dirflags: int,
    path: str,
    oflags: int,
    rights: int,
    inheriting: int,
    fdflags: int,
) -> int:
    descriptors = thread.process.descriptors
    needed = Rights.PATH_OPEN
    if oflags & Oflags.CREAT:
        needed |= Rights.PATH_CREATE_FILE
    if oflags & Oflags.TRUNC:
        needed |= Rights.PATH_FILESTAT_SET_SIZE
    base = descriptors.get(fd, needed)
    directory = descriptors.directory(fd)
    rights &= Rights.ALL
    inheriting &= Rights.ALL
    if (rights | inheriting) & ~base.inheriting:
        raise Errno(E.NOTCAPABLE)
    if len(descriptors.entries) >= descriptors.limit:
        raise Errno(E.MFILE)
    write = bool(rights & WRITE_RIGHTS)
    file = walk.open_path(
        _namespace(thread),
        directory,
        path,
        follow=bool(dirflags & _FOLLOW),
        create=bool(oflags & Oflags.CREAT),
        exclusive=bool(oflags & Oflags.EXCL),
        directory=bool(oflags & Oflags.DIRECTORY),
        access=Access(
            read=bool(rights & Rights.FD_READ) or not write,
            write=write,
            truncate=bool(oflags & Oflags.TRUNC),
            flags=fdflags,
        ),
    )
    return descriptors.add(file, rights, inheriting)


def path_create_directory(thread: Thread, fd: int, path: str) -> None:
    base = _directory(thread, fd, Rights.PATH_CREATE_DIRECTORY)
    walk.make_directory(_namespace(thread), base, path)


def path_remove_directory(thread: Thread, fd: int, path: str) -> None:
    base = _directory(thread, fd, Rights.PATH_REMOVE_DIRECTORY)
    walk.remove_directory(_namespace(thread), base, path)


def path_unlink_file(thread: Thread, fd: int, path: str) -> None:
    base = _directory(thread, fd, Rights.PATH_UNLINK_FILE)
    walk.unlink(_namespace(thread), base, path)


def path_rename(thread: Thread, fd: int, path: str, new_fd: int, new_path: str) -> None:
    base = _directory(thread, fd, Rights.PATH_RENAME_SOURCE)
    new_base = _directory(thread, new_fd, Rights.PATH_RENAME_TARGET)
    walk.rename(_namespace(thread), base, path, new_base, new_path)


def path_link(thread: Thread, fd: int, flags: int, path: str, new_fd: int, new_path: str) -> None:
    base = _directory(thread, fd, Rights.PATH_LINK_SOURCE)
    new_base = _directory(thread, new_fd, Rights.PATH_LINK_TARGET)
    walk.link(_namespace(thread), base, path, bool(flags & _FOLLOW), new_base, new_path)


def path_symlink(thread: Thread, target: str, fd: int, path: str) -> None:
    base = _directory(thread, fd, Rights.PATH_SYMLINK)
    walk.symlink(_namespace(thread), target, base, path)


def path_readlink(thread: Thread, fd: int, path: str, buffer: memoryview) -> int:
    base = _directory(thread, fd, Rights.PATH_READLINK)
    target = walk.readlink(_namespace(thread), base, path)
    data = target.encode("utf-8", "surrogateescape")[: len(buffer)]
    buffer[: len(data)] = data
    return len(data)


def path_filestat_get(thread: Thread, fd: int, flags: int, path: str) -> Filestat:
    base = _directory(thread, fd, Rights.PATH_FILESTAT_GET)
    return walk.stat(_namespace(thread), base, path, follow=bool(flags & _FOLLOW))


def path_filestat_set_times(
    thread: Thread, fd: int, flags: int, path: str, atim: int, mtim: int, fstflags: int
) -> None:
    base = _directory(thread, fd, Rights.PATH_FILESTAT_SET_TIMES)
    times = chosen_times(thread, atim, mtim, fstflags)
    walk.set_times(_namespace(thread), base, path, *times, follow=bool(flags & _FOLLOW))
