"""What grows: start-up with the module, calls with open descriptors, memory with live sandboxes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from bench.calls import caller
from bench.figures import Curve, Effort, Result, calibrated, in_turns
from bench.guests import module
from bench.subjects import TITLES, Unsupported, subjects
from bench.worker import versions, worker, workers

SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 60_000_000)
DESCRIPTORS = (1, 10, 100, 1_000, 10_000)
LIVE = (1, 2, 5, 10, 20, 50, 100, 200)


def _subjects(effort: Effort) -> list[str]:
    return [name for name in subjects(quick=effort.quick) if name != "define_func"]


def _sizes(effort: Effort) -> list[Curve]:
    """Each sample is a new process, whose module has not been seen before."""
    cold = Curve("growth/size/cold", "A module's first start", "s", "module size in bytes")
    warm = Curve("growth/size/warm", "The same module's second start", "s", cold.x)
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES[:2] if effort.quick else SIZES:
            path = Path(folder, f"{size}.wasm")
            path.write_bytes(module(size))
            slow: set[str] = set()
            for _ in range(min(effort.rounds, 3)):
                for name in _subjects(effort):
                    begin = time.perf_counter()
                    if name not in slow:
                        _start(name, path, size, cold, warm)
                    # Real compilers take most of a minute for the largest.
                    if time.perf_counter() - begin > effort.patience / 2:
                        slow.add(name)
            path.unlink()
    return [cold, warm]


def _start(name: str, path: Path, size: int, cold: Curve, warm: Curve) -> None:
    who = TITLES[name]
    if who in cold.absent:
        return
    try:
        with worker(name) as process:
            first, second = process.do("start", str(path))
    except Unsupported as reason:
        cold.absent[who] = warm.absent[who] = str(reason)
        return
    for curve, seconds in ((cold, first), (warm, second)):
        curve.points.setdefault(who, {}).setdefault(size, []).append(seconds)


def _descriptors(effort: Effort) -> list[Curve]:
    curves = []
    for kind, title in (("pread", "`fd_pread`, 4 KiB"), ("open", "open, `fstat`, close")):
        curve = Curve(f"growth/descriptors/{kind}", title, "s", "open descriptors")
        with workers(_subjects(effort)) as found:
            for count in DESCRIPTORS[:2] if effort.quick else DESCRIPTORS:
                measures = {}
                for who, process in found.items():
                    place = "memory" if process.name.startswith(("wasix", "wasmer")) else "host"
                    measures[who] = calibrated(effort, caller(process, kind, place, count))
                samples, absent = in_turns(effort, measures, calls=True)
                curve.absent |= absent
                for who, times in samples.items():
                    curve.points.setdefault(who, {})[count] = times
        curves.append(curve)
    return curves


def _live(effort: Effort) -> list[Curve]:
    x = "live sandboxes"
    memory = Curve("growth/live/memory", "Memory of the process and its children (PSS)", "B", x)
    seconds = Curve("growth/live/time", "Time to start one more", "s", x)
    for name in _subjects(effort):
        who = TITLES[name]
        for _ in range(min(effort.rounds, 3)):
            try:
                with worker(name) as process:
                    alive = 0
                    for count in LIVE[:2] if effort.quick else LIVE:
                        found = process.do("live", count - alive)
                        points = memory.points.setdefault(who, {}).setdefault(count, [])
                        points.append(found["memory"])
                        each = found["seconds"] / (count - alive)
                        seconds.points.setdefault(who, {}).setdefault(count, []).append(each)
                        alive = count
            except Unsupported as reason:
                memory.absent[who] = seconds.absent[who] = str(reason)
                break
    return [memory, seconds]


def measure(effort: Effort) -> Result:
    result = Result()
    with workers(_subjects(effort)) as found:
        result.versions = versions(found)
    result.curves = [*_sizes(effort), *_descriptors(effort), *_live(effort)]
    return result


def lines(curve: Curve) -> str:
    """Markdown for a terminal: medians, a column for each `x`."""
    from bench.figures import show

    places = sorted({x for line in curve.points.values() for x in line})
    head = f"| {curve.title}: {curve.x} | " + " | ".join(f"{x:,}" for x in places) + " |"
    rows = [head, "|---|" + "---|" * len(places)]
    for who, line in curve.points.items():
        cells = [show(median(line[x]), curve.unit) if x in line else "-" for x in places]
        rows.append(f"| {who} | " + " | ".join(cells) + " |")
    return "\n".join(rows)
