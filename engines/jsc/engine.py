"""The engine `jsc`: JavaScriptCore by its C API, each guest in a process of its own."""

from __future__ import annotations

from functools import cache

from engines.child.engine import ChildEngine
from engines.plain import Plain

OPTIONS = {
    "JSC_useWasmRelaxedSIMD": "1",
    # The program's own stack, of 64 MiB, is what bounds recursion.
    "JSC_maxPerThreadStackUsage": str(16 << 20),
}
PLAIN_OPTIONS = {
    "JSC_useSharedArrayBuffer": "1",
    # Memories beyond these move when they grow, so that they cannot be shared.
    "JSC_maxNumWasmFastMemories": "64",
}
REMEDY = (
    " (it needs JavaScriptCore: part of Apple's systems; on Debian and Ubuntu "
    "`apt install libjavascriptcoregtk-6.0-1`)"
)


def make(name: str, **options: str) -> ChildEngine:
    return ChildEngine(name, "engines.jsc.context", {**OPTIONS, **options}, REMEDY)


@cache
def engine() -> ChildEngine:
    return make("jsc", JSC_useJIT="1")


@cache
def plain() -> Plain:
    return engine().plain(PLAIN_OPTIONS)
