"""A sandbox's files from outside, shaped like `os`, `os.path` and `pathlib`."""

from __future__ import annotations

import io
import os
import stat as modes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO, Literal, TextIO, cast, overload

from wasix.abi import E, Errno
from wasix.abi.types import Filestat, Filetype
from wasix.api.file import GuestFile, Mode, Path, buffered, os_error
from wasix.api.stdio import release
from wasix.fs import walk
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory, DirectoryEntry, Inode
from wasix.fs.mount import Namespace
from wasix.kernel import Kernel

TextMode = Literal["r", "w", "a", "x", "r+", "w+", "a+", "x+", "rt", "wt", "at", "xt"]
BinaryMode = Literal["rb", "wb", "ab", "xb", "rb+", "r+b", "wb+", "w+b", "ab+", "a+b", "xb+", "x+b"]

_CHUNK = 1 << 20

_MODES = {
    Filetype.BLOCK_DEVICE: modes.S_IFBLK,
    Filetype.CHARACTER_DEVICE: modes.S_IFCHR,
    Filetype.DIRECTORY: modes.S_IFDIR,
    Filetype.REGULAR_FILE: modes.S_IFREG,
    Filetype.SOCKET_DGRAM: modes.S_IFSOCK,
    Filetype.SOCKET_STREAM: modes.S_IFSOCK,
    Filetype.SYMBOLIC_LINK: modes.S_IFLNK,
}


def relative(path: Path) -> str:
    """A guest's path as one from its root directory, where a relative one starts as well."""
    text = os.fspath(path)
    if not text:
        return text
    return text.lstrip("/") or "."


