"""Engines: what executes a guest's instructions. See `engines.protocol`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# Not before it is needed: a guest's child process (`engines.child`) starts by importing this.
if TYPE_CHECKING:
    from engines.plain import Plain
    from engines.protocol import Engine

ENGINES: dict[str, str] = {
    "v8": "engines.v8.engine",
    "cranelift": "engines.native.cranelift.engine",
    "jsc": "engines.jsc.engine",
    "jsc-jitless": "engines.jsc.jitless",
    "spidermonkey": "engines.spidermonkey.engine",
}
"""Module of every engine by its name; each has a function `engine()`."""


def get(name: str) -> Engine:
    """The engine called `name`, made and tested at its first use. Raises `EngineError`."""
    from engines.protocol import EngineError

    if name not in ENGINES:
        raise EngineError(f"there is no engine {name!r}; known: {', '.join(ENGINES)}")
    try:
        engine: Engine = import_module(ENGINES[name]).engine()
    except ImportError as error:
        raise EngineError(
            f"the engine {name} needs more packages: pip install 'wasix[engine-{name}]' ({error})"
        ) from None
    return engine


PLAIN: dict[str, str] = {
    "cranelift": "engines.native.cranelift.plain",
    "v8": "engines.v8.plain",
    "jsc": "engines.jsc.engine",
    "jsc-jitless": "engines.jsc.jitless",
    "spidermonkey": "engines.spidermonkey.engine",
}
"""Module of every engine that runs plain modules; each has a function `plain()`."""


def get_plain(name: str) -> Plain:
    """The engine called `name`, for plain modules. Raises `EngineError`."""
    get(name)
    plain: Plain = import_module(PLAIN[name]).plain()
    return plain
