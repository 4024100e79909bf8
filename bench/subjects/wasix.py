"""wasix on one of its engines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import wasix
from bench.guests import guest
from bench.subjects import Unsupported
from bench.subjects.memory import resident
from engines.protocol import Entry
from wasix.abi import Function
from wasix.calls import HANDLERS
from wasix.proc.carrier import OsThreadCarrier

_MANY = 20_000
"""Descriptors a guest may have here."""

EMPTY: dict[str, tuple[str, object, int | None]] = {
    "yield": ("sched_yield", None, None),
    "clock": ("clock_time_get", 1, 0),
    "random": ("random_get", 32, None),
    "output": ("fd_write", 64, 1),
    "pread": ("fd_pread", 4096, None),
}
"""By kind: the call it makes, what a handler that does nothing answers, and the first argument by
which the measured calls differ from those the guest needs for measuring."""


class Wasix:
    def __init__(self, engine: str, folder: str) -> None:
        self.engine = engine
        self.folder = folder
        self.alive: list[tuple[wasix.Sandbox, wasix.Popen[bytes]]] = []

    def versions(self) -> dict[str, str]:
        return {"wasix": wasix.__version__}

    def _sandbox(self, **options: Any) -> wasix.Sandbox:
        return wasix.Sandbox(engine=self.engine, **options)

    def call(
        self, kind: str, count: int, place: str, descriptors: int = 0, depth: str = "whole"
    ) -> float:
        """`depth` is how far a call gets: to the `door`, through the `decoder`, or the `whole`."""
        with ExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(dir=self.folder))
            errors = stack.enter_context(Path(folder, "errors").open("wb"))
            null = stack.enter_context(open(os.devnull, "wb"))
            options: dict[str, Any] = {"volumes": {"/data": folder}, "max_files": _MANY}
            box = stack.enter_context(self._sandbox(**options))
            directory = "/data" if place == "host" else "/tmp"
            args = [str(guest("calls")), kind, str(count), directory, str(descriptors)]
            stdout = null if place == "host" else wasix.DEVNULL
            with _shortened(*EMPTY[kind], depth) if depth != "whole" else ExitStack():
                process = box.Popen(args, stdin=wasix.DEVNULL, stdout=stdout, stderr=errors)
                status = process.wait()
            text = Path(folder, "errors").read_text()
            if status:
                raise Unsupported(text.strip() or process.message or f"status {status}")
            nanoseconds, calls = map(int, text.split())
            return nanoseconds / calls / 1e9

    def once(self, program: str, args: Sequence[str]) -> float:
        begin = time.perf_counter()
        with self._sandbox() as box:
            box.run([program, *args], stdin=wasix.DEVNULL, stdout=wasix.DEVNULL, check=True)
        return time.perf_counter() - begin

    def start(self, module: str) -> list[float]:
        os.environ["WASIX_CACHE"] = self.folder  # nothing is kept from before
        self.once(str(guest("hello")), [])  # the engine itself is started
        return [self.once(module, []) for _ in range(2)]

    def live(self, more: int) -> dict[str, float]:
        begin = time.perf_counter()
        for _ in range(more):
            box = self._sandbox()
            process = box.Popen([guest("wait")], stdin=wasix.PIPE, stdout=wasix.PIPE)
            self.alive.append((box, process))
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        return {"seconds": time.perf_counter() - begin, "memory": resident()}


@contextmanager
def _shortened(name: str, result: object, first: int | None, depth: str) -> Iterator[None]:
    """Within, calls of `name` that new guests will make end at the door, or behind the decoder."""
    entry, handler = OsThreadCarrier.entry, HANDLERS[name]

    def at_door(carrier: OsThreadCarrier, function: Function) -> Entry:
        whole = entry(carrier, function)
        if function.served_by != name:
            return whole

        def enter(memory: memoryview, arguments: Sequence[int]) -> int:
            return 0 if first is None or arguments[0] == first else whole(memory, arguments)

        return enter

    def nothing(thread: Any, *args: Any) -> Any:
        return result if first is None or args[0] == first else handler(thread, *args)

    handlers: dict[str, Callable[..., Any]] = HANDLERS
    if depth == "door":
        with patch.object(OsThreadCarrier, "entry", at_door):
            yield
    else:
        with patch.dict(handlers, {name: nothing}):
            yield
