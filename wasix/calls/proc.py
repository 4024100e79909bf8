"""Processes: how they begin, become other programs, end, and wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wasix.abi import E, Errno, Unwind
from wasix.abi.types import LOOKUPFLAGS, Bits, Fdflags
from wasix.abi.wasix_types import (
    JOIN_FLAGS,
    JOIN_STATUS_TYPE,
    SPAWN_FD_OP,
    STDIO_MODE,
    ErrnoSignal,
    ProcessHandles,
    SignalDisposition,
    SpawnFdOp,
)
from wasix.fs.devices import null
from wasix.fs.file import OpenFile
from wasix.fs.opening import opening
from wasix.fs.pipe import Pipe, PipeReader, PipeWriter
from wasix.proc import fork
from wasix.proc.context import MAIN
from wasix.proc.find import SEARCH_PATH, change_directory, open_at, program
from wasix.proc.process import STATUS_NOEXEC, STATUS_NOT_FOUND, Process, Thread
from wasix.proc.signal import Signal
from wasix.proc.wait import Block

__all__ = [
    "proc_exec",
    "proc_exec2",
    "proc_exec3",
    "proc_exec4",
    "proc_exit",
    "proc_exit2",
    "proc_fork",
    "proc_fork_env",
    "proc_id",
    "proc_join",
    "proc_parent",
    "proc_snapshot",
    "proc_spawn",
    "proc_spawn2",
    "proc_spawn3",
]

_NON_BLOCKING, _WAKE_STOPPED = Bits(JOIN_FLAGS).NON_BLOCKING, Bits(JOIN_FLAGS).WAKE_STOPPED
_FOLLOW = Bits(LOOKUPFLAGS).SYMLINK_FOLLOW
_NOTHING, _EXIT_NORMAL, _EXIT_SIGNAL, _STOPPED = range(len(JOIN_STATUS_TYPE.members))
_CLOSE, _DUP2, _OPEN, _CHDIR, _FCHDIR = range(len(SPAWN_FD_OP.members))
_PIPED, _INHERIT, _NULL, _LOG = range(len(STDIO_MODE.members))
_IGNORE = 1

_NONE = (0, None)


def proc_id(thread: Thread) -> int:
    return thread.process.pid


def proc_parent(thread: Thread, pid: int) -> int:
    """0 for what has no parent: the program the host has started, and those it has left behind."""
    process = thread.process.kernel.processes.get(pid)
    if process is None:
        raise Errno(E.SRCH)
    return process.parent.pid if process.parent else 0


# The end.


def proc_exit(thread: Thread, status: int) -> None:
    process = thread.process
    loan = process.loan
    process.exit(status, caller=thread)
    if loan is None:
        raise Unwind
    fork.give_back(process, loan)


def proc_exit2(thread: Thread, status: int) -> None:
    """As `proc_exit`: a libc calls this one where the other may not return to it."""
    proc_exit(thread, status)


# Other programs.


def _lines(text: str | None) -> list[bytes] | None:
    """The strings of a list that is divided by newlines."""
    if text is None:
        return None
    lines = text.encode("utf-8").split(b"\n")
    if lines[-1] == b"":
        del lines[-1]
    return lines


def _search(name: str, wanted: int, path: str | None) -> str | None:
    return (path or SEARCH_PATH) if wanted and "/" not in name else None


def _execute(
    thread: Thread,
    name: str,
    args: list[bytes] | None,
    envs: list[bytes] | None,
    search: str | None,
) -> None:
    process = thread.process
    found, argv = program(thread, name, args or [name.encode()], search)
    process.args = argv
    if envs is not None:
        process.environ = envs
    if process.loan is not None:
        process.become(found)
        fork.leave(process)
        return
    process.replace(found, caller=thread)
    raise Unwind


def proc_exec3(
    thread: Thread, name: str, args: str, envs: str | None, search_path: int, path: str | None
) -> None:
    _execute(thread, name, _lines(args), _lines(envs), _search(name, search_path, path))


def proc_exec4(
    thread: Thread,
    name: str,
    args: list[bytes] | None,
    envs: list[bytes] | None,
    search_path: int,
    path: str | None,
) -> None:
    _execute(thread, name, args, envs, _search(name, search_path, path))


def proc_exec2(thread: Thread, name: str, args: str, envs: str | None) -> None:
    """It cannot say that it has failed: the process then ends as in a shell that finds nothing."""
    process = thread.process
    try:
        _execute(thread, name, _lines(args), _lines(envs), _search(name, 1, None))
    except Errno as error:
        missing = error.code in (E.NOENT, E.NOTDIR)
        loan = process.loan
        process.exit(
            STATUS_NOT_FOUND if missing else STATUS_NOEXEC,
            f"{process.name}: {name} cannot be executed: {error}",
            caller=thread,
        )
        if loan is None:
            raise Unwind from None
        fork.give_back(process, loan)


def proc_exec(thread: Thread, name: str, args: str) -> None:
    proc_exec2(thread, name, args, None)


# New processes.


def proc_fork(thread: Thread, copy_memory: int, at: int) -> None:
    thread.memory.check(at, fork.PID_SIZE)
    running = thread.process.program
    if running is None or not running.suspends:
        raise Errno(E.NOTSUP)
    if thread.process.loan is not None:
        raise Errno(E.NOTSUP)
    if copy_memory and thread.contexts.active != MAIN:
        raise Errno(E.NOTSUP)
    linker = thread.process.linker
    if copy_memory and (
        linker or thread.process.closures or any(held.wants for held in thread.held)
    ):
        # A copy has the table that the program begins with, and is in no such call.
        raise Errno(E.NOTSUP)
    thread.process.kernel.check_processes()
    raise fork.fork(thread, at) if copy_memory else fork.vfork(thread, at)


def proc_fork_env(thread: Thread) -> int:
    """The child's number, given while the caller is the child already."""
    return fork.borrow(thread, None, 0).pid


