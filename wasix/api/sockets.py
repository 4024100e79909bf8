"""Sockets the host program gives a guest, as preview1 cannot make any."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from wasix.api.errors import UsageError
from wasix.host import Host
from wasix.net.host import HostSocket


def shared(host: Host, sockets: Sequence[socket.socket]) -> list[HostSocket]:
    """Open files over duplicates of `sockets`. Raises `UsageError`."""
    files: list[HostSocket] = []
    try:
        for given in sockets:
            files.append(HostSocket.share(host, given))
    except (OSError, ValueError) as error:
        for file in files:
            file.close()
        raise UsageError(f"{given!r} cannot be given to a guest: {error}") from None
    return files
