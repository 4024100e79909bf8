"""Processes and threads: who makes a call, and how it ends.

A process ends once: by `exit`, by a signal, by a trap its engine reports, or because its host gives
up on it. Whatever came first decides the status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from wasix.fs.descriptor import DescriptorTable
from wasix.proc.signal import IGNORED, STOPPING, Signal
from wasix.proc.wait import Sleeper, WaitQueue

if TYPE_CHECKING:
    from wasix.kernel import Kernel
    from wasix.proc.tracing import Tracing

STATUS_TRAP = 134
STATUS_TIMEOUT = 124
STATUS_FUEL = 128 + Signal.XCPU
"""It has executed all it might: what a shell shows of a program over its processor time."""
STATUS_OUTPUT = 128 + Signal.XFSZ
"""It wanted to write more than it might: what a shell shows of a program over its file size."""
STATUS_INTERNAL = 70
"""The runtime itself failed (sysexits' EX_SOFTWARE)."""


class Runner(Protocol):
    """The engine's side of a running thread, as far as the kernel needs it."""

    def stop(self) -> None:
        """Make the guest unwind soon, even if it computes without calling. Never blocks."""


class Thread:
    """A guest thread.

    `call` belongs to the call being made: it lives from the first try to the last, so that a
    retried call knows what it has decided or done (an absolute deadline, bytes moved).
    """

    __slots__ = ("call", "process", "readers", "runner", "sleeper", "tid", "writers")

    def __init__(self, process: Process, tid: int) -> None:
        self.process = process
        # Of the process; a step less for each read and write.
        self.readers = process.descriptors.readers
        self.writers = process.descriptors.writers
        self.tid = tid
        self.call: dict[str, Any] = {}
        self.sleeper: Sleeper | None = None
        self.runner: Runner | None = None


class Process:
    """A running program: arguments, environment, descriptors, and how it ended.

    `args` and `environ` are bytes without NUL. `status` is None while it runs, then 0-255 as a
    shell reports it. Everything but `wait` is called under the kernel lock.
    """

    def __init__(
        self,
        kernel: Kernel,
        pid: int,
        args: Sequence[bytes],
        environ: Mapping[bytes, bytes],
        descriptors: DescriptorTable,
    ) -> None:
        self.kernel = kernel
        self.pid = pid
        self.name = args[0].decode("utf-8", "replace") if args else ""
        """What messages call it."""
        self.args = list(args)
        self.environ = [name + b"=" + value for name, value in environ.items()]
        self.descriptors = descriptors
        self.threads = [Thread(self, pid)]
        self.status: int | None = None
        self.signal: Signal | None = None
        """The signal that ended it, if one did."""
        self.message: str | None = None
        """What a person should know about its end: a trap's text."""
        self.fuel: int | None = None
        """What was left of its fuel at its end, if it was metered and that is known."""
        self.defect: BaseException | None = None
        """An exception of the runtime itself that ended it."""
        self.paused = False
        """Whether its threads must not go on: it was stopped by a signal, or has ended."""
        self.changed = WaitQueue()
        """Woken when it ends, stops or continues."""
        self.on_exit: list[Callable[[Process], None]] = []
        self.tracing: Tracing | None = None

    @property
    def main(self) -> Thread:
        return self.threads[0]

    def exit(
        self, status: int, message: str | None = None, *, caller: Thread | None = None
    ) -> None:
        """End with `status`; its threads unwind, `caller` by itself. Only the first end counts."""
        if self.status is not None:
            return
        self.status = status & 0xFF
        self.message = message
        self.paused = True
        self.descriptors.close_all()
        for thread in self.threads:
            if thread.sleeper:
                thread.sleeper.wake()
            if thread.runner and thread is not caller:
                thread.runner.stop()
        self.kernel.forget(self)
        self.changed.wake()
        for callback in self.on_exit:
            callback(self)

    def deliver(self, signal: Signal, *, caller: Thread | None = None) -> None:
        """A signal arrives and does what it does by default."""
        if self.status is not None:
            return
        if signal is Signal.CONT:
            self.paused = False
            self.changed.wake()
        elif signal in STOPPING:
            self.paused = True
            self.changed.wake()
        elif signal not in IGNORED:
            self.signal = signal
            self.exit(128 + signal, caller=caller)
