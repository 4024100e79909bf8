"""The programs of a page's guests: they are compiled by the worker, and run on its one thread.

Where workers can share memory programs that may have threads run in workers of their own, others if
that is wanted, and all if guests cannot be suspended. Where they cannot, all do if that is the only
way to wait, and else those that have no threads, if it is wanted.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from engines.traps import named
from wasix.abi import CALLS, WASIX, WASIX64, E, Errno
from wasix.abi.instance import FreshMemory, Signature, Snapshot
from wasix.abi.staged import Stage
from wasix.fs.file import OpenFile, contents
from wasix.proc.library import Library
from wasix.proc.process import STATUS_INTERNAL, STATUS_TRAP, Group, Process, Thread
from wasix.proc.program import Loading
from wasix.proc.promise import PromiseCarrier
from wasix.web.memory import Guest, PageMemory, Unwound

if TYPE_CHECKING:
    from wasix.kernel import Kernel

STATUS_INVALID = 126
"""The module cannot be run here."""

_WASIX = (WASIX.module, WASIX64.module)
_MOST_IMAGES = 64


class Worker(Protocol):
    """What the worker does for programs, in JavaScript."""

    def notify(self, tid: int) -> None:
        """Ask the carrier of thread `tid` what to do, soon."""

    def load(self, number: int) -> None:
        """Have `Programs.link` and then `loaded` or `failed` be called with this, soon."""

    def start(self, tid: int) -> None:
        """Run what `Programs.begin` gives for this thread, and then call `ended`, soon."""

    def stop(self, tid: int) -> None:
        """End a thread that has a worker of its own, whatever it does, soon."""

    def born(self, pid: int, parent: int | None, name: str, args: Sequence[str]) -> None:
        """A process has begun."""

    def gone(self, pid: int, status: int) -> None:
        """One that had begun has ended."""


class Image:
    """A program and its module, which is JavaScript's: what the kernel calls a `Program`.

    `wanted` is what `engines.js.imports.wanted` says of it, and `functions` are those it exports.
    """

    def __init__(self, name: str, module: Any, wanted: str, functions: Iterable[str]) -> None:
        self._name = name
        self.module = module
        self.wanted = wanted
        self.fresh = FreshMemory()
        self._functions = frozenset(functions)

    def named(self, name: str) -> Image:
        """The same by another name."""
        image = Image(name, self.module, self.wanted, self._functions)
        image.fresh = self.fresh
        return image

    @property
    def name(self) -> str:
        return self._name

    @cached_property
    def _described(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.wanted)
        return found

    @property
    def links(self) -> bool:
        return False

    def library(self) -> Library:
        raise Errno(E.NOTSUP)

    def stubs(self, signatures: tuple[Signature | None, ...]) -> object:
        raise Errno(E.NOTSUP)

    def closure(self, signature: Signature) -> object:
        raise Errno(E.NOTSUP)

    @property
    def suspends(self) -> bool:
        return "variables" in self._described

    @property
    def wasix(self) -> bool:
        return any(module in _WASIX for module, _, _ in self._described["functions"])

    @property
    def shares(self) -> bool:
        """Whether threads can run on its memory."""
        return "shares" in self._described

    @property
    def variables(self) -> int:
        """How many variables a copy of an instance needs."""
        return len(self._described["variables"])

    @property
    def pointer(self) -> int | None:
        """Which of them is the stack pointer."""
        pointer: int | None = self._described["pointer"]
        return pointer

    def exports(self, name: str) -> bool:
        return name in self._functions


def command(process: Process) -> list[str]:
    """Its arguments as text."""
    return [arg.decode("utf-8", "replace") for arg in process.args]


class Task:
    """A guest thread and its program, while both are together."""

    def __init__(
        self, thread: Thread, image: Image, carrier: PromiseCarrier, *, apart: bool
    ) -> None:
        self.thread = thread
        self.process = thread.process
        """Whose it is, if it is lent to another, too."""
        self.image = image
        self.carrier = carrier
        self.apart = apart
        """Whether it has a worker of its own, and so a stage."""
        self.snapshot: Snapshot | None = None
        """Where to go on, instead of beginning."""
        self.entry = "_start"
        self.arguments: tuple[int, ...] = ()
        self.memories: Any = None
        """Those it imports, which are JavaScript's; None if they are to be made."""
        self.memory: PageMemory | None = None

    # What the worker asks.

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stage(self) -> Stage:
        return self.carrier.stage

    def calls(self, numbers: Iterable[int]) -> list[Callable[..., int]]:
        """The decoders of some calls, by call number."""
        return [self.carrier.call(CALLS[number]) for number in numbers]

    def opened(self, guest: Guest, memories: Any) -> None:
        """It has its memories from now on, and begins to run."""
        self.memories = memories
        self.memory = self.thread.memory = PageMemory(guest)
        self.carrier.begin()

    def restore(self) -> None:
        """Give it the memory of its snapshot, for which it has become large enough."""
        snapshot, self.snapshot = self.snapshot, None
        assert snapshot is not None
        unwound = self._unwound(snapshot.area)
        snapshot.memory.restore(unwound.memory, self.image.fresh)
        unwound.variables = snapshot.variables

    def suspended(self, area: int) -> int | None:
        """Its stack is unwound; see `engines.protocol.Door.suspended`."""
        return self.carrier.suspended(self._unwound(area))

    def _unwound(self, area: int) -> Unwound:
        assert self.memory is not None
        return Unwound(self.memory, area, self.image.variables, self.image.pointer)

    def upcall(self) -> list[Any]:
        """What to call: the export's name, then the arguments."""
        upcall = self.carrier.upcall()
        return [upcall.export, *upcall.arguments]


