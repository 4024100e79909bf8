"""Finding the program that a name stands for: on the search path, and behind `#!` lines.

A program is a file of the sandbox's: WebAssembly, or a script whose first line names what runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wasix.abi import E, Errno
from wasix.fs import walk
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access
from wasix.fs.opening import Opening
from wasix.proc.process import Process, Thread
from wasix.proc.program import Loading, Program
from wasix.proc.wait import Block

SEARCH_PATH = "/usr/local/bin:/bin:/usr/bin"
"""Where programs are looked for unless told otherwise."""
MOST_SCRIPTS = 4
"""Scripts that may run each other; more are `loop`, as on Linux."""
MOST_HEAD = 256
"""Bytes of a script's first line that count."""

_MAGIC = b"\0asm"


def tree(process: Process) -> walk.Tree:
    """What the paths of `process` start from."""
    return walk.Tree(tuple(name for name in process.cwd.split("/") if name))


def open_at(process: Process, path: str, how: Opening) -> OpenFile:
    """Open what `path` names for `process`."""
    kernel = process.kernel
    kernel.current = process
    return walk.open_path(kernel.namespace, tree(process), path, how)


def change_directory(process: Process, path: str) -> None:
    """Set the working directory; `noent`, `notdir`."""
    kernel = process.kernel
    kernel.current = process
    process.cwd = "/" + "/".join(walk.locate(kernel.namespace, tree(process), path))


def _places(name: str, search: str | None) -> Iterator[str]:
    if "/" in name or search is None:
        yield name
        return
    for directory in search.split(":"):
        yield f"{directory or '.'}/{name}"


def _find(process: Process, name: str, search: str | None) -> tuple[str, OpenFile]:
    """(path, opened file). The first that exists; `noent`, or `acces` if only directories do.

    A name with a slash is a path, and what is wrong with it is said.
    """
    if not name:
        raise Errno(E.NOENT)
    worst = E.NOENT
    for path in _places(name, search):
        try:
            file = open_at(process, path, Opening(Access()))
        except Errno as error:
            if "/" in name:
                raise
            if error.code not in (E.NOENT, E.NOTDIR):
                worst = error.code
            continue
        if file.seekable:
            return path, file
        file.close()
        worst = E.ACCES
    raise Errno(worst)


def _begin(
    process: Process, name: str, argv: Sequence[bytes], search: str | None
) -> tuple[Loading, list[bytes]]:
    """Start loading the program behind `name`; and its arguments, which scripts add to."""
    programs = process.kernel.programs
    if programs is None:
        raise Errno(E.NOTSUP)
    given = list(argv)
    for _ in range(MOST_SCRIPTS + 1):
        path, file = _find(process, name, search)
        head = bytearray(MOST_HEAD)
        try:
            count = file.pread([memoryview(head)], 0)
        except Errno:
            file.close()
            raise
        line = bytes(head[:count])
        if not line.startswith(b"#!"):
            if not line.startswith(_MAGIC):
                file.close()
                raise Errno(E.NOEXEC)
            return programs.load(path, file), given
        file.close()
        words = line[2:].split(b"\n", 1)[0].strip().split(None, 1)
        if not words:
            raise Errno(E.NOEXEC)
        name, search = words[0].decode("utf-8", "surrogateescape"), None
        given = [*words, path.encode("utf-8", "surrogateescape"), *given[1:]]
    raise Errno(E.LOOP)


def program(
    thread: Thread,
    name: str,
    argv: Sequence[bytes],
    search: str | None,
    process: Process | None = None,
) -> tuple[Program, list[bytes]]:
    """The program behind `name`, and the arguments to start it with. Waits until it is loaded.

    `search` is where to look for a name without a slash, None for the working directory only. It
    is `process` that looks, by default the caller's.
    """
    if "loading" not in thread.call:
        thread.call["loading"] = _begin(process or thread.process, name, argv, search)
    loading, given = thread.call["loading"]
    assert isinstance(loading, Loading)
    if loading.program is None and loading.error is None:
        raise Block([loading.ready])
    del thread.call["loading"]
    if loading.error is not None:
        if loading.reason:
            thread.process.complain(loading.reason)
        raise loading.error
    assert loading.program is not None
    return loading.program, given
