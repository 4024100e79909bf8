"""Contexts that say what no child of ours says to the host. `WASIX_HOSTILE` names one."""

from __future__ import annotations

import os
import socket
import struct
import sys
import time

from engines.child.wire import REPORT, TURN
from engines.js.channel import DONE, FAILED, HOST, MAIL, TEXT
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

TAKES_TURNS = {
    # What has happened, a number, and text, by the words of the mailbox.
    "unknown event": (99, 0, b""),
    "no number": (DONE, 2, b"[]"),
    "no text": (DONE, -5, b""),
    "endless text": (DONE, 1 << 30, b""),
    "no JSON": (DONE, 3, b"}}}"),
    "a failure of another kind": (FAILED, 2, b"[]"),
    "unknown host function": (HOST, 77, b""),
    "a host function before there is one": (HOST, -1, b""),
}
PLAIN_MESSAGES = [name for name in MESSAGES if name != "unknown call"] + list(TAKES_TURNS)


def _take_turns(channel: socket.socket, event: int, number: int, text: bytes) -> None:
    os.ftruncate(int(sys.argv[5]), MAIL)
    while True:
        words = struct.pack("<ii", event, number)
        os.pwrite(int(sys.argv[5]), words, 0)
        os.pwrite(int(sys.argv[5]), text, TEXT)
        channel.sendall(TURN)
        if not channel.recv(1):
            return


def context() -> None:
    channel = socket.socket(fileno=int(sys.argv[4]))
    if os.environ["WASIX_HOSTILE"] in TAKES_TURNS:
        _take_turns(channel, *TAKES_TURNS[os.environ["WASIX_HOSTILE"]])
    if os.environ["WASIX_HOSTILE"] == "hangs up":
        channel.shutdown(socket.SHUT_RDWR)
    else:
        channel.sendall(MESSAGES[os.environ["WASIX_HOSTILE"]])
        channel.shutdown(socket.SHUT_WR)
    while True:
        time.sleep(60)
