"""What the host and the child process say to each other, on a socket.

The host begins with a task: its length (`LENGTH`), JSON, and the module's bytes if it says so. The
child makes system calls, each the glue's mailbox: the number of the call in the first 4 bytes, the
length of linear memory in the second 8, then the arguments. The host answers each with an errno,
or to `engines.js.mailbox.CHUNK` with a number of bytes, which follow.
The child's last message is a mailbox with the number `REPORT` and the length of a JSON text, which
follows.

For plain modules they take turns instead, by a byte, `TURN`, each; what is said stands in a mailbox
that both see (`engines.js.channel`). When the host has the child share a memory, one more byte
carries the descriptor of the file to lay over it. A report is the child's last message here too.
"""

from __future__ import annotations

from struct import Struct
from typing import TypedDict

LENGTH = Struct("<Q")
ERRNO = Struct("<i")
HEAD = Struct("<i4xQ")
REPORT = -1
TURN = b"\0"
"""Not how a report begins."""
MOST_REPORTED = 1 << 20
"""Bytes of a report. A longer one is cut by the child, and refused by the host."""


class Task(TypedDict):
    """Evaluate `script`, and report `code`'s value; or run the guest that follows on `script`'s
    glue with the imports that `wanted` describes; or, if `plain`, let `script` serve the host."""

    script: str
    code: str
    wanted: str
    module: int
    """Bytes of the module; 0 if there is none to run."""
    plain: bool
