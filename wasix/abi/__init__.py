"""What a guest may say, declared once: types, functions, and the modules they are imported from."""

from __future__ import annotations

from wasix.abi.atomics import ATOMICS
from wasix.abi.errno import SUSPEND, UNWIND, UPCALL, E, Errno, Unwind
from wasix.abi.function import Function, Interface
from wasix.abi.linking import LINKING
from wasix.abi.preview1 import PREVIEW1
from wasix.abi.snapshot0 import SNAPSHOT0
from wasix.abi.wasix import THREADS, WASIX, WASIX64
from wasix.abi.wasmedge import WASMEDGE

__all__ = [
    "ATOMICS",
    "CALLS",
    "INTERFACES",
    "LINKING",
    "NARROW",
    "NUMBERS",
    "PREVIEW1",
    "REVISIONS",
    "SNAPSHOT0",
    "SUSPEND",
    "THREADS",
    "UNWIND",
    "UPCALL",
    "WASIX",
    "WASIX64",
    "WASMEDGE",
    "E",
    "Errno",
    "Function",
    "Interface",
    "Unwind",
    "lookup",
]

INTERFACES: tuple[Interface, ...] = (PREVIEW1, SNAPSHOT0, WASMEDGE, WASIX, THREADS, WASIX64)

_SERVED = (*INTERFACES[:-1], ATOMICS, LINKING, WASIX64)

CALLS: tuple[Function, ...] = tuple(
    dict.fromkeys(function for interface in _SERVED for function in interface.functions)
)
"""Every distinct function once. A position here is the function's call number in this build."""

NARROW: tuple[Function, ...] = tuple(function for function in CALLS if not function.wide)
"""Those without 64-bit addresses, which come first: a page offers no others."""

NUMBERS: dict[Function, int] = {function: number for number, function in enumerate(CALLS)}

REVISIONS: dict[str, tuple[Interface, ...]] = {
    "latest": INTERFACES,
    "preview1": (PREVIEW1,),
    "unstable": (SNAPSHOT0,),
    "wasmedge": (PREVIEW1, WASMEDGE),
    "threads": (PREVIEW1, THREADS),
    "wasix": (PREVIEW1, WASIX, WASIX64),
}
"""What `--abi NAME` lets a guest import."""


def lookup(
    module: str, name: str, interfaces: tuple[Interface, ...] = INTERFACES
) -> tuple[Function, ...]:
    """Every variant of a function, by wasm type. Empty if nothing has the name."""
    return tuple(
        function
        for interface in interfaces
        if interface.module == module
        for function in interface.variants(name)
    )
