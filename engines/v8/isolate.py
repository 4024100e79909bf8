"""An isolate: one V8 heap with one OS thread, reached through mini-racer's C functions."""

from __future__ import annotations

import ctypes
import itertools
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engines.v8.library import Callback, RawValue, ValueType, library

Value = int | float | str | memoryview | None

_SYNCHRONOUS = 1 << 40
"""Callback ids from here on are JavaScript functions; smaller ones are finished evaluations."""

_ensure = ctypes.pythonapi.PyGILState_Ensure
_release = ctypes.pythonapi.PyGILState_Release
_LOCKED = 0
"""What `_ensure` answered inside a callback, where the lock is held already."""


@dataclass(frozen=True)
class Failed(Exception):
    """An evaluation threw, or was terminated; `text` is V8's."""

    text: str
    terminated: bool = False


class Isolate:
    """A V8 isolate.

    `evaluate` and `submit` are for any thread but the isolate's own: from inside a function that
    JavaScript called they would wait for themselves.
    """

    def __init__(self) -> None:
        self._library = library()
        self._functions: dict[int, Callable[[], None]] = {}
        self._pending: dict[int, Callable[[int], None]] = {}
        self._ids = itertools.count(1)
        self._kept: list[int] = []
        self._scope = 0
        """The value `globalThis`, once it is needed."""
        self._closing = threading.Lock()
        self._callback = Callback(self._make_callback())
        self._context = self._library.mr_init_context(self._callback)

    # On the isolate's thread.

    def _make_callback(self) -> Callable[[int, int], None]:
        """What V8 calls, on every system call of a guest: a closure, to look nothing up."""
        functions, pending = self._functions, self._pending
        free = self._library.mr_free_value
        pinned = False

        def called(number: int, raw: int) -> None:
            nonlocal pinned
            function = functions.get(number)
            if function is not None:
                if not pinned:
                    # Keeping the thread's Python state makes each call several times cheaper.
                    _ensure()
                    pinned = True
                function()
                free(self._context, raw)
                return
            if pinned:
                pinned = False
                _release(_LOCKED)
            pending.pop(number)(raw)

        return called

    def _convert(self, raw: int) -> Value | Failed:
        record = RawValue.from_address(raw)
        kind, size = record.type, record.len
        if kind in ValueType.ARRAY_BUFFERS:
            # The value keeps the buffer alive, so it is freed with the isolate.
            self._kept.append(raw)
            return _view(record)
        value: Value | Failed = None
        if kind == ValueType.STRING or kind >= ValueType.EXCEPTIONS:
            value = ctypes.string_at(record.value.text, size).decode("utf-8", "replace")
            if kind >= ValueType.EXCEPTIONS:
                value = Failed(value, kind in ValueType.TERMINATED)
        elif kind in (ValueType.BOOL, ValueType.INTEGER):
            value = int(record.value.integer)
        elif kind == ValueType.DOUBLE:
            value = float(record.value.number)
        self._library.mr_free_value(self._context, raw)
        return value

    # On any other thread.

    def _string(self, text: str) -> int:
        data = text.encode()
        handle: int = self._library.mr_alloc_string_val(
            self._context, data, len(data), ValueType.STRING
        )
        return handle

    def _evaluate(self, code: str, done: Callable[[int], None]) -> int:
        """Evaluate `code`; `done` gets the raw value, which it must free. Returns a task."""
        number = next(self._ids)
        self._pending[number] = done
        source = self._string(code)
        task: int = self._library.mr_eval(self._context, source, number)
        self._library.mr_free_value(self._context, source)
        return task

    def submit(self, code: str, done: Callable[[Value | Failed], None]) -> int:
        """Evaluate `code`; `done` gets its value on the isolate's thread. Returns a task."""
        return self._evaluate(code, lambda raw: done(self._convert(raw)))

    def evaluate(self, code: str) -> Value:
        """The value of `code`. Raises `Failed`."""
        results: queue.SimpleQueue[Value | Failed] = queue.SimpleQueue()
        self.submit(code, results.put)
        value = results.get()
        if isinstance(value, Failed):
            raise value
        return value

    def address(self, code: str) -> int:
        """Where the buffer lies that `code` gives, and that the isolate keeps. Raises `Failed`."""
        found: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._evaluate(code, found.put)
        raw = found.get()
        record = RawValue.from_address(raw)
        if record.type not in ValueType.ARRAY_BUFFERS:
            failure = self._convert(raw)
            raise failure if isinstance(failure, Failed) else TypeError(f"{code} is no buffer")
        self._kept.append(raw)
        return record.value.pointer or 0

    def fill(self, code: str, parts: Iterable[memoryview]) -> None:
        """Copy `parts`, one after another, to the buffer that `code` gives. Raises `Failed`."""
        found: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._evaluate(code, found.put)
        raw = found.get()
        record = RawValue.from_address(raw)
        if record.type not in ValueType.ARRAY_BUFFERS:
            failure = self._convert(raw)
            raise failure if isinstance(failure, Failed) else TypeError(f"{code} is no buffer")
        area, offset = _view(record), 0
        for part in parts:
            area[offset : offset + len(part)] = part
            offset += len(part)
        self._library.mr_free_value(self._context, raw)

    def define(self, name: str, function: Callable[[], None]) -> int:
        """Make `function` a JavaScript global. Returns its number, for `redefine`.

        It is called on the isolate's thread, must not raise, and talks to its caller through
        shared buffers.
        """
        number = _SYNCHRONOUS + next(self._ids)
        self._functions[number] = function
        if not self._scope:
            found: queue.SimpleQueue[int] = queue.SimpleQueue()
            self._evaluate("globalThis", found.put)
            self._scope = found.get()
            self._kept.append(self._scope)
        key = self._string(name)
        callback = self._library.mr_make_js_callback(self._context, number)
        result = self._library.mr_set_object_item(self._context, self._scope, key, callback)
        for value in (result, callback, key):
            self._library.mr_free_value(self._context, value)
        return number

    def redefine(self, number: int, function: Callable[[], None]) -> None:
        """Have what was defined call `function` instead from now on."""
        self._functions[number] = function

    def cancel(self, task: int) -> None:
        """Terminate a task, running or not. Returns at once."""
        with self._closing:
            if self._context:
                self._library.mr_cancel_task(self._context, task)

    def close(self) -> None:
        """Free the isolate and join its thread. Views of its buffers must not be used any more."""
        with self._closing:
            context, self._context = self._context, 0
        if context:
            for raw in self._kept:
                self._library.mr_free_value(context, raw)
            self._library.mr_free_context(context)


def _view(record: RawValue) -> memoryview:
    """The bytes of a buffer, which its value keeps alive."""
    size = record.len
    if not size:
        return memoryview(b"")
    return memoryview((ctypes.c_ubyte * size).from_address(record.value.pointer)).cast("B")
