"""`make bench`: measure everything once more, beside the peers, and print a table.

`python -m bench [NAME ...]` measures only what is named: calls, startup, page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from bench.calls import measure as calls
from bench.figures import Figure, table
from bench.startup import measure as startup

RESULTS = Path(__file__).parents[1] / "build" / "bench.json"


def page() -> list[Figure]:
    from bench.page import measure

    return measure()


MEASURES: dict[str, Callable[[], list[Figure]]] = {"calls": calls, "startup": startup, "page": page}


def main() -> None:
    names = sys.argv[1:] or list(MEASURES)
    if unknown := set(names) - set(MEASURES):
        sys.exit(f"no measure {', '.join(unknown)}; known: {', '.join(MEASURES)}")
    figures = [figure for name in names for figure in MEASURES[name]()]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([figure.__dict__ for figure in figures], indent=1))
    print(table(figures))


main()
