"""Measured figures: samples of several subjects taken in turns, and how they are kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.machine import machine
from bench.subjects import Unsupported

RESULTS = Path(__file__).parents[1] / "build" / "bench"


@dataclass(frozen=True)
class Effort:
    """How long to measure: `rounds` of samples, and `calls` of those of a system call."""

    rounds: int = 7
    calls: int = 21
    """Rounds for what is over in `seconds`: short samples, some of which nothing interrupts."""
    seconds: float = 0.01
    patience: float = 20.0
    """A subject that has taken so many seconds for a row gets three samples only."""
    quick: bool = False
    """Only to see that everything still runs: the figures mean nothing."""


QUICK = Effort(rounds=1, calls=1, seconds=0, quick=True)

Samples = dict[str, list[float]]
"""By subject."""


@dataclass
class Row:
    """One thing measured on several subjects, in `unit`: `s`, `B` or `times`. Smaller is better."""

    key: str
    title: str
    unit: str
    samples: Samples = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Subjects that do not do it, and why."""


@dataclass
class Curve:
    """One thing measured on several subjects for growing `x`."""

    key: str
    title: str
    unit: str
    x: str
    points: dict[str, dict[float, list[float]]] = field(default_factory=dict)
    """Samples by subject and `x`."""
    absent: dict[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """What one measure found."""

    rows: list[Row] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, effort: Effort) -> Path:
        """Keep it as `NAME.json`, with the machine and the date."""
        about = {**machine(), "versions": machine()["versions"] | self.versions}
        rows = [
            {**asdict(row), "figures": {who: summary(found) for who, found in row.samples.items()}}
            for row in self.rows
        ]
        curves = [
            {
                **asdict(curve),
                "points": {
                    who: [{"x": x, **summary(found), "samples": found} for x, found in line.items()]
                    for who, line in curve.points.items()
                },
            }
            for curve in self.curves
        ]
        folder = RESULTS / "quick" if effort.quick else RESULTS
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.json"
        path.write_text(json.dumps({**about, "rows": rows, "curves": curves}, indent=1) + "\n")
        return path


def summary(samples: list[float]) -> dict[str, float]:
    """Median, `spread` (half the distance between the quartiles), least, number of samples."""
    low, high = samples[0], samples[0]
    if len(samples) > 1:
        low, _, high = quantiles(samples, n=4, method="inclusive")
    return {
        "median": median(samples),
        "spread": (high - low) / 2,
        "least": min(samples),
        "count": len(samples),
    }


def in_turns(
    effort: Effort, measures: Mapping[str, Callable[[], float]], *, calls: bool = False
) -> tuple[Samples, dict[str, str]]:
    """Samples of each measure, so that a noisy moment hits all; and why some have none."""
    samples: Samples = {}
    absent: dict[str, str] = {}
    taken = dict.fromkeys(measures, 0.0)
    for number in range(effort.calls if calls else effort.rounds):
        for who, measure in measures.items():
            if who in absent or (number >= 3 and taken[who] > effort.patience):
                continue
            begin = time.perf_counter()
            try:
                samples.setdefault(who, []).append(measure())
            except Unsupported as reason:
                if not samples[who]:
                    absent[who] = str(reason)
                    del samples[who]
            taken[who] += time.perf_counter() - begin
    return samples, absent


MOST_CALLS = 2_000_000


def calibrated(effort: Effort, call: Callable[[int], float]) -> Callable[[], float]:
    """A measure that makes as many calls as take about `effort.seconds`, found at its first use."""
    count = 0

    def measure() -> float:
        nonlocal count
        if not count:
            count = 64
            while (taken := call(count) * count) < effort.seconds / 4 and count < MOST_CALLS:
                count *= 4
            count = max(count, min(MOST_CALLS, int(count * effort.seconds / (taken or 1))))
        return call(count)

    return measure


def show(value: float, unit: str) -> str:
    """A figure with three digits in a unit that suits it."""
    scales: Iterable[tuple[float, str]]
    if unit == "times":
        return f"{value:.2f} times"
    if unit == "B":
        scales = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
    else:
        scales = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
    for scale, name in scales:
        if abs(value) >= scale * 0.9995 or name in ("B", "ns"):
            number = value / scale
            digits = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
            return f"{number:.{digits}f} {name}"
    raise AssertionError


def table(rows: Iterable[Row]) -> str:
    """Markdown for a terminal: a line for each subject of each row, and how it compares to ours."""
    lines = ["| what | who | median | ± | n | ratio |", "|---|---|---|---|---|---|"]
    for row in rows:
        base: float | None = None
        for who, samples in row.samples.items():
            found: dict[str, Any] = summary(samples)
            base = base or found["median"]
            lines.append(
                f"| {row.title} | {who} | {show(found['median'], row.unit)} | "
                f"{show(found['spread'], row.unit)} | {found['count']} | "
                f"{found['median'] / base if base else 0:.2f} |"
            )
        lines += [f"| {row.title} | {who} | - {why} | | | |" for who, why in row.absent.items()]
    return "\n".join(lines)