class Files:
    """The files of a sandbox, as its guests see them: `Sandbox.fs`.

    >>> with wasix.Sandbox() as box:
    ...     box.fs.mkdir("/src/app", parents=True)
    ...     _ = box.fs.write_text("/src/app/main.py", "print('hello')")
    ...     for path, directories, files in box.fs.walk("/src"):
    ...         print(path, directories, files)
    ...     with box.fs.open("/src/app/main.py") as file:
    ...         print(file.readline())
    /src ['app'] []
    /src/app [] ['main.py']
    print('hello')

    Paths are the guests'; a relative one starts at `/`. What goes wrong is an `OSError` as in `os`
    (`FileNotFoundError`, `IsADirectoryError`, ...), with the guest's path. It may be used from any
    thread and while guests run. Files of guests may be of any size, sparse ones too: give `limit`
    where you read what you do not trust.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    @contextmanager
    def _entered(self, path: Path, other: Path | None = None) -> Iterator[tuple[Namespace, Any]]:
        """The namespace and its root, under the kernel lock; errors name `path` and `other`."""
        kernel = self._kernel
        try:
            with kernel.lock:
                # No process is asking: there are no descriptors of its own in /dev.
                kernel.current = None
                yield kernel.namespace, kernel.namespace.root
        except Errno as error:
            raise os_error(error, path, other) from None

    def _open(self, path: Path, mode: Mode) -> OpenFile:
        with self._entered(path) as (namespace, root):
            return walk.open_path(namespace, root, relative(path), mode.opening)

    @overload
    def open(
        self,
        path: Path,
        mode: TextMode = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> TextIO: ...
    @overload
    def open(self, path: Path, mode: BinaryMode, buffering: int = -1) -> BinaryIO: ...
    @overload
    def open(
        self,
        path: Path,
        mode: str,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]: ...

    def open(
        self,
        path: Path,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open a file as the builtin `open` does, except that text is UTF-8 unless told otherwise.

        A file that is removed while it is open can be used until it is closed.
        """
        how = Mode.parse(mode)
        if how.binary and (encoding or errors or newline):
            raise ValueError("binary mode takes no encoding, errors or newline")
        if buffering == 0 and not how.binary:
            raise ValueError("can't have unbuffered text I/O")
        file = self._open(path, how)
        if file.filetype == Filetype.DIRECTORY:
            release(self._kernel, file)
            raise os_error(Errno(E.ISDIR), path)
        raw = GuestFile(self._kernel, file, os.fspath(path), how)
        return buffered(raw, how, buffering, encoding, errors, newline)

    def read_bytes(self, path: Path, *, limit: int | None = None) -> bytes:
        """All bytes of a file; `OSError` (`EFBIG`) if they are more than `limit`."""
        with cast(Any, self.open(path, "rb", 0)) as file:
            most = file.size() if limit is None else limit
            if file.size() > most:
                raise os_error(Errno(E.FBIG), path)
            data = bytearray()
            while chunk := file.read(_CHUNK):
                data += chunk
                if limit is not None and len(data) > limit:
                    raise os_error(Errno(E.FBIG), path)
        return bytes(data)

    def read_text(
        self,
        path: Path,
        encoding: str = "utf-8",
        errors: str = "strict",
        *,
        limit: int | None = None,
    ) -> str:
        """The text of a file, with line ends as `\\n`; `limit` is in bytes, as in `read_bytes`."""
        data = io.BytesIO(self.read_bytes(path, limit=limit))
        return io.TextIOWrapper(data, encoding, errors).read()

    def write_bytes(self, path: Path, data: bytes | bytearray | memoryview) -> int:
        """Make or replace a file with these bytes; their number."""
        view = memoryview(data).cast("B")
        with self.open(path, "wb", 0) as file:
            rest = view
            while len(rest):
                rest = rest[file.write(rest) :]
        return len(view)

    def write_text(
        self, path: Path, text: str, encoding: str = "utf-8", errors: str = "strict"
    ) -> int:
        """Make or replace a file with this text, line ends as they are; its characters."""
        self.write_bytes(path, text.encode(encoding, errors))
        return len(text)

    def _entries(self, path: Path) -> list[DirectoryEntry]:
        with self._entered(path) as (namespace, root):
            inode = walk.find(namespace, root, relative(path), follow=True)
            return entries(namespace, directory_of(inode))

    def listdir(self, path: Path = "/") -> list[str]:
        """The names in a directory, in its own order."""
        return [entry.name for entry in self._entries(path)]

    def walk(self, top: Path = "/") -> Iterator[tuple[str, list[str], list[str]]]:
        """(directory, names of directories in it, other names) from `top` down, as `os.walk` does.

        Links are not followed. What is taken out of the directories' names is passed over. A
        directory that has gone when it is reached is passed over too; only `top` has to be there.
        """
        from wasix.api.tree import Tree

        with self._entered(top) as (namespace, root):
            inode = walk.find(namespace, root, relative(top), follow=True)
            tree = Tree(self._kernel, namespace, directory_of(inode))
        above = os.fspath(top).rstrip("/")
        pending: list[tuple[str, ...]] = [()]
        while pending:
            names = pending.pop()
            found = tree.entries(names)
            if found is None:
                continue
            directories = [e.name for e in found if e.filetype == Filetype.DIRECTORY]
            others = [e.name for e in found if e.filetype != Filetype.DIRECTORY]
            yield "/".join((above, *names)) or "/", directories, others
            pending += [(*names, name) for name in reversed(directories)]

    def stat(self, path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        """Type, size, times and numbers of a file. There are no permissions, users or groups."""
        with self._entered(path) as (namespace, root):
            return _stat_result(walk.stat(namespace, root, relative(path), follow=follow_symlinks))

    def _filetype(self, path: Path, *, follow: bool) -> int | None:
        try:
            with self._entered(path) as (namespace, root):
                return walk.stat(namespace, root, relative(path), follow=follow).filetype
        except OSError:
            return None

    def exists(self, path: Path) -> bool:
        """Whether there is something at the end of a path; False for a link to nothing."""
        return self._filetype(path, follow=True) is not None

    def is_dir(self, path: Path) -> bool:
        return self._filetype(path, follow=True) == Filetype.DIRECTORY

    def is_file(self, path: Path) -> bool:
        """Whether it is a regular file."""
        return self._filetype(path, follow=True) == Filetype.REGULAR_FILE

    def is_symlink(self, path: Path) -> bool:
        return self._filetype(path, follow=False) == Filetype.SYMBOLIC_LINK

    def mkdir(self, path: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Make a directory; with `parents` those on the way to it too."""
        names = [name for name in os.fspath(path).split("/") if name not in ("", ".")]
        for count in range(1, len(names) if parents else 0):
            # One that is no directory is the last step's error.
            with suppress(FileExistsError):
                self.mkdir("/" + "/".join(names[:count]))
        try:
            with self._entered(path) as (namespace, root):
                walk.make_directory(namespace, root, relative(path))
        except FileExistsError:
            if not exist_ok or not self.is_dir(path):
                raise

    def remove(self, path: Path) -> None:
        """Remove a name that is no directory; a link itself, not what it leads to."""
        with self._entered(path) as (namespace, root):
            walk.unlink(namespace, root, relative(path))

    def rmdir(self, path: Path) -> None:
        """Remove an empty directory."""
        with self._entered(path) as (namespace, root):
            walk.remove_directory(namespace, root, relative(path))

    def rmtree(self, path: Path) -> None:
        """Remove a directory and everything below it; links are removed, not followed.

        Volumes mounted below it are left alone (`OSError`, `EBUSY`).
        """
        from wasix.api.tree import Tree

        with self._entered(path) as (namespace, root):
            inode = walk.find(namespace, root, relative(path), follow=False)
            tree = Tree(self._kernel, namespace, directory_of(inode))
        tree.clear(path)
        self.rmdir(path)

    def rename(self, path: Path, new_path: Path) -> None:
        """Rename, replacing a file by a file and an empty directory by a directory."""
        with self._entered(path, new_path) as (namespace, root):
            walk.rename(namespace, root, relative(path), root, relative(new_path))

    def symlink(self, target: Path, path: Path) -> None:
        """Make a symbolic link at `path` that holds `target`, as `os.symlink` does."""
        with self._entered(path) as (namespace, root):
            walk.symlink(namespace, os.fspath(target), root, relative(path))

    def readlink(self, path: Path) -> str:
        """What a symbolic link holds."""
        with self._entered(path) as (namespace, root):
            return walk.readlink(namespace, root, relative(path))

    def copy_in(
        self, host_path: Path, guest_path: Path, *, exist_ok: bool = False, limit: int | None = None
    ) -> None:
        """Copy a file or a directory tree of the host's to `guest_path`.

        `guest_path` is the name of the copy, not a directory to put it into. A file replaces a
        file. A tree appears complete or not at all; into a directory that is there it is copied
        with `exist_ok` only, file by file. Links are copied as they are, not followed; devices,
        pipes and sockets are left out; files keep their times. `OSError` (`EFBIG`) if the files
        hold more than `limit` bytes.
        """
        from wasix.api.copy import copy, guest_target, host_source

        source = host_source(host_path)
        with self._entered(guest_path) as (namespace, root):
            place = walk.resolve(namespace, root, relative(guest_path), follow=True)
        target = guest_target(self._kernel, place, guest_path)
        copy(source, target, exist_ok=exist_ok, limit=limit)

    def copy_out(
        self, guest_path: Path, host_path: Path, *, exist_ok: bool = False, limit: int | None = None
    ) -> None:
        """Copy a file or a directory tree of the guests' to `host_path`; as `copy_in`, outwards.

        Nothing is written but `host_path` and below, whatever names and links a guest has made.
        Links come as they are, so look where they lead before you follow them.
        """
        from wasix.api.copy import copy, guest_source, host_target

        with self._entered(guest_path) as (namespace, root):
            inode = walk.find(namespace, root, relative(guest_path), follow=True)
        source = guest_source(self._kernel, inode, guest_path)
        copy(source, host_target(host_path), exist_ok=exist_ok, limit=limit)


def entries(namespace: Namespace, directory: Directory) -> list[DirectoryEntry]:
    """What is in a directory, without `.` and `..`. Under the kernel lock."""
    file = namespace.open(directory, Access())
    try:
        found = file.entries(0) or iter(())
        return [entry for entry in found if entry.name not in (".", "..")]
    finally:
        file.close()


def directory_of(inode: Inode | None) -> Directory:
    if inode is None:
        raise Errno(E.NOENT)
    if not isinstance(inode, Directory):
        raise Errno(E.NOTDIR)
    return inode


def _stat_result(st: Filestat) -> os.stat_result:
    times = [getattr(st, name) for name in ("atim", "mtim", "ctim")]
    extra: dict[str, Any] = {
        f"st_{name}_ns": time for name, time in zip(("atime", "mtime", "ctime"), times, strict=True)
    }
    extra |= {
        f"st_{name}": time / 1e9
        for name, time in zip(("atime", "mtime", "ctime"), times, strict=True)
    }
    mode = _MODES.get(st.filetype, 0)
    whole = [time // 10**9 for time in times]
    return os.stat_result((mode, st.ino, st.dev, st.nlink, 0, 0, st.size, *whole), extra)
