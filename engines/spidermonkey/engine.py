"""The engine `spidermonkey`: Firefox's, through pythonmonkey, each guest in a process of its own.

pythonmonkey holds Python's lock while a guest runs, allows one thread, and has no way to stop it.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from engines.child.engine import ChildEngine
from engines.plain import Plain
from engines.protocol import EngineError
from engines.spidermonkey.words import precise

VERSION = "1.4.1"
_REMEDY = f"pip install --no-deps pythonmonkey=={VERSION}"


@cache
def engine() -> ChildEngine:
    try:
        found = version("pythonmonkey")
    except PackageNotFoundError:
        raise EngineError(f"the engine spidermonkey needs pythonmonkey: {_REMEDY}") from None
    if found != VERSION:
        raise EngineError(
            f"the engine spidermonkey is made for pythonmonkey {VERSION}, not {found}: {_REMEDY}"
        )
    return ChildEngine("spidermonkey", "engines.spidermonkey.context", {}, "")


@cache
def plain() -> Plain:
    return engine().plain({}, precise)
