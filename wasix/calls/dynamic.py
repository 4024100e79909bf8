"""Functions whose type is known only when they are called: reflection, dynamic calls, closures.

A function pointer is a slot of the program's table. Values lie one after the other without gaps:
4 bytes for i32 and f32, 8 for i64 and f64, 16 for v128.
"""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.abi.instance import CallSlot, Reflect, Signature
from wasix.abi.wasix_types import REFLECTION_RESULT, ReflectionResult
from wasix.proc.closures import MOST_VALUES, VALUE_TYPES, size, total
from wasix.proc.process import Process, Thread
from wasix.proc.steps import Steps, stepwise

__all__ = [
    "call_dynamic",
    "closure_allocate",
    "closure_free",
    "closure_prepare",
    "reflect_signature",
]


def check_table(thread: Thread) -> Process:
    """The process, if its program's table can be looked at; `notsup`."""
    process = thread.process
    program = process.program
    if program is None or not program.links or process.loan is not None:
        raise Errno(E.NOTSUP)
    return process


def check_links(thread: Thread) -> Process:
    """The same, if it can be added to as well.

    Each thread has a table of its own, so that of several threads none can be changed.
    """
    process = check_table(thread)
    if len(process.threads) > 1:
        raise Errno(E.NOTSUP)
    return process


@stepwise
def reflect_signature(
    thread: Thread,
    slot: int,
    params_at: int,
    most_params: int,
    results_at: int,
    most_results: int,
    at: int,
) -> Steps:
    """`inval` for what is no function, `overflow` if there is no room for the types."""
    process = check_table(thread)
    memory = thread.memory
    memory.check(at, REFLECTION_RESULT.size)
    found = yield Reflect(slot)
    memory = thread.memory
    area = memoryview(bytearray(REFLECTION_RESULT.size))
    if not isinstance(found, Signature):
        REFLECTION_RESULT.store(area, 0, ReflectionResult(0, 0, 0))
        memory.store(at, area)
        raise Errno(E.INVAL)
    cacheable = slot not in process.closures
    params, results = (
        bytes(map(VALUE_TYPES.index, names)) for names in (found.params, found.results)
    )
    REFLECTION_RESULT.store(area, 0, ReflectionResult(cacheable, len(params), len(results)))
    memory.store(at, area)
    if len(params) > most_params or len(results) > most_results:
        raise Errno(E.OVERFLOW)
    memory.check(results_at, len(results))
    memory.store(params_at, params)
    memory.store(results_at, results)
    return None


@stepwise
def call_dynamic(
    thread: Thread,
    slot: int,
    values_at: int,
    values_len: int,
    results_at: int,
    results_len: int,
    strict: int,
) -> Steps:
    """`inval` for what is no function, and if it is strict and a length does not fit the type.

    Otherwise values that are missing are zero, and results that find no room are left out.
    """
    check_table(thread)
    found = yield Reflect(slot)
    if not isinstance(found, Signature):
        raise Errno(E.INVAL)
    if strict and values_len != total(found.params):
        raise Errno(E.INVAL)
    values, at, left = bytearray(), values_at, values_len
    for name in found.params:
        width = size(name)
        if width > left:
            values += bytes(width)
            continue
        values += thread.memory.load(at, width)
        at, left = at + width, left - width
    answer = yield CallSlot(slot, bytes(values))
    if not isinstance(answer, bytes):
        raise Errno(E.INVAL)
    offset, at, left = 0, results_at, results_len
    for name in found.results:
        width = size(name)
        if width <= left:
            thread.memory.store(at, answer[offset : offset + width])
            at, left = at + width, left - width
        offset += width
    if strict and results_len != total(found.results):
        raise Errno(E.INVAL)
    return None


@stepwise
def closure_allocate(thread: Thread) -> Steps:
    """A slot for a function, which is empty. `nomem` if there are too many."""
    closures = check_links(thread).closures
    return (yield from closures.allocate())


@stepwise
def closure_prepare(
    thread: Thread,
    backing: int,
    slot: int,
    params_at: int,
    params: int,
    results_at: int,
    results: int,
    data: int,
) -> Steps:
    """Put a function of this type into the slot, which calls `backing` with the addresses of its
    arguments and of room for its results, and `data`. `inval` for a slot that was not allocated."""
    process = check_links(thread)
    if max(params, results) > MOST_VALUES:
        raise Errno(E.INVAL)
    of = Signature(_types(thread, params_at, params), _types(thread, results_at, results))
    yield from process.closures.prepare(process, slot, of, backing, data)
    return None


def _types(thread: Thread, at: int, count: int) -> tuple[str, ...]:
    numbers = thread.memory.load(at, count)
    if any(number >= len(VALUE_TYPES) for number in numbers):
        raise Errno(E.INVAL)
    return tuple(VALUE_TYPES[number] for number in numbers)


@stepwise
def closure_free(thread: Thread, slot: int) -> Steps:
    """Empty the slot. What was not allocated is left alone."""
    yield from check_links(thread).closures.free(slot)
    return None
