"""Contexts that say what no child of ours says to the host. `WASIX_HOSTILE` names one."""

from __future__ import annotations

import os
import socket
import struct
import sys
import time

from engines.child.wire import REPORT
from engines.js.mailbox import MAILBOX_SIZE


def message(number: int, length: int, rest: bytes = b"") -> bytes:
    return struct.pack("<i4xQ", number, length).ljust(MAILBOX_SIZE, b"\xff") + rest


MESSAGES = {
    "unknown call": message(9999, 0),
    "memory that is not there": message(0, 1 << 40),
    "endless memory": message(0, 2**64 - 1),
    "endless report": message(REPORT, 2**63),
    "report of another kind": message(REPORT, 2, b"[]"),
    "report of no end": message(REPORT, 12, b'{"end":"odd"}'[:12]),
    "half a message": message(0, 0)[:100],
}


def context() -> None:
    channel = socket.socket(fileno=int(sys.argv[4]))
    if os.environ["WASIX_HOSTILE"] == "hangs up":
        channel.shutdown(socket.SHUT_RDWR)
    else:
        channel.sendall(MESSAGES[os.environ["WASIX_HOSTILE"]])
        channel.shutdown(socket.SHUT_WR)
    while True:
        time.sleep(60)
