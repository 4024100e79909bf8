"""The carrier for engines that give a guest thread its own OS thread.

It is door 1: an engine calls `Entry`s; a call that would block sleeps right here, on a condition of
the kernel lock, and is tried again. Other carriers (the page's) wait elsewhere but call the same
handlers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from wasix.abi import Function, Unwind
from wasix.abi.bind import Call
from wasix.proc.process import STATUS_INTERNAL, Thread
from wasix.proc.wait import Block

Entry = Callable[[memoryview, Sequence[int]], int]
"""A system call as an engine makes it: (linear memory, wasm arguments) -> errno, or `UNWIND`."""

UNWIND = -1
"""Instead of an errno: the guest must not go on; the engine makes it trap."""


class OsThreadCarrier:
    """Carries one guest thread on the OS thread that its engine runs it on."""

    def __init__(self, thread: Thread) -> None:
        self.thread = thread
        self.kernel = thread.process.kernel
        self._condition = threading.Condition(self.kernel.lock)
        self._woken = False
        thread.sleeper = self

    def entry(self, function: Function) -> Entry:
        """`function` as the engine calls it for this thread. Never raises."""
        call = self.kernel.direct(function)
        thread, process, lock = self.thread, self.thread.process, self.kernel.lock

        def enter(memory: memoryview, arguments: Sequence[int]) -> int:
            with lock:
                if process.ending:
                    return UNWIND
                try:
                    if process.stopped:
                        self._sleep(Block([process.changed]))
                    return call(thread, memory, *arguments)
                except Block as block:
                    return self._retry(call, memory, arguments, block)
                except Unwind:
                    return UNWIND
                except Exception as error:  # a defect of ours must end the guest, not the host
                    return self._defect(function, error)

        return enter

    def _retry(self, call: Call, memory: memoryview, arguments: Sequence[int], block: Block) -> int:
        try:
            while True:
                self._sleep(block)
                try:
                    return call(self.thread, memory, *arguments)
                except Block as again:
                    block = again
        except Unwind:
            return UNWIND
        finally:
            self.thread.call.clear()

    def _sleep(self, block: Block) -> None:
        """Give up the lock until woken, the deadline, or the process's end (`Unwind`)."""
        self._woken = False
        for queue in block.queues:
            queue.join(self)
        try:
            while not (self._woken or self.thread.process.ending):
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
        process = self.thread.process
        if process.ending:
            raise Unwind
        if process.stopped:
            self._sleep(Block([process.changed]))

    def wake(self) -> None:
        self._woken = True
        self._condition.notify()

    def _defect(self, function: Function, error: Exception) -> int:
        process = self.thread.process
        process.exit(
            STATUS_INTERNAL,
            f"internal error in {function.name}: {type(error).__name__}: {error}",
            caller=self.thread,
        )
        process.defect = error
        return UNWIND
