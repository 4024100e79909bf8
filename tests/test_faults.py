"""Every call of the host fails once: the guest is told why, nothing leaks, and all goes on.

A guest's call that failed is made again; from there on everything is as without the fault.
"""

from __future__ import annotations

import errno
import gc
import io
import os
import socket
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest

from tests.calls.conftest import ManualHost
from tests.faults import ERRORS, SITES, HostCalls, Site, host_calls
from tests.fs.caller import Attributes, KernelCaller, tree
from tests.fs.sequences import BOTTOM, TOP, Sequence
from tests.fs.systems import Answer
from wasix.abi import E, Errno
from wasix.abi.types import Rights, Subscription, SubscriptionFd
from wasix.calls import HANDLERS
from wasix.fs import tarred
from wasix.fs.archive import ArchiveError, HostSource
from wasix.fs.file import READ, WRITE, OpenFile
from wasix.fs.host import HostVolume
from wasix.fs.inode import Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.overlay import OverlayFilesystem
from wasix.fs.quota import Quota
from wasix.fs.stream import HostStream
from wasix.fs.unarchive import open_archive
from wasix.net.host import HostSocket
from wasix.proc.process import Thread
from wasix.proc.wait import Block

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is called is Linux's")

FULL = "WASIX_TEST_FULL" in os.environ

LATER = (
    ("open", 0, "later", "CX", "rw", ""),
    ("write", 1, [b"later"]),
    ("pread", 1, [5], 0),
    ("close", 1),
    ("stat", 0, "later", False),
    ("unlink", 0, "later"),
)
"""What works in any volume once the host does again."""


class Guest:
    """Serves steps: those of `KernelCaller`, and a few of its own."""

    quota: Quota | None = None

    def __init__(self, root: Directory, *files: OpenFile) -> None:
        self.caller = KernelCaller(root)
        for file in files:
            self.caller.process.descriptors.add(file, inheriting=Rights.ALL)

    def step(self, name: Any, *args: Any) -> Answer:
        if hasattr(self.caller, name):
            return getattr(self.caller, name)(*args)
        try:
            return getattr(self, name)(self.caller.process.main, *args)
        except Errno as error:
            return error.code.name.lower()

    @staticmethod
    def poll(thread: Thread, fd: int, event: int) -> Answer:
        (found,) = HANDLERS["poll_oneoff"](thread, [Subscription(0, (event, SubscriptionFd(fd)))])
        if found.error:
            return E(found.error).name.lower()
        return tuple(found.fd_readwrite)

    @staticmethod
    def random(thread: Thread, count: int) -> Answer:
        return HANDLERS["random_get"](thread, memoryview(bytearray(count)))

    @staticmethod
    def parallelism(thread: Thread) -> Answer:
        answer: int = HANDLERS["thread_parallelism"](thread)
        return answer

    @staticmethod
    def accept(thread: Thread, fd: int) -> Answer:
        return HANDLERS["sock_accept"](thread, fd, 0)

    @staticmethod
    def receive(thread: Thread, fd: int, size: int) -> Answer:
        buffer = bytearray(size)
        return HANDLERS["sock_recv"](thread, fd, [memoryview(buffer)], 0), bytes(buffer)

    @staticmethod
    def send(thread: Thread, fd: int, data: bytes) -> Answer:
        return HANDLERS["sock_send"](thread, fd, [memoryview(data)], 0)

    @staticmethod
    def shutdown(thread: Thread, fd: int, how: int) -> Answer:
        return HANDLERS["sock_shutdown"](thread, fd, how)


def memory() -> Directory:
    return MemoryFilesystem(time.time_ns).root


def host(path: Path) -> Directory:
    root = HostVolume(path).root()
    assert isinstance(root, Directory)
    return root


def fill(root: Directory, steps: Sequence) -> Directory:
    guest = Guest(root)
    for step in steps:
        guest.step(*step)
    guest.caller.finish()
    return root


def in_a_volume(path: Path, stack: ExitStack) -> Guest:
    return Guest(host(path))


