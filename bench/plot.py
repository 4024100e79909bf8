"""Curves as SVG: both axes logarithmic, readable on light and on dark ground."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from bench.figures import show

WIDTH, HEIGHT = 860, 380
LEFT, RIGHT, TOP, BOTTOM = 80, 600, 40, 320

# For a light and a dark ground; told apart by people who do not see red and green alike, too.
COLOURS = (
    ("#0550ae", "#58a6ff"),
    ("#bc4c00", "#f0883e"),
    ("#1a7f37", "#56d364"),
    ("#8250df", "#d2a8ff"),
    ("#6e7781", "#b1bac4"),
    ("#9a6700", "#e3b341"),
    ("#cf222e", "#ff7b72"),
    ("#1b7c83", "#39c5cf"),
    ("#bf3989", "#ff9bce"),
    ("#24292f", "#f6f8fa"),
)


class Tick(NamedTuple):
    at: float
    label: str


class Axis:
    """A logarithmic axis from `low` to `high`, drawn between two positions."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = math.log10(low), math.log10(high)
        if self.high - self.low < 0.5:  # all of a height: give it air
            self.low, self.high = self.low - 0.3, self.high + 0.3
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def powers(self, *steps: int) -> Iterator[float]:
        """The round values on it: `steps` times powers of ten."""
        for exponent in range(math.floor(self.low), math.ceil(self.high) + 1):
            for step in steps:
                value: float = step * 10.0**exponent
                if self.low - 1e-9 <= math.log10(value) <= self.high + 1e-9:
                    yield value


def _count(value: float) -> str:
    for scale, name in ((1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:g} {name}"
    return f"{value:g}"


def plot(title: str, unit: str, x: str, points: Mapping[str, Mapping[float, float]]) -> str:
    """The SVG of a curve a subject; `points` are by subject and `x`, in `unit` (`s` or `B`)."""
    xs = [place for line in points.values() for place in line]
    ys = [value for line in points.values() for value in line.values()]
    across = Axis(min(xs), max(xs), LEFT, RIGHT)
    up = Axis(min(ys) / 1.3, max(ys) * 1.3, BOTTOM, TOP)
    scale = 2**20 / 1e6 if unit == "B" else 1.0  # round numbers of MiB, not of MB
    marks = [value * scale for value in up.powers(*((1, 2, 5) if up.high - up.low < 2.2 else (1,)))]
    lines: list[dict[str, Any]] = [
        {
            "name": name,
            "light": COLOURS[number % len(COLOURS)][0],
            "dark": COLOURS[number % len(COLOURS)][1],
            "points": [(across.at(place), up.at(value)) for place, value in sorted(line.items())],
        }
        for number, (name, line) in enumerate(points.items())
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("plot.svg.j2").render(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
        title=title,
        x=x,
        lines=lines,
        x_ticks=[Tick(across.at(value), _count(value)) for value in across.powers(1)],
        y_ticks=[
            Tick(up.at(value), show(value, unit).replace(".00", "").replace(".0", ""))
            for value in marks
            if BOTTOM >= up.at(value) >= TOP
        ],
    )
