"""How a guest's run ended, as the glue reports it."""

from __future__ import annotations

import json

from engines.js.backtrace import lines
from engines.protocol import End, Outcome


def outcome(report: str | bytes | bytearray) -> Outcome:
    """Raises `ValueError` or `TypeError` if it is no report."""
    fields = json.loads(report)
    end, fuel = End(fields.pop("end")), fields.pop("fuel", None)
    frames = tuple(line.site for line in lines(fields.pop("backtrace", "")))
    return Outcome(end, frames=frames, fuel=None if fuel is None else int(fuel), **fields)
