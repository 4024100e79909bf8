"""Memory of this process and of those it has started."""

from __future__ import annotations

import os
import re
import resource
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def family() -> set[int]:
    """This process and its descendants; empty where there is no /proc."""
    parents: dict[int, int] = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):  # it may just have ended
            if found := re.search(r"PPid:\s+(\d+)", (folder / "status").read_text()):
                parents[int(folder.name)] = int(found[1])
    members = {os.getpid()} & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    return members


def resident() -> int:
    """Bytes resident, what processes share divided among them (PSS).

    Where there is no /proc: the most this process has had so far.
    """
    size = 0
    for pid in family():
        with suppress(OSError):
            found = re.search(r"Pss:\s+(\d+) kB", (_PROC / str(pid) / "smaps_rollup").read_text())
            size += int(found[1]) * 1024 if found else 0
    return size or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
