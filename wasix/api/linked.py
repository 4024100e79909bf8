"""Programs linked before, kept in memory: starting one again reads, checks and copies nothing."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from pathlib import Path

from engines.artifacts import Artifacts
from engines.protocol import Linked
from wasix.api.program import MOST_ELEMENTS, link
from wasix.catalogue import Found

MOST_BYTES = 64 << 20
"""Size of the modules kept; those not used for longest go first."""

_SETTLED = 2_000_000_000
"""Nanoseconds after which a file that changes again is sure to have another time."""

_lock = threading.Lock()
_kept: OrderedDict[object, Linked] = OrderedDict()


def _identity(found: Found) -> object:
    """What changes whenever the program's bytes do; None if that cannot be told now."""
    if not isinstance(found.source, Path):
        return found.source.sha256
    try:
        st = os.stat(found.source)
    except OSError:
        return None
    if time.time_ns() - max(st.st_mtime_ns, st.st_ctime_ns) < _SETTLED:
        return None
    return st.st_dev, st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns


def linked(
    found: Found,
    *,
    abi: str,
    memory: int | None,
    elements: int = MOST_ELEMENTS,
    fuel: bool = False,
    artifacts: Artifacts | None = None,
) -> Linked:
    """The program, linked as `wasix.api.program.link` does. Any thread. Raises `WasixError`."""
    identity = _identity(found)
    key = identity, found.name, abi, memory, elements, fuel
    with _lock:
        known = _kept.get(key)
        if known is not None:
            _kept.move_to_end(key)
            return known
    program = link(
        found.read(),
        found.name,
        abi=abi,
        memory=memory,
        elements=elements,
        fuel=fuel,
        artifacts=artifacts,
    )
    if identity is not None:
        with _lock:
            _kept[key] = program
            size = sum(kept.module.size for kept in _kept.values())
            while size > MOST_BYTES:
                size -= _kept.popitem(last=False)[1].module.size
    return program