def _spawn(
    thread: Thread,
    name: str,
    args: list[bytes] | None,
    envs: list[bytes] | None,
    ops: Sequence[SpawnFdOp],
    dispositions: Sequence[SignalDisposition],
    search: str | None,
) -> int:
    def prepare(child: Process) -> None:
        for op in ops:
            _apply(thread, child, op)
        for sig, disposition in dispositions:
            if sig:
                child.set_ignored(Signal(sig), disposition == _IGNORE)
        if envs is not None:
            child.environ = envs

    return _begin(thread, name, args or [name.encode()], search, prepare).pid


def _begin(
    thread: Thread,
    name: str,
    args: list[bytes],
    search: str | None,
    prepare: Callable[[Process], None],
) -> Process:
    """A child that runs a program. It is made ready first, as posix_spawn does it."""
    child: Process | None = thread.call.get("child")
    if child is None:
        child = thread.process.child()
        thread.call["child"] = child
        try:
            prepare(child)
        except Errno:
            _abandon(thread)
            raise
    try:
        # As the child sees it, which may have another working directory.
        found, argv = program(thread, name, args, search, child)
    except Errno:
        _abandon(thread)
        raise
    del thread.call["child"]
    child.args = argv
    child.become(found)
    child.start()
    return child


def _abandon(thread: Thread) -> None:
    thread.call.pop("child").abandon()


def _apply(thread: Thread, child: Process, op: SpawnFdOp) -> None:
    """Do to a new process's descriptors, or working directory, what posix_spawn was asked to."""
    descriptors = child.descriptors
    match op.cmd:
        case 0:  # close
            entry = descriptors.entries.get(op.fd)
            if entry is None:
                raise Errno(E.BADF)
            if entry.preopen is None:
                descriptors.close(op.fd)
        case 1:  # dup2
            descriptors.duplicate(op.src_fd, op.fd)
        case 2:  # open
            descriptors.replace(op.fd, _open(child, _path(thread, op), op), op.rights_base)
        case 3:  # chdir
            change_directory(child, _path(thread, op))
        case _:
            change_directory(child, child.descriptors.path(op.fd))


def _path(thread: Thread, op: SpawnFdOp) -> str:
    data = thread.memory.load(op.path, op.path_len)
    try:
        return str(data, "utf-8").rstrip("\0")
    except UnicodeDecodeError:
        raise Errno(E.ILSEQ) from None


