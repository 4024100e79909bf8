"""The same operations on every filesystem of ours and by Linux itself: answers and trees agree.

Here are names of every kind; random sequences of calls are in `test_model`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.fs.systems import Linux, Ours, System, tree
from wasix.fs.host import HostVolume
from wasix.fs.inode import Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.overlay import OverlayFilesystem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux is the oracle")

Step = Callable[[System], object]


def memory() -> Ours:
    return Ours(Namespace(MemoryFilesystem(lambda: 1).root))


def host(path: Path) -> Ours:
    root = HostVolume(path).root()
    assert isinstance(root, Directory)
    return Ours(Namespace(root))


def overlay(upper: Ours, *lower: Ours) -> Ours:
    return Ours(Namespace(OverlayFilesystem(upper.base, [layer.base for layer in lower]).root))


class Systems:
    """One of each in `path`, beginning with what `prepare` makes: in the overlays' lower layers."""

    def __init__(self, path: Path, prepare: Sequence[Step] = ()) -> None:
        for name in ("host", "linux", "lower", "upper"):
            (path / name).mkdir(parents=True)
        self.linux = Linux(path / "linux")
        bottom, middle = memory(), memory()
        lower = host(path / "lower")
        both = overlay(middle, bottom)
        self.ours = {"memory": memory(), "host": host(path / "host")}
        for number, step in enumerate(prepare):
            answer = step(self.linux)
            half = bottom if number < len(prepare) // 2 else both
            for system in (*self.ours.values(), lower, half):
                assert step(system) == answer
        self.ours["overlay-memory"] = overlay(memory(), middle, bottom)
        self.ours["overlay-host"] = overlay(host(path / "upper"), lower)

    def agree(self, step: Step) -> None:
        expected = step(self.linux)
        assert {name: step(system) for name, system in self.ours.items()} == dict.fromkeys(
            self.ours, expected
        )
        self.trees_agree()

    def trees_agree(self) -> None:
        expected = tree(self.linux)
        for name, system in self.ours.items():
            assert tree(system) == expected, name


# Each is a list of (text, operation); the text names what is done, in a failure.
PREPARED: list[Step] = [
    lambda s: s.mkdir("d"),
    lambda s: s.mkdir("d/sub"),
    lambda s: s.mkdir("empty"),
    lambda s: s.write("f", b"hello", "C"),
    lambda s: s.write("d/g", b"g", "C"),
    lambda s: s.symlink("f", "to-f"),
    lambda s: s.symlink("d", "to-d"),
    lambda s: s.symlink("d/", "to-d-slash"),
    lambda s: s.symlink("nothing", "dangling"),
    lambda s: s.symlink("made/", "dangling-slash"),
    lambda s: s.symlink("d/made", "dangling-in-d"),
    lambda s: s.symlink("loop2", "loop"),
    lambda s: s.symlink("loop", "loop2"),
    lambda s: s.symlink("../d/sub", "d/to-sub"),
    lambda s: s.symlink(".", "dot"),
    lambda s: s.symlink("f/", "to-f-slash"),
    lambda s: s.link("f", "hard"),
]

NAMES = [
    "f", "f/", "f/.", "f/..", "f/x", "d", "d/", "d/.", "d/..", "d/../f", "d/sub", "d/sub/..",
    "empty", "empty/", "to-f", "to-f/", "to-d", "to-d/", "to-d/.", "to-d/g", "to-d/..",
    "to-d-slash", "dangling", "dangling/", "dangling-slash", "dangling-in-d", "loop", "loop/",
    "loop/x", "d/to-sub", "d/to-sub/", "d/to-sub/../g", "dot", "dot/", "dot/f", "dot/dot/dot/d/g",
    "to-f-slash", "hard", "new", "new/", "new/.", "new/x", "d/new", ".", "./", "./f", "d//g",
    ".//./d/./g", "x" * 255, "x" * 256, "new/" + "x" * 256, "", "é", "é" * 128,
    "/".join(["d/.."] * 300) + "/f",
]  # fmt: skip

