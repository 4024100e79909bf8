"""A measured figure, and how it is shown: medians, beside the peer's from the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """Samples of one thing, in `unit`, smaller being better."""

    what: str
    who: str
    unit: str
    samples: list[float]

    @property
    def median(self) -> float:
        return median(self.samples)


def alternately(rounds: int, **measures: Callable[[], float]) -> dict[str, list[float]]:
    """Samples of each measure, taken in turns, so that a noisy moment hits all of them."""
    samples: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            samples[name].append(measure())
    return samples


def table(figures: Iterable[Figure]) -> str:
    """A Markdown table; the ratio is to the first figure of the same `what`."""
    lines = ["| what | who | median | min-max | ratio |", "|---|---|---|---|---|"]
    ours: dict[str, float] = {}
    for figure in figures:
        base = ours.setdefault(figure.what, figure.median)
        lines.append(
            f"| {figure.what} | {figure.who} | {figure.median:.3g} {figure.unit} | "
            f"{min(figure.samples):.3g}-{max(figure.samples):.3g} | {figure.median / base:.2f} |"
        )
    return "\n".join(lines)
