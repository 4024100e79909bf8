"""Samples a guest's stack with V8's own profiler, the one behind the developer tools.

mini-racer has no function for it, but except on Windows its library shows V8's symbols. Those used
here pass and return pointers and numbers only, so that their calling convention is C's; the version
is pinned (`engines.v8.library`). They must be called on the isolate's thread, inside a function
that JavaScript called.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from ctypes import c_bool, c_char_p, c_int, c_int64, c_void_p
from functools import cache
from typing import Any

from engines.profile import INTERVAL, Samples, system_call
from engines.v8.isolate import Failed, Isolate
from engines.v8.library import library
from wasix.abi import CALLS

_NEW = (
    "_ZN2v811CpuProfiler3NewEPNS_7IsolateENS_22CpuProfilingNamingModeENS_23CpuProfilingLoggingModeE"
)
_SYMBOLS: dict[str, tuple[Any, ...]] = {
    # The symbol, the result, then `this` where there is one.
    "current_isolate": ("_ZN2v87Isolate10GetCurrentEv", c_void_p),
    "new_string": (
        "_ZN2v86String11NewFromUtf8EPNS_7IsolateEPKcNS_13NewStringTypeEi",
        *(c_void_p, c_void_p, c_char_p, c_int, c_int),
    ),
    "new": (_NEW, *(c_void_p, c_void_p, c_int, c_int)),
    "set_interval": ("_ZN2v811CpuProfiler19SetSamplingIntervalEi", None, c_void_p, c_int),
    "start": (
        "_ZN2v811CpuProfiler14StartProfilingENS_5LocalINS_6StringEEEb",
        *(c_int, c_void_p, c_void_p, c_bool),
    ),
    "stop": (
        "_ZN2v811CpuProfiler13StopProfilingENS_5LocalINS_6StringEEE",
        *(c_void_p, c_void_p, c_void_p),
    ),
    "dispose": ("_ZN2v811CpuProfiler7DisposeEv", None, c_void_p),
    "start_time": ("_ZNK2v810CpuProfile12GetStartTimeEv", c_int64, c_void_p),
    "count": ("_ZNK2v810CpuProfile15GetSamplesCountEv", c_int, c_void_p),
    "sample": ("_ZNK2v810CpuProfile9GetSampleEi", c_void_p, c_void_p, c_int),
    "time": ("_ZNK2v810CpuProfile18GetSampleTimestampEi", c_int64, c_void_p, c_int),
    "function": ("_ZNK2v814CpuProfileNode18GetFunctionNameStrEv", c_char_p, c_void_p),
    "script": ("_ZNK2v814CpuProfileNode24GetScriptResourceNameStrEv", c_char_p, c_void_p),
    "parent": ("_ZNK2v814CpuProfileNode9GetParentEv", c_void_p, c_void_p),
}

_STANDARD_NAMING, _LAZY_LOGGING = 0, 0
"""Functions by their own names; code is logged from the start of a profile on, old code too."""
_CALLS = frozenset(function.identifier for function in CALLS)
_SWITCH = "profileSwitch"


class _V8:
    """The functions of `_SYMBOLS`, as attributes. Raises `AttributeError` if one is not shown."""

    def __init__(self) -> None:
        handle = library().handle
        for name, (symbol, result, *arguments) in _SYMBOLS.items():
            address = ctypes.cast(getattr(handle, symbol), c_void_p).value or 0
            setattr(self, name, ctypes.CFUNCTYPE(result, *arguments)(address))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@cache
def _v8() -> _V8:
    return _V8()


def available() -> bool:
    """Whether this V8 can be profiled."""
    try:
        _v8()
    except AttributeError:
        return False
    return True


class Profiler:
    """Samples what runs in an isolate from now to `finish`."""

    def __init__(self, isolate: Isolate) -> None:
        self._v8 = _v8()
        self._isolate = isolate
        self._profiler = 0
        self._samples: Samples | None = None
        self._failure: Exception | None = None
        isolate.define(_SWITCH, self._switch)
        isolate.evaluate(f"{_SWITCH}()")

    def finish(self, samples: Samples) -> None:
        """Add what was found to `samples`; the isolate has come to rest."""
        self._samples = samples
        with suppress(Failed):  # out of memory: the isolate is lost, with its samples
            self._isolate.evaluate(f"{_SWITCH}()")
        if self._failure:
            raise self._failure

    # On the isolate's thread.

    def _switch(self) -> None:
        """Begin, or end."""
        try:
            v8, isolate = self._v8, self._v8.current_isolate()
            title = v8.new_string(isolate, b"", 0, 0)
            if self._samples is None:
                self._profiler = v8.new(isolate, _STANDARD_NAMING, _LAZY_LOGGING)
                v8.set_interval(self._profiler, INTERVAL // 1000)
                v8.start(self._profiler, title, True)
                return
            profile = v8.stop(self._profiler, title)
            if profile:
                self._collect(profile, self._samples)
            v8.dispose(self._profiler)
        except Exception as error:  # nothing may go through V8's frames
            self._failure = error

    def _collect(self, profile: int, samples: Samples) -> None:
        before = self._v8.start_time(profile)
        known: dict[int, list[str]] = {}
        for number in range(self._v8.count(profile)):
            node, now = self._v8.sample(profile, number), self._v8.time(profile, number)
            stack = known.get(node)
            if stack is None:
                stack = known[node] = self._stack(node)
            weight, before = max(0, now - before), now
            # Without a function of the guest's it is compiled, or nothing runs.
            if stack:
                samples.add(stack, 1000 * weight)

    def _stack(self, node: int | None) -> list[str]:
        """What the guest was at, the outermost first: its functions, and what they called."""
        found: list[str] = []
        inside = 0
        while node:
            name = self._v8.function(node).decode("utf-8", "replace")
            if self._v8.script(node).startswith(b"wasm://"):
                found.append(name)
                inside = len(found)
            elif name in _CALLS:
                found.append(system_call(name))
            elif name == "(garbage collector)":
                found.append(name)
            node = self._v8.parent(node)
        stack = found[inside - 1 :: -1] if inside else []
        # What JavaScript calls a function by is a frame too, named by a number.
        return stack[1:] if stack and stack[0].isdigit() else stack
