"""Random calls through the kernel's handlers, on every filesystem, answer as Linux does.

Results, errors, contents, link counts and times that were set agree after every step, and the
trees at the end.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random

import pytest

from tests.fs.caller import Caller, KernelCaller, tree
from tests.fs.linux import DIFFERENCES, LinuxCaller, available
from tests.fs.sequences import BOTTOM, DIFFERING, FOUND, TOP, Chooser, Sequence, Step
from tests.fs.systems import Answer, attempt
from wasix.fs.host import HostVolume
from wasix.fs.inode import Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.overlay import OverlayFilesystem

pytestmark = pytest.mark.skipif(not available(), reason="Linux with openat2 is the oracle")

FULL = bool(os.environ.get("WASIX_TEST_FULL"))


@dataclass
class Listing:
    """A listing in steps, while the directory changes."""

    always: set[str]
    """Names that have been there since it began."""
    ever: set[str]
    cookies: dict[str, int]
    """Where each filesystem goes on."""
    seen: dict[str, list[str]] = field(default_factory=dict)


def memory() -> Directory:
    return MemoryFilesystem(time.time_ns).root


def host(path: Path) -> Directory:
    path.mkdir()
    root = HostVolume(path).root()
    assert isinstance(root, Directory)
    return root


def overlay(upper: Directory, *lower: Directory) -> Directory:
    return OverlayFilesystem(upper, lower).root


def fill(root: Directory, sequence: Sequence) -> Directory:
    """Make the steps on `root`, none of which fails."""
    caller = KernelCaller(root)
    for step in sequence:
        assert not isinstance(run(caller, step), str)
    caller.finish()
    return root


def filesystems(path: Path, filled: bool) -> dict[str, Directory]:
    """One of each kind; the overlays have what they hold at first in lower layers."""
    bottom, top = (BOTTOM, TOP) if filled else ([], [])
    lowest = fill(memory(), bottom)
    middle = memory()
    fill(overlay(middle, lowest), top)
    lower, another = (fill(host(path / name), bottom + top) for name in ("lower", "another"))
    return {
        "memory": fill(memory(), bottom + top),
        "host": fill(host(path / "host"), bottom + top),
        "overlay in memory": overlay(memory(), middle, lowest),
        "overlay on the host": overlay(host(path / "upper"), lower),
        "overlay on both": overlay(memory(), another),
    }


def run(caller: Caller, step: Step) -> Answer:
    name, *args = step
    return getattr(caller, str(name))(*args)


class Comparison:
    """The same steps on every filesystem and on Linux."""

    def __init__(self, path: Path, filled: bool) -> None:
        (path / "linux").mkdir()
        self.linux = LinuxCaller(path / "linux")
        for step in BOTTOM + TOP if filled else []:
            run(self.linux, step)
        self.ours = {name: KernelCaller(root) for name, root in filesystems(path, filled).items()}
        self.listings: dict[int, Listing] = {}

    def step(self, step: Step) -> None:
        name, fd = step[0], step[1]
        assert isinstance(name, str)
        assert isinstance(fd, int)
        if name in ("begin", "resume"):
            self._list(name, *step[1:])  # type: ignore[arg-type]
            return
        expected = run(self.linux, step)
        for filesystem, caller in self.ours.items():
            answer = run(caller, step)
            assert answer == expected, f"{filesystem}: {step}: {answer}, Linux: {expected}"
        # No listing is under way at a number that means another file now, nor where another listing
        # began (POSIX: what telldir gave before a rewinddir means nothing).
        if name in ("close", "renumber", "list"):
            for number in step[1:]:
                self.listings.pop(number, None)  # type: ignore[call-overload]
        for number, listing in self.listings.items():
            now = self.linux.names(number)
            listing.always &= now
            listing.ever |= now

    def _list(self, name: str, fd: int, size: int) -> None:
        expected = attempt(lambda: self.linux.names(fd))
        if not isinstance(expected, set):
            for caller in self.ours.values():
                assert attempt(lambda caller=caller: caller.entries(fd, 0, size)) == expected  # type: ignore[misc]
            return
        if name == "begin" or fd not in self.listings:
            self.listings[fd] = Listing(set(expected), set(expected), dict.fromkeys(self.ours, 0))
        listing = self.listings[fd]
        for filesystem, caller in self.ours.items():
            found, done = caller.entries(fd, listing.cookies[filesystem], size)
            seen = listing.seen.setdefault(filesystem, [])
            for head, entry in found:
                listing.cookies[filesystem] = head.next
                seen.append(entry)
            assert set(seen) <= listing.ever
            counts = {entry: seen.count(entry) for entry in listing.always}
            assert max(counts.values(), default=0) <= 1, f"{filesystem}: twice in {seen}"
            if done:
                assert min(counts.values(), default=1) == 1, f"{filesystem}: missing in {seen}"

    def finish(self) -> None:
        """Compare what is left, and close it."""
        for fd in self.linux.files:
            for step in (
                ("tell", fd),
                ("fdstat", fd),
                ("filestat", fd),
                ("pread", fd, [1 << 18], 0),
            ):
                self.step(step)
        expected = tree(self.linux.again())
        for filesystem, caller in self.ours.items():
            assert tree(caller.again()) == expected, filesystem
            caller.finish()
        self.linux.finish()


def compare(filled: bool, sequence: Sequence) -> None:
    with tempfile.TemporaryDirectory() as directory:
        comparison = Comparison(Path(directory), filled)
        for step in sequence:
            comparison.step(step)
        comparison.finish()


def play(filled: bool, random: Random, sequence: Sequence) -> None:
    """Compare random steps, which are put into `sequence`."""
    with tempfile.TemporaryDirectory() as directory:
        comparison = Comparison(Path(directory), filled)
        chooser = Chooser(random, comparison.linux)
        for _ in range(random.randint(1, 80)):
            sequence.append(chooser.step())
            comparison.step(sequence[-1])
        comparison.finish()


def shortened(filled: bool, sequence: Sequence) -> tuple[Sequence, str]:
    """A sequence that still fails, with no step that is not needed for that, and how it does."""
    text = ""
    part = len(sequence)
    while part := part // 2:
        at = 0
        while at < len(sequence):
            shorter = sequence[:at] + sequence[at + part :]
            try:
                compare(filled, shorter)
            except Exception as error:  # whatever it is, it is to be shown
                sequence, text = shorter, f"{type(error).__name__}: {error}"
            else:
                at += part
    return sequence, text


@pytest.mark.parametrize("shard", range(4))
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_random_sequences(filled: bool, shard: int) -> None:
    """The short form plays the same sequences each time, the long one others every day."""
    first = date.today().toordinal() * 10_000 if FULL else 0
    for seed in range(shard, 10_000 // 2 if FULL else 120 // 2, 4):
        sequence: Sequence = []
        try:
            play(filled, Random(2 * (first + seed) + filled), sequence)
        except Exception as error:  # whatever it is, it is to be shown
            steps, text = shortened(filled, sequence)
            pytest.fail(f"{text or error}\n{steps}")


@pytest.mark.parametrize("name", FOUND)
def test_sequences_that_found_a_difference(name: str) -> None:
    compare(*FOUND[name])


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_one(tmp_path: Path, name: str) -> None:
    """An entry that Linux answers alike by now should go."""
    compare(True, DIFFERING[name])
    linux = LinuxCaller(tmp_path, plain=True)
    answers = [run(linux, step) for step in [*BOTTOM, *TOP, *DIFFERING[name]]]
    linux.finish()
    assert answers[-1] != DIFFERENCES[name][0].name.lower()
