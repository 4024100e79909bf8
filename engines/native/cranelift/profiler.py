"""Samples a guest's stack with wasmtime's guest profiler.

That can be done on the guest's own thread only, where the guest has stopped to ask: at an epoch,
which a thread of ours makes come often enough, and at system calls.
"""

from __future__ import annotations

import ctypes
import json
import re
import threading
from collections.abc import Sequence
from ctypes import byref, c_void_p
from time import perf_counter_ns
from typing import Any

from engines.backtrace import unnamed
from engines.native.cranelift.compiler import Compiled, Compiler
from engines.native.cranelift.library import Bytes, ProfiledModule
from engines.native.cranelift.store import Store
from engines.profile import INTERVAL, MOST_FRAMES, Samples, system_call
from engines.protocol import Entry
from engines.wasm import Module

DOUBLING = 100_000
"""Samples after which they become half as frequent, again and again: so a guest that runs for days
fits into memory."""

_UNNAMED = re.compile(r"<wasm function (\d+)>")


class Profiler:
    """Samples the guest in `store` from `begin` to `finish`, both on the guest's thread."""

    def __init__(
        self, compiler: Compiler, compiled: Compiled, store: Store, module: Module
    ) -> None:
        self._library = compiler.library
        self._engine = compiler.engine
        self._store = store
        self._imported = sum(item.kind == "function" for item in module.imports)
        name = ctypes.create_string_buffer(b"guest")
        text = Bytes(5, ctypes.addressof(name))
        modules = ProfiledModule(ctypes.addressof(text), compiled.pointer)
        self._profiler = self._library.wasmtime_guestprofiler_new(
            self._engine, byref(text), INTERVAL, byref(modules), 1
        )
        self._taken: list[tuple[int, str | None]] = []
        """Of each sample its nanoseconds, and the system call it was taken in."""
        self._interval = INTERVAL
        self._last = perf_counter_ns()
        self._done = threading.Event()

    def begin(self) -> None:
        threading.Thread(target=self._tick, name="wasix-profile", daemon=True).start()
        self._last = perf_counter_ns()

    def _tick(self) -> None:
        while not self._done.wait(INTERVAL / 1e9):
            self._library.wasmtime_engine_increment_epoch(self._engine)

    def look(self, call: str | None = None) -> None:
        """Take a sample if it is time; `call` names the system call that took the time."""
        now = perf_counter_ns()
        # Epochs come for other guests too, and sooner.
        if now - self._last < self._interval - INTERVAL // 2:
            return
        weight, self._last = now - self._last, now
        self._library.wasmtime_guestprofiler_sample(self._profiler, self._store.pointer, weight)
        self._taken.append((weight, call))
        if len(self._taken) % DOUBLING == 0:
            self._interval *= 2

    def watched(self, name: str, enter: Entry) -> Entry:
        """`enter`, with what it takes told from what the guest took before."""

        def call(memory: memoryview, arguments: Sequence[int]) -> int:
            self.look()
            answer = enter(memory, arguments)
            self.look(name)
            return answer

        return call

    def finish(self, samples: Samples) -> None:
        """Add what was found to `samples`. Nothing is sampled any more."""
        self._done.set()
        profiler, self._profiler = self._profiler, 0
        found = Bytes()
        error = self._library.wasmtime_guestprofiler_finish(profiler, byref(found))
        if error:
            raise RuntimeError(self._library.error_text(error))
        try:
            threads = json.loads(ctypes.string_at(found.data, found.size))["threads"]
        finally:
            self._library.wasm_byte_vec_delete(byref(found))
        stacks = _Stacks(threads[0], self._imported)
        for number, (weight, call) in zip(stacks.samples, self._taken, strict=True):
            stack = stacks.names(number)
            samples.add([*stack, system_call(call)] if call else stack, weight)

    def close(self) -> None:
        """Let go of what `finish` did not get to."""
        self._done.set()
        profiler, self._profiler = self._profiler, 0
        if profiler:
            self._library.wasmtime_guestprofiler_delete(c_void_p(profiler))


class _Stacks:
    """The stacks in a thread of a "processed profile", Firefox's format."""

    def __init__(self, thread: dict[str, Any], imported: int) -> None:
        self.samples: list[int | None] = thread["samples"]["stack"]
        self._callers: list[int | None] = thread["stackTable"]["prefix"]
        self._frames: list[int] = thread["stackTable"]["frame"]
        self._functions: list[int] = thread["frameTable"]["func"]
        texts = thread["stringArray"]
        self._names = [
            # wasmtime counts without the functions imported.
            _UNNAMED.sub(lambda found: unnamed(imported + int(found[1])), texts[name])
            for name in thread["funcTable"]["name"]
        ]
        self._known: dict[int | None, list[str]] = {None: []}

    def names(self, number: int | None) -> list[str]:
        """The functions of a stack, the outermost first."""
        known = self._known.get(number)
        if known is None:
            known, at = [], number
            while at is not None and len(known) < MOST_FRAMES:
                known.append(self._names[self._functions[self._frames[at]]])
                at = self._callers[at]
            known.reverse()
            self._known[number] = known
        return known
