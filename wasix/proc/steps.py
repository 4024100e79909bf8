"""Calls in several steps, each of which asks something of the guest's instance or waits.

Such a call is written as a generator that yields `Request`s and gets their answers, or yields
`Block`s. It is kept in `thread.call` until the call is over.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import wraps
from typing import Any

from wasix.abi import E, Errno
from wasix.abi.instance import Request
from wasix.proc.process import Thread
from wasix.proc.wait import Block, Wanted

Steps = Generator[Request | Block, Any, Any]
"""What a call does: it yields what it wants, and returns the call's results."""


def stepwise(call: Callable[..., Steps], *, noted: bool = True) -> Callable[..., Any]:
    """The handler that takes the steps of `call`; with `noted` other threads are to take them, too,
    as far as they change an instance."""

    @wraps(call)
    def handler(thread: Thread, *arguments: Any) -> Any:
        state = thread.call
        steps = state.get("steps")
        if steps is not None and steps.gi_frame is None:
            # It has gone back into a call that was over (longjmp).
            raise Errno(E.INVAL)
        if steps is None:
            steps = state["steps"] = call(thread, *arguments)
        answer = state.pop("answer", None)
        done = state.pop("wanted", None)
        if done is not None and noted:
            thread.process.record.note(done, answer)
        try:
            wanted = steps.send(answer)
        except StopIteration as stop:
            del state["steps"]
            return stop.value
        except BaseException:
            del state["steps"]
            raise
        if isinstance(wanted, Block):
            raise wanted
        state["wanted"] = wanted
        raise Wanted(wanted)

    return handler
