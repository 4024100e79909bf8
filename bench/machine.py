"""Where and when something was measured."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

_CPUINFO = Path("/proc/cpuinfo")


def _processor() -> str:
    if _CPUINFO.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", _CPUINFO.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


@cache
def machine() -> dict[str, Any]:
    """Processor, cores, system, versions; the date; and how busy it was when asked first."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "load": round(os.getloadavg()[0], 1),
        },
        "versions": {"CPython": platform.python_version()},
    }
