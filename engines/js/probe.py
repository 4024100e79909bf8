"""Asking a JavaScript engine which proposals it has, by compiling a small module for each."""

from __future__ import annotations

import json

from engines.wasm.probes import PROBES
from engines.wasm.types import Feature


def question() -> str:
    """An expression whose value, a string, is for `answered`."""
    modules = json.dumps({name: list(probe.module) for name, probe in PROBES.items()})
    return f"""Object.entries({modules}).filter(([, bytes]) => {{
  try {{
    return new WebAssembly.Module(new Uint8Array(bytes));
  }} catch {{
    return false;
  }}
}}).map(([name]) => name).join()"""


def answered(names: str) -> frozenset[Feature]:
    return frozenset(name for name in PROBES if name in names.split(","))
