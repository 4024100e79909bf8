"""Contexts: stacks of one thread that take turns (`wasix.proc.context`)."""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.abi.instance import CallSlot, GrowMemory, Reflect, Request, Signature, Suspended
from wasix.calls.dynamic import check_table
from wasix.proc.context import MAIN, STACK_PAGES, STATUS_RETURNED
from wasix.proc.delivery import Ending
from wasix.proc.process import Thread
from wasix.proc.stack import Held, Point
from wasix.proc.steps import Steps, stepwise
from wasix.proc.wait import Suspend

__all__ = ["context_create", "context_destroy", "context_switch"]

_ID_SIZE = 8
_PAGE = 1 << 16
_ALIGN = 16


def _check(thread: Thread) -> None:
    """`notsup` unless stacks can be unwound, and there is one to have contexts."""
    running = thread.process.program
    if running is None or not running.suspends or thread.process.loan is not None:
        raise Errno(E.NOTSUP)


@stepwise
def context_create(thread: Thread, at: int, slot: int) -> Steps:
    """A context that is to begin with the function in `slot`; its number is stored at `at`."""
    thread.memory.check(at, _ID_SIZE)
    _check(thread)
    check_table(thread)
    contexts = thread.contexts
    contexts.check()
    found = yield Reflect(slot)
    if found != Signature((), ()):
        raise Errno(E.INVAL)
    stack = contexts.free_stack()
    if stack is None:
        stack = yield GrowMemory(STACK_PAGES)
    if stack is None:
        raise Errno(E.NOMEM)
    number = contexts.add(slot, stack)
    thread.memory.store(at, number.to_bytes(_ID_SIZE, "little"))
    return None


def context_switch(thread: Thread, number: int) -> None:
    """Go on where a context was left, or begin it. `inval` if there is none."""
    _check(thread)
    contexts = thread.contexts
    if number == contexts.active:
        return
    if contexts.get(number) is None:
        raise Errno(E.INVAL)

    def then(guest: Suspended) -> int | Request:
        here = Point.of(guest, thread)
        if guest.stack_pointer is None:
            raise Errno(E.NOTSUP)
        if contexts.base is None:
            contexts.base = here
        contexts.leave(thread, here)
        entered = contexts.enter(thread, number)
        if entered.point is not None:
            point, entered.point = entered.point, None
            point.restore(guest, thread)
            return 0
        contexts.base.restore(guest, thread)
        variables = list(guest.variables)
        variables[guest.stack_pointer] = entered.stack + STACK_PAGES * _PAGE - _ALIGN
        guest.variables = tuple(variables)
        thread.held.append(Held(_returned(number), {}))
        return CallSlot(entered.slot)

    raise Suspend(then)


def _returned(number: int) -> Ending:
    """What comes when a context's function returns."""
    return Ending(STATUS_RETURNED, f"the function of context {number} returned, which none may")


def context_destroy(thread: Thread, number: int) -> None:
    """Remove a context. `inval` for the active and the main one."""
    _check(thread)
    contexts = thread.contexts
    if number in (MAIN, contexts.active):
        raise Errno(E.INVAL)
    contexts.remove(number)
