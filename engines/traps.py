"""What traps are called: the words of the specification's test suite, whatever an engine says."""

from __future__ import annotations

UNREACHABLE = "unreachable"
DIVIDE_BY_ZERO = "integer divide by zero"
OVERFLOW = "integer overflow"
CONVERSION = "invalid conversion to integer"
MEMORY = "out of bounds memory access"
ELEMENT = "undefined element"
UNINITIALIZED = "uninitialized element"
SIGNATURE = "indirect call type mismatch"
STACK = "call stack exhausted"
ALIGNMENT = "unaligned atomic"
EXCEPTION = "an exception was thrown and not caught"

_WORDS = {
    # V8's.
    "divide by zero": DIVIDE_BY_ZERO,
    "remainder by zero": DIVIDE_BY_ZERO,
    "divide result unrepresentable": OVERFLOW,
    "float unrepresentable in integer range": CONVERSION,
    "memory access out of bounds": MEMORY,
    "table index is out of bounds": ELEMENT,
    "table access out of bounds": ELEMENT,
    "null function or function signature mismatch": SIGNATURE,
    "function signature mismatch": SIGNATURE,
    "operation does not support unaligned accesses": ALIGNMENT,
    "stack overflow": STACK,
    # wasmtime's.
    "wasm `unreachable` instruction executed": UNREACHABLE,
    "undefined element: out of bounds table access": ELEMENT,
    "uninitialized element": UNINITIALIZED,
    "integer overflow": OVERFLOW,
    "indirect call type mismatch": SIGNATURE,
    "thrown Wasm exception": EXCEPTION,
    # SpiderMonkey's.
    "unreachable executed": UNREACHABLE,
    "integer divide by zero": DIVIDE_BY_ZERO,
    "index out of bounds": MEMORY,
    "table index out of bounds": ELEMENT,
    "indirect call to null": UNINITIALIZED,
    "indirect call signature mismatch": SIGNATURE,
    "unaligned memory access": ALIGNMENT,
    # JavaScriptCore's.
    "Unreachable code should not be executed": UNREACHABLE,
    "Out of bounds memory access": MEMORY,
    "Division by zero": DIVIDE_BY_ZERO,
    "Integer overflow": OVERFLOW,
    "Out of bounds trunc operation": CONVERSION,
    "Out of bounds Trunc operation": CONVERSION,
    "Out of bounds call_indirect": ELEMENT,
    "Out of bounds table access": ELEMENT,
    "call_indirect to a null table entry": UNINITIALIZED,
    "call_indirect to a signature that does not match": SIGNATURE,
}


def named(message: str) -> str:
    """The trap that `message`, an engine's own, stands for; the message itself if none is known."""
    # JavaScriptCore appends where it was evaluating.
    return _WORDS.get(message) or _WORDS.get(message.partition(" (evaluating")[0], message)
