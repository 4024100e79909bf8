"""The carrier for engines that suspend a guest and go on in the same thread (a page, by JSPI).

A call that would block answers `PARKED` after joining its queues; the engine suspends the guest and
holds on to the call. A wake tells the engine, which asks `resume` whether to make the call again.
There is one thread, so the kernel lock is never taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from wasix.abi import Function, Unwind
from wasix.abi.staged import PARKED, UNWOUND, Stage, staged
from wasix.proc.process import STATUS_INTERNAL, Thread
from wasix.proc.wait import Block


class PromiseCarrier:
    """Carries one guest thread. `notify` is told, with the thread's tid, to ask `resume` soon."""

    def __init__(self, thread: Thread, stage: Stage, notify: Callable[[int], object]) -> None:
        self.thread = thread
        self.stage = stage
        self._notify = notify
        self._block: Block | None = None
        self._notified = False
        thread.sleeper = self
        # A process that stops or ends while its guest is not parked interrupts it as well.
        thread.process.changed.join(self)

    def call(self, function: Function) -> Callable[..., int]:
        """The decoder that serves `function` for this thread; see `wasix.abi.staged`."""

        def otherwise(error: BaseException) -> int:
            if isinstance(error, Unwind):
                return UNWOUND
            if isinstance(error, Block) and function.blocks:
                self._park(error)
                return PARKED
            return self._defect(function, error)

        process = self.thread.process
        handler = process.kernel.handler(function, process.tracing)
        return staged(function, handler, self.thread, self.stage, otherwise)

    def delay(self) -> float:
        """Milliseconds until a parked call is to be made again unless woken; infinity for never."""
        process = self.thread.process
        deadline = process.timers.bound(self._block.deadline) if self._block else None
        if deadline is None:
            return math.inf
        return max(0.0, (deadline - process.kernel.host.monotonic()) / 1e6)

    def resume(self) -> int:
        """What the suspended guest is to do: 0 to go on, `PARKED` to wait again, or `UNWOUND`."""
        process = self.thread.process
        self._notified = False
        process.timers.fire()
        if self._block is not None:
            for queue in self._block.queues:
                queue.leave(self)
            self._block = None
            process.changed.join(self)
        if not process.paused:
            return 0
        if process.status is not None:
            return UNWOUND
        self._park(Block([process.changed]))
        return PARKED

    def finished(self) -> None:
        """A call that had waited is done."""
        self.thread.call.clear()

    def wake(self) -> None:
        if not self._notified:
            self._notified = True
            self._notify(self.thread.tid)

    def stop(self) -> None:
        """Nothing: a guest that is not suspended runs while nobody else does."""

    def _park(self, block: Block) -> None:
        self._block = block
        for queue in block.queues:
            queue.join(self)

    def _defect(self, function: Function, error: BaseException) -> int:
        process = self.thread.process
        process.defect = error
        process.exit(
            STATUS_INTERNAL,
            f"internal error in {function.name}: {type(error).__name__}: {error}",
            caller=self.thread,
        )
        return UNWOUND
