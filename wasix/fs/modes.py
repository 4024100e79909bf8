"""What a terminal is like: its size, and what it makes of keys and of output."""

from __future__ import annotations

from typing import NamedTuple


class Modes(NamedTuple):
    """A terminal's size, in character cells and in pixels (0 if unknown), and its modes."""

    columns: int
    rows: int
    width: int = 0
    height: int = 0
    echo: bool = True
    line_buffered: bool = True
    """Whether input is edited and read by lines; if not, programs get keys as they come."""
    line_feeds: bool = True
    """Whether newlines in the output start a new row at its first column (ONLCR)."""
