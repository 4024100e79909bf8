"""Host volumes: what only they have. Escapes are in `test_escapes`."""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fs.systems import Ours, attempt
from wasix.abi import E, Errno
from wasix.abi.types import Fdflags, Filetype
from wasix.fs import host, listing, walk
from wasix.fs.file import OpenFile
from wasix.fs.host import HostVolume
from wasix.fs.inode import Access, Directory
from wasix.fs.mount import Namespace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")

BOTH = Access(write=True)


def volume(path: Path, *, read_only: bool = False) -> Ours:
    root = HostVolume(path, read_only=read_only).root()
    assert isinstance(root, Directory)
    return Ours(Namespace(root))


@pytest.fixture
def system(tmp_path: Path) -> Ours:
    return volume(tmp_path)


def open_descriptors() -> int:
    gc.collect()  # a caught exception and its frame hold each other, and what is in the frame
    return len(os.listdir("/dev/fd"))


@pytest.fixture(autouse=True)
def no_descriptor_is_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    before = open_descriptors()
    yield
    # pytest still holds the volume of `system`.
    assert open_descriptors() == before + ("system" in request.fixturenames)


def names(file: OpenFile, cookie: int = 0) -> list[str]:
    return [entry.name for entry in file.entries(cookie) or ()]


def test_what_is_not_there_is_no_volume(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "none" / "f"):
        with pytest.raises(FileNotFoundError):
            HostVolume(path)


def test_a_platform_without_relative_opening_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "supports_dir_fd", set())
    with pytest.raises(OSError, match="host volumes are not supported"):
        HostVolume(tmp_path)


def test_the_path_given_by_the_user_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"f")
    (tmp_path / "to-d").symlink_to("d")
    (tmp_path / "to-f").symlink_to("d/f")
    assert volume(tmp_path / "to-d").read("f") == b"f"
    assert HostVolume(tmp_path / "to-f").root().stat().size == 1


def test_a_single_file_as_a_volume(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"one")
    (tmp_path / "d").mkdir()
    system = volume(tmp_path / "d")
    system.namespace.mount("/conf", HostVolume(tmp_path / "f").root())
    system.namespace.mount("/read-only", HostVolume(tmp_path / "f", read_only=True).root())
    assert system.read("conf") == b"one"
    assert system.write("conf", b"two", "") == 3
    assert system.read("read-only") == b"two"
    assert system.write("read-only", b"x", "") == "rofs"
    for answer in (
        system.unlink("conf"),
        system.rename("conf", "x"),
        system.rename("conf", "conf"),
    ):
        assert answer == "busy"
    (tmp_path / "new").write_bytes(b"replaced")
    (tmp_path / "new").rename(tmp_path / "f")
    assert system.read("conf") == b"replaced"
    (tmp_path / "f").unlink()
    (tmp_path / "f").symlink_to("/etc/passwd")
    assert system.read("conf") == "loop"
    (tmp_path / "f").unlink()
    assert system.read("conf") == "noent"


