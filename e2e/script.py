"""Scripts that tests run in a page, and what they are called with.

Bytes go as text: drivers pass numbers one by one, most of a second for those of a small program.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

_FUNCTION = """(given) => (async (arg) => { BODY })((function revive(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(revive);
  if ("base64" in value) return Uint8Array.from(atob(value.base64), (byte) => byte.charCodeAt(0));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
})(given))"""


def function(body: str) -> str:
    """An async function with this body of `arg`, to be called with what `sent` makes of that."""
    return _FUNCTION.replace("BODY", body)


def sent(arg: Any) -> Any:
    """`arg` with its bytes as text; scripts get a `Uint8Array`."""
    if isinstance(arg, bytes | bytearray):
        return {"base64": b64encode(arg).decode()}
    if isinstance(arg, dict):
        return {key: sent(value) for key, value in arg.items()}
    if isinstance(arg, list | tuple):
        return [sent(value) for value in arg]
    return arg