def in_a_limited_volume(path: Path, stack: ExitStack) -> Guest:
    volume = HostVolume(path, limit=1 << 20)
    root = volume.root()
    assert isinstance(root, Directory)
    guest = Guest(root)
    guest.quota = volume.quota
    return guest


def with_a_limited_file(path: Path, stack: ExitStack) -> Guest:
    volume = HostVolume(path / "b", limit=100)
    guest = Guest(memory())
    guest.caller.process.kernel.namespace.mount("/volume/b", volume.root())
    guest.quota = volume.quota
    return guest


def in_an_overlay(path: Path, stack: ExitStack) -> Guest:
    now = ("path_times", 0, "a/a", True, 0, 0, "AM")  # lest that it was copied shows
    return Guest(OverlayFilesystem(host(path), [fill(memory(), [*BOTTOM, *TOP, now])]).root)


def in_an_overlay_of_the_host(path: Path, stack: ExitStack) -> Guest:
    return Guest(OverlayFilesystem(memory(), [host(path)]).root)


def in_an_archive(path: Path, stack: ExitStack) -> Guest:
    fd = os.open(path / "archive", os.O_RDONLY)
    return Guest(open_archive(HostSource(fd), "archive", time=0, limit=1 << 20).root)


def with_streams(path: Path, stack: ExitStack) -> Guest:
    """1 and 2 are the ends of a pipe, 3 is a file."""
    reader, writer = os.pipe()
    os.write(writer, b"piped")
    file = os.open(path / "b", os.O_RDWR)
    files: list[OpenFile] = []
    left = [reader, writer, file]
    try:
        while left:
            files.append(HostStream(ManualHost(), left[0], owned=True))
            left.pop(0)
    except BaseException:
        for fd in left:
            os.close(fd)
        for opened in files:
            opened.close()
        raise
    return Guest(memory(), *files)


def with_sockets(path: Path, stack: ExitStack) -> Guest:
    """1 is a listening socket, 2 one of a pair."""
    # Two: a connection is lost when the host fails between taking it and getting it ready.
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    for _ in range(2):
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        client.send(b"hello")
    one, other = socket.socketpair()
    stack.enter_context(one)
    stack.enter_context(other).send(b"paired")
    shared = [HostSocket.share(ManualHost(), listener)]
    try:
        shared.append(HostSocket.share(ManualHost(), one))
    except BaseException:
        shared[0].close()
        raise
    return Guest(memory(), *shared)


@dataclass
class Scenario:
    """A guest at work on the host."""

    steps: Sequence
    start: Callable[[Path, ExitStack], Guest] = in_a_volume
    prepare: Callable[[Path], object] = lambda path: fill(host(path), BOTTOM + TOP)
    patch: Callable[[pytest.MonkeyPatch], object] = lambda patch: None
    """Makes the host another."""
    kept: int = 1
    """Descriptors that stay open when the guest has ended: the volume's, or the test's own."""
    lenient: bool = False
    """Whether a guest may be served though a call of the host's failed: there are other ways."""


def special_files(path: Path) -> None:
    os.mkfifo(path / "pipe")
    (path / "f").touch()


def archive(path: Path, mode: Literal["w", "w:gz"]) -> None:
    with tarfile.open(path / "archive", mode) as out:
        member = tarfile.TarInfo("f")
        member.size = 100_000
        out.addfile(member, io.BytesIO(bytes(range(250)) * 400))


