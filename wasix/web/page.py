"""The kernel's face in a page: what the bundle's worker calls, in Pyodide.

JavaScript passes ints, strings and buffers, and gets the same back. What goes wrong for a reason a
person can act on is a `PageError`; its text is the message.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from wasix.abi import E, Errno
from wasix.abi.staged import Stage
from wasix.abi.types import Filetype
from wasix.fs import walk
from wasix.fs.archive import ArchiveError
from wasix.fs.devices import null
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory
from wasix.fs.journal import Damaged
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.opening import Opening
from wasix.fs.pipe import Pipe, PipeReader
from wasix.host import Clock
from wasix.proc.limit import OutputLimit, expire
from wasix.proc.process import Process
from wasix.proc.signal import Signal
from wasix.proc.tracing import Traced, Tracer
from wasix.proc.wait import WaitQueue
from wasix.system import make_kernel
from wasix.web.kept import Kept, Part
from wasix.web.programs import STATUS_INVALID, Image, Programs, Worker, command
from wasix.web.provided import unpack
from wasix.web.streams import MODES, Feed, Outbox, Output, PageTerminal

NO_SUSPENDING = (
    "{name}: waiting for input or time needs WebAssembly JavaScript Promise Integration (JSPI), "
    "which this browser lacks but recent versions of Chromium and Firefox have, or a service "
    "worker, which takes HTTPS, the page's own origin and no sandboxed frame, or a page that "
    "its server makes cross-origin isolated"
)

_CHUNK = 1 << 20
_MOST_CALLS = 256
"""System calls that are told of together."""
_POOL = 1 << 12
"""Random bytes that are asked for at once."""


class PageError(Exception):
    """Something asked for cannot be done; the text says why."""


class PageHost(Clock):
    """Pyodide's clocks and entropy. There are no host descriptors."""

    def __init__(self) -> None:
        self._pool = b""
        self._given = 0
        """Bytes of the pool that somebody has got: nobody else gets them."""

    def random(self, count: int) -> bytes:
        # Asking the browser takes longer than all the rest, and 256 bytes take as long as one. No
        # process is forked here, whose pool would be the same.
        if count > _POOL // 2:
            return super().random(count)
        end = self._given + count
        if end > len(self._pool):
            self._pool, end = super().random(_POOL), count
        self._given = end
        return self._pool[end - count : end]

    def readable(self, fd: int) -> WaitQueue:
        return WaitQueue()

    def writable(self, fd: int) -> WaitQueue:
        return WaitQueue()


class Storage(Protocol):
    """What `web/storage.js` opens."""

    parts: Sequence[Part]
    writable: bool


class Door(Worker, Protocol):
    """The worker's side, in JavaScript."""

    def output(self, pid: int, fd: int, data: bytes) -> None: ...

    def failed(self, reason: str) -> None:
        """Files could not be kept, which nobody was waiting for."""

    def entered(self, pid: int, line: str) -> None:
        """A line was entered, to be remembered."""

    def exited(self, pid: int, status: int, message: str | None) -> None:
        """A program is over, and so is all that it has started."""

    def traced(self, pid: int, lines: str) -> None:
        """System calls that a program has made, or what it has started."""


class Job:
    """A program that the page runs, and its ends of the standard streams. What it starts inherits
    them."""

    def __init__(self) -> None:
        self.process: Process
        self.outboxes: list[Outbox] = []
        self.feed: Feed | None = None
        self.terminal: PageTerminal | None = None
        self.calls: list[str] = []
        """System calls that the page has not been told of yet."""


