"""The terminal of a process."""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.abi.wasix_types import Tty
from wasix.fs.file import OpenFile
from wasix.fs.modes import Modes
from wasix.proc.process import Process, Thread

__all__ = ["tty_get", "tty_set"]

_STREAMS = (0, 1, 2)
_NO_TERMINAL = Modes(80, 24)


def _streams(process: Process) -> list[OpenFile | None]:
    """The standard streams that are terminals."""
    entries = process.descriptors.entries
    files = [entries[fd].file if fd in entries else None for fd in _STREAMS]
    return [file if file is not None and file.is_terminal else None for file in files]


def _terminal(process: Process) -> OpenFile | None:
    """The first of the standard streams that is a terminal."""
    return next((file for file in _streams(process) if file is not None), None)


def tty_get(thread: Thread) -> Tty:
    """Without a terminal: one that no stream is, as on the reference host, since `isatty` asks."""
    process = thread.process
    terminal = _terminal(process)
    modes = _NO_TERMINAL if terminal is None else terminal.modes()
    stdin, stdout, stderr = (file is not None for file in _streams(process))
    return Tty(
        modes.columns,
        modes.rows,
        modes.width,
        modes.height,
        stdin,
        stdout,
        stderr,
        modes.echo,
        modes.line_buffered,
        modes.line_feeds,
    )


def tty_set(thread: Thread, state: Tty) -> None:
    """Which streams are terminals cannot be set, and without a terminal nothing else (`notty`).

    A terminal of the host's is given back as it was when the program ends that the host started.
    """
    process = thread.process
    file = _terminal(process)
    wanted = Modes(
        state.cols,
        state.rows,
        state.width,
        state.height,
        echo=bool(state.echo),
        line_buffered=bool(state.line_buffered),
        line_feeds=bool(state.line_feeds),
    )
    if file is None:
        if wanted != _NO_TERMINAL:
            raise Errno(E.NOTTY)
        return
    restore = file.set_modes(wanted)
    if restore is None:
        return
    while process.parent is not None:
        process = process.parent
    process.on_exit.append(lambda ended: restore())
