"""`python -m tests.soak.sandboxes ENGINE COUNT TOGETHER MODULE`: sandboxes that come and go.

COUNT one after the other, then as many TOGETHER at a time, with guests that echo their input or are
killed as they wait for it. Prints what the process holds before and after each as JSON: lists of
[resident bytes, descriptors, threads, child processes, temporary files].
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import threading
from pathlib import Path

import wasix
from bench.subjects.memory import family
from tests.settled import settle

_PROC = Path("/proc")


def resident() -> int:
    """Bytes; where there is no /proc, the most there have been."""
    if not _PROC.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int((_PROC / "self" / "statm").read_text().split()[1]) * resource.getpagesize()


def held() -> list[int]:
    settle()
    return [
        resident(),
        len(os.listdir("/dev/fd")),
        threading.active_count(),
        len(family() - {os.getpid()}),
        sum(len(files) for _, _, files in os.walk(tempfile.gettempdir())),
    ]


def together(engine: str, module: str, count: int) -> None:
    """`count` sandboxes that are there at the same time."""
    boxes = [wasix.Sandbox(engine=engine) for _ in range(count)]
    guests = [box.Popen([module], stdin=wasix.PIPE, stdout=wasix.PIPE) for box in boxes]
    for guest in guests[::2]:
        out, _ = guest.communicate(b"some text")
        assert (guest.returncode, out) == (0, b"some text")
    for guest in guests[1::2]:
        guest.kill()
        assert guest.wait() == 137
    for box in boxes:
        box.close()


def main() -> None:
    engine, *numbers, module = sys.argv[1:]
    count, at_once = map(int, numbers)
    tempfile.tempdir = str(Path(module).parent)
    for _ in range(40):  # what an engine allocates once, it has by then
        together(engine, module, 1)
    found = [held()]
    for _ in range(count):
        together(engine, module, 1)
    found.append(held())
    for _ in range(5):
        together(engine, module, at_once)
    found.append(held())
    for _ in range(max(1, count // at_once)):
        together(engine, module, at_once)
    found.append(held())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
