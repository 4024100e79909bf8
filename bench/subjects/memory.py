"""Memory of this process."""

from __future__ import annotations

import re
import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident() -> int:
    """Resident set size in bytes; where there is no /proc, its largest so far."""
    if _STATUS.exists():
        found = re.search(r"VmRSS:\s+(\d+) kB", _STATUS.read_text())
        assert found
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
