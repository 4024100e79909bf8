"""What the instructions become that wait at shared memory: calls of the kernel.

No guest imports these. A module's `memory.atomic.wait32`, `wait64` and `notify` are exchanged for
them (`engines.wasm.waits`), since an engine's own wait can neither be ended nor interrupted.
"""

from __future__ import annotations

from wasix.abi import types as t
from wasix.abi.function import Function, In, Interface
from wasix.abi.layout import Scalar

_ADDRESS = In("address", Scalar("address", "Q"))
_TIMEOUT = In("timeout", Scalar("timeout", "q"))
"""Nanoseconds; forever if negative."""

WAIT32 = Function(
    "memory_atomic_wait32",
    (_ADDRESS, In("expected", t.U32), _TIMEOUT),
    "Wait at a word of memory: 0 woken, 1 another value, 2 too late.",
    blocks=True,
    plain=True,
)
WAIT64 = Function(
    "memory_atomic_wait64",
    (_ADDRESS, In("expected", Scalar("u64", "Q")), _TIMEOUT),
    "The same for eight bytes.",
    blocks=True,
    plain=True,
)
NOTIFY = Function(
    "memory_atomic_notify",
    (_ADDRESS, In("count", t.U32)),
    "Wake threads that wait there: how many they were.",
    plain=True,
)

ATOMICS = Interface("memory.atomic", "Instructions of shared memory", (WAIT32, WAIT64, NOTIFY))
