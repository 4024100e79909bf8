"""JavaScriptCore's C library: finding it, and the functions used of it.

Its C API is public and stable: the header files of JavaScriptCore (`JSBase.h`, `JSValueRef.h`,
`JSObjectRef.h`, `JSStringRef.h`, `JSTypedArray.h`) describe it. What is said in environment
variables (`JSC_*`) is read once, when the library is loaded.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_size_t, c_uint, c_void_p
from typing import Any

NAMES = (
    # Apple's systems; WebKitGTK's library, by its interface's version; WPE's.
    "/System/Library/Frameworks/JavaScriptCore.framework/JavaScriptCore",
    "libjavascriptcoregtk-6.0.so.1",
    "libjavascriptcoregtk-4.1.so.0",
    "libjavascriptcoregtk-4.0.so.18",
)

HostFunction = ctypes.CFUNCTYPE(
    c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p
)
"""`JSObjectCallAsFunctionCallback`: context, function, this, count, arguments, exception."""

_SIGNATURES: dict[str, tuple[Any, ...]] = {
    # Results first. Pointers are plain integers here.
    "JSContextGetGlobalObject": (c_void_p, c_void_p),
    "JSEvaluateScript": (c_void_p, *[c_void_p] * 4, c_int, c_void_p),
    "JSGlobalContextCreate": (c_void_p, c_void_p),
    "JSObjectGetTypedArrayByteLength": (c_size_t, *[c_void_p] * 3),
    "JSObjectGetTypedArrayBytesPtr": (c_void_p, *[c_void_p] * 3),
    "JSObjectMakeFunctionWithCallback": (c_void_p, c_void_p, c_void_p, HostFunction),
    "JSObjectSetProperty": (None, *[c_void_p] * 4, c_uint, c_void_p),
    "JSStringCreateWithUTF8CString": (c_void_p, c_char_p),
    "JSStringGetMaximumUTF8CStringSize": (c_size_t, c_void_p),
    "JSStringGetUTF8CString": (c_size_t, c_void_p, c_void_p, c_size_t),
    "JSStringRelease": (None, c_void_p),
    "JSValueMakeUndefined": (c_void_p, c_void_p),
    "JSValueToStringCopy": (c_void_p, *[c_void_p] * 3),
}


class Library:
    """The C functions, as attributes. Raises `OSError` if there is no JavaScriptCore."""

    def __init__(self) -> None:
        library = _load()
        for name, (result, *arguments) in _SIGNATURES.items():
            function = library[name]
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _load() -> ctypes.CDLL:
    for name in NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError("there is no JavaScriptCore here")