SCENARIOS = {
    "reading": Scenario([
        ("open", 0, "b", "", "r", ""),
        ("read", 1, [3]),
        ("pread", 1, [3, 4], 1),
        ("seek", 1, -2, "end"),
        ("read", 1, [9]),
        ("filestat", 1),
        ("poll", 1, READ),
        ("set_times", 1, 1, 2, "am"),
        ("set_times", 1, 1, 2, "a"),
        ("close", 1),
        *LATER,
    ]),
    "writing": Scenario([
        ("open", 0, "new", "CX", "rw", ""),
        ("write", 1, [b"one", b"two"]),
        ("pwrite", 1, [b"three"], 70_000),
        ("set_size", 1, 70_002),
        ("allocate", 1, 0, 80_000),
        ("sync", 1),
        ("datasync", 1),
        ("close", 1),
        *LATER,
    ]),
    "appending": Scenario([
        ("open", 0, "b", "", "rw", "a"),
        ("write", 1, [b"one"]),
        ("write", 1, [b"two", b"three"]),
        ("set_flags", 1, ""),
        ("pwrite", 1, [b"B"], 0),
        ("set_flags", 1, "a"),
        ("write", 1, [b"four"]),
        ("close", 1),
        *LATER,
    ]),
    "many buffers": Scenario([
        ("open", 0, "b", "", "rw", ""),
        ("write", 1, [b"ab"] * 1500),
        ("pread", 1, [2] * 1500, 0),
        ("set_flags", 1, "a"),
        ("write", 1, [b"cd"] * 1500),
        ("close", 1),
        *LATER,
    ]),
    "opening": Scenario([
        ("open", 0, "b", "T", "r", ""),
        ("close", 1),
        ("open", 0, "a/b/b", "T", "w", ""),
        ("close", 1),
        ("open", 0, "a/a", "", "rw", "s"),
        ("close", 1),
        ("open", 0, "a/new", "C", "w", "d"),
        ("close", 1),
        *LATER,
    ]),
    "allocating where the system cannot": Scenario(
        [("open", 0, "b", "", "rw", ""), ("allocate", 1, 0, 100), ("close", 1), *LATER],
        patch=lambda patch: patch.delattr(os, "posix_fallocate"),
    ),
    "directories": Scenario([
        ("open", 0, "a", "D", "r", ""),
        ("list", 1, 4096),
        ("filestat", 1),
        ("sync", 1),
        ("set_times", 1, 1, 2, "am"),
        ("stat", 1, "b/../a", True),
        ("close", 1),
        *LATER,
    ]),
    "paths": Scenario([
        ("mkdir", 0, "new"),
        ("symlink", 0, "new/link", "../b"),
        ("readlink", 0, "new/link", 100),
        ("stat", 0, "new/link", True),
        ("stat", 0, "new/link", False),
        ("stat", 0, "a/b", False),
        ("path_times", 0, "new/link", False, 1, 2, "m"),
        ("path_times", 0, "new", True, 1, 2, "am"),
        ("link", 0, "new/link", True, 0, "hard"),
        ("rename", 0, "hard", 0, "new/moved"),
        ("unlink", 0, "new/moved"),
        ("unlink", 0, "new/link"),
        ("rmdir", 0, "new"),
        *LATER,
    ]),
    "numbers": Scenario([
        ("open", 0, "b", "", "rw", ""),
        ("open", 0, "a/a", "", "r", ""),
        ("renumber", 1, 2),
        ("read", 2, [9]),
        ("close", 2),
        *LATER,
    ]),
    "left open": Scenario([
        ("open", 0, "a", "D", "r", ""),
        ("open", 0, "a/a", "", "r", ""),
        ("open", 0, "b", "", "rw", ""),
    ]),
    "special files": Scenario(
        [("list", 0, 4096), ("stat", 0, "pipe", True), ("open", 0, "pipe", "", "r", "")],
        prepare=special_files,
    ),
    "a limited volume": Scenario(
        [
            ("open", 0, "b", "", "rw", ""),
            ("write", 1, [b"more than there was"]),
            ("set_flags", 1, "a"),
            ("write", 1, [b"and more"]),
            ("set_size", 1, 9),
            ("allocate", 1, 0, 1000),
            ("close", 1),
            ("open", 0, "a/a", "T", "rw", ""),
            ("unlink", 0, "a/a"),
            ("write", 1, [b"nameless"]),
            ("close", 1),
            ("link", 0, "b", False, 0, "hard"),
            ("rename", 0, "hard", 0, "a/b/b"),
            ("symlink", 0, "link", "b"),
            ("mkdir", 0, "new"),
            ("rmdir", 0, "new"),
            *LATER,
        ],
        in_a_limited_volume,
    ),
    "a limited file": Scenario(
        [
            ("open", 0, "b", "", "rw", ""),
            ("write", 1, [b"more than there was"]),
            ("close", 1),
        ],
        with_a_limited_file,
    ),
    "an overlay": Scenario(
        [
            ("open", 0, "b", "", "rw", ""),
            ("write", 1, [b"HE"]),
            ("close", 1),
            ("path_times", 0, "c", False, 1, 2, "am"),
            ("path_times", 0, "a/a", True, 1, 2, "m"),
            ("rename", 0, "a/b", 0, "moved"),
            ("link", 0, "moved/b", False, 0, "hard"),
            ("unlink", 0, "moved/b"),
            ("mkdir", 0, "a/b"),
            ("list", 0, 100),
            ("unlink", 0, "b"),
            ("stat", 0, "moved/c/b", True),
            *LATER,
        ],
        in_an_overlay,
        prepare=lambda path: None,
        lenient=True,
    ),
    "an overlay of the host": Scenario(
        [
            ("open", 0, "a/b/b", "", "rw", ""),
            ("pwrite", 1, [b"!"], 66_003),
            ("pread", 1, [5], 66_000),
            ("close", 1),
            *LATER,
        ],
        in_an_overlay_of_the_host,
        lenient=True,
    ),
    "an archive": Scenario(
        [("open", 0, "f", "", "r", ""), ("read", 1, [70_000]), ("list", 0, 100), ("close", 1)],
        in_an_archive,
        prepare=lambda path: archive(path, "w"),
    ),
    "a compressed archive": Scenario(
        [("open", 0, "f", "", "r", ""), ("read", 1, [70_000]), ("close", 1)],
        in_an_archive,
        prepare=lambda path: archive(path, "w:gz"),
        patch=lambda patch: patch.setattr(tarred, "_IN_MEMORY", 0),
    ),
    "streams": Scenario(
        [
            ("poll", 1, READ),
            ("read", 1, [5]),
            ("poll", 2, WRITE),
            ("write", 2, [b"x", b"y"]),
            ("filestat", 2),
            ("close", 1),
            ("read", 3, [2]),
            ("seek", 3, 4, "set"),
            ("write", 3, [b"O!"]),
            ("filestat", 3),
            ("close", 3),
        ],
        with_streams,
        kept=0,
    ),
    "sockets": Scenario(
        [
            ("poll", 1, READ),
            ("accept", 1),
            ("receive", 3, 3),
            ("poll", 3, READ),
            ("receive", 3, 3),
            ("send", 3, b"answer"),
            ("shutdown", 3, 2),
            ("close", 3),
            ("poll", 2, READ),
            ("receive", 2, 10),
            ("send", 2, b"x"),
            ("close", 2),
        ],
        with_sockets,
        prepare=lambda path: None,
        kept=5,
    ),
    "random": Scenario([("random", 10), *LATER]),
    "parallelism": Scenario([("parallelism",), *LATER]),
}  # fmt: skip

