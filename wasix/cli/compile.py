"""`wasix compile`."""

from __future__ import annotations

from pathlib import Path

import click

from wasix import catalogue
from wasix.api.compile import compile_program
from wasix.api.cwasm import SUFFIX
from wasix.api.size import size
from wasix.cli import progress


def compile_to_file(
    program: str, output: str | None, engine: str, memory: str | None, fuel: bool, abi: str
) -> None:
    """Compile the program, and say where it is."""
    found = catalogue.find(program)
    progress.fetch(found)
    path = Path(output) if output else Path(found.name).with_suffix(SUFFIX)
    compile_program(
        found,
        path,
        engine,
        abi=abi,
        memory=None if memory is None else size(memory),
        fuel=fuel,
        foreground=progress.compiling,
    )
    click.echo(f"{path} is ready ({path.stat().st_size / 1e6:.1f} MB): wasix run {path}")
