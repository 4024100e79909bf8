"""How large the parts of a bundle are, beside those of the last release.

`python -m wasix.web.sizes BUNDLE` lets those of a bundle, made with `--compress`, be a release's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import wasix
from wasix.web.compress import CODINGS
from wasix.web.sources import ROOT

RELEASE = ROOT / "web" / "sizes.json"
"""What the last release had: its `version`, and `parts` as `Size`."""


class Size(NamedTuple):
    """Bytes of a file, or of several, as they are and compressed."""

    raw: int
    gzip: int
    brotli: int

    def __add__(self, other: object) -> Size:
        assert isinstance(other, Size)
        return Size(*(a + b for a, b in zip(self, other, strict=True)))


def size(file: Path) -> Size:
    """Of a file of a bundle. One that is not compressed counts as it is."""

    def of(suffix: str) -> int:
        with suppress(FileNotFoundError):
            return Path(f"{file}{suffix}").stat().st_size
        return file.stat().st_size

    return Size(file.stat().st_size, of(".gz"), of(".br"))


def parts(bundle: Path) -> dict[str, Size]:
    """The kernel (what a page's first program waits for), the terminal, the bundle's own page."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    runtime = manifest["runtime"]
    python = bundle / runtime["url"]
    spared = {runtime["library"]}  # for engines that cannot start from the snapshot
    files = {
        "kernel": [
            bundle / "loader.js",
            bundle / manifest["worker"],
            *(path for path in python.iterdir() if path.name not in spared),
        ],
        "terminal": bundle.glob("assets/terminal-*.js"),
        "page": [bundle / "index.html", *bundle.glob("assets/page-*.js")],
    }
    return {part: _total(found) for part, found in files.items()}


def _total(files: Iterable[Path]) -> Size:
    total = Size(0, 0, 0)
    for file in files:
        if file.suffix not in CODINGS.values():
            total += size(file)
    return total


def programs(bundle: Path) -> dict[str, Size]:
    manifest = json.loads((bundle / "manifest.json").read_text())
    found = manifest["programs"].items()
    return {name: size(bundle / program["file"]) for name, program in found}


def released() -> tuple[str, dict[str, Size]]:
    """The last release's version, and its parts."""
    found = json.loads(RELEASE.read_text())
    return found["version"], {part: Size(*sizes) for part, sizes in found["parts"].items()}


def report(bundle: Path) -> Iterator[str]:
    """Lines for a terminal: megabytes of each part, and how much more than in the last release."""
    version, before = released()
    yield f"{'':10}{'MB':>8}{'gzip':>8}{'brotli':>8}   since {version}"
    for part, found in {**parts(bundle), **programs(bundle)}.items():
        change = ""
        if part in before:
            change = f"{100 * (found.brotli / before[part].brotli - 1):+.1f} %"
        yield f"{part:10}" + "".join(f"{number / 1e6:8.2f}" for number in found) + f"   {change}"


def record(bundle: Path, version: str) -> None:
    """Let these be the sizes of a release."""
    found = {"version": version, "parts": parts(bundle)}
    RELEASE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.executable} -m wasix.web.sizes BUNDLE")
    record(Path(sys.argv[1]), wasix.__version__)