class _File:
    """A program that is being loaded."""

    def __init__(self, name: str, data: bytes, key: object, memory: int | None) -> None:
        self.name = name
        self.data = data
        self.key = key
        self.memory = memory
        self.wanted = ""
        self.loading = Loading()


class Programs:
    """See `wasix.proc.program.Programs`. `over` is told of every process whose program has ended,
    and that nothing has replaced."""

    def __init__(
        self,
        kernel: Kernel,
        stage: Stage,
        worker: Worker,
        over: Callable[[Process], object],
        *,
        suspends: bool,
        isolated: bool = False,
        held: bool = False,
    ) -> None:
        self.kernel = kernel
        self.suspends = suspends
        """Whether guests can be suspended."""
        self.isolated = isolated
        """Whether guests can run in workers of their own and share memory."""
        self.held = held
        """Whether they can wait there without sharing memory."""
        self.stage = stage
        self.worker = worker
        self.tasks: dict[int, Task] = {}
        """By tid."""
        self.limits: dict[Group, int] = {}
        """Bytes of linear memory that programs of a group may have."""
        self.apart: set[Group] = set()
        """Groups whose programs run in workers of their own where that is possible."""
        self._over = over
        self._images: OrderedDict[object, Image] = OrderedDict()
        self._files: dict[int, _File] = {}
        self._last = 0

    # The kernel's side.

    def load(self, name: str, file: OpenFile) -> Loading:
        process = self.kernel.current
        limit = self.limits.get(process.group) if process is not None else None
        try:
            stat = file.stat()
            inode = file.inode.key if file.inode else None
            key = (inode, stat.size, stat.mtim, stat.ctim, limit)
            image = self._images.get(key)
            data = b"" if image else contents(file, stat.size)
        finally:
            file.close()
        if image is not None:
            self._images.move_to_end(key)
            loading = Loading()
            loading.program = image.named(name)
            return loading
        self._last += 1
        loaded = self._files[self._last] = _File(name, data, key, limit)
        self.worker.load(self._last)
        return loaded.loading

    def load_library(self, process: Process, name: str, file: OpenFile) -> Loading:
        raise Errno(E.NOTSUP)

    def start(self, process: Process, snapshot: Snapshot | None = None) -> None:
        assert isinstance(process.program, Image)
        self._task(process.main, process.program).snapshot = snapshot
        if self._ended not in process.on_exit:  # a program that replaces another begins no process
            process.on_exit.append(self._ended)
            parent = process.parent.pid if process.parent else None
            self.worker.born(process.pid, parent, process.name, command(process))
        self.worker.start(process.pid)

    def _ended(self, process: Process) -> None:
        assert process.status is not None
        self.worker.gone(process.pid, process.status)

    def start_thread(self, thread: Thread, starter: Thread, argument: int) -> None:
        """Threads take turns, and each runs until it waits, if they have no workers."""
        found = self.tasks[starter.tid]
        if not found.image.shares or not ((found.apart and self.isolated) or self.suspends):
            raise Errno(E.NOTSUP)
        task = self._task(thread, found.image)
        task.entry, task.arguments = "wasi_thread_start", (thread.tid, argument)
        task.memories = found.memories
        self.worker.start(thread.tid)

    def _task(self, thread: Thread, image: Image) -> Task:
        wanted = thread.process.group in self.apart
        if self.isolated or self.held:
            apart = image.shares or not self.suspends or wanted
        else:
            # By messages, while it is suspended. Threads would have to share memory.
            apart = wanted and self.suspends and not image.shares
        stage, stop = (Stage(), self.worker.stop) if apart else (self.stage, None)
        carrier = PromiseCarrier(thread, stage, self.worker.notify, stop)
        thread.runner = carrier
        task = self.tasks[thread.tid] = Task(thread, image, carrier, apart=apart)
        return task

    # The worker's side.

    def link(self, number: int) -> Any:
        """The bytes of a module to compile; None if `failed` has been called."""
        from engines.js.imports import wanted
        from wasix.api.errors import WasixError
        from wasix.api.program import link

        file = self._files[number]
        data, file.data = file.data, b""
        try:
            program = link(data, file.name, memory=file.memory, links=False)
        except WasixError as error:
            self.failed(number, str(error))
            return None
        file.wanted = wanted(program)
        return data if program.module.size == len(data) else program.module.join()

    def loaded(self, number: int, module: Any, functions: Iterable[str]) -> None:
        """A module is compiled, which exports these functions."""
        file = self._files.pop(number)
        image = self._images[file.key] = Image(file.name, module, file.wanted, functions)
        if len(self._images) > _MOST_IMAGES:
            self._images.popitem(last=False)
        file.loading.program = image
        file.loading.ready.wake()

    def failed(self, number: int, reason: str) -> None:
        loading = self._files.pop(number).loading
        loading.error, loading.reason = Errno(E.NOEXEC), reason
        loading.ready.wake()

    def begin(self, tid: int) -> Task | None:
        """What a thread is to run; None if it need not even begin, and has ended."""
        task = self.tasks[tid]
        process = task.process
        if process.status is None and process.replacement is None:
            return task
        self.ended(tid, "unwound", "")
        return None

    def ended(self, tid: int, end: str, message: str) -> None:
        """A guest thread is over: how (as in `engines.protocol.End`)."""
        task = self.tasks.pop(tid)
        thread, process = task.thread, task.process
        if thread.process is not process:  # a vfork's child has not given it back
            child = thread.process
            child.exit(STATUS_TRAP, f"{child.name}: ended its parent's thread")
            thread.join(process)
        self._settle(thread, end, message)
        task.carrier.end()
        process.threads.pop(tid, None)
        thread.end()
        if any(other.process is process for other in self.tasks.values()):
            return
        if process.status is None and process.replacement is not None:
            process.execute(process.replacement)
            self.start(process)
        else:
            self._over(process)

    def _settle(self, thread: Thread, end: str, message: str) -> None:
        process = thread.process
        name = process.name
        match end:
            case _ if process.replacement is not None:
                pass
            case "unwound" if thread.tid not in process.threads:
                pass  # it has ended by itself
            case "returned" if thread.tid != process.pid:
                process.end_thread(thread)
            case "returned":
                process.exit(0)
            case "trapped":
                process.exit(STATUS_TRAP, f"{name}: trap: {named(message)}")
            case "invalid":
                process.exit(STATUS_INVALID, f"{name}: {message}")
            case "failed":
                process.exit(STATUS_INTERNAL, f"{name}: engine: {message}")
            case _:
                process.exit(STATUS_INTERNAL, f"{name}: stopped by its engine")
