"""Futexes, as calls of WASIX and in place of the instructions that wait at memory."""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.proc.futex import Waiter
from wasix.proc.process import Thread
from wasix.proc.wait import Block

__all__ = [
    "futex_wait",
    "futex_wake",
    "futex_wake_all",
    "memory_atomic_notify",
    "memory_atomic_wait32",
    "memory_atomic_wait64",
]

_WORD = 4
_ALL = 1 << 32
_NOWHERE = 63
"""With this bit an address is in a memory that no other thread has."""
_WOKEN, _NOT_EQUAL, _TIMED_OUT = range(3)


def _wait(thread: Thread, address: int, expected: bytes, timeout: int | None) -> int:
    """Wait at `address` while memory holds `expected` there; nanoseconds or forever."""
    host = thread.process.kernel.host
    waiter: Waiter | None = thread.call.get("waiter")
    if waiter is not None and waiter.woken:
        return _WOKEN
    # Again if a function for signals has come between, which may have changed the word.
    if not address >> _NOWHERE and thread.memory.load(address, len(expected)) != expected:
        if waiter is not None:
            thread.futexes.leave(waiter)
        return _NOT_EQUAL
    if waiter is None:
        if timeout is not None:
            thread.call["deadline"] = host.monotonic() + timeout
        waiter = thread.call["waiter"] = thread.futexes.wait(thread, address)
    deadline: int | None = thread.call.get("deadline")
    if deadline is not None and host.monotonic() >= deadline:
        thread.futexes.leave(waiter)
        return _TIMED_OUT
    raise Block([waiter.queue], deadline)


def _check(thread: Thread, address: int) -> None:
    if address % _WORD:
        raise Errno(E.INVAL)
    thread.memory.check(address, _WORD)


def futex_wait(
    thread: Thread, address: int, expected: int, timeout: tuple[int, int | None]
) -> bool:
    """False if the time has passed. A word that holds another value needs no waiting."""
    _check(thread, address)
    _, duration = timeout
    return _wait(thread, address, expected.to_bytes(_WORD, "little"), duration) != _TIMED_OUT


def futex_wake(thread: Thread, address: int) -> bool:
    """Whether a thread waited there."""
    _check(thread, address)
    return thread.futexes.wake(address, 1) > 0


def futex_wake_all(thread: Thread, address: int) -> bool:
    """Whether a thread waited there."""
    _check(thread, address)
    return thread.futexes.wake(address, _ALL) > 0


def memory_atomic_wait32(thread: Thread, address: int, expected: int, timeout: int) -> int:
    """What the instruction leaves. Address and alignment have been checked by the guest itself."""
    limit = timeout if timeout >= 0 else None
    return _wait(thread, address, expected.to_bytes(4, "little"), limit)


def memory_atomic_wait64(thread: Thread, address: int, expected: int, timeout: int) -> int:
    limit = timeout if timeout >= 0 else None
    return _wait(thread, address, expected.to_bytes(8, "little"), limit)


def memory_atomic_notify(thread: Thread, address: int, count: int) -> int:
    return 0 if address >> _NOWHERE else thread.futexes.wake(address, count)
