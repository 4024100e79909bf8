"""Small modules between a guest and JavaScript, for plain modules.

Values pass through slots in a memory that the host sees, not through JavaScript: so vectors and the
bits of a NaN survive, and 64-bit integers need no BigInt. Only references go through functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from engines.plain import SLOT
from engines.wasm import FunctionType, GlobalType, ReferenceType, ValueType
from engines.wasm.binary import (
    HEADER,
    function_type,
    name,
    signed_leb,
    unsigned_leb,
    value_type,
    vector,
)
from engines.wasm.types import EXTERNREF, FUNCREF, I32

SLOTS = 1024
"""Where the slots begin in that memory."""

MODULE_NAME = "wasix-shim"
"""In the name section, to tell its frames from the guest's."""

_LOAD = {"i32": b"\x28\2", "i64": b"\x29\3", "f32": b"\x2a\2", "f64": b"\x2b\3"}
_LOAD["v128"] = b"\xfd\0\4"
_STORE = {"i32": b"\x36\2", "i64": b"\x37\3", "f32": b"\x38\2", "f64": b"\x39\3"}
_STORE["v128"] = b"\xfd\x0b\4"
_ZERO = b"\x41\0"
_HELPERS = (
    ("toExtern", FunctionType((I32,), (EXTERNREF,))),
    ("fromExtern", FunctionType((EXTERNREF,), (I32,))),
    ("toFunction", FunctionType((I32,), (FUNCREF,))),
    ("fromFunction", FunctionType((FUNCREF,), (I32,))),
)
_FIRST_HELPER = 1


def _place(index: int) -> bytes:
    return unsigned_leb(SLOTS + SLOT * index)


def _load(index: int, of: ValueType) -> bytes:
    if not isinstance(of, ReferenceType):
        return _ZERO + _LOAD[of] + _place(index)
    helper = _FIRST_HELPER + (0 if of.heap == "extern" else 2)
    code = _ZERO + _LOAD["i32"] + _place(index) + b"\x10" + unsigned_leb(helper)
    return code if of.nullable else code + b"\xd4"


def _store(index: int, local: int, of: ValueType) -> bytes:
    code = _ZERO + b"\x20" + unsigned_leb(local)
    if not isinstance(of, ReferenceType):
        return code + _STORE[of] + _place(index)
    helper = _FIRST_HELPER + (1 if of.heap == "extern" else 3)
    return code + b"\x10" + unsigned_leb(helper) + b"\xad" + _STORE["i64"] + _place(index)


def _section(number: int, content: bytes) -> bytes:
    return bytes([number]) + unsigned_leb(len(content)) + content


def _module(
    first: FunctionType, own: FunctionType, local: Iterable[ValueType], code: bytes
) -> bytes:
    """Imports a function `f` of type `first` and exports one, `run`."""
    types = [first, *(of for _, of in _HELPERS), own]
    imports = [name("m") + name("f") + b"\0\0"]
    imports += [
        name("m") + name(helper) + b"\0" + unsigned_leb(_FIRST_HELPER + at)
        for at, (helper, _) in enumerate(_HELPERS)
    ]
    imports.append(name("m") + name("mail") + b"\2\0\0")
    locals_ = vector(b"\1" + value_type(of) for of in local)
    body = locals_ + code + b"\x0b"
    own_index = unsigned_leb(len(types) - 1)
    return (
        HEADER
        + _section(1, vector(map(function_type, types)))
        + _section(2, vector(imports))
        + _section(3, vector([own_index]))
        + _section(7, vector([name("run") + b"\0" + unsigned_leb(len(types) - 1)]))
        + _section(10, vector([unsigned_leb(len(body)) + body]))
        + _section(0, name("name") + _section(0, name(MODULE_NAME)))
    )


def caller(of: FunctionType) -> bytes:
    """A module whose `run` calls `f` with what is in the slots, and leaves there what it gives."""
    code = b"".join(_load(at, value) for at, value in enumerate(of.params)) + b"\x10\0"
    for at in reversed(range(len(of.results))):
        code += b"\x21" + unsigned_leb(at)
    for at, value in enumerate(of.results):
        code += _store(at, at, value)
    return _module(of, FunctionType((), ()), of.results, code)


def host(of: FunctionType, number: int) -> bytes:
    """A module whose `run` leaves its arguments in the slots and calls `f(number)`.

    If that gives 0 the results are in the slots; else it traps, which a guest cannot catch.
    """
    code = b"".join(_store(at, at, value) for at, value in enumerate(of.params))
    code += b"\x41" + signed_leb(number) + b"\x10\0" + b"\x04\x40\0\x0b"
    code += b"".join(_load(at, value) for at, value in enumerate(of.results))
    return _module(FunctionType.of(["i32"], ["i32"]), of, (), code)


def variable(of: GlobalType, initial: bytes | None = None) -> bytes:
    """A module whose `load` and `save` move a global from and to the first slot.

    The global is imported as `v`; or, with an `initial` slot, made and exported.
    """
    run = FunctionType((), ())
    types = [run, *(helper for _, helper in _HELPERS)]
    imports = [name("m") + name("f") + b"\0\0"]
    imports += [
        name("m") + name(helper) + b"\0" + unsigned_leb(_FIRST_HELPER + at)
        for at, (helper, _) in enumerate(_HELPERS)
    ]
    imports.append(name("m") + name("mail") + b"\2\0\0")
    described = value_type(of.type) + bytes([of.mutable])
    made = b""
    if initial is None:
        imports.append(name("m") + name("v") + b"\3" + described)
    else:
        made = _section(6, vector([described + _constant(of.type, initial) + b"\x0b"]))
    first = len(types)
    bodies = [_load_global(of.type)]
    exports = [name("load") + b"\0" + unsigned_leb(first)]
    if of.mutable:
        bodies.append(b"\0" + _load(0, of.type) + b"\x24\0")
        exports.append(name("save") + b"\0" + unsigned_leb(first + 1))
    if initial is not None:
        exports.append(name("v") + b"\3\0")
    code = [unsigned_leb(len(body) + 1) + body + b"\x0b" for body in bodies]
    return (
        HEADER
        + _section(1, vector(map(function_type, types)))
        + _section(2, vector(imports))
        + _section(3, vector([b"\0"] * len(bodies)))
        + made
        + _section(7, vector(exports))
        + _section(10, vector(code))
        + _section(0, name("name") + _section(0, name(MODULE_NAME)))
    )


def _load_global(of: ValueType) -> bytes:
    """A body that stores global 0: by way of a local, as results of functions are."""
    local = vector([b"\1" + value_type(of)])
    return local + b"\x23\0\x21\0" + _store(0, 0, of)


def _constant(of: ValueType, slot: bytes) -> bytes:
    match of:
        case "i32":
            return b"\x41" + signed_leb(int.from_bytes(slot[:4], "little", signed=True))
        case "i64":
            return b"\x42" + signed_leb(int.from_bytes(slot[:8], "little", signed=True))
        case "f32":
            return b"\x43" + slot[:4]
        case "f64":
            return b"\x44" + slot[:8]
        case "v128":
            return b"\xfd\x0c" + slot[:16]
    assert isinstance(of, ReferenceType)
    return b"\xd0" + (b"\x6f" if of.heap == "extern" else b"\x70")
