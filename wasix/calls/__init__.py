"""The system calls, in files named after the specification's nouns.

A handler takes the calling `Thread` and what its declaration in `wasix.abi` makes of the guest's
arguments: integers, `str`, views of buffers. It returns the results in order, or raises `Errno` or
`Block`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from wasix.abi import E, Errno
from wasix.calls import (
    args,
    clock,
    context,
    dl,
    dynamic,
    environ,
    epoll,
    fd,
    futex,
    path,
    poll,
    proc,
    random,
    sched,
    signal,
    sock,
    stack,
    thread,
    timer,
    tty,
)

_NOUNS = (
    *(args, environ, clock, fd, path, poll, epoll, tty, timer),
    *(proc, signal, stack, thread, futex, random, sched, sock, dynamic, dl, context),
)

HANDLERS: dict[str, Callable[..., Any]] = {
    name: getattr(noun, name) for noun in _NOUNS for name in noun.__all__
}
"""Every handler by the name of the function it serves."""


def nosys(caller: object, *arguments: object) -> NoReturn:
    """Serves what is declared and not implemented."""
    raise Errno(E.NOSYS)
