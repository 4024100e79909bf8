"""Maps of machine code for Linux's `perf`: `WASIX_PERF=1` has engines write /tmp/perf-PID.map.

A variable and no option, since engines decide it once for the whole process: `perf` looks at all of
that too.
"""

from __future__ import annotations

import os
import sys

from engines.protocol import EngineError

SUPPORTED = sys.platform == "linux"
"""Whether the engines that write maps do so on this system."""


def wanted() -> bool:
    """What the environment says. Raises `EngineError`."""
    text = os.environ.get("WASIX_PERF", "")
    if text not in ("", "0", "1"):
        raise EngineError(f"WASIX_PERF={text}: write 1 for maps of machine code, for perf, or 0")
    return text == "1"
