"""The child's side of plain modules: carries what the host wants to JavaScript's `plain`."""

from __future__ import annotations

import os
from socket import MSG_WAITALL, recv_fds, socket
from typing import NoReturn

from engines.child.context import Context
from engines.child.window import Window
from engines.child.wire import TURN

_ITEM = slice(12, 16)
_REFUSED = 16
"""Words of the mailbox: see `cover` in plain.js."""


def serve(context: Context, script: str, channel: socket, window: Window) -> NoReturn:
    """Until the host hangs up. `window` is laid over the mailbox. Raises `OSError`, or with what
    the engine says."""
    context.evaluate(script)
    mail = context.buffer("plain.mail()")
    window.cover(mail)
    windows: dict[int, Window] = {}
    turn = bytearray(1)

    def call_host() -> None:
        try:
            channel.sendall(TURN)
            if channel.recv_into(turn, 1, MSG_WAITALL):
                return
        except OSError:
            pass
        os._exit(0)

    def cover_memory() -> None:
        item = int.from_bytes(mail[_ITEM], "little")
        try:
            if item not in windows:
                _, (handle,), _, _ = recv_fds(channel, 1, 1)
                windows[item] = Window(handle)
            windows[item].cover(context.buffer(f"plain.buffer({item})"))
        except Exception:  # JavaScript throws for it
            mail[_REFUSED] = 1

    context.define("callHost", call_host)
    context.define("coverMemory", cover_memory)
    context.evaluate("plain.serve()")
    os._exit(0)
