"""The carrier for engines that suspend a guest and go on in the same thread (a page, by JSPI).

A call that would block answers `PARKED` after joining its queues; the engine suspends the guest and
holds on to the call. A wake tells the engine, which asks `resume` what to do. Signals are delivered
there, too: while the guest is suspended its engine makes the upcall, and asks `proceed` then. There
is one thread, so the kernel lock is never taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from wasix.abi import UNWIND, UPCALL, Function, Unwind
from wasix.abi.instance import Suspended, Upcall
from wasix.abi.staged import AGAIN, PARKED, UNWOUND, Stage, staged
from wasix.proc.delivery import Attempt, Delivery
from wasix.proc.process import Thread
from wasix.proc.wait import Block, Suspend


class PromiseCarrier:
    """Carries one guest thread. `notify` is told, with the thread's tid, to ask `resume` soon, and
    `stop` to end a guest that runs while others do."""

    def __init__(
        self,
        thread: Thread,
        stage: Stage,
        notify: Callable[[int], object],
        stop: Callable[[int], object] | None = None,
    ) -> None:
        self.thread = thread
        self.stage = stage
        self._notify = notify
        self._stop = stop
        self._delivery = Delivery(thread)
        self._call: Attempt | int = 0
        """The call that waits, or what one answers that was made."""
        self._waited = False
        """Whether that call has waited since it was made, or made again after an upcall."""
        self._tried = False
        """Whether it has been made again since a signal came: what can be answered is."""
        self._block: Block | None = None
        self._notified = False
        thread.sleeper = self
        # A process that stops or ends while its guest is not parked interrupts it as well.
        thread.process.changed.join(self)

    def call(self, function: Function) -> Callable[..., int]:
        """The decoder that serves `function` for this thread; see `wasix.abi.staged`."""
        attempt = Attempt(function, ())

        def otherwise(error: BaseException) -> int:
            if isinstance(error, Unwind):
                return UNWOUND
            if function.blocks:
                if isinstance(error, Block):
                    again = self._call
                    if isinstance(again, Attempt) and again.ends and again.function is function:
                        return -self._delivery.interrupted()
                    self._call, self._waited = attempt, True
                    self._park(error)
                    return PARKED
                if isinstance(error, Suspend):
                    return self._delivery.suspend(error)
            self._delivery.defect(function, error)
            return UNWOUND

        process = self.thread.process
        handler = process.kernel.handler(function, process.tracing)
        return staged(function, handler, self.thread, self.stage, otherwise)

    @property
    def waits(self) -> bool:
        """Whether its guest waits for something."""
        return self._block is not None

    def delay(self) -> float:
        """Milliseconds until a parked call is to be made again unless woken; infinity for never."""
        process = self.thread.process
        deadline = process.timers.bound(self._block.deadline) if self._block else None
        if deadline is None:
            return math.inf
        return max(0.0, (deadline - process.kernel.host.monotonic()) / 1e6)

    def resume(self) -> int:
        """What the suspended guest is to do: `PARKED` is to wait again, `AGAIN` to make its call
        again, `UPCALL` to call what `upcall` gives and ask `proceed`, `UNWOUND` to end; all else is
        what its call answers."""
        thread = self.thread
        process = thread.process
        self._notified = False
        process.timers.fire()
        if self._block is not None:
            self._leave()
            process.changed.join(self)
        if process.paused:
            if process.status is not None or process.replacement is not None:
                return UNWOUND
            self._park(Block([process.changed]))
            return PARKED
        call = self._call
        if isinstance(call, int):
            answer = self._delivery.hold(call) if thread.attention else call
            return UNWOUND if answer == UNWIND else answer
        tried, self._tried = self._tried, thread.attention
        if thread.attention:
            if not tried:
                self.wake()
            elif self._delivery.interrupts(call, waited=self._waited):
                self._tried = False
                return UPCALL
        return AGAIN

    def hold(self, answer: int) -> int:
        """The same for a guest whose call has been made, and answers this."""
        self._call = answer
        return self.resume()

    def upcall(self) -> Upcall:
        """What to call after `UPCALL`."""
        upcall = self._delivery.upcall()
        assert isinstance(upcall, Upcall)  # nothing is linked here
        return upcall

    def proceed(self) -> int:
        """What to do when the upcall has returned, as `resume` says it."""
        self._call, self._waited = self._delivery.release(None), False
        return self.resume()

    def suspended(self, guest: Suspended) -> int | None:
        """See `engines.protocol.Door`."""
        return self._delivery.suspended(guest)

    def begin(self) -> None:
        """Its guest begins to run: what it was notified of before has been lost."""
        self._notified = False
        if self.thread.attention or self.thread.process.paused:
            self.wake()

    def finished(self) -> None:
        """A call that had waited is done."""
        self._tried = False
        self._call = 0
        self.thread.call.clear()

    def wake(self) -> None:
        if not self._notified:
            self._notified = True
            self._notify(self.thread.tid)

    def stop(self) -> None:
        """End the guest, unless it is suspended or alone to run."""
        if self._stop is not None:
            self._stop(self.thread.tid)

    def end(self) -> None:
        """Its guest is over."""
        self._leave()
        self.thread.process.changed.leave(self)

    def _leave(self) -> None:
        """Wait no longer."""
        if self._block is not None:
            for queue in self._block.queues:
                queue.leave(self)
            self._block = None

    def _park(self, block: Block) -> None:
        self._block = block
        for queue in block.queues:
            queue.join(self)
