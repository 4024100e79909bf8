"""The walk where it is not Linux's: the base that it never leaves, and its limits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fs.systems import Ours, attempt
from wasix.abi import E, Errno
from wasix.fs import walk
from wasix.fs.host import HostVolume
from wasix.fs.inode import Directory
from wasix.fs.memory import MemoryDirectory, MemoryFilesystem, MemoryInode
from wasix.fs.mount import Namespace
from wasix.fs.path import Path as Parsed
from wasix.fs.path import Paths, parse


@pytest.fixture
def root() -> Ours:
    """A tree with a directory `base` in it, and links in that which try to get out."""
    filesystem = MemoryFilesystem(lambda: 1)
    filesystem.add_file("secret", b"secret")
    filesystem.add_file("base/d/f", b"inside")
    for name, target in {
        "up": "..",
        "up2": "d/../..",
        "abs": "/secret",
        "abs-inside": "/base/d/f",
        "root": "/",
        "to-up": "up/secret",
        "d/up": "../..",
        "d/up-once": "..",
    }.items():
        filesystem.add_symlink(f"base/{name}", target)
    return Ours(Namespace(filesystem.root))


def below(root: Ours, path: str) -> Ours:
    inode = walk.find(root.namespace, root.base, path, follow=True)
    assert isinstance(inode, Directory)
    return Ours(root.namespace, inode)


OUT = [
    "..",
    "../",
    "../.",
    "../secret",
    "../base/d/f",
    "d/../..",
    "d/../../secret",
    "d/.././../secret",
    "/",
    "/secret",
    "/base/d/f",
    "//base",
    "up",
    "up/",
    "up/secret",
    "up2/secret",
    "abs",
    "abs-inside",
    "root",
    "root/secret",
    "to-up",
    "d/up",
    "d/up/secret",
    "d/up-once/../secret",
]


@pytest.mark.parametrize("path", OUT)
def test_no_path_leaves_the_base(root: Ours, path: str) -> None:
    base = below(root, "base")
    operations = [
        base.stat(path),
        base.read(path),
        base.list(path),
        base.write(path.rstrip("/") or path, b"x", "C"),
        base.write(path + "/new", b"x", "C"),
        base.mkdir(path + "/new"),
        base.link(path + "/secret", "new"),
        base.rename(path + "/secret", "new"),
        base.symlink("x", path + "/new"),
        base.unlink(path + "/secret"),
        base.rmdir(path + "/base"),
    ]
    assert set(operations) == {"perm"}
    assert root.read("secret") == b"secret"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("base/abs", b"secret"),
        ("base/abs-inside", b"inside"),
        ("base/root/secret", b"secret"),
        ("base/root/base/root/base/d/f", b"inside"),
        ("base/up/secret", b"secret"),
        ("base/d/up/secret", b"secret"),
        ("base/d/../../secret", b"secret"),
        ("base/../..", "perm"),
        ("base/d/up/../secret", "perm"),
    ],
)
def test_from_the_root_absolute_links_start_there(root: Ours, path: str, answer: object) -> None:
    assert root.read(path) == answer


def test_the_root_by_a_link_has_no_name(root: Ours) -> None:
    assert root.rmdir("base/root/") == "notdir"
    assert root.mkdir("base/root/") == "exist"
    assert root.rename("base/root/.", "x") == "busy"
    assert root.list("base/root") == root.list(".")


def test_an_absolute_link_is_made_from_the_root_only(root: Ours) -> None:
    assert root.symlink("/anywhere", "link") is None
    assert below(root, "base").symlink("/anywhere", "link") == "perm"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("", E.NOENT),
        ("a\0b", E.INVAL),
        ("\ud800", E.ILSEQ),
        ("\ud800/x", E.ILSEQ),
        ("é" * 127 + "a", E.NOENT),
        ("é" * 128, E.NAMETOOLONG),
        ("/" * 5000, E.NAMETOOLONG),
        ("./" * 2048, E.NAMETOOLONG),
        ("é/" * 1366, E.NAMETOOLONG),
    ],
)
def test_paths_that_no_filesystem_has(root: Ours, path: str, error: E) -> None:
    for base in (root, below(root, "base")):
        assert base.stat(path) == error.name.lower()
    if path and error not in (E.NOENT, E.NAMETOOLONG):
        assert root.symlink(path, "link") == error.name.lower()


def test_a_name_of_escaped_bytes_is_as_long_as_the_bytes(root: Ours) -> None:
    assert root.write("\udcff" * 255, b"", "C") == 0
    assert root.write("\udcff" * 256, b"", "C") == "nametoolong"


def test_going_up_and_down_again_and_again_ends() -> None:
    """Links full of `..` in a deep tree would otherwise look up names without end."""
    filesystem = MemoryFilesystem(lambda: 1)
    deep = "/".join(["d"] * 700)
    filesystem.add_directory(deep)
    system = Ours(Namespace(filesystem.root))
    zigzag = "/".join(["../d"] * 800)
    filesystem.add_symlink(deep + "/again", zigzag + "/again2")
    filesystem.add_symlink(deep + "/again2", zigzag)
    assert system.stat("/".join([deep, *["again"] * 30])) == "loop"
    assert system.stat(deep + "/" + "/".join(["..", "d"] * 30)) == ("directory", 2, 0)


class Changing(MemoryDirectory):
    """A directory in which looking up `change` changes the tree."""

    def __init__(self, filesystem: MemoryFilesystem, change: Callable[[], object]) -> None:
        super().__init__(filesystem, None)
        known = self.lookup

        def lookup(name: str) -> MemoryInode | None:
            if name == "change":
                change()
            return known(name)

        self.lookup = lookup


@pytest.mark.parametrize(
    ("put", "answer"), [(None, "noent"), ("file", "notdir"), ("link", "notdir")]
)
def test_up_finds_what_is_there_by_then(put: str | None, answer: str) -> None:
    filesystem = MemoryFilesystem(lambda: 1)
    filesystem.add_directory("a/b")

    def change() -> None:
        system.rename("a", "moved")
        if put == "file":
            system.write("a", b"", "C")
        elif put == "link":
            system.symlink("moved", "a")

    namespace = Namespace(filesystem.root)
    system = Ours(namespace)
    changing = Changing(filesystem, change)
    changing.make_directory("change")
    namespace.mount("a/b/changing", changing)
    assert system.stat("a/b/changing/change/..") == answer


@pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")
def test_depth_takes_no_host_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path
    for _ in range(300):
        directory /= "d"
    directory.mkdir(parents=True)
    volume = HostVolume(tmp_path).root()
    assert isinstance(volume, Directory)
    system = Ours(Namespace(volume))
    open_now: list[int] = []
    look = os.stat

    def counting(*args: object, **kwargs: object) -> os.stat_result:
        open_now.append(len(os.listdir("/dev/fd")))
        return look(*args, **kwargs)  # type: ignore[arg-type]

    before = len(os.listdir("/dev/fd"))
    monkeypatch.setattr(os, "stat", counting)
    assert system.stat("/".join(["d"] * 300 + [".."] * 299)) == ("directory", 3, 0)
    assert len(open_now) > 300
    assert max(open_now) - before <= 3
    assert len(os.listdir("/dev/fd")) == before


class NothingOrdinary(Paths):
    """With these, every walk goes the general way from its start."""

    def __missing__(self, text: str) -> Parsed:
        return replace(parse(text), ordinary=False)


def paths(*names: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda names, before, behind: before + "/".join(names) + behind,
        st.lists(st.sampled_from(names), min_size=1, max_size=4),
        st.sampled_from(["", "", "", "/"]),
        st.sampled_from(["", "", "", "/", "/."]),
    )


HERE = ["", "a/", "a/b/", "b/"]
"""Where links are, called `l` and `m`."""
links = st.fixed_dictionaries(
    {above + name: paths("a", "b", "f", "l", "m", "..", ".") for above in HERE for name in "lm"}
)
mounts = st.sets(st.sampled_from(["a/b", "a/c", "b/l", "c", "b/m/a"]), max_size=2)
wanted = paths("a", "b", "a", "b", "c", "f", "l", "m", "l", "m", "..", ".", "", "x" * 256)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(links, mounts, st.lists(st.tuples(wanted, *[st.booleans()] * 3), min_size=1, max_size=12))
def test_most_paths_are_walked_quickly_to_the_same_places(
    linked: dict[str, str], mounted: set[str], walked: list[tuple[str, bool, bool, bool]]
) -> None:
    filesystem = MemoryFilesystem(lambda: 1)
    for path in ("a/b/c", "b/a"):
        filesystem.add_directory(path)
        filesystem.add_file(path + "/f", b"")
    for path, target in linked.items():
        filesystem.add_symlink(path, target)
    quick, general = (Namespace(filesystem.root, lambda: 1) for _ in range(2))
    general.paths = NothingOrdinary()
    for path in sorted(mounted):
        below = MemoryFilesystem(lambda: 1)
        below.add_file("a/b", b"")
        below.add_symlink("l", "../a")
        with suppress(Errno):
            for namespace in (quick, general):
                namespace.mount(path, below.root)

    def place(namespace: Namespace, base: walk.Base, path: str, *how: bool) -> object:
        follow, create, look = how
        directory, name, inode, slash = walk.resolve(
            namespace, base, path, follow=follow, create=create, look=look
        )
        return directory.key, name, inode and inode.key, slash

    a = filesystem.add_directory("a")
    bases: list[walk.Base] = [quick.root, a, walk.Tree(), walk.Tree(("a", "b"))]
    bases += [walk.Tree(("a",), a), walk.Tree(("a", "l"))]
    for base in bases:
        for path, *how in walked:
            answers = [
                attempt(partial(place, namespace, base, path, *how))
                for namespace in (quick, general)
            ]
            assert answers[0] == answers[1], (base, path, how)
