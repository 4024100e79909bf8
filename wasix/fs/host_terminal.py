"""Terminals of the host: their modes, and giving them back as they were.

The host's own line discipline does the work, so a program's modes are set there. Ctrl-C and the
like stay signals, as with the reference host: WASIX has no mode for that.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from wasix.abi import E, Errno
from wasix.fs.modes import Modes

_IFLAG, _OFLAG, _LFLAG, _CC = 0, 1, 3, 6
_SIZE = struct.Struct("HHHH")

_changed: dict[int, list[Any]] = {}
"""What terminals were like before a guest changed them, by device number."""


def modes(fd: int) -> Modes:
    """The modes and the size of a terminal. Raises `Errno`."""
    import termios

    try:
        attributes = termios.tcgetattr(fd)
        rows, columns, width, height = _SIZE.unpack(_window(fd))
    except termios.error as error:
        raise _errno(error) from None
    except OSError as error:
        raise Errno.of(error) from None
    return Modes(
        columns,
        rows,
        width,
        height,
        echo=bool(attributes[_LFLAG] & termios.ECHO),
        line_buffered=bool(attributes[_LFLAG] & termios.ICANON),
        line_feeds=bool(attributes[_OFLAG] & termios.ONLCR),
    )


def _window(fd: int) -> bytes:
    import fcntl
    import termios

    return fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(_SIZE.size))


def _errno(error: Exception) -> Errno:
    """`termios.error` has an error number, but is no `OSError`."""
    return Errno.of(OSError(*error.args))


def set_modes(fd: int, wanted: Modes) -> Callable[[], None] | None:
    """Change a terminal. Returns what gives it back as it was, if nobody else is to do that.

    A size that is not what it was is set, too, which the host tells its own processes of.
    """
    import fcntl
    import termios

    now = modes(fd)
    if wanted == now:
        return None
    if max(wanted[:4]) > 0xFFFF:
        raise Errno(E.INVAL)
    try:
        device = os.fstat(fd).st_rdev
        attributes = termios.tcgetattr(fd)
        before = _changed.get(device) or list(attributes)
        _set(attributes, _LFLAG, termios.ECHO, wanted.echo)
        _set(attributes, _LFLAG, termios.ICANON, wanted.line_buffered)
        _set(attributes, _OFLAG, termios.ONLCR, wanted.line_feeds)
        if wanted.line_buffered != now.line_buffered:
            # Enter is a carriage return to who wants keys.
            _set(attributes, _IFLAG, termios.ICRNL, wanted.line_buffered)
        characters = list(before[_CC])
        if not wanted.line_buffered:
            characters[termios.VMIN], characters[termios.VTIME] = 1, 0
        attributes[_CC] = characters
        own = -1 if device in _changed else os.dup(fd)
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
        if wanted[:4] != now[:4]:
            size = _SIZE.pack(wanted.rows, wanted.columns, wanted.width, wanted.height)
            fcntl.ioctl(fd, termios.TIOCSWINSZ, size)
    except termios.error as error:
        raise _errno(error) from None
    except OSError as error:
        raise Errno.of(error) from None
    if own < 0:
        return None
    _changed[device] = before
    return lambda: give_back(own, device)


def _set(attributes: list[Any], field: int, flag: int, on: bool) -> None:
    attributes[field] = attributes[field] | flag if on else attributes[field] & ~flag


def give_back(fd: int, device: int) -> None:
    """Set a terminal as it was, from the background, too; closes `fd`."""
    import signal
    import termios

    attributes = _changed.pop(device, None)
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        if attributes is not None:
            with suppress(termios.error):
                termios.tcsetattr(fd, termios.TCSANOW, attributes)
        with suppress(OSError):
            os.close(fd)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