# Linux removes no link through a slash (`notdir`); wasmtime looks where it leads, and so do we.
SLASHED_LINKS = {"to-d/", "dangling/", "loop/", "d/to-sub/", "dot/"}

ONE: dict[str, Callable[[System, str], object]] = {
    "mkdir": lambda s, path: s.mkdir(path),
    "rmdir": lambda s, path: s.rmdir(path),
    "unlink": lambda s, path: s.unlink(path),
    "symlink": lambda s, path: s.symlink("f", path),
    "readlink": lambda s, path: s.readlink(path),
    "stat": lambda s, path: s.stat(path),
    "lstat": lambda s, path: s.lstat(path),
    "list": lambda s, path: s.list(path),
    "read": lambda s, path: s.read(path),
    "write": lambda s, path: s.write(path, b"HE", ""),
    "create": lambda s, path: s.write(path, b"HE", "C"),
    "create exclusively": lambda s, path: s.write(path, b"HE", "CX"),
    "create unfollowed": lambda s, path: s.write(path, b"HE", "CN"),
    "open unfollowed": lambda s, path: s.write(path, b"HE", "N"),
    "truncate": lambda s, path: s.write(path, b"", "T"),
    "append": lambda s, path: s.write(path, b"HE", "A"),
    "set size": lambda s, path: s.truncate(path, 3),
}


@pytest.fixture
def systems(tmp_path: Path) -> Systems:
    return Systems(tmp_path, PREPARED)


@pytest.mark.parametrize("path", NAMES, ids=lambda path: path[:20] or "nothing")
@pytest.mark.parametrize("name", ONE)
def test_one_name(systems: Systems, name: str, path: str) -> None:
    if name == "unlink" and path in SLASHED_LINKS:
        pytest.skip("wasmtime's answer is taken")
    systems.agree(lambda system: ONE[name](system, path))


TWO: dict[str, Callable[[System, str, str], object]] = {
    "rename": lambda s, old, new: s.rename(old, new),
    "link": lambda s, old, new: s.link(old, new),
}
PAIRS = [
    "f", "f/", "hard", "d", "d/", "d/.", "d/sub", "d/sub/new", "d/sub/..", "empty", "empty/",
    "empty/new", "to-f", "to-d", "to-d/", "dangling", "loop", "new", "new/", "new/x", ".", "d/..",
    "f/x", "d/g", "dot/f",
]  # fmt: skip


@pytest.mark.parametrize("old", PAIRS)
@pytest.mark.parametrize("name", TWO)
def test_two_names(tmp_path: Path, name: str, old: str) -> None:
    for number, new in enumerate(PAIRS):
        systems = Systems(tmp_path / str(number), PREPARED)
        systems.agree(lambda system, new=new: TWO[name](system, old, new))  # type: ignore[misc]


@pytest.mark.parametrize("links", [39, 40, 41])
def test_chains_of_links(tmp_path: Path, links: int) -> None:
    systems = Systems(tmp_path)
    everywhere: list[System] = [systems.linux, *systems.ours.values()]
    for system in everywhere:
        system.write("0", b"end", "C")
        for number in range(links):
            system.symlink(str(number), str(number + 1))
    systems.agree(lambda system: system.read(str(links)))


@pytest.mark.parametrize("length", [4095, 4096])
def test_long_paths(tmp_path: Path, length: int) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "f").write_bytes(b"f")
    path = "./" * ((length - 1) // 2) + ("f" if length % 2 else "/f")
    assert len(path) == length
    here = os.open(tmp_path / "host", os.O_RDONLY)
    try:
        os.stat(path, dir_fd=here)
        expected = b"f"
    except OSError:
        expected = "nametoolong"  # type: ignore[assignment]
    finally:
        os.close(here)
    assert host(tmp_path / "host").read(path) == expected