CHANGES: dict[str, Callable[[Ours], object]] = {
    "create": lambda s: s.write("new", b"x", "C"),
    "write": lambda s: s.write("f", b"x", ""),
    "truncate": lambda s: s.open("f", "", Access(truncate=True)),
    "mkdir": lambda s: s.mkdir("new"),
    "rmdir": lambda s: s.rmdir("d"),
    "unlink": lambda s: s.unlink("f"),
    "rename": lambda s: s.rename("f", "new"),
    "link": lambda s: s.link("f", "new"),
    "symlink": lambda s: s.symlink("f", "new"),
    "times": lambda s: walk.set_times(s.namespace, s.base, "f", 1, 1, follow=True),
    "times of a link": lambda s: walk.set_times(s.namespace, s.base, "l", 1, 1, follow=False),
    "times of a directory": lambda s: walk.set_times(s.namespace, s.base, "d", 1, 1, follow=True),
    "times of an open file": lambda s: s.open("f").set_times(1, 1),
    "times of an open directory": lambda s: s.open("d").set_times(1, 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_changes_in_a_read_only_volume(tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_bytes(b"f")
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("f")
    before = [(path.name, path.lstat().st_mtime_ns) for path in sorted(tmp_path.iterdir())]
    system = volume(tmp_path, read_only=True)
    assert attempt(lambda: CHANGES[name](system)) == "rofs"
    after = [(path.name, path.lstat().st_mtime_ns) for path in sorted(tmp_path.iterdir())]
    assert after == before
    assert system.read("f") == b"f"


def test_descriptors_are_closed_without_the_garbage_collector(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    before = open_descriptors()
    gc.disable()
    try:
        system = volume(tmp_path)
        system.write("d/f", b"f", "C")
        system.list("d")
        assert system.stat("d/../d/none") == "noent"
        system.open("d/f").close()
        del system
        assert len(os.listdir("/dev/fd")) == before
    finally:
        gc.enable()


def test_a_removed_volume_is_empty(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    system = volume(tmp_path / "v")
    open_before = system.open(".", directory=True)
    (tmp_path / "v").rmdir()
    assert system.stat("f") == "noent"
    assert system.write("f", b"", "C") == "noent"
    assert system.mkdir("d") == "noent"
    assert system.list(".") == []
    assert names(open_before) == []
    assert open_before.stat().nlink == 0
    open_before.close()


def test_an_unlinked_file_that_is_open_lives_on(system: Ours, tmp_path: Path) -> None:
    with system.opened("f", "C", BOTH) as file:
        file.write([memoryview(b"still here")])
        system.unlink("f")
        assert file.stat().nlink == 0
        buffer = memoryview(bytearray(10))
        assert file.pread([buffer], 0) == 10
        assert bytes(buffer) == b"still here"
    assert list(tmp_path.iterdir()) == []


def test_new_files_follow_the_umask(system: Ours, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        system.write("f", b"", "C")
        system.mkdir("d")
    finally:
        os.umask(before)
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o640
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o750


def test_a_new_file_is_the_one_found_later(tmp_path: Path) -> None:
    root = HostVolume(tmp_path).root()
    assert isinstance(root, Directory)
    new, other = root.create("f"), root.create("g")
    new.open(Access(write=True)).close()
    found = root.lookup("f")
    assert found is not None
    assert new.key == found.key != other.key


def test_appending_is_the_hosts_own(system: Ours, tmp_path: Path) -> None:
    """Another writer's bytes are never overwritten, and switching back and forth works."""
    with system.opened("f", "C", Access(write=True, flags=Fdflags.APPEND)) as file:
        file.write([memoryview(b"one ")])
        with (tmp_path / "f").open("ab") as other:
            other.write(b"other ")
        file.write([memoryview(b"two "), memoryview(b"three")])
        assert file.seek(0, "cur") == 19
        file.set_flags(0)
        file.pwrite([memoryview(b"ONE")], 0)
        file.set_flags(Fdflags.APPEND)
        file.write([memoryview(b"!")])
    assert (tmp_path / "f").read_bytes() == b"ONE other two three!"


@pytest.mark.parametrize("append", [False, True])
def test_more_buffers_than_the_host_takes_at_once(
    system: Ours, tmp_path: Path, append: bool
) -> None:
    data = [bytes([number % 256]) * 3 for number in range(2500)]
    with system.opened("f", "C", Access(write=True, flags=Fdflags.APPEND * append)) as file:
        assert file.write([memoryview(piece) for piece in data]) == 7500
        assert (tmp_path / "f").read_bytes() == b"".join(data)
        targets = [bytearray(2) for _ in range(4000)]
        assert file.pread([memoryview(target) for target in targets], 0) == 7500
    assert b"".join(targets)[:7500] == b"".join(data)


def test_allocating(system: Ours, tmp_path: Path) -> None:
    with system.opened("f", "C", BOTH) as file:
        file.write([memoryview(b"x")])
        file.allocate(0, 5000)
        file.allocate(0, 10)
        assert (tmp_path / "f").stat().st_size == 5000
        with pytest.raises(Errno) as caught:
            file.allocate(0, 1 << 62)
        assert caught.value.code is E.NOSPC
    assert (tmp_path / "f").read_bytes() == b"x" + bytes(4999)


def test_times(system: Ours, tmp_path: Path) -> None:
    system.write("f", b"", "C")
    system.mkdir("d")
    system.symlink("f", "l")
    for name, follow in (("f", True), ("d", True), ("l", False)):
        walk.set_times(system.namespace, system.base, name, 10**18 + 1, 10**18 + 2, follow=follow)
        walk.set_times(system.namespace, system.base, name, None, 10**18 + 3, follow=follow)
        st = (tmp_path / name).lstat()
        assert (st.st_atime_ns, st.st_mtime_ns) == (10**18 + 1, 10**18 + 3)
    with system.opened("f", "", Access()) as file:
        file.set_times(5, None)
        assert file.stat().atim == 5
    walk.set_times(system.namespace, system.base, "l", 7, 7, follow=True)
    assert (tmp_path / "f").stat().st_mtime_ns == 7
    assert (tmp_path / "l").lstat().st_mtime_ns == 10**18 + 3
    with pytest.raises(Errno) as caught:
        walk.set_times(system.namespace, system.base, "f", 2**64 - 1, None, follow=True)
    assert caught.value.code is E.INVAL


def test_a_time_before_1970_is_shown_as_1970(system: Ours, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"")
    os.utime(tmp_path / "old", ns=(-(10**9), -(10**9)))
    st = walk.stat(system.namespace, system.base, "old", follow=True)
    assert (st.atim, st.mtim) == (0, 0)


def test_names_that_are_not_utf_8_go_through(system: Ours, tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe"
    try:
        with open(raw, "wb") as out:
            out.write(b"raw")
    except OSError:
        pytest.skip("the host has UTF-8 names only")
    file = system.open(".", directory=True)
    (name,) = names(file)[2:]
    file.close()
    assert system.read(name) == b"raw"
    assert system.rename(name, name + "é") is None
    assert os.path.exists(raw + "é".encode())


def test_what_cannot_be_opened_does_not_hang(system: Ours, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(tmp_path)  # a socket's path is short
    try:
        server.bind("socket")
    finally:
        os.chdir(here)
    for name in ("pipe", "socket"):
        for access in (Access(), BOTH, Access(read=False, write=True)):
            with pytest.raises(Errno) as caught:
                system.open(name, "", access)
            assert caught.value.code is E.NOTSUP
        assert system.list(name) == "notdir"
    server.close()
    file = system.open(".", directory=True)
    kinds = {entry.name: entry.filetype for entry in file.entries(0) or ()}
    file.close()
    assert kinds["socket"] == Filetype.SOCKET_STREAM
    assert kinds["pipe"] == Filetype.UNKNOWN
    assert system.unlink("pipe") is None
    assert system.rename("socket", "moved") is None


def test_what_replaces_a_file_behind_our_back_is_not_opened(
    system: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name was a file when it was looked up, and is a pipe when it is opened."""
    (tmp_path / "f").write_bytes(b"")
    for access, code in (
        (Access(), E.NOTSUP),
        (BOTH, E.NOTSUP),
        (Access(read=False, write=True), E.NXIO),  # nobody reads the pipe
    ):
        inode = walk.find(system.namespace, system.base, "f", follow=True)
        assert inode is not None
        (tmp_path / "f").unlink()
        os.mkfifo(tmp_path / "f")
        with pytest.raises(Errno) as caught:
            inode.open(access)
        assert caught.value.code is code
        (tmp_path / "f").unlink()
        (tmp_path / "f").write_bytes(b"")


def test_a_listing_is_what_was_there_when_it_began(system: Ours, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"n{number}").touch()
    file = system.open(".", directory=True)
    entries = list(file.entries(0) or ())
    for number in range(0, 30, 2):
        (tmp_path / f"n{number}").unlink()
    for number in range(30):
        (tmp_path / f"new{number}").touch()
    for place, entry in enumerate(entries, 1):
        assert list(file.entries(entry.next) or ()) == entries[place:]
    assert list(file.entries(2**64 - 1) or ()) == []
    again = names(file)
    assert sorted(again[2:]) == sorted(path.name for path in tmp_path.iterdir())
    file.close()


def test_open_directories_remember_a_bounded_number_of_names(
    system: Ours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_LISTED", 100)
    for number in range(48):
        (tmp_path / f"n{number}").touch()
    files = [system.open(".", directory=True) for _ in range(5)]
    first = [next(iter(file.entries(0) or ())) for file in files]
    assert [entry.name for entry in first] == ["."] * 5
    remembered = [len(file._names or ()) for file in files if isinstance(file, host.HostListing)]
    assert sum(remembered) == 100
    for file in files:
        assert sorted(names(file, 2)) == sorted(f"n{number}" for number in range(48))
        file.close()


def test_syncing(system: Ours) -> None:
    system.mkdir("d")
    for file in (system.open("f", "C", BOTH), system.open("d", directory=True)):
        file.sync(data_only=True)
        file.sync(data_only=False)
        file.close()


@pytest.mark.parametrize("flags", [Fdflags.SYNC, Fdflags.DSYNC, Fdflags.RSYNC])
def test_synchronous_files(system: Ours, flags: int) -> None:
    with system.opened("f", "C", Access(write=True, flags=flags)) as file:
        assert file.write([memoryview(b"x")]) == 1


def test_a_file_the_user_may_not_open(system: Ours, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may open everything")
    (tmp_path / "f").touch(mode=0)
    assert system.read("f") == "acces"
