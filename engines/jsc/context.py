"""A context of JavaScriptCore's, for `engines.child.main`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import byref, c_void_p

from engines.child.context import JavaScriptError
from engines.jsc.library import HostFunction, Library


class JscContext:
    """See `engines.child.context.Context`."""

    def __init__(self) -> None:
        self._library = Library()
        self._context = self._library.JSGlobalContextCreate(None)
        self._functions: list[object] = []

    @contextmanager
    def _string(self, text: str) -> Iterator[int]:
        string = self._library.JSStringCreateWithUTF8CString(text.encode())
        try:
            yield string
        finally:
            self._library.JSStringRelease(string)

    def _text(self, value: int | None) -> str:
        string = self._library.JSValueToStringCopy(self._context, value, None)
        if not string:
            return ""
        try:
            size = self._library.JSStringGetMaximumUTF8CStringSize(string)
            area = ctypes.create_string_buffer(size)
            length = self._library.JSStringGetUTF8CString(string, area, size)
            return area.raw[: max(length - 1, 0)].decode("utf-8", "replace")
        finally:
            self._library.JSStringRelease(string)

    def _value(self, code: str) -> int:
        thrown = c_void_p()
        with self._string(code) as source:
            value = self._library.JSEvaluateScript(
                self._context, source, None, None, 1, byref(thrown)
            )
        if thrown.value:
            raise JavaScriptError(self._text(thrown.value))
        return value or 0

    def evaluate(self, code: str) -> str:
        return self._text(self._value(code))

    def buffer(self, code: str) -> memoryview:
        # A typed array of it, since the address of a linear memory's own buffer is not given.
        array = self._value(f"new Uint8Array({code})")
        size = self._library.JSObjectGetTypedArrayByteLength(self._context, array, None)
        address = self._library.JSObjectGetTypedArrayBytesPtr(self._context, array, None)
        return memoryview((ctypes.c_ubyte * size).from_address(address or 0)).cast("B")

    def define(self, name: str, function: Callable[[], None]) -> None:
        undefined = self._library.JSValueMakeUndefined(self._context)

        def called(*_: int) -> int:
            function()
            return undefined  # type: ignore[no-any-return]  # an address

        callback = HostFunction(called)
        self._functions.append(callback)
        scope = self._library.JSContextGetGlobalObject(self._context)
        with self._string(name) as key:
            made = self._library.JSObjectMakeFunctionWithCallback(self._context, key, callback)
            self._library.JSObjectSetProperty(self._context, scope, key, made, 0, None)


def context() -> JscContext:
    """Raises `OSError` if there is no JavaScriptCore."""
    return JscContext()
