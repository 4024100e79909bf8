"""What a browser can do with a bundle, as its tests saw it: `docs/browsers.md` is made from that.

`e2e/test_browsers.py` adds what it sees to `build/browsers.json`; a run of some tests replaces only
what it ran.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

PATH = Path(__file__).parents[1] / "build" / "browsers.json"

BROWSERS = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "WebKitGTK"}
KINDS = {"plain": "", "isolated": "isolated"}
"""Of pages."""

FEATURES = {
    "start": "the kernel starts and a program runs",
    "python": "Python, with its input given beforehand",
    "input": "a program waits for input",
    "time": "a program waits for time",
    "interrupt": "a program that waits is interrupted",
    "compute": "a program that computes is ended",
    "apart": "the same of one that runs `apart`",
    "processes": "programs start others (spawn, exec, pipes, signals)",
    "fork": "programs fork",
    "threads": "threads",
    "terminal": "the terminal, with typed keys",
    "persist": "files are kept over a reload (`persist`)",
    "offline": "after a visit it works without a server (`offline`)",
    "isolates": "a service worker makes the page isolated (`offline({ isolate: true })`)",
}

Seen = dict[str, dict[str, dict[str, str]]]
"""Browser and its version, kind of page, feature: what was seen."""


def read(path: Path = PATH) -> Seen:
    """What has been recorded so far."""
    seen: Seen = json.loads(path.read_text()) if path.exists() else {}
    return seen


def record(
    browser: str, version: str, kind: str, feature: str, answer: str, path: Path = PATH
) -> None:
    """Add what was seen. What was seen of another version of that browser is dropped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        name = f"{browser} {version}"
        seen = {
            other: kinds
            for other, kinds in read(path).items()
            if other == name or other.split()[0] != browser
        }
        seen.setdefault(name, {}).setdefault(kind, {})[feature] = answer
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(seen, indent=1, sort_keys=True))
        os.replace(partial, path)
