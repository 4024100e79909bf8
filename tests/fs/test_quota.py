"""Quotas of host volumes: what counts, and that all of it is given back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fs.systems import Ours, attempt, tree
from wasix.abi import E, Errno
from wasix.fs.host import HostVolume
from wasix.fs.inode import Access, Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.overlay import OverlayFilesystem
from wasix.fs.quota import NAME_CHARGE, HostQuota

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")

BOTH = Access(write=True)
LIMIT = 100_000


def limited(path: Path, limit: int = LIMIT) -> tuple[Ours, HostQuota]:
    volume = HostVolume(path, limit=limit)
    root = volume.root()
    assert isinstance(root, Directory)
    assert volume.quota is not None
    return Ours(Namespace(root)), volume.quota


def counted(path: Path) -> int:
    """What a new volume would count."""
    return limited(path)[1].used


def test_what_is_there_counts(tmp_path: Path) -> None:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "sub" / "f").write_bytes(bytes(1000))
    os.link(tmp_path / "d" / "sub" / "f", tmp_path / "g")
    (tmp_path / "l").symlink_to("1234567")
    (tmp_path / "up").symlink_to("..")
    assert counted(tmp_path) == 6 * NAME_CHARGE + 1000 + 7 + 2
    assert HostVolume(tmp_path / "g", limit=5000).quota.used == 1000  # type: ignore[union-attr]


def test_a_deep_tree_counts(deep_tree: Path) -> None:
    assert counted(deep_tree) == 3001 * NAME_CHARGE


def test_a_write_beyond_the_limit_is_cut_short_then_refused(tmp_path: Path) -> None:
    system, quota = limited(tmp_path, 10_000 + NAME_CHARGE)
    file = system.open("f", "C", BOTH)
    assert file.write([memoryview(bytes(6000)), memoryview(bytes(6000))]) == 10_000
    for write in (
        lambda: file.write([memoryview(b"x")]),
        lambda: file.pwrite([memoryview(b"x")], 10_000),
        lambda: file.pwrite([memoryview(b"x")], 1 << 40),
        lambda: file.set_size(10_001),
        lambda: file.allocate(10_000, 1),
        lambda: system.write("f", b"x", "A"),
        lambda: system.write("g", b"", "C"),
        lambda: system.mkdir("g"),
        lambda: system.symlink("x", "g"),
        lambda: system.link("f", "g"),
    ):
        assert attempt(write) == "dquot"
    assert file.pwrite([memoryview(b"y" * 20)], 9990) == 10
    assert file.write([memoryview(b"")]) == 0
    assert quota.free == 0
    file.close()
    assert quota.used == counted(tmp_path)


CHANGES: dict[str, Callable[[Ours], object]] = {
    "write": lambda s: s.write("f", b"x" * 500, ""),
    "write behind the end": lambda s: s.write("f", b"x" * 500, "", 5000),
    "append": lambda s: s.write("f", b"x" * 500, "A"),
    "truncate": lambda s: s.write("f", b"", "T"),
    "truncate unwritten": lambda s: s.open("f", "", Access(truncate=True)).close(),
    "shrink": lambda s: s.truncate("f", 10),
    "grow": lambda s: s.truncate("f", 20_000),
    "allocate": lambda s: _allocated(s),
    "create": lambda s: s.write("new", b"hello", "C"),
    "mkdir": lambda s: s.mkdir("new"),
    "rmdir": lambda s: s.rmdir("empty"),
    "symlink": lambda s: s.symlink("target", "new"),
    "link": lambda s: s.link("f", "new"),
    "unlink": lambda s: s.unlink("f"),
    "unlink one of two": lambda s: s.unlink("hard"),
    "unlink a link": lambda s: s.unlink("l"),
    "unlink both": lambda s: (s.unlink("hard"), s.unlink("g")),
    "rename": lambda s: s.rename("f", "new"),
    "rename over": lambda s: s.rename("f", "l"),
    "rename over one of two": lambda s: s.rename("f", "hard"),
    "rename to the same": lambda s: s.rename("g", "hard"),
    "rename over a directory": lambda s: s.rename("d", "empty"),
    "exists": lambda s: (s.mkdir("f"), s.symlink("x", "f"), s.link("f", "g")),
    "not there": lambda s: (s.unlink("none"), s.rmdir("none"), s.rename("none", "f")),
    "not empty": lambda s: (s.rmdir("d"), s.rename("empty", "d"), s.unlink("d")),
}


def _allocated(system: Ours) -> None:
    with system.opened("f", "", BOTH) as file:
        file.allocate(100, 9000)


@pytest.mark.parametrize("name", CHANGES)
def test_the_account_agrees_with_what_is_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_bytes(bytes(1000))
    (tmp_path / "g").write_bytes(bytes(2000))
    os.link(tmp_path / "g", tmp_path / "hard")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "sub").write_bytes(bytes(10))
    (tmp_path / "empty").mkdir()
    (tmp_path / "l").symlink_to("somewhere")
    system, quota = limited(tmp_path)
    CHANGES[name](system)
    assert quota.used == counted(tmp_path)


def test_an_open_file_counts_until_it_is_closed(tmp_path: Path) -> None:
    system, quota = limited(tmp_path, 10_000)
    first = system.open("f", "C", BOTH)
    second = system.open("f", "", BOTH)
    first.write([memoryview(bytes(5000))])
    system.unlink("f")
    assert quota.used == 5000
    second.set_size(6000)
    first.close()
    assert quota.used == 6000
    with pytest.raises(Errno) as caught:
        second.pwrite([memoryview(b"x")], 10_000)
    assert caught.value.code is E.DQUOT
    second.close()
    assert quota.used == 0


def test_names_alone_use_it_up(tmp_path: Path) -> None:
    system, quota = limited(tmp_path, 10 * NAME_CHARGE)
    answers = [system.write(str(number), b"", "C") for number in range(11)]
    assert answers == [0] * 10 + ["dquot"]
    for number in range(10):
        system.unlink(str(number))
    assert quota.used == 0


def test_more_than_the_limit_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(1000))
    system, _ = limited(tmp_path, 700)
    assert system.write("f", b"x" * 100, "", 900) == 100
    assert system.write("f", b"x", "A") == "dquot"
    assert system.truncate("f", 100) is None
    assert system.write("f", b"x" * 10, "A") == 10


def test_an_overlay_on_a_limited_volume(tmp_path: Path) -> None:
    below = MemoryFilesystem(lambda: 1)
    below.add_file("f", bytes(5000))
    below.add_file("g", b"g")
    volume = HostVolume(tmp_path, limit=5000)
    upper = volume.root()
    assert isinstance(upper, Directory)
    system = Ours(Namespace(OverlayFilesystem(upper, [below.root]).root))
    before = tree(system)
    assert system.write("f", b"x", "") == "dquot"
    assert tree(system) == before
    assert system.unlink("f") is None
    assert system.write("g", b"x" * 5000, "") == 5000 - 2 * NAME_CHARGE
    assert volume.quota is not None
    assert volume.quota.used == counted(tmp_path)
