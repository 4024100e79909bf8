"""Plain modules on V8: every store is an isolate, and a call passes between two threads."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

from engines.js.plain import JavaScriptStore, accept
from engines.plain import Refused
from engines.v8.channel import V8Channel
from engines.v8.library import library
from engines.wasm import Module


class Compiled:
    """A module that V8 accepts. V8 shares its code with isolates while this one holds it."""

    def __init__(self, data: bytes, holder: V8Channel) -> None:
        self.data = data
        self._holder = holder


class PlainStore(JavaScriptStore[V8Channel]):
    """See `engines.plain.Store`."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        super().__init__(lambda hosts: V8Channel(hosts, stopping))
        self._bases: dict[int, int] = {}

    def free(self) -> None:
        # Whoever holds bytes of a memory holds the isolate's life.
        del self._channel.life
        super().free()

    def bytes(self, memory: int) -> memoryview:
        size = self._channel.number("bytes", memory)
        if not size:
            return memoryview(bytearray())
        base = self._bases.get(memory)
        if base is None:
            if self._channel.depth:
                raise Refused("V8 shows no new memory while a host function runs")
            view = self._channel.pause(f"plain.buffer({memory})")
            base = self._bases[memory] = ctypes.addressof(ctypes.c_char.from_buffer(view))
        area = (ctypes.c_ubyte * size).from_address(base)
        area.keeps = self._channel.life  # type: ignore[attr-defined]  # ctypes arrays take attributes
        return memoryview(area).cast("B")


class V8Plain:
    """See `engines.plain.Plain`."""

    name = "v8"

    def __init__(self) -> None:
        library()

    def compile(self, module: Module) -> Compiled:
        data = module.join()
        channel = V8Channel([], lambda: False)
        accept(channel, data)
        return Compiled(data, channel)

    def store(self, stopping: Callable[[], bool]) -> PlainStore:
        return PlainStore(stopping)


@cache
def plain() -> V8Plain:
    """Raises `EngineError`."""
    return V8Plain()
