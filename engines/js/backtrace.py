"""Reads the guest's frames from what JavaScript engines write into `Error.stack`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from engines.backtrace import Site

MOST = 100
"""Frames an engine is asked for: V8 keeps ten of its own accord."""

_FRAME = re.compile(
    # V8: `    at name (wasm://wasm/1f2e3d:wasm-function[7]:0x3c)`, or without a name and brackets.
    r" *at (?:(?P<v8>\S.*) \()?wasm://wasm/(?P<module>[^:]*):"
    # SpiderMonkey: `name@script line 1 > WebAssembly.Module:wasm-function[7]:0x3c`.
    r"|(?P<spidermonkey>[^@]*)@.* > WebAssembly\.Module:"
    # JavaScriptCore: `name@module:wasm-function[7]`, where (null) is no name and <?> no module.
    r"|(?P<jsc>.*)@(?P<of_jsc>[^@:]*):"
)
_PLACE = re.compile(r"wasm-function\[(\d+)\](?::(0x[0-9a-f]+))?")


class Line(NamedTuple):
    """A frame, and what the engine calls the module it is in."""

    site: Site
    module: str


def lines(stack: str) -> Iterator[Line]:
    """The frames in WebAssembly, the innermost first."""
    for line in stack.splitlines():
        found = _FRAME.match(line)
        place = found and _PLACE.match(line, found.end())
        if not found or not place:
            continue
        # V8 and SpiderMonkey put the module's name before the function's.
        of, _, name = (found["v8"] or found["spidermonkey"] or "").rpartition(".")
        name = name or found["jsc"]
        site = Site(
            int(place[1]),
            int(place[2], 16) if place[2] else None,
            None if name == "(null)" else name or None,
        )
        yield Line(site, found["module"] or found["of_jsc"] or of)
