"""`wasix engines`: which engines are here, and what each can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from engines.protocol import Abilities
from engines.survey import ABILITIES, TITLES, Found, Missing, survey
from engines.wasm.probes import PROBES


def show() -> None:
    found: list[Found] = []
    missing: list[Missing] = []
    for engine in survey():
        if isinstance(engine, Found):
            found.append(engine)
        else:
            missing.append(engine)
    for engine in found:
        click.echo(f"{engine.name:14}{TITLES[engine.name]}")
    for absent in missing:
        click.echo(f"{absent.name:14}not here: {absent.reason}")
    if found:
        click.echo()
        for line in table(found):
            click.echo(line)


def rows(found: Sequence[Found]) -> Iterator[tuple[str, list[bool]]]:
    """Every ability and every feature, with whether each engine has it."""
    for name in Abilities._fields:
        yield ABILITIES[name], [getattr(engine.abilities, name) for engine in found]
    for feature in PROBES:
        yield feature, [feature in engine.features for engine in found]


def table(found: Sequence[Found]) -> Iterator[str]:
    first = max(len(title) for title in (*ABILITIES.values(), *PROBES)) + 2
    widths = [max(len(engine.name), 3) + 2 for engine in found]
    yield (
        " " * first
        + "".join(
            engine.name.ljust(width) for engine, width in zip(found, widths, strict=True)
        ).rstrip()
    )
    for title, cells in rows(found):
        texts = ("yes" if cell else "-" for cell in cells)
        line = "".join(text.ljust(width) for text, width in zip(texts, widths, strict=True))
        yield (title.ljust(first) + line).rstrip()