_MANY = "what was moved before is told of first, as a short count"
QUIET = {
    "fs/archive.py HostSource.__del__ os.close": "by then no guest is there to hear of it",
    "fs/host.py HostFile.append os.writev": _MANY,
    "fs/host.py HostFile._write_at os.pwritev": _MANY,
    "fs/quota.py HostQuota.count os.open": "what the host's user may not enter does not count",
    "fs/host.py _Handle.close os.close": "a walk lets go of directories when it has its answer",
    "fs/host.py _entry_type entry.stat": "what has just gone is listed with an unknown type",
    "fs/stream.py HostStream.close os.close": "the end of a process closes what it can",
    "net/host.py HostSocket._available fcntl.ioctl": "a socket that is ready has a byte at least",
    "net/host.py HostSocket.close self.socket.close": "the end of a process closes what it can",
}
"""Sites whose failure a guest need not always be told of, and why."""

DONE = (
    "fs/host.py HostFile.append os.lseek",
    "fs/host.py HostFileInode._look os.fstat",
    "fs/quota.py HostQuota.opened os.fstat",
    "fs/quota.py HostQuota.closing os.fstat",
    *QUIET,
)
"""Sites that fail when a guest's call has had some effect: made again it gives something else."""

ELSEWHERE = {
    "fs/archive.py HostSource._read os.lseek": "on Windows",
    "fs/archive.py HostSource._read os.read": "on Windows",
    **dict.fromkeys(
        (
            "fs/host_terminal.py _window fcntl.ioctl",
            "fs/host_terminal.py give_back os.close",
            "fs/host_terminal.py give_back termios.tcsetattr",
            "fs/host_terminal.py modes termios.tcgetattr",
            "fs/host_terminal.py set_modes fcntl.ioctl",
            "fs/host_terminal.py set_modes os.dup",
            "fs/host_terminal.py set_modes os.fstat",
            "fs/host_terminal.py set_modes termios.tcgetattr",
            "fs/host_terminal.py set_modes termios.tcsetattr",
        ),
        "at a terminal: tests/calls/test_tty.py",
    ),
    **dict.fromkeys(
        (
            f"fs/stream.py Readiness.states {call}"
            for call in ("poll.poll", "poll.register", "select.poll")
        ),
        "in an epoll: tests/calls/test_epoll.py",
    ),
    "fs/host.py HostInode._look os.stat": "of a new file that was opened: tests/fs/test_host.py",
    "host.py Clock.parallelism os.cpu_count": "where a system has no affinity",
    "net/host.py HostSocket.accept connection.close": "after another failure",
    "net/host.py HostSocket.share os.close": "after another failure",
    "net/host.py HostSocket.share own.close": "after another failure",
}
"""Sites that no scenario reaches, and where they are."""


