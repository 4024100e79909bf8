"""The user's cache: a folder that only its owner can read, written atomically."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def directory() -> Path:
    """Where wasix keeps what it can make or fetch again. `WASIX_CACHE` overrides it.

    Absolute: what is started elsewhere finds it, too.
    """
    if chosen := os.environ.get("WASIX_CACHE"):
        return Path(chosen).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "wasix"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "wasix"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wasix"


def store(name: str, data: bytes) -> Path:
    """Keep `data` under `name` (may contain `/`): all of it or nothing. Raises `OSError`."""
    import tempfile

    path = directory() / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path
