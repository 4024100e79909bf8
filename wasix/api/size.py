"""Sizes as people write them."""

from __future__ import annotations

import re

from wasix.api.errors import UsageError

_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_UNITS |= {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def size(value: int | str) -> int:
    """A number of bytes: 65536, `"256 MiB"`, `"64K"`. Raises `UsageError`."""
    if isinstance(value, int):
        number, unit = value, ""
    else:
        match = re.fullmatch(r"\s*(\d+)\s*([A-Za-z]*)\s*", value)
        if not match or match[2] not in _UNITS:
            raise UsageError(f"{value!r} is no size: write a number of bytes, or 256MiB, 1GiB")
        number, unit = int(match[1]), match[2]
    if number <= 0:
        raise UsageError(f"a size must be positive, not {value!r}")
    return number * _UNITS[unit]
