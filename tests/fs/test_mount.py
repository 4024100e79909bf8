"""Mounts: the deepest wins, parents show them, and no name crosses from one to another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fs.systems import Ours
from wasix.abi import E, Errno
from wasix.abi.types import Filetype
from wasix.fs import walk
from wasix.fs.host import HostVolume
from wasix.fs.inode import Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace


def filesystem(**files: bytes) -> MemoryFilesystem:
    made = MemoryFilesystem(lambda: 1)
    for name, data in files.items():
        made.add_file(name, data)
    return made


def mounted(mounts: dict[str, MemoryFilesystem]) -> Ours:
    namespace = Namespace(filesystem(own=b"root").root, lambda: 1)
    for path, volume in mounts.items():
        namespace.mount(path, volume.root)
    return Ours(namespace)


def names(system: Ours, path: str) -> list[str]:
    listing = system.list(path)
    assert isinstance(listing, list)
    return [name for name, _ in listing if name not in (".", "..")]


def test_the_deepest_mount_wins() -> None:
    system = mounted({"/a": filesystem(f=b"a"), "a/b//c/": filesystem(f=b"c")})
    assert system.read("a/f") == b"a"
    assert system.read("a/b/c/f") == b"c"
    assert system.read("a/b/c/../../f") == b"a"
    assert names(system, "a") == ["b", "f"]


def test_a_later_mount_covers_what_was_mounted_below_it() -> None:
    system = mounted({"/a/b/c": filesystem(f=b"c"), "/a": filesystem(f=b"a")})
    assert system.read("a/f") == b"a"
    assert system.stat("a/b") == "noent"


def test_mounts_show_in_the_parents_listing() -> None:
    system = mounted({"/new": filesystem(), "/own": filesystem(), "/x/y": filesystem()})
    file = system.open(".", directory=True)
    entries = list(file.entries(0) or ())
    assert sorted(entry.name for entry in entries) == [".", "..", "new", "own", "x"]
    assert {entry.filetype for entry in entries} == {Filetype.DIRECTORY}
    for entry in entries[2:]:
        st = walk.stat(system.namespace, system.base, entry.name, follow=False)
        assert st.ino == entry.ino
    assert names(system, "x") == ["y"]


def test_a_listing_with_mounts_goes_on_from_any_cookie() -> None:
    system = mounted({f"/m{number}": filesystem() for number in range(5)})
    for number in range(5):
        system.mkdir(f"d{number}")
    file = system.open(".", directory=True)
    entries = list(file.entries(0) or ())
    assert len(entries) == 2 + 1 + 5 + 5
    for place, entry in enumerate(entries, 1):
        assert list(file.entries(entry.next) or ()) == entries[place:]
    assert list(file.entries(2**64 - 1) or ()) == []


def test_a_mount_covers_what_is_below_and_leaves_it_alone() -> None:
    below = filesystem()
    below.add_file("d/hidden", b"")
    namespace = Namespace(below.root)
    namespace.mount("/d", filesystem(seen=b"").root)
    system = Ours(namespace)
    assert names(system, "d") == ["seen"]
    assert system.write("d/new", b"", "C") == 0
    assert [path for path, _ in below.walk()] == ["d", "d/hidden"]


def test_a_single_file_can_be_mounted() -> None:
    namespace = Namespace(filesystem().root)
    namespace.mount("/etc/conf", filesystem().add_file("f", b"text"))
    system = Ours(namespace)
    assert system.read("etc/conf") == b"text"
    assert system.read("etc/conf/x") == "notdir"
    assert system.list("etc") == [(".", "directory"), ("..", "directory"), ("conf", "file")]
    assert system.unlink("etc/conf") == "busy"
    assert system.link("etc/conf", "other") == "xdev"
    assert system.rmdir("etc") == "notempty"
    assert system.write("etc/conf", b"more", "A") == 4
    assert system.read("etc/conf") == b"textmore"


@pytest.mark.parametrize(
    ("path", "error"), [("/own/x", E.NOTDIR), ("/a/../b", E.INVAL), ("/./a", E.INVAL)]
)
def test_where_nothing_can_be_mounted(path: str, error: E) -> None:
    system = mounted({})
    with pytest.raises(Errno) as caught:
        system.namespace.mount(path, filesystem().root)
    assert caught.value.code is error


def test_the_root_can_be_replaced_by_a_directory_only() -> None:
    system = mounted({})
    other = filesystem(f=b"")
    system.namespace.mount("/", other.root)
    assert names(Ours(system.namespace), ".") == ["f"]
    with pytest.raises(Errno) as caught:
        system.namespace.mount("/", other.add_file("f", b""))
    assert caught.value.code is E.NOTDIR


def test_names_do_not_cross_mounts() -> None:
    system = mounted({"/m": filesystem(f=b"m"), "/n/deep": filesystem(f=b"n")})
    assert system.rename("own", "m/own") == "xdev"
    assert system.rename("m/f", "f") == "xdev"
    assert system.rename("m/f", "n/deep/f") == "xdev"
    assert system.link("own", "m/own") == "xdev"
    assert system.link("m/f", "n/deep/g") == "xdev"
    assert system.link("m/f", "m/g") is None
    assert system.rename("m/f", "m/h") is None


def test_the_same_filesystem_twice_shows_one_file_in_two_places() -> None:
    volume = filesystem(f=b"f")
    system = mounted({"/a": volume, "/b": volume})
    assert system.link("a/f", "b/g") is None
    assert system.read("a/g") == b"f"
    assert system.rename("a/f", "b/g") is None
    assert names(system, "a") == ["f", "g"]


def test_a_mount_point_is_busy() -> None:
    system = mounted({"/m": filesystem(), "/x/y": filesystem()})
    system.mkdir("d")
    for path in ("m", "x/y"):
        assert system.rmdir(path) == "busy"
        assert system.unlink(path) == "isdir"
        assert system.mkdir(path) == "exist"
        assert system.rename(path, "other") in ("busy", "xdev")
        assert system.rename("d", path) in ("busy", "xdev")
    assert system.rmdir("x") == "notempty"
    assert system.rename("d", "x") == "notempty"


def test_a_mount_moves_with_the_directory_it_is_in() -> None:
    system = mounted({"/x/y": filesystem(f=b"f")})
    assert system.rename("x", "z") is None
    assert system.read("z/y/f") == b"f"
    assert system.mkdir("x") is None
    assert system.stat("x/y") == "noent"


def test_going_up_from_a_mount_leads_to_where_it_is_mounted() -> None:
    system = mounted({"/x/y": filesystem()})
    system.write("x/f", b"f", "C")
    assert system.read("x/y/../f") == b"f"
    assert system.symlink("../../own", "x/y/link") is None
    assert system.read("x/y/link") == b"root"
    inside = walk.find(system.namespace, system.base, "x/y", follow=True)
    assert isinstance(inside, Directory)
    assert Ours(system.namespace, inside).read("link") == "perm"


@pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")
def test_a_mount_inside_a_host_volume_makes_nothing_on_the_host(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    root = HostVolume(tmp_path).root()
    assert isinstance(root, Directory)
    namespace = Namespace(root, lambda: 1)
    namespace.mount("/real/made/up/m", filesystem(f=b"f").root)
    namespace.mount("/real/made/n", filesystem(g=b"g").root)
    system = Ours(namespace)
    assert list(tmp_path.rglob("*")) == [tmp_path / "real"]
    assert system.read("real/made/up/m/f") == b"f"
    assert system.read("real/made/n/g") == b"g"
    assert names(system, "real") == ["made"]
    assert names(system, "real/made") == ["n", "up"]
    assert system.rmdir("real") == "notempty"
    assert system.rmdir("real/made") == "busy"
    assert system.write("real/made/new", b"in memory", "C") == 9
    assert system.write("real/host", b"on the host", "C") == 11
    assert [path.name for path in tmp_path.rglob("*")] == ["real", "host"]
    assert system.rename("real/host", "real/made/host") == "xdev"


@pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")
def test_a_removed_host_directory_takes_its_mounts_along(tmp_path: Path) -> None:
    """Its inode number may be given to another directory, which must not show them."""
    (tmp_path / "d").mkdir()
    root = HostVolume(tmp_path).root()
    assert isinstance(root, Directory)
    namespace = Namespace(root)
    namespace.mount("/d/m", filesystem(f=b"f").root)
    system = Ours(namespace)
    for _ in range(20):
        (tmp_path / "d").rmdir()
        (tmp_path / "d").mkdir()
        assert system.stat("d/m") == "noent"


def test_what_is_spread_leaves_room_for_other_files() -> None:
    volume = filesystem(f=b"volume")
    system = mounted({"/usr/taken": filesystem(g=b"taken"), "/usr/local": filesystem(h=b"local")})
    for name in ("taken", "lib"):
        volume.root.make_directory(name)
    system.namespace.spread("/usr", volume.root)
    assert sorted(names(system, "usr")) == ["f", "lib", "local", "taken"]
    assert system.read("usr/f") == b"volume"
    assert system.read("usr/taken/g") == b"taken"
    system.namespace.spread("/usr", filesystem(f=b"another").root)
    assert system.read("usr/f") == b"volume"


def test_what_is_spread_may_find_no_directory() -> None:
    system = mounted({})
    system.namespace.spread("/new/place", filesystem(f=b"volume").root)
    assert system.read("new/place/f") == b"volume"
    with pytest.raises(Errno) as caught:
        system.namespace.spread("/own", filesystem(f=b"volume").root)
    assert caught.value.code == E.NOTDIR
