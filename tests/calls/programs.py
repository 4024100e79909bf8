"""Programs without an engine: what starts is noted, and loads as the test says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.calls.conftest import Guest
from wasix.abi import E, Errno
from wasix.abi.instance import Signature, Snapshot
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access, Directory
from wasix.proc.library import Library
from wasix.proc.process import Process, Thread
from wasix.proc.program import Loading

MAGIC = b"\0asm\1\0\0\0"


@dataclass(frozen=True)
class FakeProgram:
    name: str
    suspends: bool = True
    wasix: bool = True
    links: bool = True

    def exports(self, name: str) -> bool:
        return name != "missing"

    def library(self) -> Library:
        return Library(self.name, None, (), {})

    def stubs(self, signatures: tuple[Signature | None, ...]) -> object:
        return signatures

    def closure(self, signature: Signature) -> object:
        return signature


@dataclass
class FakePrograms:
    """`at_once` is whether programs are loaded when they are asked for."""

    at_once: bool = True
    started: list[tuple[Process, Snapshot | None]] = field(default_factory=list)
    loadings: list[tuple[str, Loading]] = field(default_factory=list)

    def load(self, name: str, file: OpenFile) -> Loading:
        file.close()
        loading = Loading()
        self.loadings.append((name, loading))
        if self.at_once:
            self.finish()
        return loading

    def finish(self, error: E | None = None) -> None:
        """The last program asked for is there, or cannot be."""
        name, loading = self.loadings[-1]
        if error is None:
            loading.program = FakeProgram(name)
        else:
            loading.error, loading.reason = Errno(error), f"{name} imports what nobody offers"
        loading.ready.wake()

    def load_library(self, process: Process, name: str, file: OpenFile) -> Loading:
        file.close()
        loading = Loading()
        loading.error, loading.reason = Errno(E.NOEXEC), f"{name}: it is no library"
        return loading

    def start(self, process: Process, snapshot: Snapshot | None = None) -> None:
        self.started.append((process, snapshot))

    def start_thread(self, thread: Thread, starter: Thread, argument: int) -> None:
        raise Errno(E.NOTSUP)


@dataclass
class FakeSuspended:
    """An instance whose stack has been unwound: 16 bytes of it behind the head at `area`."""

    memory: memoryview
    area: int = 3072
    stack_pointer: int | None = 0
    variables: tuple[int, ...] = (4096, 7)

    def unwind(self, stack: bytes) -> None:
        start = self.area + 8
        self.memory[self.area : start] = (start + len(stack)).to_bytes(4, "little") + (
            start + 64
        ).to_bytes(4, "little")
        self.memory[start : start + len(stack)] = stack

    @property
    def stack(self) -> bytes:
        end = int.from_bytes(self.memory[self.area : self.area + 4], "little")
        return bytes(self.memory[self.area + 8 : end])


def with_programs(guest: Guest, files: Mapping[str, bytes] = {}) -> FakePrograms:
    """Have the guest run a program that can be split, and give it `files` in `/bin`."""
    kernel = guest.process.kernel
    root = kernel.namespace.root
    root.make_directory("bin")
    folder = root.lookup("bin")
    assert isinstance(folder, Directory)
    for name, data in files.items():
        file = folder.create(name).open(Access(write=True))
        file.write([memoryview(data)])
        file.close()
    programs = FakePrograms()
    kernel.programs = programs
    guest.process.become(FakeProgram("sh"))
    return programs
