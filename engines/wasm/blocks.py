"""Rewrites function bodies: inserts code where straight runs of instructions begin, exchanges some.

A run is what is executed as a whole once its first instruction is, unless it traps, throws or ends
the program. It begins at the entry of a function, at the head of a loop, in each arm of an `if`, at
a handler, after a branch that may not be taken, and where branches meet. Code that cannot be
reached is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from engines.wasm.binary import unsigned_leb
from engines.wasm.immediates import Malformed, handlers, index, labels, opcode, skip, unsigned
from engines.wasm.immediates import memarg as skip_memarg
from engines.wasm.immediates import s64 as skip_s64
from engines.wasm.opcodes import OPCODES

FREE: Final = frozenset(
    (
        *("unreachable", "nop", "drop", "return", "block", "loop", "else", "end"),
        *("try", "catch", "catch_all", "delegate"),
    )
)
"""Instructions that cost nothing, as they are no work. Every other costs 1."""

FUNCTION_COST: Final = 1
"""What entering a function costs."""

# How the loop below treats a byte, the most frequent first.
_PLAIN, _INDEX, _MEMARG, _END, _LONG, _CALL, _BR_IF, _BLOCK, _NOTHING, _BR, _IF, _LOOP = range(12)
_ELSE, _EXIT, _BR_TABLE, _TRY, _TRY_TABLE, _CATCH, _REST = range(12, 19)

_BY_NAME: Final = {
    "end": _END,
    "i64.const": _LONG,
    "memory.grow": _REST,
    "call": _CALL,
    "return_call": _CALL,
    "ref.func": _CALL,
    "br_if": _BR_IF,
    "br_on_null": _BR_IF,
    "br_on_non_null": _BR_IF,
    "block": _BLOCK,
    "nop": _NOTHING,
    "drop": _NOTHING,
    "br": _BR,
    "if": _IF,
    "loop": _LOOP,
    "else": _ELSE,
    "br_table": _BR_TABLE,
    "try": _TRY,
    "try_table": _TRY_TABLE,
    "catch": _CATCH,
    "catch_all": _CATCH,
    "delegate": _CATCH,
    **dict.fromkeys(
        (
            *("unreachable", "return", "throw", "rethrow", "throw_ref"),
            *("return_call_indirect", "return_call_ref"),
        ),
        _EXIT,
    ),
}
_BY_IMMEDIATES: Final = {"": _PLAIN, "index": _INDEX, "s32": _INDEX, "memarg": _MEMARG}

_KINDS: Final = bytes(
    _BY_NAME.get(OPCODES[code].name, _BY_IMMEDIATES.get(OPCODES[code].immediates, _REST))
    if code in OPCODES
    else _REST
    for code in range(256)
)
_CODES: Final = {opcode.name: code for code, opcode in OPCODES.items()}
_BR_ON_CASTS: Final = (_CODES["br_on_cast"], _CODES["br_on_cast_fail"])
_FREE_CODES: Final = frozenset(_CODES[name] for name in FREE)
_RETURN_CALL: Final = _CODES["return_call"]
_REF_FUNC: Final = _CODES["ref.func"]
_DELEGATE: Final = _CODES["delegate"]


@dataclass
class Plan:
    """What to insert.

    `run(cost, head)` is the code for the beginning of a run that costs `cost`; `head` where it may
    be repeated without end: at function entries and loop heads.
    """

    run: Callable[[int, bool], bytes]
    redirected: Mapping[int, int] = field(default_factory=dict)
    """Functions that are to be called, and referred to, in place of others."""
    before: Mapping[int, Callable[[bytes, int], bytes]] = field(default_factory=dict)
    """By `Opcode.code`: from the payload and the position of its immediates, the code to insert
    before such an instruction."""
    exchanged: Mapping[int, Callable[[bytes, int], bytes | None]] = field(default_factory=dict)
    """By `Opcode.code`: from the same, the code to put in place of such an instruction, if any."""
    referred: set[int] = field(default_factory=set)
    """Filled in: the redirected functions that code makes references to."""


def rewrite(data: bytes, start: int, end: int, plan: Plan) -> bytes:
    """The function body at `data[start:end]` (locals and code) with what `plan` inserts.

    Raises `Malformed` where the body's structure is.
    """
    events: list[tuple[int, bytes, int] | None] = []
    try:
        pos = _walk(data, _skip_locals(data, start), end, plan, events)
    except IndexError:
        raise Malformed("a function ends inside an instruction", end) from None
    if pos != end:
        raise Malformed("a function does not end with its code", pos)
    parts: list[bytes] = []
    done = start
    for event in events:
        if event is not None:
            at, code, after = event
            parts += (data[done:at], code)
            done = after
    parts.append(data[done:end])
    return b"".join(parts)


def _skip_locals(data: bytes, pos: int) -> int:
    count, pos = unsigned(data, pos)
    for _ in range(count):
        byte = data[pos := index(data, pos)]
        pos += 1
        if byte in (0x63, 0x64):
            pos = index(data, pos)
    return pos


def _walk(
    data: bytes, pos: int, end: int, plan: Plan, events: list[tuple[int, bytes, int] | None]
) -> int:
    """One pass over the code; `events` get (position, inserted code, position to go on from).

    Written for speed: it runs for every instruction of a program.
    """
    kinds, run, redirected, before = _KINDS, plan.run, plan.redirected, plan.before
    exchanged = plan.exchanged
    # Blocks that are open: whether control can come to their end by more ways than from above.
    # A loop's end cannot be branched to; its label is its head.
    frames: list[bool | None] = [False]
    begin, cost, head = pos, FUNCTION_COST, True
    slot, live = 0, True
    events.append(None)

    while pos < end:
        byte = data[pos]
        kind = kinds[byte]
        pos += 1
        if kind == _PLAIN:
            cost += 1
            continue
        if kind == _INDEX:
            cost += 1
            if data[pos] < 0x80:
                pos += 1
            else:
                pos = index(data, pos)
            continue
        if kind == _MEMARG:
            cost += 1
            if data[pos] < 0x40 and data[pos + 1] < 0x80:
                pos += 2
            else:
                pos = skip_memarg(data, pos)
            continue
        if kind == _NOTHING:
            continue
        if kind == _LONG:
            cost += 1
            pos = skip_s64(data, pos)
            continue
        if kind == _CALL:
            cost += 1
            at = pos - 1
            function, pos = unsigned(data, pos)
            if function in redirected:
                target = redirected[function]
                if byte == _REF_FUNC:
                    plan.referred.add(target)
                events.append((at, data[at : at + 1] + unsigned_leb(target), pos))
            if byte != _RETURN_CALL:
                continue
            starts = False
        elif kind == _BLOCK:
            pos = skip(byte, data, pos)
            frames.append(False)
            continue
        elif kind == _END:
            joined = frames.pop()
            if not frames:
                starts = False
                if live and (cost or head):
                    events[slot] = (begin, run(cost, head), begin)
                return pos
            if not joined:
                continue
            starts = True
        elif kind == _BR_IF:
            cost += 1
            label, pos = unsigned(data, pos)
            _mark(frames, label, pos)
            starts = True
        elif kind == _BR:
            cost += 1
            label, pos = unsigned(data, pos)
            _mark(frames, label, pos)
            starts = False
        elif kind == _IF:
            cost += 1
            pos = skip(byte, data, pos)
            frames.append(True)
            starts = True
        elif kind == _LOOP:
            pos = skip(byte, data, pos)
            frames.append(None)
            starts = True
        elif kind == _ELSE:
            starts = True
        elif kind == _EXIT:
            if byte not in _FREE_CODES:
                cost += 1
            pos = skip(byte, data, pos)
            starts = False
        elif kind == _BR_TABLE:
            cost += 1
            found, pos = labels(data, pos)
            for label in set(found):
                _mark(frames, label, pos)
            starts = False
        elif kind == _TRY:
            pos = skip(byte, data, pos)
            frames.append(True)
            continue
        elif kind == _TRY_TABLE:
            cost += 1
            found, pos = handlers(data, pos)
            # Handlers stand outside the block.
            for label in found:
                _mark(frames, label, pos)
            frames.append(False)
            continue
        elif kind == _CATCH:
            pos = skip(byte, data, pos)
            if byte == _DELEGATE:
                frames.pop()
                if not frames:
                    raise Malformed("delegate without a try", pos)
            starts = True
        else:
            at = pos - 1
            code, pos = opcode(data, at)
            cost += 1
            insert = before.get(code)
            if insert is not None and live:
                events.append((at, insert(data, pos), at))
            if code not in _BR_ON_CASTS:
                exchange = exchanged.get(code)
                new = exchange(data, pos) if exchange is not None and live else None
                pos = skip(code, data, pos)
                if new is not None:
                    events.append((at, new, pos))
                continue
            label, _ = unsigned(data, pos + 1)
            pos = skip(code, data, pos)
            _mark(frames, label, pos)
            starts = True
        # A run has ended here.
        if live and (cost or head):
            events[slot] = (begin, run(cost, head), begin)
        live = starts
        if starts:
            begin, cost, head = pos, 0, kind == _LOOP
            slot = len(events)
            events.append(None)
    raise Malformed("a function ends inside a block", end)


def _mark(frames: list[bool | None], label: int, at: int) -> None:
    """A branch to `label`: whatever follows its end is reached by more ways than one."""
    if label >= len(frames):
        raise Malformed(f"label {label} is not there", at)
    place = -1 - label
    if frames[place] is False:
        frames[place] = True
