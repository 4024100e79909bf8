"""Which trap SpiderMonkey means by "index out of bounds": that of a memory or that of a table."""

from __future__ import annotations

from collections.abc import Sequence

from engines.backtrace import Site

_AMBIGUOUS = "index out of bounds"
_OF_TABLE = "table index out of bounds"
"""What it says of table.get and table.set alone."""

_TABLE = (b"\x11", b"\x13", b"\x25", b"\x26", *(b"\xfc" + bytes([code]) for code in range(12, 18)))
"""What instructions of tables begin with: call_indirect and its like, table.get, table.set..."""


def precise(message: str, frames: Sequence[Site], modules: Sequence[bytes]) -> str:
    """`message`, or what it means. A frame does not tell which of the store's modules it is in, so
    what it means must be the same for each that it may be in."""
    if message != _AMBIGUOUS or not frames or frames[0].offset is None:
        return message
    offset = frames[0].offset
    if all(data.startswith(_TABLE, offset) for data in modules if len(data) > offset):
        return _OF_TABLE
    return message
