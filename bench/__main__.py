"""`make bench`: measure everything once more, beside the peers.

`python -m bench [--quick] [NAME ...]` measures only what is named: calls, splits, plain, fuel,
startup, processes, growth, page, visits. What is found is printed and kept in
`build/bench/NAME.json`, which `make docs` turns into `docs/performance.md`. With `--quick` each
figure is taken from next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module

from bench.figures import QUICK, Effort, Result, table
from bench.growth import lines

MEASURES = ("calls", "splits", "plain", "fuel", "startup", "processes", "growth", "page", "visits")


def main() -> None:
    names = [name for name in sys.argv[1:] if name != "--quick"]
    if unknown := set(names) - set(MEASURES):
        sys.exit(f"no measure {', '.join(sorted(unknown))}; known: {', '.join(MEASURES)}")
    effort = QUICK if "--quick" in sys.argv else Effort()
    for name in names or MEASURES:
        result: Result = import_module(f"bench.{name}").measure(effort)
        path = result.write(name, effort)
        if result.rows:
            print(table(result.rows))
        for curve in result.curves:
            print(lines(curve), end="\n\n")
        print(f"{path} is written\n", flush=True)


main()