class Page:
    """One kernel with its files and programs. `suspends` is whether guests can be suspended,
    `isolated` whether workers can share memory, and `held` whether they can wait without that."""

    def __init__(
        self,
        door: Door,
        suspends: bool,
        isolated: bool = False,
        storage: Storage | None = None,
        filesystem_limit: int | None = None,
        max_processes: int | None = None,
        held: bool = False,
    ) -> None:
        """With `storage` all files but those in `/tmp` are kept there, or read from there if it is
        another's; without, `filesystem_limit` bounds them in bytes. Raises `PageError`."""
        self.door = door
        self.waits = suspends or isolated or held
        self.stage = Stage()
        host = PageHost()
        self.kept = self._keep(host, storage) if storage else None
        self._failure = ""
        """Why files could not be kept the last time."""
        files = self.kept.files if self.kept else None
        self.kernel = make_kernel(host, files=files, filesystem_limit=filesystem_limit)
        if max_processes is not None:
            self.kernel.max_processes = max_processes
        self.namespace = self.kernel.namespace
        if self.kept:
            self.namespace.mount("/tmp", MemoryFilesystem(host.realtime).root)
            if self.kept.image:
                devices = self.namespace.mounts(self.namespace.root)
                self.namespace.root = self.kept.image.root
                for name, inode in devices.items():
                    self.namespace.mount(f"/{name}", inode)
        self.jobs: dict[int, Job] = {}
        self.programs = Programs(
            self.kernel,
            self.stage,
            door,
            self._over,
            suspends=suspends,
            isolated=isolated,
            held=held,
        )
        self.kernel.programs = self.programs

    def _keep(self, host: PageHost, storage: Storage) -> Kept:
        try:
            return Kept(host.realtime, storage.parts, writable=storage.writable)
        except (OSError, Damaged) as error:
            raise PageError(f"the files that are kept here cannot be read: {error}") from None

    def save(self) -> None:
        """Have what has changed be kept."""
        if self.kept is None:
            return
        try:
            self.kept.save()
        except Errno as error:
            raise PageError(f"files could not be kept: {error}") from None

    # Programs.

    def provide(self, at: str, data: Any) -> None:
        """Mount files that a program looks for, as `wasix.web.provided` packs them, in the
        directory `at`. Names that are taken there stay what they are. Raises `PageError`."""
        try:
            image = unpack(memoryview(data).cast("B"), at, self.kernel.host.realtime())
            self.namespace.spread(at, image.root)
        except (ArchiveError, Errno) as error:
            raise PageError(f"{at}: the program's files cannot be there: {error}") from None

    def link(self, data: Any, name: str, memory: int | None) -> tuple[str, Any]:
        """Check a module: (what it is to be given, as JSON; its bytes, if they had to change)."""
        # Catalogued programs were checked when the bundle was made and never need this.
        from engines.js.imports import wanted
        from wasix.api.errors import WasixError
        from wasix.api.program import link

        try:
            program = link(bytes(data), name, memory=memory, links=False)
        except WasixError as error:
            raise PageError(str(error)) from None
        module = program.module
        return wanted(program), None if module.size == len(data) else module.join()

    def spawn(
        self,
        name: str,
        args: Sequence[str],
        environ: Mapping[str, str],
        cwd: str,
        stdin: Any,
        terminal: Mapping[str, Any] | None,
        preopens: Sequence[str] = (),
        output_limit: int | None = None,
        max_files: int | None = None,
        trace: bool = False,
    ) -> int:
        """A new process, for `run`; returns its pid.

        stdin: bytes to read, True for a stream that `feed` fills, None for nothing.
        terminal: if it has one for all three streams, its `columns`, `rows`, `mode` (`edit`,
            `cooked`, `raw`) and `history`, lines entered before.
        preopens: directories it finds open under these very names, besides `/` and `.`.
        output_limit: bytes that it may write to standard output and error; then it is ended.
        max_files: descriptors it may have open at once.
        trace: whether the page is told of the system calls, of what it starts as well.
        """
        for text in (*args, *environ, *environ.values()):
            if "\0" in text:
                raise PageError(f"{name}: an argument or variable has a NUL character in it")
        job = Job()

        def outbox(fd: int) -> Outbox:
            box = Outbox(
                lambda data: self.door.output(job.process.pid, fd, data), bounded=self.waits
            )
            job.outboxes.append(box)
            return box

        if terminal is not None:

            def interrupt(signal: Signal) -> None:
                job.process.group.deliver(signal)

            if terminal.get("mode", "edit") not in MODES:
                raise PageError(f"{name}: the terminal's mode must be one of {', '.join(MODES)}")

            def remember(line: str) -> None:
                self.door.entered(job.process.pid, line)

            job.terminal = PageTerminal(outbox(1), interrupt, remember, **terminal)
            files: list[OpenFile] = [job.terminal.file] * 3
        else:
            files = [self._stdin(job, stdin), Output(outbox(1)), Output(outbox(2))]
        opened = {name: self._directory(name) for name in preopens}
        directory = self._directory(cwd, "working directory")
        output = None if output_limit is None else OutputLimit(output_limit)
        if output is not None:
            files = output.bound(files)
        try:
            job.process = self.kernel.process(
                [os.fsencode(arg) for arg in args],
                {os.fsencode(key): os.fsencode(value) for key, value in environ.items()},
                files,
                {"/": self.namespace.root, **opened, ".": directory},
                cwd="/" + cwd,
                max_files=1024 if max_files is None else max_files,
                tracer=self._tracer(job) if trace else None,
            )
        except Errno:
            raise PageError(f"{name}: {max_files} files are not enough to start") from None
        if output is not None:
            output.process = job.process
        job.process.name = name
        self.jobs[job.process.pid] = job
        return job.process.pid

    def _tracer(self, job: Job) -> Tracer:
        from wasix.api.trace import Call

        def told(traced: Traced) -> None:
            call = Call.of(traced)
            job.calls.append(f"[{call.pid}] {call}" if call.pid != job.process.pid else str(call))
            if len(job.calls) >= _MOST_CALLS:
                self._tell_calls(job)

        return told

    def _tell_calls(self, job: Job) -> None:
        if job.calls:
            lines, job.calls = "\n".join(job.calls), []
            self.door.traced(job.process.pid, lines)

    def _stdin(self, job: Job, stdin: Any) -> OpenFile:
        if stdin is None:
            return null()
        pipe = Pipe()
        if stdin is True:
            job.feed = Feed(pipe)
        else:
            pipe.put(bytes(stdin))
            pipe.close_write()
        return PipeReader(pipe)

    def run(
        self,
        pid: int,
        module: Any,
        wanted: str,
        functions: Sequence[str],
        memory: int | None = None,
        apart: bool = False,
    ) -> None:
        """Run a new process: its module, which exports `functions`, is to be given `wanted`. The
        programs that it starts may have as many bytes of `memory`, and run `apart` as well."""
        process = self.jobs[pid].process
        process.become(Image(process.name, module, wanted, functions))
        if process.wasix:
            # Its libc asks for the working directory, and would take `.` for the root.
            entries = process.descriptors.entries.items()
            process.descriptors.close(next(fd for fd, entry in entries if entry.preopen == "."))
        if memory is not None:
            self.programs.limits[process.group] = memory
        if apart:
            self.programs.apart.add(process.group)
        process.start()

    def cannot_wait(self, tid: int) -> None:
        """The guest would have to wait, and cannot be suspended."""
        process = self.programs.tasks[tid].process
        process.exit(STATUS_INVALID, NO_SUSPENDING.format(name=process.name))

    def _over(self, process: Process) -> None:
        job = self.jobs.get(process.pid)
        if job is None or job.process is not process:
            return
        del self.jobs[process.pid]
        self.programs.limits.pop(process.group, None)
        self.programs.apart.discard(process.group)
        # What it has left behind ends with it, as in a container.
        process.group.deliver(Signal.KILL)
        for box in job.outboxes:
            box.flush()
        self._tell_calls(job)
        assert process.status is not None
        self.try_to_save()
        self.door.exited(process.pid, process.status, process.message)

    def try_to_save(self) -> None:
        """The same, when nobody asked for it. Failures are told once, until it succeeds again."""
        before, self._failure = self._failure, ""
        try:
            self.save()
        except PageError as error:
            self._failure = str(error)
            if self._failure != before:
                self.door.failed(self._failure)

    def turn(self) -> None:
        """The worker's turn of the event loop ends, or a guest begins to wait."""
        for job in self.jobs.values():
            for box in job.outboxes:
                box.turn()
            self._tell_calls(job)

    def processes(self) -> str:
        """All processes, as a JSON list of objects: `pid`, `parent` (null for a program of the
        page's), `name`, `args`, `state` (`running`, `waiting`, `stopped`), `memory` (bytes; null
        before it has begun), `threads` (by tid)."""
        found = []
        for process in self.kernel.processes.values():
            if process.status is not None:
                continue
            tasks = [
                task
                for tid in process.threads
                if (task := self.programs.tasks.get(tid)) is not None
            ]
            state = "running"
            if process.paused:
                state = "stopped"
            elif tasks and all(task.carrier.waits for task in tasks):
                state = "waiting"
            memory = next((task.memory.size for task in tasks if task.memory), None)
            found.append(
                {
                    "pid": process.pid,
                    "parent": process.parent.pid if process.parent else None,
                    "name": process.name,
                    "args": command(process),
                    "state": state,
                    "memory": memory,
                    "threads": list(process.threads),
                }
            )
        return json.dumps(found)

    # What the page does to a running program. One that has ended is left alone.

    def feed(self, pid: int, data: Any, taken: Callable[[], object]) -> None:
        """Send `data` to standard input; `taken` is called when there is room for more."""
        job = self.jobs.get(pid)
        if job is None:
            taken()
        elif job.terminal is not None:
            job.terminal.input(bytes(data))
            # The guest may go on waiting, and have no turn.
            job.terminal.outbox.turn()
            taken()
        elif job.feed is not None:
            job.feed.put(bytes(data), taken)

    def finish(self, pid: int) -> None:
        """Close standard input."""
        job = self.jobs.get(pid)
        if job and job.feed:
            job.feed.close()

    def acknowledge(self, pid: int, fd: int, count: int) -> None:
        """The page has read `count` bytes of an output."""
        job = self.jobs.get(pid)
        if job:
            job.outboxes[fd - 1].acknowledge(count)

    def resize(self, pid: int, columns: int, rows: int) -> None:
        job = self.jobs.get(pid)
        if job and job.terminal:
            job.terminal.resize(columns, rows)
            job.terminal.outbox.turn()

    def kill(self, pid: int, signal: int) -> None:
        process = self.kernel.processes.get(pid)
        if process:
            process.deliver(Signal(signal))

    def expire(self, pid: int, seconds: float) -> None:
        """The program's time has passed."""
        job = self.jobs.get(pid)
        if job:
            expire(job.process, seconds)

    # Files. Paths are absolute, or relative to `/`.

    def _directory(self, path: str, what: str = "directory") -> Directory:
        try:
            inode = walk.find(self.namespace, self.namespace.root, _relative(path), follow=True)
            if not isinstance(inode, Directory):
                raise Errno(E.NOENT if inode is None else E.NOTDIR)
        except Errno as error:
            raise PageError(f"the {what} {path} cannot be used: {error}") from None
        return inode

    def _open(self, path: str, *, write: bool, directory: bool = False) -> OpenFile:
        return walk.open_path(
            self.namespace,
            self.namespace.root,
            _relative(path),
            Opening(Access(not write, write, truncate=write), create=write, directory=directory),
        )

    def write_file(self, path: str, data: Any) -> None:
        """Make or replace a file, and the directories on the way to it."""
        self.make_directory(path.rpartition("/")[0])
        try:
            file = self._open(path, write=True)
            try:
                rest = memoryview(data)
                while len(rest):
                    rest = rest[file.write([rest]) :]
            finally:
                file.close()
        except Errno as error:
            raise PageError(f"{path}: {error}") from None

    def read_file(self, path: str) -> bytes:
        parts = []
        try:
            file = self._open(path, write=False)
            try:
                buffer = memoryview(bytearray(_CHUNK))
                while count := file.read([buffer]):
                    parts.append(bytes(buffer[:count]))
            finally:
                file.close()
        except Errno as error:
            raise PageError(f"{path}: {error}") from None
        return b"".join(parts)

    def make_directory(self, path: str) -> None:
        """Make a directory, and those on the way to it; nothing if it is there."""
        names = [name for name in path.split("/") if name]
        root = self.namespace.root
        try:
            for end in range(1, len(names) + 1):
                try:
                    walk.make_directory(self.namespace, root, "/".join(names[:end]))
                except Errno as error:
                    if error.code != E.EXIST:
                        raise
            inode = walk.find(self.namespace, root, _relative(path), follow=True)
            if not isinstance(inode, Directory):
                raise Errno(E.NOTDIR)
        except Errno as error:
            raise PageError(f"{path}: {error}") from None

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all that is in it."""
        root = self.namespace.root
        pending = [(_relative(path).rstrip("/"), False)]
        try:
            while pending:
                name, empty = pending.pop()
                inode = walk.find(self.namespace, root, name, follow=False)
                if empty:
                    walk.remove_directory(self.namespace, root, name)
                elif isinstance(inode, Directory):
                    pending.append((name, True))
                    pending += [(f"{name}/{entry}", False) for entry in self._names(name)]
                else:
                    walk.unlink(self.namespace, root, name)
        except Errno as error:
            raise PageError(f"{path}: {error}") from None

    def _names(self, path: str) -> list[str]:
        file = self._open(path, write=False, directory=True)
        return [name for _, _, name, _ in file.entries(0) or () if name not in (".", "..")]

    def rename(self, old: str, new: str) -> None:
        root = self.namespace.root
        try:
            walk.rename(self.namespace, root, _relative(old), root, _relative(new))
        except Errno as error:
            raise PageError(f"{old} cannot become {new}: {error}") from None

    def list_directory(self, path: str) -> str:
        """Its entries but `.` and `..`, as a JSON list of [name, is directory, bytes]."""
        found = []
        try:
            file = self._open(path, write=False, directory=True)
            directory = self._directory(path)
            for _, _, name, filetype in list(file.entries(0) or ()):
                inode = directory.lookup(name) if name not in (".", "..") else None
                if inode:
                    is_directory = filetype == Filetype.DIRECTORY
                    found.append([name, is_directory, 0 if is_directory else inode.stat().size])
        except Errno as error:
            raise PageError(f"{path}: {error}") from None
        return json.dumps(found)


def _relative(path: str) -> str:
    """`path` as one from the root directory."""
    return path.lstrip("/") or "."
