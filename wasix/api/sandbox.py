"""A sandbox: one guest system, its files and limits, in which programs are run."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from wasix.abi import Errno
from wasix.api.errors import UsageError, VolumeError
from wasix.api.files import Files
from wasix.api.guest import ENVIRONMENT as ENVIRONMENT
from wasix.api.guest import abandon
from wasix.api.launch import Launcher, Run, Settings
from wasix.api.program import MOST_ELEMENTS
from wasix.api.size import size
from wasix.api.trace import SIZE, Trace
from wasix.api.volumes import Volume, Volumes, image, mount_point, root_of
from wasix.catalogue import Archive, Found, kept_file
from wasix.fs import walk
from wasix.fs.inode import Directory
from wasix.pump import SystemHost
from wasix.system import make_kernel

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from wasix.api.commands import Commands
    from wasix.api.options import (
        Args,
        PopenAny,
        PopenBytes,
        PopenEncoded,
        PopenText,
        ProcessOptions,
        RunAny,
        RunBytes,
        RunEncoded,
        RunText,
    )
    from wasix.api.popen import Popen
    from wasix.api.process import Process


class Sandbox:
    """A guest system: a filesystem with volumes, an engine, and limits for what runs in it.

    >>> with wasix.Sandbox(memory_limit="256 MiB") as box:
    ...     box.fs.write_text("/in.txt", "3 4")
    ...     done = box.run(["python", "-c", "print(open('/in.txt').read()[::-1])"],
    ...                    capture_output=True, text=True)
    3
    >>> done.stdout.strip()
    '4 3'

    volumes: host paths, or what `wasix.memory()`, `wasix.image()` or `wasix.overlay()` gave, by
        guest path; each is also preopened by its name.
    engine: name of the engine, `auto` for the best one here.
    abi: the revision a guest may import from (`latest`, `preview1`, `unstable`, `wasmedge`).
    memory_limit: linear memory of one guest, bytes or a text such as "256 MiB".
    filesystem_limit: bytes the in-memory `/` may hold, likewise.
    max_files: descriptors a guest may have open.
    table_limit: elements of all tables of one guest together.
    output_limit: bytes one guest may write to its standard output and error, likewise; then it
        ends with status 153.
    time_limit: seconds one guest may run; then it ends with status 124.
    fuel: what one guest may execute, about an instruction a unit; then it ends with status 152.
        The count is the same on every engine. `Popen.fuel` is what was left.
    max_processes: processes there may be at once.
    commands: programs that guests find in `/bin`, as a list or by name: `.wasm` files, or names
        from the catalogue, which are fetched when they are first used.
    background: whether `auto` may leave a process behind that compiles a program for next time
        (`WASIX_BACKGROUND=0` in the environment forbids it as well).

    Files live as long as the sandbox. Leaving the context (`with` or `async with`) kills what still
    runs. One that is never closed gives a `ResourceWarning`, and is closed when it is collected.
    """

    _closed = True
    _own = False
    """Whether it is one guest's, which frees what it holds."""

    def __init__(
        self,
        *,
        volumes: Volumes | None = None,
        engine: str = "auto",
        abi: str = "latest",
        memory_limit: int | str | None = None,
        filesystem_limit: int | str | None = None,
        max_files: int = 1024,
        table_limit: int = MOST_ELEMENTS,
        output_limit: int | str | None = None,
        time_limit: float | None = None,
        fuel: int | None = None,
        max_processes: int = 1024,
        commands: Commands = (),
        background: bool = True,
        network: None = None,
    ) -> None:
        self.engine_name = engine
        self.abi = abi
        self.memory_limit = None if memory_limit is None else size(memory_limit)
        self.max_files = max_files
        self.table_limit = _checked("table_limit", table_limit, (1 << 32) - 1)
        self.output_limit = None if output_limit is None else size(output_limit)
        self.time_limit = _checked("time_limit", time_limit, threading.TIMEOUT_MAX)
        self.fuel = _checked("fuel", fuel, (1 << 63) - 1)
        self.max_processes = _checked("max_processes", max_processes, 1 << 31)
        lock = threading.RLock()
        self.host = SystemHost(lock)
        self.kernel = make_kernel(
            self.host,
            filesystem_limit=None if filesystem_limit is None else size(filesystem_limit),
            lock=lock,
        )
        self.kernel.max_processes = self.max_processes
        self.launcher = Launcher(
            self.kernel,
            Settings(
                engine_name=engine,
                abi=abi,
                memory_limit=self.memory_limit,
                table_limit=self.table_limit,
                fuel=self.fuel,
                background=background,
            ),
        )
        self.kernel.programs = self.launcher
        self.namespace = self.kernel.namespace
        self.volumes: list[str] = []
        self._provided: set[Archive] = set()
        self.traces: list[Trace] = []
        for name, volume in (volumes or {}).items():
            self._mount(name, volume)
        if commands:
            from wasix.api.commands import mount

            for found in mount(self.namespace, commands):
                self.provide(found)
        self._closed = False

    def _mount(self, name: str, volume: Volume) -> None:
        path = mount_point(name)
        root = root_of(volume)
        try:
            self.namespace.mount(path, root)
        except Errno as error:
            raise VolumeError(f"no volume can be mounted on {name}: {error}") from None
        if isinstance(root, Directory):
            self.volumes.append(name)

    def provide(self, found: Found) -> None:
        """Mount the files that a program of the catalogue looks for. Any thread.

        Names that are taken stay what they are. Raises `FetchError` or `VolumeError`.
        """
        archive = found.archive
        if archive is None or archive in self._provided:
            return
        root = image(kept_file(archive)).root
        assert isinstance(root, Directory)
        try:
            with self.kernel.lock:
                self.namespace.spread(archive.at, root)
                self._provided.add(archive)
                if archive.at not in self.volumes:
                    self.volumes.append(archive.at)
        except Errno as error:
            raise VolumeError(
                f"{archive.name} cannot be mounted on {archive.at}: {error}"
            ) from None

    def preopens(self, cwd: str) -> dict[str, Directory]:
        """The directories a new process has open, by name: `/`, every volume, and `cwd` as `.`."""
        names = {"/": "/"} | {name: mount_point(name) for name in self.volumes}
        names["."] = "/" + cwd
        found = {}
        for name, path in names.items():
            try:
                inode = walk.find(
                    self.namespace, self.namespace.root, path.lstrip("/") or ".", follow=True
                )
            except Errno as error:
                raise UsageError(f"the working directory {cwd} cannot be used: {error}") from None
            if not isinstance(inode, Directory):
                raise UsageError(f"the working directory {cwd} is no directory of the guest's")
            found[name] = inode
        return found

    @property
    def fs(self) -> Files:
        """Its files, as its guests see them."""
        return Files(self.kernel)

    def trace(self, size: int = SIZE) -> Trace:
        """The system calls of all guests started from now on; see `wasix.Trace`.

        At most `size` records are kept for a reader that is slow. Close it to stop.
        """
        trace = Trace(size)
        self.traces[:] = [other for other in self.traces if not other.closed] + [trace]
        return trace

    @overload
    def Popen(
        self, args: Args, *, text: Literal[True], **options: Unpack[PopenText]
    ) -> Popen[str]: ...
    @overload
    def Popen(
        self, args: Args, *, encoding: str, **options: Unpack[PopenEncoded]
    ) -> Popen[str]: ...
    @overload
    def Popen(self, args: Args, **options: Unpack[PopenBytes]) -> Popen[bytes]: ...
    @overload
    def Popen(self, args: Args, **options: Unpack[PopenAny]) -> Popen[Any]: ...

    def Popen(self, args: Args, **options: Any) -> Popen[Any]:  # noqa: N802
        """Start a program in this sandbox; see `wasix.Popen`."""
        from wasix.api.popen import Popen

        return Popen(args, sandbox=self, **options)

    @overload
    def run(
        self, args: Args, *, text: Literal[True], **options: Unpack[RunText]
    ) -> CompletedProcess[str]: ...
    @overload
    def run(
        self, args: Args, *, encoding: str, **options: Unpack[RunEncoded]
    ) -> CompletedProcess[str]: ...
    @overload
    def run(self, args: Args, **options: Unpack[RunBytes]) -> CompletedProcess[bytes]: ...
    @overload
    def run(self, args: Args, **options: Unpack[RunAny]) -> CompletedProcess[Any]: ...

    def run(self, args: Args, **options: Any) -> CompletedProcess[Any]:
        """Run a program in this sandbox; see `wasix.run`."""
        from wasix.api.run import run

        return run(args, sandbox=self, **options)

    @overload
    async def run_async(
        self, args: Args, *, text: Literal[True], **options: Unpack[RunText]
    ) -> CompletedProcess[str]: ...
    @overload
    async def run_async(
        self, args: Args, *, encoding: str, **options: Unpack[RunEncoded]
    ) -> CompletedProcess[str]: ...
    @overload
    async def run_async(
        self, args: Args, **options: Unpack[RunBytes]
    ) -> CompletedProcess[bytes]: ...
    @overload
    async def run_async(self, args: Args, **options: Unpack[RunAny]) -> CompletedProcess[Any]: ...

    async def run_async(self, args: Args, **options: Any) -> CompletedProcess[Any]:
        """Run a program in this sandbox; see `wasix.run_async`."""
        from wasix.api.run import run_async

        done: CompletedProcess[Any] = await run_async(args, sandbox=self, **options)
        return done

    async def create_subprocess_exec(
        self, program: str, *args: str, **options: Unpack[ProcessOptions]
    ) -> Process:
        """Start a program in this sandbox; see `wasix.create_subprocess_exec`."""
        from wasix.api.process import create_subprocess_exec

        options["sandbox"] = self
        return await create_subprocess_exec(program, *args, **options)

    def check_open(self) -> None:
        """Raise `UsageError` if nothing can be started any more."""
        if self._closed:
            raise UsageError("this sandbox has been closed")

    def _kill(self) -> list[Run]:
        """Kill what runs. Nothing can be started from now on."""
        with self.kernel.lock:
            self._closed = True
            self.kernel.max_processes = 0
            runs = list(self.launcher.runs.values())
            for run in runs:
                run.kill()
        return runs

    def _free(self) -> None:
        for trace in self.traces:
            trace.close()
        with self.kernel.lock:
            self.host.close()

    def close(self) -> None:
        """Kill what still runs, and free what the sandbox holds. May be called again."""
        for run in self._kill():
            run.wait()
        self._free()

    async def aclose(self) -> None:
        """The same without keeping the event loop waiting."""
        from wasix.api.loop import all_over  # asyncio takes a tenth of a short run to import

        try:
            await all_over(self._kill())
        finally:
            self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._closed:
            return
        # Nobody else can reach it, so no lock is needed (nor could it be taken: see `abandon`).
        for trace in self.traces:
            trace.close()
        abandon(self.launcher.runs.values())
        self.host.close()
        if not self._own:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        return f"<wasix.Sandbox on {self.engine_name}>"


_Number = TypeVar("_Number", int, float, int | None, float | None)


def _checked(name: str, value: _Number, most: float) -> _Number:
    if value is not None and not 0 < value <= most:
        raise UsageError(f"{name} must be positive and at most {most}, not {value!r}")
    return value


def sandbox_for(sandbox: Sandbox | None, options: Mapping[str, Any]) -> tuple[Sandbox, bool]:
    """`sandbox`, or a new one made from `options`; whether it is new. Raises `UsageError`."""
    if sandbox is None:
        made = Sandbox(**options)
        made._own = True
        return made, True
    if options:
        raise UsageError(f"{', '.join(options)}: set where the sandbox is made, not here")
    return sandbox, False
