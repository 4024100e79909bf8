"""Processes and threads: who makes a call, and how it ends.

A process ends once: by `exit`, by a signal, by a trap its engine reports, or because its host gives
up on it. Whatever came first decides the status. It stays in its parent's `children` until that has
joined it; what has no parent is gone at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from wasix.abi import E, Errno
from wasix.abi.instance import Snapshot
from wasix.abi.memory import DirectMemory, Memory
from wasix.fs.descriptor import DescriptorTable
from wasix.proc.closures import Closures
from wasix.proc.context import Contexts
from wasix.proc.futex import Futexes
from wasix.proc.record import Record
from wasix.proc.signal import IGNORED, STOPPING, UNCATCHABLE, Signal
from wasix.proc.stack import Checkpoints, Held, Point
from wasix.proc.timer import Timers
from wasix.proc.tracing import Tracing
from wasix.proc.wait import Block, Sleeper, WaitQueue

if TYPE_CHECKING:
    from wasix.kernel import Kernel
    from wasix.proc.linker import Linker
    from wasix.proc.program import Program

STATUS_TRAP = 134
STATUS_TIMEOUT = 124
STATUS_FUEL = 128 + Signal.XCPU
"""It has executed all it might: what a shell shows of a program over its processor time."""
STATUS_OUTPUT = 128 + Signal.XFSZ
"""It wanted to write more than it might: what a shell shows of a program over its file size."""
STATUS_INTERNAL = 70
"""The runtime itself failed (sysexits' EX_SOFTWARE)."""
STATUS_NOEXEC = 126
"""What it was to execute is no program that can run here."""
STATUS_NOT_FOUND = 127
"""What it was to execute is not there."""

MOST_THREADS = 512
"""Threads that a process may have at once."""

_NO_MEMORY = DirectMemory(memoryview(b""))


class Runner(Protocol):
    """The engine's side of a running thread, as far as the kernel needs it."""

    def stop(self) -> None:
        """Make the guest unwind soon, even if it computes without calling. Never blocks."""


class Thread:
    """A guest thread.

    `call` belongs to the call being made: it lives from the first try to the last, so that a
    retried call knows what it has decided or done (an absolute deadline, bytes moved).
    `attention` is set when its carrier must look, before or after a call, whether its process is
    paused or has ended, or a signal is to be delivered.
    """

    __slots__ = (
        "argument",
        "attention",
        "call",
        "checkpoints",
        "contexts",
        "ended",
        "futexes",
        "held",
        "memory",
        "process",
        "readers",
        "runner",
        "signals",
        "sleeper",
        "tid",
        "writers",
    )

    def __init__(self, process: Process, tid: int, futexes: Futexes | None = None) -> None:
        self.tid = tid
        self.argument = 0
        """What it starts with, if it is not the first: where its stack is said to be."""
        self.attention = process.timers.deadline is not None
        self.call: dict[str, Any] = {}
        self.checkpoints = Checkpoints()
        self.contexts = Contexts()
        self.held: list[Held] = []
        """The calls whose upcalls are being made, outermost first."""
        self.ended = WaitQueue()
        """Woken when it ends by itself, and its process goes on."""
        self.futexes = Futexes() if futexes is None else futexes
        """Those of the memory it runs on."""
        self.memory: Memory = _NO_MEMORY
        """Linear memory, for calls that look into it. Valid while one is served."""
        self.signals: dict[Signal, None] = {}
        """Pending ones for this thread, in order of arrival."""
        self.sleeper: Sleeper | None = None
        self.runner: Runner | None = None
        self.join(process)

    def join(self, process: Process) -> None:
        """Make calls for `process` from now on."""
        self.process = process
        # Of the process; a step less for each read and write.
        self.readers = process.descriptors.readers
        self.writers = process.descriptors.writers

    def end(self) -> None:
        """Its guest is over: what that ran on goes now, not with the last who knows the thread."""
        self.runner = self.sleeper = None
        self.memory = _NO_MEMORY

    def interrupt(self) -> None:
        """Have its carrier look, even if it waits."""
        self.attention = True
        if self.sleeper:
            self.sleeper.wake()

    def take_signal(self) -> Signal | None:
        """The next signal to deliver to it, which is pending no longer."""
        for pending in (self.signals, self.process.signals):
            for signal in pending:
                del pending[signal]
                return signal
        return None


class Group:
    """Processes that a terminal's keys signal together: those one program has started."""

    def __init__(self) -> None:
        self.members: dict[Process, None] = {}

    def deliver(self, signal: Signal) -> None:
        for process in tuple(self.members):
            process.deliver(signal)

    def exit(self, status: int, message: str) -> None:
        """End all."""
        for process in tuple(self.members):
            process.exit(status, message)

    def interrupt(self) -> None:
        """Ctrl-C. What has not heard of the one before, since it computes, ends now."""
        for process in tuple(self.members):
            if Signal.INT in process.signals and process.loan is None:
                process.end_by(Signal.INT)
            else:
                process.deliver(Signal.INT)


class Loan(NamedTuple):
    """A parent's thread while a vfork's child runs on it, and on its memory."""

    thread: Thread
    lender: Process
    point: Point | None
    """Where the parent forked; None if the guest finds back by itself."""
    at: int
    """Where in memory the child's number is stored then."""


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
        parent: Process | None = None,
    ) -> None:
        self.kernel = kernel
        self.pid = pid
        self.name = args[0].decode("utf-8", "replace") if args else ""
        """What messages call it."""
        self.args = list(args)
        self.environ = [name + b"=" + value for name, value in environ.items()]
        self.descriptors = descriptors
        self.cwd: str = parent.cwd if parent else "/"
        """The working directory: an absolute path."""
        self.parent = parent
        self.children: dict[int, Process] = {}
        """Those that have not been joined yet, by pid."""
        self.group: Group = parent.group if parent else Group()
        self.group.members[self] = None
        self.program: Program | None = None
        """What it runs; None until that is known."""
        self.replacement: Program | None = None
        """What it is to run next (exec), once its threads have unwound."""
        self.loan: Loan | None = None
        """What it runs on while that is its parent's (vfork)."""
        self.begun = parent is None
        """Whether it has been started; a new process is made ready first."""
        self.status: int | None = None
        self.signal: Signal | None = None
        """The signal that ended it, if one did."""
        self.stopped_by: Signal | None = None
        """The signal that stopped it, until its parent has been told."""
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
        self.child_changed = WaitQueue()
        """Woken when one of its children does."""
        self.on_exit: list[Callable[[Process], None]] = []
        self.tracing: Tracing | None = None
        self.callback: str | None = None
        """The exported function that takes its signals; without one each does what it does by
        default, or nothing if it is among `ignored`."""
        self.closures = Closures()
        """Functions that it has had made; those of the program it runs."""
        self.record = Record()
        """What has been linked to its program."""
        self.linker: Linker | None = None
        """What links libraries to its program, once that is needed."""
        self._cells = 0
        self.timers = Timers(kernel.host.monotonic, self.deliver)
        self.wasix: bool = parent.wasix if parent else False
        """Whether its program was built for WASIX, whose libc takes preopened directories, paths
        and `fd_renumber` otherwise."""
        descriptors.on_broken_pipe = self._broken_pipe
        self.ignored: set[Signal] = set(parent.ignored) if parent else set()
        self.signals: dict[Signal, None] = {}
        """Pending ones for any of its threads, in order of arrival."""
        self.threads: dict[int, Thread] = {pid: Thread(self, pid)}
        """Those that have not ended, by tid. The first has the process's number."""

    @property
    def main(self) -> Thread:
        return self.threads[self.pid]

    def child(self) -> Process:
        """A process that has what this one has, and is its child; it does not run yet.

        `again` if there are too many.
        """
        kernel = self.kernel
        kernel.check_processes()
        child = Process(kernel, kernel.next_id(), self.args, {}, self.descriptors.copy(), self)
        child.environ = list(self.environ)
        child.name, child.program = self.name, self.program
        kernel.processes[child.pid] = self.children[child.pid] = child
        if self.tracing is not None:
            child.tracing = Tracing(child, self.tracing.tracer)
        return child

    def abandon(self) -> None:
        """It will not run after all, and its parent never hears of it."""
        parent, self.parent = self.parent, None
        self.exit(0)
        if parent is not None:
            parent.children.pop(self.pid, None)

    def new_cell(self) -> int:
        """A number for a global that its instances are given."""
        self._cells += 1
        return self._cells

    def become(self, program: Program) -> None:
        """Be about to run `program` from its beginning: what belongs to the old one goes."""
        self.program, self.name, self.wasix = program, program.name, program.wasix
        self.callback = None
        self.closures, self.record, self.linker = Closures(), Record(), None
        self.descriptors.close_on_exec()

    def execute(self, program: Program) -> None:
        """The same, when the last thread has unwound: there is a new first one."""
        for child in [child for child in self.children.values() if not child.begun]:
            child.abandon()  # the thread that made it has unwound
        self.become(program)
        self.replacement = None
        self.paused = False
        self.threads = {self.pid: Thread(self, self.pid)}

    def complain(self, text: str) -> None:
        """Tell whoever reads its standard error, if that takes it at once."""
        with suppress(Errno, Block):
            self.descriptors.file(2).write([memoryview(f"wasix: {text}\n".encode())])

    def start(self, snapshot: Snapshot | None = None) -> None:
        """Run its program, or go on from a snapshot of one that does."""
        self.begun = True
        assert self.kernel.programs is not None
        self.kernel.programs.start(self, snapshot)

    def replace(self, program: Program, *, caller: Thread) -> None:
        """Run another program as soon as all threads have unwound, `caller` by itself."""
        self.replacement = program
        self._end_threads(caller)

    def _end_threads(self, caller: Thread | None) -> None:
        self.paused = True
        for thread in self.threads.values():
            thread.interrupt()
            if thread.runner and thread is not caller:
                thread.runner.stop()

    def set_timer(self, signal: Signal, interval: int, *, repeat: bool) -> None:
        """Signal it after `interval` nanoseconds, and again and again; 0 ends that."""
        self.timers.set(signal, interval, repeat=repeat)
        for thread in self.threads.values():
            thread.interrupt()

    def _broken_pipe(self) -> None:
        """It wrote to where nobody reads. Without a callback the error alone tells it."""
        if self.callback is not None:
            self.deliver(Signal.PIPE)

    def set_ignored(self, signal: Signal, ignored: bool) -> None:
        """What a signal does while the program takes none itself."""
        if ignored and signal not in UNCATCHABLE:
            self.ignored.add(signal)
        else:
            self.ignored.discard(signal)

    def new_thread(self, starter: Thread) -> Thread:
        """Another thread on the memory of `starter`. `again` if there are too many."""
        if len(self.threads) >= MOST_THREADS:
            raise Errno(E.AGAIN)
        thread = Thread(self, self.kernel.next_id(), starter.futexes)
        self.threads[thread.tid] = thread
        return thread

    def end_thread(self, thread: Thread) -> None:
        """A thread ends, and the others go on; the process ends with the last one."""
        if self.threads.pop(thread.tid, None) is None:
            return
        thread.futexes.forget(thread)
        thread.ended.wake()
        if not self.threads and self.replacement is None:
            self.exit(0)

    def exit(
        self, status: int, message: str | None = None, *, caller: Thread | None = None
    ) -> None:
        """End with `status`; its threads unwind, `caller` by itself. Only the first end counts."""
        if self.status is not None:
            return
        self.status = status & 0xFF
        self.message = message
        self.timers.clear()
        self.descriptors.close_all()
        if self.loan is None:
            self._end_threads(caller)
        self.paused = True
        self.loan = None
        self.group.members.pop(self, None)
        for child in list(self.children.values()):
            if not child.begun:
                child.abandon()
            child.parent = None
            if child.status is not None:
                self.kernel.forget(child)
        self.children.clear()
        self.changed.wake()
        for callback in self.on_exit:
            callback(self)
        if self.parent is None:
            self.kernel.forget(self)
        else:
            self._tell_parent()

    def _tell_parent(self) -> None:
        parent = self.parent
        if parent is not None:
            parent.child_changed.wake()
            parent.deliver(Signal.CHLD)

    def reap(self, child: Process) -> None:
        """Forget a child that has ended."""
        del self.children[child.pid]
        child.parent = None
        self.kernel.forget(child)

    def deliver(self, signal: Signal, *, caller: Thread | None = None) -> None:
        """A signal arrives: its callback is to take it, or it does what it does by default."""
        if self.status is not None:
            return
        if self.loan is not None:
            # It runs on another's thread, which has to be given back first.
            self.signals[signal] = None
            return
        if signal is Signal.CONT and self.paused:
            self.paused = False
            self.stopped_by = None
            self.changed.wake()
        if self.callback is not None and signal not in UNCATCHABLE:
            self.signals[signal] = None
            for thread in self.threads.values():
                thread.interrupt()
                break
        else:
            self._default(signal, caller)

    def _default(self, signal: Signal, caller: Thread | None) -> None:
        if signal in IGNORED or (signal in self.ignored and signal not in UNCATCHABLE):
            return
        if signal in STOPPING:
            self.paused = True
            self.stopped_by = signal
            for thread in self.threads.values():
                thread.attention = True
            self.changed.wake()
            self._tell_parent()
        else:
            self.end_by(signal, caller=caller)

    def end_by(self, signal: Signal, *, caller: Thread | None = None) -> None:
        """End it by a signal, whatever it makes of that."""
        if self.status is None:
            self.signal = signal
            self.exit(128 + signal, caller=caller)
