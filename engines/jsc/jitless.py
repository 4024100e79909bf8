"""The engine `jsc-jitless`: JavaScriptCore as programs have it that may make no machine code."""

from __future__ import annotations

from functools import cache

from engines.child.engine import ChildEngine
from engines.jsc.engine import PLAIN_OPTIONS, make
from engines.plain import Plain


@cache
def engine() -> ChildEngine:
    return make("jsc-jitless", JSC_useJIT="0")


@cache
def plain() -> Plain:
    return engine().plain(PLAIN_OPTIONS)
