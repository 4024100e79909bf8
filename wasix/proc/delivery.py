"""Delivering signals to a guest thread, between and within its calls; the same for every carrier.

A signal is delivered by an upcall: the call that is being made answers `UPCALL`, the engine calls
the guest's signal function, and then asks how to go on. A call that had waited then ends with
`intr`, or waits again if its caller would not have noticed on a system that knows which signals a
program handles: this one does not, since libc keeps that to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wasix.abi import SUSPEND, UNWIND, UPCALL, E, Errno, Function
from wasix.abi.instance import Request, Suspended, Upcall
from wasix.proc.process import STATUS_INTERNAL, STATUS_TRAP, Thread
from wasix.proc.signal import IGNORED, Signal
from wasix.proc.stack import Held
from wasix.proc.wait import Suspend, Wanted

_PROGRAMS = ("exec", "exec2", "exec3", "exec4", "spawn", "spawn2", "spawn3")
_FUTEX = ("futex_wait", "memory_atomic_wait32", "memory_atomic_wait64")
RESUMED = frozenset({*_FUTEX, "thread_join", "dlopen", *(f"proc_{name}" for name in _PROGRAMS)})
"""Waits that no signal ends: who makes them would only wait again, or waits for nothing else."""
ENDED_BY_ALL = frozenset({"poll_oneoff", "epoll_wait", "thread_sleep"})
"""Waits that end also for signals a program ignores unless it asks for them."""


class Attempt(NamedTuple):
    """A call that is to be made, or made again, by the thread that holds it.

    It names no thread: a fork in a function for a signal leaves the child what its parent's held.
    """

    function: Function
    arguments: Sequence[int]
    ends: bool = False
    """Whether it is not to wait any more: a signal has come just before it would have."""


class Ending(NamedTuple):
    """The end of the program, which comes where nothing is to return."""

    status: int
    text: str


_NOTHING = Held(
    Ending(STATUS_TRAP, "trap: a function returned as one for signals that was not called"), {}
)


class Delivery:
    """The signals, upcalls and suspension of one thread. Used under the kernel lock."""

    def __init__(self, thread: Thread) -> None:
        self._thread = thread
        self._next: Upcall | Request | None = None
        self._then: Callable[[Any], int | Request | None] | None = None

    def _signal(self) -> Signal | None:
        """The next signal, if the guest can take it now; a look that finds none ends attention."""
        thread = self._thread
        process = thread.process
        if process.paused:
            return None
        signal = None if process.callback is None else thread.take_signal()
        if signal is None:
            thread.attention = False
        return signal

    def _call(self, signal: Signal, then: Attempt | int) -> None:
        thread = self._thread
        assert thread.process.callback is not None
        # On others, since what an upcall runs makes calls, too.
        thread.held.append(Held(then, thread.call))
        thread.call = {}
        self._next = Upcall(thread.process.callback, (int(signal),))

    def interrupts(self, attempt: Attempt, *, waited: bool) -> bool:
        """Whether a signal comes first, before a call is made (again)."""
        signal = self._signal()
        if signal is None:
            return False
        name = attempt.function.name
        by_all = name in ENDED_BY_ALL
        if waited and (by_all or (name not in RESUMED and signal not in IGNORED)):
            self._call(signal, self.interrupted())
        else:
            # Who looks at what a handler sets, then polls or sleeps, is not to miss it: elsewhere
            # the handler could have run at the very beginning of the wait.
            self._call(signal, attempt._replace(ends=attempt.ends or by_all))
        return True

    def interrupted(self) -> int:
        """What a call answers that ends because of a signal."""
        tracing = self._thread.process.tracing
        if tracing is not None:
            tracing.interrupted(self._thread)
        return int(E.INTR)

    def hold(self, answer: int) -> int:
        """`answer`, or `UPCALL` if a signal is to be delivered before it is given."""
        thread = self._thread
        process = thread.process
        timers = process.timers
        if timers.deadline is not None:
            timers.fire()
        if not thread.attention:
            # The guest's next call is to look whether the time has come.
            thread.attention = timers.deadline is not None
            return answer
        if process.status is not None or process.replacement is not None:
            return UNWIND
        signal = self._signal()
        if signal is None:
            thread.attention = thread.attention or timers.deadline is not None
            return answer
        self._call(signal, answer)
        return UPCALL

    def want(self, wanted: Wanted, attempt: Attempt) -> int:
        """Remember what a call wants of the instance, and to make it again after that."""
        thread = self._thread
        thread.held.append(Held(attempt, thread.call, wants=True))
        thread.call = {}
        self._next = wanted.request
        return UPCALL

    def upcall(self) -> Upcall | Request:
        assert self._next is not None
        return self._next

    def release(self, answer: Any) -> Attempt | int:
        """What comes after the upcall that has returned, or the request that was answered."""
        thread, process = self._thread, self._thread.process
        held = thread.held.pop() if thread.held else _NOTHING
        if isinstance(held.then, Ending):
            process.exit(held.then.status, f"{process.name}: {held.then.text}", caller=thread)
            return UNWIND
        # A call that has its answer remembers nothing.
        thread.call = held.call if isinstance(held.then, Attempt) else {}
        if held.wants:
            thread.call["answer"] = answer
        return held.then

    def suspend(self, suspend: Suspend) -> int:
        """Remember what is to be done when the stack has been unwound."""
        self._then = suspend.then
        return SUSPEND

    def suspended(self, guest: Suspended) -> int | None:
        assert self._then is not None
        then, self._then = self._then, None
        self._thread.call.clear()
        process = self._thread.process
        if process.status is not None or process.replacement is not None:
            # It was ended while its stack unwound: nothing may come of it any more.
            return None
        try:
            answer = then(guest)
        except Errno as error:
            return int(error.code)
        except Exception as error:  # as in `defect`
            self.defect(None, error)
            return None
        if isinstance(answer, Request):
            self._next = answer
            return UPCALL
        return answer

    def defect(self, function: Function | None, error: BaseException) -> int:
        """A defect of ours ends the guest."""
        process = self._thread.process
        process.defect = error
        where = f" in {function.name}" if function else ""
        process.exit(
            STATUS_INTERNAL,
            f"internal error{where}: {type(error).__name__}: {error}",
            caller=self._thread,
        )
        return UNWIND
