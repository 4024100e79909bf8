"""`wasix cache`."""

from __future__ import annotations

import shutil
import time

import click

from wasix import cache
from wasix.api.artifacts import kept
from wasix.catalogue import Archive, pinned


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def ls() -> None:
    """List what is kept: programs, and native code with the time of its last use.

    Then what a process in the background is compiling.
    """
    for item in pinned():
        path = cache.directory() / item.kept_as
        if path.exists():
            what = "files of a program" if isinstance(item, Archive) else "program"
            click.echo(f"{item.name:12} {_size(path.stat().st_size):>9}  {what}")
    artifacts = kept()
    for artifact in artifacts.all():
        engine, _, rest = artifact.key.partition("-")
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(artifact.used))
        name = rest.rpartition("-")[2][:12]
        what = "made to count fuel" if engine == "metered" else f"native code by {engine}"
        click.echo(f"{name:12} {_size(artifact.size):>9}  {what}, used {used}")
    for key, since in artifacts.under_way():
        engine, _, digest = key.rpartition("-")
        start = time.strftime("%H:%M", time.localtime(since))
        click.echo(f"{digest[:12]:12} {'':>9}  native code by {engine}, being made since {start}")


def clean() -> None:
    """Remove everything that wasix can make or fetch again."""
    directory = cache.directory()
    parts = ("artifacts", "programs", "web")
    count = 0
    for part in parts:
        place = directory / part
        count += sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        shutil.rmtree(place, ignore_errors=True)
    click.echo(f"{_size(count)} removed")
