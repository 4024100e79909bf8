"""Calls on paths. Where a path leads is decided in `wasix.fs.walk` alone."""

from __future__ import annotations

import os

from wasix.abi import E, Errno
from wasix.abi.errno import Partial
from wasix.abi.types import Attributes, Bits, Filetype, Rights
from wasix.abi.wasix_types import FDFLAGSEXT
from wasix.calls.fd import chosen_times
from wasix.fs import walk
from wasix.fs.mount import Namespace
from wasix.fs.opening import Requests
from wasix.proc.find import change_directory, tree
from wasix.proc.process import Thread

__all__ = [
    "chdir",
    "getcwd",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_open2",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
]

_FOLLOW = 1
"""`lookupflags` has this one bit."""
_CLOEXEC = Bits(FDFLAGSEXT).CLOEXEC
_FILESTAT_GET, _UNLINK_FILE = Rights.PATH_FILESTAT_GET, Rights.PATH_UNLINK_FILE
_IS_DIRECTORY = Filetype.DIRECTORY

_requests = Requests()


def _start(thread: Thread, fd: int, right: int, path: str) -> tuple[Namespace, walk.Base]:
    """The tree of names, and where in it `path` starts, for which `fd` must have `right`.

    For WASIX that is all a process sees, by its preopened `/`. Its libc passes absolute paths on as
    they are, and relative ones with the directory that was preopened as `.`, which is the working
    directory, wherever that is by now.
    """
    process = thread.process
    kernel = process.kernel
    kernel.current = process
    descriptors = process.descriptors
    entry = descriptors.entries.get(fd)
    if entry is None or right & ~entry.rights:
        entry = descriptors.get(fd, right)  # what is wrong with it
    directory = entry.directory
    if directory is None:
        raise Errno(E.NOTDIR)
    root = descriptors.root if process.wasix else None
    if root is None or (entry.names is None and path[:1] != "/"):
        return kernel.namespace, directory
    if right & ~root.rights:
        raise Errno(E.NOTCAPABLE)
    if entry.preopen == ".":
        return kernel.namespace, tree(process)
    return kernel.namespace, walk.Tree(entry.names or (), directory)


def path_open2(
    thread: Thread,
    fd: int,
    dirflags: int,
    path: str,
    oflags: int,
    rights: int,
    inheriting: int,
    fdflags: int,
    fdflagsext: int = 0,
) -> int:
    request = _requests[dirflags, oflags, rights, inheriting, fdflags]
    namespace, base = _start(thread, fd, request.needed, path)
    descriptors = thread.process.descriptors
    inherited = request.inherited
    if descriptors.entries[fd].inheriting & inherited != inherited:
        raise Errno(E.NOTCAPABLE)
    opened = descriptors.free()
    file = walk.open_path(namespace, base, path, request.opening)
    names = None
    if file.filetype == _IS_DIRECTORY and isinstance(base, walk.Tree):
        names = walk.locate(namespace, base, path)
    cloexec = fdflagsext & _CLOEXEC != 0
    descriptors.set(opened, file, request.rights, request.inheriting, None, cloexec, names)
    return opened


path_open = path_open2
"""preview1's has no flags of that kind."""


def path_create_directory(thread: Thread, fd: int, path: str) -> None:
    namespace, base = _start(thread, fd, Rights.PATH_CREATE_DIRECTORY, path)
    walk.make_directory(namespace, base, path)


def path_remove_directory(thread: Thread, fd: int, path: str) -> None:
    namespace, base = _start(thread, fd, Rights.PATH_REMOVE_DIRECTORY, path)
    walk.remove_directory(namespace, base, path)


def path_unlink_file(thread: Thread, fd: int, path: str) -> None:
    namespace, base = _start(thread, fd, _UNLINK_FILE, path)
    walk.unlink(namespace, base, path)


def path_rename(thread: Thread, fd: int, path: str, new_fd: int, new_path: str) -> None:
    namespace, base = _start(thread, fd, Rights.PATH_RENAME_SOURCE, path)
    _, new_base = _start(thread, new_fd, Rights.PATH_RENAME_TARGET, new_path)
    walk.rename(namespace, base, path, new_base, new_path)


def path_link(thread: Thread, fd: int, flags: int, path: str, new_fd: int, new_path: str) -> None:
    namespace, base = _start(thread, fd, Rights.PATH_LINK_SOURCE, path)
    _, new_base = _start(thread, new_fd, Rights.PATH_LINK_TARGET, new_path)
    walk.link(namespace, base, path, bool(flags & _FOLLOW), new_base, new_path)


def path_symlink(thread: Thread, target: str, fd: int, path: str) -> None:
    namespace, base = _start(thread, fd, Rights.PATH_SYMLINK, path)
    walk.symlink(namespace, target, base, path)


def path_readlink(thread: Thread, fd: int, path: str, buffer: memoryview) -> int:
    namespace, base = _start(thread, fd, Rights.PATH_READLINK, path)
    target = walk.readlink(namespace, base, path)
    data = target.encode("utf-8", "surrogateescape")[: len(buffer)]
    buffer[: len(data)] = data
    return len(data)


def path_filestat_get(thread: Thread, fd: int, flags: int, path: str) -> Attributes:
    namespace, base = _start(thread, fd, _FILESTAT_GET, path)
    return walk.attributes(namespace, base, path, follow=flags & _FOLLOW != 0)


def path_filestat_set_times(
    thread: Thread, fd: int, flags: int, path: str, atim: int, mtim: int, fstflags: int
) -> None:
    namespace, base = _start(thread, fd, Rights.PATH_FILESTAT_SET_TIMES, path)
    times = chosen_times(thread, atim, mtim, fstflags)
    walk.set_times(namespace, base, path, *times, follow=flags & _FOLLOW != 0)


def getcwd(thread: Thread, at: int, size: int) -> int:
    """Stores the path and a NUL at `at`; returns the bytes of the path.

    `range` if they do not fit, with the bytes that are needed instead of `size`. (The ABI's text
    has `overflow` there, but libc waits for this one.)
    """
    path = os.fsencode(thread.process.cwd) + b"\0"
    thread.memory.check(at, size)
    if len(path) > size:
        raise Partial(E.RANGE, len(path))
    thread.memory.store(at, path)
    return len(path) - 1


def chdir(thread: Thread, path: str) -> None:
    change_directory(thread.process, path)
