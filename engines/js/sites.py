"""Where in a guest something happened, as the stack traces of JavaScript engines tell it."""

from __future__ import annotations

import re

from engines.js.shim import MODULE_NAME
from engines.plain import Site

_PATTERNS = (
    # V8: at f (wasm://wasm/name-hash:wasm-function[1]:0x36), the name by itself if there is none
    re.compile(
        r"at (?:(?P<name>\S.*) \()?wasm://wasm/(?P<module>[^:]*)"
        r":wasm-function\[(?P<function>\d+)\]:0x(?P<offset>[0-9a-f]+)"
    ),
    # SpiderMonkey: module.f@script line 3 > WebAssembly.Module:wasm-function[1]:0x36
    re.compile(
        r"(?P<name>.*)@.* > WebAssembly\.(?P<module>Module)"
        r":wasm-function\[(?P<function>\d+)\]:0x(?P<offset>[0-9a-f]+)"
    ),
    # JavaScriptCore: f@module:wasm-function[1], without the place in it
    re.compile(r"(?P<name>.*)@(?P<module>[^@]*):wasm-function\[(?P<function>\d+)\]$(?P<offset>)"),
)
_NAMELESS = ("", "(null)")


def site(line: str) -> Site | None:
    """What a line of a stack trace tells; None if that is no place in a guest."""
    for pattern in _PATTERNS:
        found = pattern.match(line.strip())
        if found is None:
            continue
        module, name = found["module"], found["name"] or ""
        if found["offset"]:  # V8 and SpiderMonkey put the module's name before the function's
            prefix, _, name = name.rpartition(".")
            module = prefix or module
        if module.startswith(MODULE_NAME):
            return None
        return Site(
            int(found["function"]),
            int(found["offset"], 16) if found["offset"] else None,
            None if name in _NAMELESS else name,
        )
    return None
