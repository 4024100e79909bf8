"""Every bound on what a guest may use, as data: documentation and tests read it.

What is over a limit ends in an error the guest sees, or in a documented status and one line that
says why; the host goes on.
"""

from __future__ import annotations

from typing import NamedTuple

from wasix.api.launch import STATUS_INVALID
from wasix.proc.process import STATUS_FUEL, STATUS_OUTPUT, STATUS_TIMEOUT


class Limit(NamedTuple):
    """`option` is `Sandbox`'s, `command` that of `wasix run`, `usual` what holds without.

    `status` is the exit status of a guest that is ended; None where it goes on and sees `seen`.
    """

    name: str
    bounds: str
    option: str
    seen: str
    command: str = ""
    usual: str = "none"
    status: int | None = None
    message: str = ""
    by: str = "kernel"
    """Who sees to it: the kernel, the engine, or the rewriter, which changes the module."""
    page: str = ""
    """The option of a page's script, if there is one."""


REWRITER = "rewriter"

LIMITS = (
    Limit(
        "memory",
        bounds="linear memory, all memories together",
        option="memory_limit=",
        command="--memory",
        usual="4 GiB",
        seen="`memory.grow` answers -1",
        by=REWRITER,
        page="memoryLimit",
    ),
    Limit(
        "initial memory",
        bounds="linear memory at the start",
        option="memory_limit=",
        command="--memory",
        usual="4 GiB",
        seen="it is not started",
        status=STATUS_INVALID,
        message="of memory to start, but the limit is",
        by=REWRITER,
        page="memoryLimit",
    ),
    Limit(
        "tables",
        bounds="elements of tables, all together",
        option="table_limit=",
        usual="10,000,000",
        seen="`table.grow` answers -1",
        by=REWRITER,
    ),
    Limit(
        "initial tables",
        bounds="elements of tables at the start",
        option="table_limit=",
        usual="10,000,000",
        seen="it is not started",
        status=STATUS_INVALID,
        message="elements of tables to start, but the limit is",
        by=REWRITER,
    ),
    Limit(
        "fuel",
        bounds="what it executes: instructions and system calls",
        option="fuel=",
        command="--fuel",
        seen="it is ended",
        status=STATUS_FUEL,
        message="ended when its fuel of",
        by=REWRITER,
    ),
    Limit(
        "time",
        bounds="seconds since its start",
        option="time_limit=",
        command="--timeout",
        seen="it is ended",
        status=STATUS_TIMEOUT,
        message="its time limit",
        by="engine",
        page="timeLimit",
    ),
    Limit(
        "output",
        bounds="bytes written to standard output and error",
        option="output_limit=",
        command="--output-limit",
        seen="it is ended",
        status=STATUS_OUTPUT,
        message="bytes of output, its limit",
        page="outputLimit",
    ),
    Limit(
        "files",
        bounds="descriptors open at once",
        option="max_files=",
        usual="1024",
        seen="`mfile`",
        page="maxFiles",
    ),
    Limit(
        "memory files",
        bounds="bytes in the files of `/`",
        option="filesystem_limit=",
        seen="`nospc`",
        page="filesystemLimit",
    ),
    Limit(
        "volume",
        bounds="bytes put into a host directory",
        option="HostVolume(limit=)",
        seen="`dquot`",
    ),
)
