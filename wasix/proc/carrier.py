"""Carriers for code with an OS thread of its own: it sleeps right where it is.

`OsThreadCarrier` is door 1 for engines that give a guest thread an OS thread: a call that would
block sleeps on a condition of the kernel lock, and is tried again. `HostCarrier` does the same for
the host program's own calls (reading a guest's output, say). Other carriers (the page's) wait
elsewhere but call the same handlers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from wasix.abi import UNWIND, Function, Unwind
from wasix.abi.bind import Call
from wasix.kernel import Kernel
from wasix.proc.process import STATUS_INTERNAL, Thread
from wasix.proc.wait import Block

Entry = Callable[[memoryview, Sequence[int]], int]
"""A system call as an engine makes it: (linear memory, wasm arguments) -> errno, or `UNWIND`."""

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
                if block.deadline is not None:
                    timeout = (block.deadline - self.kernel.host.monotonic()) / 1e9
                    if timeout <= 0:
                        break
                    timeout = min(timeout, threading.TIMEOUT_MAX)
                self._condition.wait(timeout)
        finally:
            for queue in block.queues:
                queue.leave(self)


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
        thread.sleeper = self

    def entry(self, function: Function) -> Entry:
        """`function` as the engine calls it for this thread. Never raises."""
        process = self.thread.process
        call = self.kernel.direct(function, self.thread)
        # `with` takes twice as long, which is a fifth of a call that does nothing.
        acquire, release = self.kernel.lock.acquire, self.kernel.lock.release

        def enter(memory: memoryview, arguments: Sequence[int]) -> int:
            acquire()
            try:
                if process.paused:
                    self._pause()
                return call(memory, arguments)
            except Block as block:
                return self._retry(function, call, memory, arguments, block)
            except Unwind:
                return UNWIND
            except Exception as error:  # a defect of ours must end the guest, not the host
                return self._defect(function, error)
            finally:
                release()

        return enter

    def _retry(
        self,
        function: Function,
        call: Call,
        memory: memoryview,
        arguments: Sequence[int],
        block: Block,
    ) -> int:
        try:
            while True:
                self._sleep(block)
                self._pause()
                try:
                    return call(memory, arguments)
                except Block as again:
                    block = again
        except Unwind:
            return UNWIND
        except Exception as error:  # as in `entry`
            return self._defect(function, error)
        finally:
            self.thread.call.clear()

    def _pause(self) -> None:
        """Stay here while the process is stopped; `Unwind` when it has ended."""
        process = self.thread.process
        while process.paused:
            if process.status is not None:
                raise Unwind
            self._sleep(Block([process.changed]))

    def _defect(self, function: Function, error: Exception) -> int:
        process = self.thread.process
        process.defect = error
        process.exit(
            STATUS_INTERNAL,
            f"internal error in {function.name}: {type(error).__name__}: {error}",
            caller=self.thread,
        )
        return UNWIND
