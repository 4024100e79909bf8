"""Compressed files beside those of a bundle.

Hosts that can (nginx with `brotli_static` and `gzip_static`, Caddy with `precompressed`, ours) hand
out FILE.br or FILE.gz when FILE is asked for.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from wasix import cache

CODINGS = {"br": ".br", "gzip": ".gz"}
"""Suffixes by content coding, the best first."""

LEAST = 1024
"""Bytes of the smallest file that is worth it."""

_TYPES = {".css", ".html", ".js", ".json", ".mjs", ".snapshot", ".svg", ".txt", ".wasm", ".zip"}


def compressible(directory: Path) -> list[Path]:
    files = (path for path in directory.rglob("*") if path.suffix in _TYPES and path.is_file())
    return sorted(path for path in files if path.stat().st_size >= LEAST)


def compress(
    files: Iterable[Path], quality: int, run: Callable[[int, Sequence[Path]], None]
) -> None:
    """Write FILE.br and FILE.gz beside each file; `run` does so for those the cache has not."""
    places: dict[Path, Path] = {}
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        places[file] = cache.directory() / "web" / "compressed" / f"{digest}-{quality}"
    missing = {file: at for file, at in places.items() if not at.with_suffix(".br").exists()}
    if missing:
        parent = next(iter(missing.values())).parent
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=parent) as name:
            new = {Path(shutil.copy(file, Path(name) / at.name)) for file, at in missing.items()}
            run(quality, sorted(new))
            for suffix in (".gz", ".br"):  # in this order: one with brotli is complete
                for path in new:
                    Path(f"{path}{suffix}").rename(parent / f"{path.name}{suffix}")
    for file, place in places.items():
        for suffix in CODINGS.values():
            shutil.copy(place.with_suffix(suffix), f"{file}{suffix}")
