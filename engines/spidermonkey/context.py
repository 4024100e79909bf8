"""SpiderMonkey's global object through pythonmonkey, for `engines.child.main`."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

from engines.child.context import JavaScriptError

_STACK = 16 << 20
"""Bytes of stack a guest may use; SpiderMonkey's own limit is less than large guests need."""
_MARGIN = 2 << 20
"""Bytes left for the system call a guest makes at its deepest."""

_EVALUATE = """(code) => {
  try {
    return "=" + (0, eval)(code);
  } catch (error) {
    return "!" + error;
  }
}"""


class SpiderMonkeyContext:
    """See `engines.child.context.Context`. There is one in a process."""

    def __init__(self) -> None:
        self._module = _extension()
        self._eval: Callable[[str], Any] = self._module.eval
        self._evaluate: Callable[[str], Any] = self._eval(_EVALUATE)

    def evaluate(self, code: str) -> str:
        answer = str(self._evaluate(code))
        if answer.startswith("!"):
            raise JavaScriptError(answer[1:])
        return answer[1:]

    def buffer(self, code: str) -> memoryview:
        return memoryview(self._eval(f"new Uint8Array({code})"))

    def define(self, name: str, function: Callable[[], None]) -> None:
        self._eval(f"(value) => {{ globalThis.{name} = value; }}")(function)


def _extension() -> ModuleType:
    """pythonmonkey's extension module, without the Python package around it.

    That sets up Node's modules, timers and XMLHttpRequest, which takes a quarter of a second and
    packages that nothing here needs. Raises `ImportError`.
    """
    spec = PathFinder.find_spec("pythonmonkey")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("No module named 'pythonmonkey'")
    package = ModuleType("pythonmonkey")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["pythonmonkey"] = package
    extension = import_module("pythonmonkey.pythonmonkey")
    _deepen(extension)
    return extension


def _deepen(extension: ModuleType) -> None:
    library = ctypes.CDLL(extension.__file__)
    context = ctypes.c_void_p.in_dll(library, "GLOBAL_CX")
    limit = library._Z22JS_SetNativeStackQuotaP9JSContextmmm
    limit.restype = None
    limit.argtypes = [ctypes.c_void_p, *[ctypes.c_size_t] * 3]
    soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    size = _STACK if soft == resource.RLIM_INFINITY else min(_STACK, max(soft - _MARGIN, soft // 2))
    limit(context, size, 0, 0)


def context() -> SpiderMonkeyContext:
    """Raises `ImportError` if there is no pythonmonkey."""
    return SpiderMonkeyContext()
