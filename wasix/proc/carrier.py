"""Carriers for code with an OS thread of its own: it sleeps right where it is.

`OsThreadCarrier` is door 1 for engines that give a guest thread an OS thread: a call that would
block sleeps on a condition of the kernel lock, and is tried again. `HostCarrier` does the same for
the host program's own calls (reading a guest's output, say). Other carriers (the page's) wait
elsewhere but call the same handlers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from wasix.abi import UNWIND, UPCALL, Function, Unwind
from wasix.abi.bind import Call
from wasix.abi.instance import Request, Suspended, Upcall
from wasix.kernel import Kernel
from wasix.proc.delivery import Attempt, Delivery
from wasix.proc.process import Thread
from wasix.proc.wait import Block, Suspend, Wanted

Entry = Callable[[memoryview, Sequence[int]], int]
"""A system call as an engine makes it: see `engines.protocol.Entry`."""

_T = TypeVar("_T")

_STEP = 250_000_000
"""Nanoseconds between the looks of a host's wait."""


class _Sleeper:
    """Sleeps on a condition of the kernel lock, which its user holds."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._condition = threading.Condition(kernel.lock)
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        self._condition.notify()

    def _sleep(self, block: Block) -> None:
        """Give up the lock until woken or the deadline has come."""
        self._woken = False
        for queue in block.queues:
            queue.join(self)
        try:
            while not self._woken:
                timeout = None
                now = self.kernel.host.monotonic()
                if block.deadline is not None and block.deadline <= now:
                    break
                until = self._until(block.deadline)
                if until is not None:
                    timeout = (until - now) / 1e9
                    timeout = min(timeout, threading.TIMEOUT_MAX)
                if timeout is None or timeout > 0:
                    self._condition.wait(timeout)
                else:
                    self._look()
        finally:
            for queue in block.queues:
                queue.leave(self)

    def _until(self, deadline: int | None) -> int | None:
        """How long to sleep at most, where the sleep is to end at `deadline`."""
        return deadline

    def _look(self) -> None:
        """What `_until` gave is over, and the deadline is not."""


class HostCarrier(_Sleeper):
    """Carries calls of the host program into the kernel. One call at a time."""

    def call(self, function: Callable[[], _T], timeout: float | None = None) -> _T:
        """Call `function`, again while it blocks; `TimeoutError` after `timeout` seconds.

        `RuntimeError` from inside a system call, which cannot wait for another.
        """
        if self.kernel.entered:
            raise RuntimeError("a sandbox cannot be used from inside one of its system calls")
        deadline = None
        if timeout is not None:
            deadline = self.kernel.host.monotonic() + int(timeout * 1e9)
        with self.kernel.lock:
            while True:
                try:
                    return function()
                except Block as block:
                    now = self.kernel.host.monotonic()
                    if deadline is not None and now >= deadline:
                        raise TimeoutError from None
                    # In steps, since a signal that the system gives to another thread (V8 has
                    # some) is acted upon only when the main one next takes a step.
                    ends = [now + _STEP, deadline, block.deadline]
                    block.deadline = min(end for end in ends if end is not None)
                    self._sleep(block)


class OsThreadCarrier(_Sleeper):
    """Carries one guest thread on the OS thread that its engine runs it on."""

    def __init__(self, thread: Thread) -> None:
        super().__init__(thread.process.kernel)
        self.thread = thread
        self._delivery = Delivery(thread)
        thread.sleeper = self

    def entry(self, function: Function) -> Entry:
        """`function` as the engine calls it for this thread. Never raises."""
        thread, delivery = self.thread, self._delivery
        call: Call

        def first(memory: memoryview, arguments: Sequence[int]) -> int:
            # Most programs make few of the calls they import, and a decoder is compiled.
            nonlocal call
            call = self.kernel.direct(function, thread)
            return call(memory, arguments)

        call = first
        # `with` takes twice as long, which is a fifth of a call that does nothing.
        acquire, release = self.kernel.lock.acquire, self.kernel.lock.release

        def enter(memory: memoryview, arguments: Sequence[int]) -> int:
            acquire()
            try:
                if not thread.attention:
                    answer = call(memory, arguments)
                    return delivery.hold(answer) if thread.attention else answer
                return self._go_on(Attempt(function, arguments), call, memory)
            except Block as block:
                return self._go_on(Attempt(function, arguments), call, memory, block)
            except Unwind:
                return UNWIND
            except Suspend as suspend:
                return delivery.suspend(suspend)
            except Wanted as wanted:
                return delivery.want(wanted, Attempt(function, arguments))
            except Exception as error:  # a defect of ours must end the guest, not the host
                return delivery.defect(function, error)
            finally:
                release()

        return enter

    def upcall(self) -> Upcall | Request:
        """See `engines.protocol.Door`."""
        return self._delivery.upcall()

    def proceed(self, memory: memoryview, answer: Any = None) -> int:
        with self.kernel.lock:
            held = self._delivery.release(answer)
            if isinstance(held, Attempt):
                call = self.kernel.direct(held.function, self.thread)
                return self._go_on(held, call, memory)
            return self._delivery.hold(held)

    def suspended(self, guest: Suspended) -> int | None:
        with self.kernel.lock:
            return self._delivery.suspended(guest)

    def _go_on(
        self, attempt: Attempt, call: Call, memory: memoryview, block: Block | None = None
    ) -> int:
        """Make a call that has waited, or has to wait because of its process's state."""
        thread = self.thread
        try:
            while True:
                if block is not None and not thread.attention:
                    self._sleep(block)
                self._pause()
                if thread.attention and self._delivery.interrupts(
                    attempt, waited=block is not None
                ):
                    return UPCALL
                try:
                    answer = call(memory, attempt.arguments)
                except Block as again:
                    if not attempt.ends:
                        block = again
                        continue
                    answer = self._delivery.interrupted()
                thread.call.clear()
                return self._delivery.hold(answer)
        except Unwind:
            answer = UNWIND
        except Suspend as suspend:
            answer = self._delivery.suspend(suspend)
        except Wanted as wanted:
            return self._delivery.want(wanted, attempt)
        except Exception as error:  # as in `entry`
            answer = self._delivery.defect(attempt.function, error)
        thread.call.clear()
        return answer

    def _until(self, deadline: int | None) -> int | None:
        return self.thread.process.timers.bound(deadline)

    def _look(self) -> None:
        self.thread.process.timers.fire()

    def _pause(self) -> None:
        """Stay here while the process is stopped; `Unwind` when it has ended."""
        self.thread.process.timers.fire()
        while self.thread.process.paused:
            process = self.thread.process
            if process.status is not None or process.replacement is not None:
                raise Unwind
            self._sleep(Block([process.changed]))
