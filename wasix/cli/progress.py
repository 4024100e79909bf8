"""What a person sees who waits: a bar while a program is fetched, a clock while it is compiled.

Nothing is left of it afterwards, and nothing is shown where standard error is no terminal.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from engines.protocol import Engine
from engines.wasm import Module
from wasix import catalogue
from wasix.proc.signal import Signal

STATUS_INTERRUPTED = 128 + Signal.INT

LARGE = 1 << 20
"""Bytes of a module whose compiling takes long enough to be told."""


def fetch(found: catalogue.Found) -> None:
    """Fetch a program that is not in the cache."""
    if found.kept:
        return
    if not sys.stderr.isatty():
        sys.stderr.write(f"wasix: fetching {found.name}\n")
        found.read()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"fetching {found.name}", total=None)
        found.read(lambda done, total: progress.update(task, completed=done, total=total))


def compiling(engine: Engine, module: Module, work: Callable[[], None]) -> None:
    """Do `work`, which compiles `module`. Ctrl-C ends the process.

    Compilers do not tell how far they are, so what is shown is the time.
    """
    shown = module.size >= LARGE and sys.stderr.isatty()
    text = f"compiling {module.name} ({module.size / 1e6:.1f} MB) with {engine.name}"
    try:
        with _clock(text) if shown else nullcontext():
            _interruptible(work)
    except KeyboardInterrupt:
        sys.exit(STATUS_INTERRUPTED)


@contextmanager
def _clock(text: str) -> Iterator[None]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(text, total=None)
        yield


def _interruptible(work: Callable[[], None]) -> None:
    """Do `work` on another thread: while foreign code runs on this one, no Ctrl-C is noticed."""
    failures: list[BaseException] = []

    def attempt() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=attempt, name="wasix-compile", daemon=True)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