def _open(process: Process, path: str, op: SpawnFdOp) -> OpenFile:
    how = opening(op.dirflags, op.oflags, op.rights_base, op.fdflags & Fdflags.ALL)
    return open_at(process, path, how)


def proc_spawn2(
    thread: Thread,
    name: str,
    args: str,
    envs: str | None,
    ops: Sequence[SpawnFdOp],
    dispositions: Sequence[SignalDisposition],
    search_path: int,
    path: str | None,
) -> int:
    search = _search(name, search_path, path)
    return _spawn(thread, name, _lines(args), _lines(envs), ops, dispositions, search)


def proc_spawn3(
    thread: Thread,
    name: str,
    args: list[bytes] | None,
    envs: list[bytes] | None,
    ops: Sequence[SpawnFdOp],
    dispositions: Sequence[SignalDisposition],
    search_path: int,
    path: str | None,
) -> int:
    search = _search(name, search_path, path)
    return _spawn(thread, name, args, envs, ops, dispositions, search)


def proc_spawn(
    thread: Thread,
    name: str,
    chroot: int,
    args: str,
    preopen: str,
    stdin: int,
    stdout: int,
    stderr: int,
    working_dir: str,
) -> ProcessHandles:
    """The other ends of piped streams are descriptors of the caller's."""
    if chroot or preopen:
        raise Errno(E.NOTSUP)
    process = thread.process
    given: list[tuple[int, int | None]] = thread.call.setdefault("given", [])

    def prepare(child: Process) -> None:
        for fd, mode in enumerate((stdin, stdout, stderr)):
            given.append(_stream(process, child, fd, mode))
        if working_dir not in ("", "."):
            change_directory(child, working_dir)

    argv = _lines(args) or [name.encode()]
    try:
        child = _begin(thread, name, argv, _search(name, 1, None), prepare)
    except Errno:
        for _, end in given:
            if end is not None:
                process.descriptors.close(end)
        del thread.call["given"]
        raise
    del thread.call["given"]
    return ProcessHandles(child.pid, *given)


def _stream(process: Process, child: Process, fd: int, mode: int) -> tuple[int, int | None]:
    """Connect a standard stream of `child`; the descriptor of `process` that is its other end."""
    if mode == _INHERIT:
        return _NONE
    if mode == _LOG:
        child.descriptors.duplicate(2, fd)
        return _NONE
    if mode == _NULL:
        child.descriptors.replace(fd, null())
        return _NONE
    pipe = Pipe()
    ends: tuple[OpenFile, OpenFile] = PipeReader(pipe), PipeWriter(pipe)
    own, other = reversed(ends) if fd == 0 else ends
    child.descriptors.replace(fd, other)
    return 1, process.descriptors.add(own)


# Waiting for them.


def proc_join(
    thread: Thread, wanted: tuple[int, int | None], flags: int
) -> tuple[tuple[int, int], tuple[int, object]]:
    """The child that has ended (or stopped, if that is asked for), and how.

    Where none has and the call is not to wait, the child's number is 0.
    """
    process = thread.process
    tag, pid = wanted
    if tag:
        child = process.children.get(pid) if pid is not None else None
        children = [child] if child else []
    else:
        children = list(process.children.values())
    if not children:
        raise Errno(E.CHILD)
    for child in children:
        if child.status is not None:
            process.reap(child)
            return (1, child.pid), _ending(child)
        if flags & _WAKE_STOPPED and child.stopped_by is not None:
            signal, child.stopped_by = child.stopped_by, None
            return (1, child.pid), (_STOPPED, int(signal))
    if flags & _NON_BLOCKING:
        return (1, 0), (_NOTHING, 0)
    raise Block([process.child_changed])


def _ending(child: Process) -> tuple[int, object]:
    assert child.status is not None
    if child.signal is None:
        return _EXIT_NORMAL, child.status
    return _EXIT_SIGNAL, ErrnoSignal(child.status, int(child.signal))


def proc_snapshot(thread: Thread) -> None:
    """Nothing here keeps a process on storage."""
    raise Errno(E.NOTSUP)
