"""Keeps modules compiled between guests.

V8 shares what it has compiled of a module among the isolates that hold it, and forgets it with the
last of them. So one isolate, in which no guest runs, holds the modules that were used repeatedly:
the next guest finds the code there, and what V8 has optimised of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from engines.v8.isolate import Failed, Isolate
from engines.wasm import Module

MOST_BYTES = 128 << 20
"""Size of the modules kept; their code may take as much again."""
_MOST_SEEN = 64
_SAMPLE = 4096

_Key = tuple[int, bytes, bytes]

_SCRIPT = """
globalThis.kept = new Map();
globalThis.room = null;
globalThis.make = (size) => (room = new ArrayBuffer(size));
globalThis.keep = (number) => { kept.set(number, new WebAssembly.Module(room)); room = null; };
"""


def _key(module: Module) -> _Key:
    """What tells modules apart well enough: V8 itself compares every byte before it shares."""
    parts = module.buffers()
    return module.size, bytes(parts[1][:_SAMPLE]), bytes(parts[-1][-_SAMPLE:])


class Keeper:
    """Holds modules from their second guest on; those not used for longest go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._isolate: Isolate | None = None
        self._closed = False
        self._seen: OrderedDict[_Key, int] = OrderedDict()
        """Modules by key, and the number of each in the isolate: 0 where it is not kept."""
        self._last = 0

    def used(self, module: Module) -> None:
        """A guest of `module` has run, and its isolate is still there, so that this is cheap."""
        key = _key(module)
        with self._lock:
            number = self._seen.get(key)
            self._seen[key] = number or 0
            self._seen.move_to_end(key)
            try:
                if number == 0 and module.size <= MOST_BYTES and not self._closed:
                    self._keep(key, module)
                self._trim()
            except Failed:  # out of memory: the isolate and what it held are lost
                self._forget()

    def _keep(self, key: _Key, module: Module) -> None:
        if self._isolate is None:
            self._isolate = Isolate()
            self._isolate.evaluate(_SCRIPT)
        self._last += 1
        self._isolate.fill(f"make({module.size})", module.buffers())
        self._isolate.evaluate(f"keep({self._last})")
        self._seen[key] = self._last

    def _trim(self) -> None:
        kept = sum(key[0] for key, number in self._seen.items() if number)
        for key, number in list(self._seen.items()):
            if kept <= MOST_BYTES and len(self._seen) <= _MOST_SEEN:
                break
            del self._seen[key]
            if number and self._isolate:
                kept -= key[0]
                self._isolate.evaluate(f"kept.delete({number})")

    def keeps(self, module: Module) -> bool:
        """Whether a module is kept now."""
        with self._lock:
            number = self._seen.get(_key(module), 0)
            return bool(self._isolate and self._isolate.evaluate(f"kept.has({number})"))

    def _forget(self) -> None:
        isolate, self._isolate = self._isolate, None
        self._seen.clear()
        if isolate:
            isolate.close()

    def close(self) -> None:
        """Free the isolate, for good."""
        with self._lock:
            self._closed = True
            self._forget()
