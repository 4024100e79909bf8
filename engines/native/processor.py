"""What this processor can do, as far as machine code depends on it."""

from __future__ import annotations

import platform
from functools import cache


@cache
def processor() -> str:
    """The architecture and its extensions, as the system lists them."""
    machine = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("flags", "Features", "isa"):
                    return f"{machine} {' '.join(sorted(value.split()))}"
    except OSError:
        pass
    return f"{machine} {platform.processor()}"
