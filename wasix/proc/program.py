"""Programs as the kernel has them: something that a process runs, found by its path.

What a program is made of, and how it is run, is the face's business: the kernel only ever asks for
one to be loaded from a file, and for a process to be started with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wasix.abi import Errno
from wasix.abi.instance import Signature, Snapshot
from wasix.proc.library import Library
from wasix.proc.wait import WaitQueue

if TYPE_CHECKING:
    from wasix.fs.file import OpenFile
    from wasix.proc.process import Process, Thread


class Program(Protocol):
    """A program that is ready to be started."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def suspends(self) -> bool:
        """Whether its stack can be unwound and rewound."""

    @property
    def wasix(self) -> bool:
        """Whether it imports anything from WASIX."""

    @property
    def links(self) -> bool:
        """Whether its table of functions can be looked at and added to."""

    def exports(self, name: str) -> bool:
        """Whether it exports a function under this name."""

    def library(self) -> Library:
        """The program as what libraries are linked to."""

    def stubs(self, signatures: tuple[Signature | None, ...]) -> object:
        """A module with functions of these types as exports `0`, `1`..., for `Instantiate`.

        Each calls what is at its place of the exported `table`; if nothing is, the function that
        the module imports, with its place and the value of the global that it imports added up.
        """

    def closure(self, signature: Signature) -> object:
        """A module with a function of this type as its export `closure`, for `Instantiate`.

        It imports memory, table, stack pointer and two globals, and calls what is in the slot that
        the first of these says: with the addresses of arguments and of room for the results, as
        `CallSlot` has them, and the second.
        """


class Loading:
    """A program being loaded. `ready` is woken when `program` or `error` is there."""

    def __init__(self) -> None:
        self.ready = WaitQueue()
        self.program: Program | None = None
        self.library: Library | None = None
        """Instead, if it was a library that was to be loaded."""
        self.error: Errno | None = None
        """`noexec` if the file is no program, else why it cannot be read."""
        self.reason: str | None = None
        """What a person should know about the error."""


class Programs(Protocol):
    """Where programs come from. Called under the kernel lock, which it does not give up."""

    def load(self, name: str, file: OpenFile) -> Loading:
        """Begin to load the program that `file` holds; closes the file when it has been read."""

    def load_library(self, process: Process, name: str, file: OpenFile) -> Loading:
        """The same for a library to be linked to the program that `process` runs."""

    def start(self, process: Process, snapshot: Snapshot | None = None) -> None:
        """Run `process.program`, from its beginning or from where a snapshot was taken.

        What cannot be started ends its process at once, with a message.
        """

    def start_thread(self, thread: Thread, starter: Thread, argument: int) -> None:
        """Run `wasi_thread_start(tid, argument)` of the process's program on the same memory as
        `starter`, which is making a call. `Errno` if the engine has no threads."""