@dataclass
class Played:
    """How a scenario went."""

    answers: list[Answer]
    """Of a call made again the second one."""
    left: Answer
    """What is in the volume, and how much that is by its quota."""
    kept: int
    """Descriptors of the host that a guest that has ended still has."""
    made: Counter[Site]
    told: Answer = None
    """The answer to the call during which the host failed."""


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def play(scenario: Scenario, calls: HostCalls, fault: tuple[Site, int, str] | None) -> Played:
    """Make every step, with one call of the host's failing."""
    told: Answer = None
    answers: list[Answer] = []
    with (
        TemporaryDirectory() as directory,
        pytest.MonkeyPatch.context() as patch,
        ExitStack() as stack,
    ):
        path = Path(directory)
        scenario.prepare(path)
        scenario.patch(patch)
        gc.collect()
        before = descriptors()
        calls.watch(fault)
        try:
            guest = scenario.start(path, stack)
        except (Errno, OSError, ArchiveError) as error:
            assert fault
            assert calls.failed
            # The host program is told of a bad archive by a text.
            told = expected(fault[2]) if isinstance(error, ArchiveError) else name_of(error)
        if told is not None:
            stack.close()
            assert descriptors() == before
            guest = scenario.start(path, stack)
        for step in scenario.steps:
            failed = calls.failed
            answer = guest.step(*step)
            if calls.failed and not failed:
                told = answer
                if fault and answer == expected(fault[2]):
                    answer = guest.step(*step)
            answers.append(answer)
        guest.caller.finish()
        kept = descriptors() - before
        made = calls.made.copy()
        calls.watch()
        after = guest.caller.again()
        left = tree(after), guest.quota and guest.quota.used
        after.finish()
        del guest, after
        stack.close()
        gc.collect()
        assert descriptors() == before
    return Played(answers, left, kept, made, told)


def name_of(error: Errno | OSError) -> str:
    return (error if isinstance(error, Errno) else Errno.of(error)).code.name.lower()


def uncounted(found: Any) -> Any:
    """`found` without link counts."""
    if isinstance(found, Attributes):
        return found._replace(nlink=0)
    if isinstance(found, dict):
        return {name: uncounted(value) for name, value in found.items()}
    return [uncounted(each) for each in found] if isinstance(found, list | tuple) else found


