"""Which function each passed case covers: the first word of a case is a function's name.

Every test worker adds what it saw to `build/abi-status.json`, by engine, guest and volume; a run of
some tests replaces only what it ran.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import defaultdict
from pathlib import Path

from wasix.abi import PREVIEW1
from wasix.abi import wasix as abi

BUILD = Path(__file__).resolve().parent.parent.parent / "build"
STATUS = BUILD / "abi-status.json"

FUNCTIONS = tuple(function.name for function in PREVIEW1.functions)
WASIX_FUNCTIONS = tuple(function.name for function in abi.FUNCTIONS)

# engine -> run (a guest on a volume) -> case -> passed
Results = dict[str, dict[str, dict[str, bool]]]


def function_of(case: str) -> str:
    """The function a case covers."""
    return case.split(" ", 1)[0]


def read_results(path: Path = STATUS) -> Results:
    """What has been recorded so far; nothing if nothing has."""
    if not path.exists():
        return {}
    results: Results = json.loads(path.read_text())
    return results


def add_results(new: Results, path: Path = STATUS) -> None:
    """Merges one worker's results into the file, whole runs replacing whole runs."""
    if not new:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        merged = read_results(path)
        for engine, runs in new.items():
            merged.setdefault(engine, {}).update(runs)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(merged, indent=1, sort_keys=True))
        os.replace(partial, path)


def load_status(path: Path = STATUS) -> dict[str, dict[str, list[str]]]:
    """Function -> engine -> the cases that passed wherever they were run, in order of name."""
    status: dict[str, dict[str, list[str]]] = {name: {} for name in FUNCTIONS + WASIX_FUNCTIONS}
    for engine, runs in read_results(path).items():
        passed: dict[str, bool] = defaultdict(lambda: True)
        for cases in runs.values():
            for case, ok in cases.items():
                passed[case] &= ok
        for case in sorted(passed):
            if function_of(case) in status and passed[case]:
                status[function_of(case)].setdefault(engine, []).append(case)
    return status
