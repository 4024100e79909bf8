"""Libraries: opened by path, linked to the program, and looked into (`wasix.proc.linker`)."""

from __future__ import annotations

from wasix.abi import E, Errno, Unwind
from wasix.calls.dynamic import check_links
from wasix.proc.linker import MAIN, Linker, LinkFailure
from wasix.proc.process import STATUS_NOT_FOUND, STATUS_TRAP, Process, Thread
from wasix.proc.steps import Steps, stepwise

__all__ = ["dl_invalid_handle", "dl_start", "dl_undefined", "dlopen", "dlsym"]

_WORD = 4
_GLOBAL, _NOLOAD, _DEEPBIND = 1 << 2, 1 << 3, 1 << 5


def _linker(process: Process) -> Linker:
    if process.linker is None:
        process.linker = Linker(process)
    return process.linker


def _fail(thread: Thread, at: int, room: int, text: str) -> Errno:
    """The error to raise for what the caller is to read at `at`, which ends with NUL and is cut."""
    if room:
        said = text.encode()[: room - 1] + b"\0"
        thread.memory.store(at, said)
    return Errno(E.UNKNOWN)


def dl_invalid_handle(thread: Thread, handle: int) -> None:
    """`noexec` if it is none."""
    linker = thread.process.linker
    known = handle == MAIN if linker is None else linker.get(handle) is not None
    if not known:
        raise Errno(E.NOEXEC)


@stepwise
def dlopen(
    thread: Thread, path: str | None, flags: int, err: int, err_len: int, search: str | None
) -> Steps:
    """A handle of the library, or of the program for None. `unknown`, with a text that says why."""
    thread.memory.check(err, err_len)
    process = check_links(thread)
    if not path:
        return MAIN
    try:
        loaded = yield from _linker(process).load(
            path,
            (search or "").split(":"),
            visible=bool(flags & _GLOBAL),
            deep=bool(flags & _DEEPBIND),
            only_loaded=bool(flags & _NOLOAD),
        )
    except LinkFailure as failure:
        raise _fail(thread, err, err_len, str(failure)) from None
    return loaded.handle


@stepwise
def dlsym(thread: Thread, handle: int, symbol: str, err: int, err_len: int) -> Steps:
    """The address of data, or the slot of a function. `unknown`, as above. 0 looks everywhere."""
    thread.memory.check(err, err_len)
    linker = _linker(check_links(thread))
    try:
        if handle and linker.get(handle) is None:
            raise LinkFailure(f"{handle} is no handle of a library")
        found = linker.symbol(handle, symbol)
        if found is None:
            raise LinkFailure(f"undefined symbol: {symbol}")
        return (yield from linker.address(found[0], symbol))
    except LinkFailure as failure:
        raise _fail(thread, err, err_len, str(failure)) from None


def dl_start(thread: Thread) -> int:
    """Link the program before it begins, or the instance of another thread. What cannot be linked
    ends."""
    process = thread.process
    try:
        if process.program is None or not process.program.links:
            raise LinkFailure(f"{process.name}: its engine does not link programs")
        if thread.tid == process.pid:
            _link(thread)
        else:
            _join(thread)
    except (LinkFailure, Errno) as failure:
        process.exit(STATUS_NOT_FOUND, str(failure), caller=thread)
        raise Unwind from None
    return 0


@stepwise
def _link(thread: Thread) -> Steps:
    process = thread.process
    search = next(
        (
            entry.partition(b"=")[2].decode("utf-8", "surrogateescape")
            for entry in process.environ
            if entry.startswith(b"LD_LIBRARY_PATH=")
        ),
        "",
    )
    yield from _linker(process).start(search.split(":"))


def _joined(thread: Thread) -> Steps:
    process = thread.process
    if not (yield from process.record.replay()):
        raise LinkFailure(f"{process.name}: a thread has another table than those before it")
    word = thread.memory.load(thread.argument, 2 * _WORD)
    stack, tls = (int.from_bytes(word[at : at + _WORD], "little") for at in (0, _WORD))
    yield from _linker(process).join(stack, tls)


_join = stepwise(_joined, noted=False)


def dl_undefined(thread: Thread, symbol: int) -> None:
    process = thread.process
    name = process.linker.undefined(symbol) if process.linker else "?"
    process.exit(STATUS_TRAP, f"{process.name}: undefined symbol: {name}", caller=thread)
    raise Unwind