def expected(error: str) -> str:
    return name_of(OSError(getattr(errno, error), ""))


@pytest.fixture(scope="module")
def calls() -> Iterator[HostCalls]:
    gc.collect()
    gc.freeze()  # so that collecting takes no time
    gc.disable()  # what is let go of must not wait for it
    with host_calls() as found:
        yield found
    gc.enable()
    gc.unfreeze()


@pytest.fixture(scope="module")
def clean(calls: HostCalls) -> dict[str, Played]:
    """Every scenario without a fault."""
    return {name: play(scenario, calls, None) for name, scenario in SCENARIOS.items()}


def test_every_call_of_the_host_is_reached(clean: dict[str, Played]) -> None:
    """One that is not needs a scenario above."""
    reached = {site for played in clean.values() for site in played.made}
    missed = {str(site) for site in SITES if site not in reached and site.file != "pump.py"}
    assert missed == set(ELSEWHERE)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_goes_well_without_a_fault(clean: dict[str, Played], name: str) -> None:
    failed = [
        (step, answer)
        for step, answer in zip(SCENARIOS[name].steps, clean[name].answers, strict=True)
        if isinstance(answer, str) and step != ("open", 0, "pipe", "", "r", "")
    ]
    assert failed == []
    assert clean[name].kept == SCENARIOS[name].kept


REACHED = [site for site in SITES if site.file != "pump.py" and str(site) not in ELSEWHERE]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("site", REACHED, ids=str)
def test_a_call_of_the_host_fails(
    calls: HostCalls, clean: dict[str, Played], site: Site, error: str
) -> None:
    reached = [name for name in SCENARIOS if clean[name].made[site]]
    once = not FULL and error != ERRORS[0]
    for name in reached[:1] if once else reached:
        scenario, usual = SCENARIOS[name], clean[name]
        for moment in range(1, 2 if once else usual.made[site] + 1):
            played = play(scenario, calls, (site, moment, error))
            where = f"{name}, call {moment}: {played.told}"
            told = played.told == expected(error)
            # An interrupted call may be made again by Python's own files.
            quiet = str(site) in QUIET or scenario.lenient or error == "EINTR"
            assert told or quiet, where
            if str(site) not in DONE:
                # A file that lost a name while the host failed may count it still.
                count = uncounted if scenario.lenient and not told else lambda found: found
                assert count(played.answers) == count(usual.answers), where
                assert count(played.left) == count(usual.left), where
            assert played.kept == usual.kept, where


@pytest.mark.parametrize("error", ERRORS)
def test_the_host_fails_in_the_middle_of_a_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: str
) -> None:
    fill(host(tmp_path), BOTTOM + TOP)
    caller = KernelCaller(host(tmp_path))
    usual = caller.list(0, 4096)
    before = descriptors()

    class Failing:
        def __init__(self, fd: int) -> None:
            self._found = scandir(fd)

        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *about: object) -> None:
            self._found.close()

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            yield next(self._found)
            raise OSError(getattr(errno, error), "")

    scandir = os.scandir
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", Failing)
        assert caller.list(0, 4096) == expected(error)
    assert descriptors() == before
    assert caller.list(0, 4096) == usual
    caller.finish()


DATA = bytes(range(256)) * 20


def write_all(guest: Guest, name: str, fd: int, *more: int) -> int:
    """Write `DATA` in two buffers, again with what was not taken; how often it took."""
    done = times = 0
    while done < len(DATA):
        left = DATA[done:]
        offset = (done,) if name == "pwrite" else ()
        count = guest.step(name, fd, [left[:7], left[7:]], *offset)
        assert isinstance(count, int), count
        assert count > 0
        done += count
        times += 1
    return times


def read_all(guest: Guest, fd: int) -> tuple[bytes, int]:
    """All there is to read in two buffers, and in how many steps it came."""
    found, times = b"", 0
    while True:
        answer = guest.step("read", fd, [7, len(DATA)])
        assert isinstance(answer, tuple), answer
        count, data = answer
        if not count:
            return found, times
        found += data[:count]
        times += 1


@pytest.mark.parametrize(("call", "how", "flags"), [
    ("pwritev", "write", ""),
    ("pwritev", "pwrite", ""),
    ("writev", "write", "a"),
    ("preadv", "write", ""),
])  # fmt: skip
def test_a_host_file_moves_less_than_it_is_asked(
    calls: HostCalls, tmp_path: Path, call: str, how: str, flags: str
) -> None:
    guest = Guest(host(tmp_path))
    assert guest.step("open", 0, "f", "CX", "rw", flags) == 1
    calls.watch(shorten=call)
    written = write_all(guest, how, 1)
    assert guest.step("seek", 1, 0, "set") == 0
    found, read = read_all(guest, 1)
    calls.watch()
    assert found == DATA == (tmp_path / "f").read_bytes()
    assert (written > 1, read > 1) == (call != "preadv", call == "preadv")
    guest.caller.finish()


@pytest.mark.parametrize(("call", "flags"), [("pwritev", ""), ("writev", "a"), ("preadv", "")])
def test_a_host_file_moves_less_of_more_buffers_than_it_takes_at_once(
    calls: HostCalls, tmp_path: Path, call: str, flags: str
) -> None:
    (tmp_path / "f").write_bytes(DATA)
    guest = Guest(host(tmp_path))
    assert guest.step("open", 0, "f", "", "rw", flags) == 1
    calls.watch(shorten=call)
    if call == "preadv":
        assert guest.step("pread", 1, [2] * 1500, 0) == (1024, DATA[:1024] + bytes(3000 - 1024))
    else:
        assert guest.step("write", 1, [b"ab"] * 1500) == 1024
        assert guest.step("tell", 1) == (len(DATA) + 1024 if flags else 1024)
    calls.watch()
    guest.caller.finish()


@pytest.mark.parametrize("call", ["read", "write"])
def test_a_host_stream_moves_less_than_it_is_asked(
    calls: HostCalls, tmp_path: Path, call: str
) -> None:
    (tmp_path / "b").write_bytes(b"12345")
    with ExitStack() as stack:
        guest = with_streams(tmp_path, stack)
        calls.watch(shorten=call)
        if call == "read":
            assert guest.step("read", 1, [4]) == (2, b"pi\0\0")
            assert guest.step("read", 1, [4]) == (2, b"pe\0\0")
        else:
            assert guest.step("write", 3, [b"on", b"ed"]) == 2
            assert guest.step("write", 3, [b"ed"]) == 1
            assert (tmp_path / "b").read_bytes() == b"one45"
        calls.watch()
        guest.caller.finish()


def test_an_archive_is_read_in_pieces_if_need_be(calls: HostCalls, tmp_path: Path) -> None:
    archive(tmp_path, "w")
    with ExitStack() as stack:
        guest = in_an_archive(tmp_path, stack)
        assert guest.step("open", 0, "f", "", "r", "") == 1
        calls.watch(shorten="pread")
        assert guest.step("read", 1, [1000]) == (1000, bytes(range(250)) * 4)
        calls.watch()
        guest.caller.finish()


def test_a_host_socket_moves_less_than_it_is_asked(calls: HostCalls) -> None:
    one, other = socket.socketpair()
    with one, other:
        guest = Guest(memory(), HostSocket.share(ManualHost(), one))
        other.send(b"hello")
        calls.watch(shorten="recvmsg_into")
        assert guest.step("receive", 1, 6) == ((3, 0), b"hel\0\0\0")
        # A blocking socket takes everything before the call ends.
        calls.watch(shorten="sendmsg")
        for _ in range(2):
            with pytest.raises(Block):
                guest.step("send", 1, b"answer")
        assert guest.step("send", 1, b"answer") == 6
        calls.watch()
        guest.caller.finish()
        assert other.recv(10) == b"answer"
