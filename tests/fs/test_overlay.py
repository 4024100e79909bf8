"""Overlays where they are more than another filesystem: layers, copies, restarts, crashes.

What they have in common with every filesystem is in `test_against_linux` and `test_model`.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fs.systems import Answer, Ours, attempt, tree
from tests.fs.test_races import Interrupted
from tests.selection import FULL
from wasix.abi import E, Errno
from wasix.abi.types import Filetype
from wasix.fs import host, walk
from wasix.fs.file import OpenFile
from wasix.fs.host import HostVolume
from wasix.fs.inode import Access, Directory, Inode
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.overlay import OverlayFilesystem
from wasix.fs.whiteout import COPY, LINKS, OPAQUE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")

BOTH = Access(write=True)
Upper = Callable[[], Directory]


def host_root(path: Path) -> Directory:
    path.mkdir(exist_ok=True)
    root = HostVolume(path).root()
    assert isinstance(root, Directory)
    return root


@pytest.fixture(params=["memory", "host"])
def upper(request: pytest.FixtureRequest, tmp_path: Path) -> Upper:
    """Gives the same upper layer each time."""
    if request.param == "memory":
        filesystem = MemoryFilesystem(lambda: 7)
        return lambda: filesystem.root
    return lambda: host_root(tmp_path / "upper")


def overlay(upper: Upper, *lower: Directory) -> Ours:
    return Ours(Namespace(OverlayFilesystem(upper(), lower).root))


def below(clock: Callable[[], int] = lambda: 5) -> MemoryFilesystem:
    """A lower layer with one of everything."""
    lower = MemoryFilesystem(clock)
    lower.add_file("f", b"file")
    lower.add_file("d/g", b"in d")
    lower.add_file("d/sub/h", b"in sub")
    lower.add_directory("d/empty")
    lower.add_directory("empty")
    lower.add_file("one", b"three names")
    lower.root.link("two", lower.root, "one")
    lower.add_directory("d").link("three", lower.root, "one")
    lower.add_symlink("l", "f")
    lower.add_symlink("d/absolute", "/f")
    lower.add_file("x" * 255, b"long name")
    return lower


def read(file: OpenFile, count: int = 100) -> bytes:
    buffer = memoryview(bytearray(count))
    return bytes(buffer[: file.read([buffer])])


def numbers(system: Ours, path: str) -> tuple[int, int]:
    st = walk.stat(system.namespace, system.base, path, follow=False)
    return st.dev, st.ino


def at(system: Ours, path: str) -> Inode:
    inode = walk.find(system.namespace, system.base, path, follow=False)
    assert inode is not None
    return inode


CHANGES: dict[str, Callable[[Ours], Answer]] = {
    "write": lambda s: s.write("f", b"FILE", ""),
    "write below": lambda s: s.write("d/sub/h", b"IN", ""),
    "truncate": lambda s: s.write("d/g", b"", "T"),
    "create": lambda s: s.write("d/new", b"", "C"),
    "mkdir": lambda s: s.mkdir("d/sub/new"),
    "symlink": lambda s: s.symlink("f", "d/new"),
    "unlink": lambda s: s.unlink("d/g"),
    "unlink long": lambda s: s.unlink("x" * 255),
    "unlink link": lambda s: s.unlink("l"),
    "rmdir": lambda s: s.rmdir("d/empty"),
    "rename": lambda s: s.rename("f", "d/g2"),
    "rename over": lambda s: s.rename("f", "d/g"),
    "rename link": lambda s: s.rename("d/absolute", "absolute"),
    "rename directory": lambda s: s.rename("d", "moved"),
    "rename directory over": lambda s: s.rename("d", "empty"),
    "rename directory away": lambda s: s.rename("d/sub", "sub"),
    "link": lambda s: s.link("d/g", "g"),
    "several: write": lambda s: s.write("two", b"THREE", ""),
    "several: unlink": lambda s: s.unlink("d/three"),
    "several: rename": lambda s: s.rename("one", "d/four"),
    "several: rename over": lambda s: s.rename("f", "one"),
    "several: link": lambda s: s.link("two", "four"),
    "several: rename directory": lambda s: s.rename("d", "moved"),
}


def contents(system: Ours) -> dict[str, Answer]:
    """The tree without link counts: only the most recent process knows some of them."""
    return {
        path: (answer[0][0], answer[1]) if isinstance(answer[0], tuple) else answer[0]
        for path, answer in tree(system).items()
        if isinstance(answer, tuple)
    }


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_lasts_and_leaves_the_lower_layer(upper: Upper, name: str) -> None:
    lower, plain = below(), Ours(Namespace(below().root))
    before = tree(Ours(Namespace(lower.root)))
    system = overlay(upper, lower.root)
    assert CHANGES[name](system) == CHANGES[name](plain)
    assert tree(system) == tree(plain)
    assert tree(Ours(Namespace(lower.root))) == before
    again = overlay(upper, lower.root)
    assert contents(again) == contents(plain)


@pytest.mark.parametrize("second", ["several: write", "several: rename", "several: link"])
@pytest.mark.parametrize("first", ["several: write", "several: rename", "several: link"])
def test_a_file_with_several_names_stays_one_over_restarts(
    upper: Upper, first: str, second: str
) -> None:
    lower, plain = below(), Ours(Namespace(below().root))
    for name in (first, second):
        CHANGES[name](overlay(upper, lower.root))
        CHANGES[name](plain)
    again = overlay(upper, lower.root)
    assert tree(again) == tree(plain)
    for name in ("one", "two", "d/three", "d/four", "four"):
        again.unlink(name)
        plain.unlink(name)
        assert tree(again) == tree(plain)
    links = upper().lookup(LINKS)
    assert isinstance(links, Directory)
    assert [entry.name for entry in links.open(Access()).entries(0) or ()] == [".", ".."]


class Crash(BaseException):
    """The process dies."""


STEP = 1 if FULL else 2


def crash() -> None:
    raise Crash


@pytest.mark.parametrize("name", CHANGES)
def test_a_crash_at_any_moment_leaves_the_tree_as_it_was_or_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lower = below()
    for moment in range(1, 500, STEP):
        path = tmp_path / str(moment)
        system = overlay(lambda path=path: host_root(path), lower.root)  # type: ignore[misc]
        before = contents(system)
        calls = Interrupted(moment, crash)
        with monkeypatch.context() as patch:
            patch.setattr(host, "os", calls)
            try:
                CHANGES[name](system)
                complete = True
            except Crash:
                complete = False
        again = overlay(lambda path=path: host_root(path), lower.root)  # type: ignore[misc]
        after = contents(again)
        if complete:
            break
        CHANGES[name](again)
        repeated = contents(again)
        expected = Ours(Namespace(below().root))
        CHANGES[name](expected)
        assert after in (before, contents(expected))
        if after == before:
            assert repeated == contents(expected)
    assert complete
    assert moment > 3
    assert after == contents(expected)


@pytest.mark.parametrize("name", CHANGES)
def test_an_error_at_any_moment_leaves_the_tree_as_it_was_or_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """One call of the host's fails, and the overlay goes on."""

    def fail() -> None:
        raise OSError(errno.EIO, "out of order")

    lower = below()
    expected = Ours(Namespace(below().root))
    answer = CHANGES[name](expected)
    for moment in range(1, 500, STEP):
        path = tmp_path / str(moment)
        system = overlay(lambda path=path: host_root(path), lower.root)  # type: ignore[misc]
        before = contents(system)
        calls = Interrupted(moment, fail)
        with monkeypatch.context() as patch:
            patch.setattr(host, "os", calls)
            got = CHANGES[name](system)
        assert got in (answer, "io")
        if got == "io":
            # A link count may stay too high.
            after = contents(system)
            assert after in (before, contents(expected))
            if after == before:
                assert CHANGES[name](system) == answer
                assert contents(system) == contents(expected)
        else:
            assert tree(system) == tree(expected)
        if calls.calls < moment:
            break
    assert 3 < moment < 499


def test_a_file_keeps_its_number_wherever_it_goes(upper: Upper) -> None:
    lower = below()
    system = overlay(upper, lower.root)
    paths = {"f": "moved-f", "d": "moved-d", "l": "moved-l", "one": "moved-one"}
    known = {path: numbers(system, path) for path in (*paths, "d/sub/h", "d/sub", "two")}
    assert known["one"] == known["two"]
    assert len(set(known.values())) == len(known) - 1
    assert len({device for device, _ in known.values()}) == 1
    keys = {path: at(system, path).key for path in known}
    for path in known:
        walk.set_times(system.namespace, system.base, path, 1, 1, follow=False)
        assert numbers(system, path) == known[path]
        assert at(system, path).key == keys[path]
    for path, new in paths.items():
        assert system.rename(path, new) is None
        assert numbers(system, new) == known[path]
    assert numbers(system, "moved-d/sub/h") == known["d/sub/h"]
    assert numbers(system, "moved-d/sub") == known["d/sub"]
    assert numbers(system, "two") == known["one"]


def listed(system: Ours, path: str) -> dict[str, int]:
    file = system.open(path, directory=True)
    try:
        return {entry.name: entry.ino for entry in file.entries(0) or ()}
    finally:
        file.close()


@pytest.mark.parametrize("name", [None, *CHANGES])
def test_a_listing_gives_the_numbers_that_stat_does(upper: Upper, name: str | None) -> None:
    middle, lower = MemoryFilesystem(lambda: 6), below()
    middle.add_file("d/middle", b"")
    middle.add_file("d/sub/middle", b"")
    system = overlay(upper, middle.root, lower.root)
    if name:
        CHANGES[name](system)
    for path, answer in tree(system).items():
        if answer[0] == "directory":  # type: ignore[index]
            for entry, number in listed(system, path).items():
                if (path, entry) != (".", ".."):
                    assert number == numbers(system, f"{path}/{entry}")[1], (path, entry)


@pytest.mark.parametrize("path", ["f", "one"])
def test_a_reader_sees_what_is_written_later(upper: Upper, path: str) -> None:
    system = overlay(upper, below().root)
    with system.opened(path, "", Access()) as reader:
        first = read(reader, 2)
        inode = reader.stat().ino
        system.write(path, b"WXYZ", "")
        assert first + read(reader) in (b"fiYZ", b"thYZe names")
        assert reader.stat().ino == inode == numbers(system, path)[1]
        system.write(path, b"!", "A")
        assert read(reader) == b"!"
        assert attempt(lambda: reader.write([memoryview(b"x")])) == "badf"


@pytest.mark.parametrize("path", ["f", "one", "l"])
def test_a_removed_file_that_is_open_lives_on(upper: Upper, path: str) -> None:
    system = overlay(upper, below().root)
    with system.opened(path, "", Access()) as file:
        for name in ("f", "one", "two", "d/three"):
            system.unlink(name)
        assert file.stat().nlink == 0
        assert read(file, 2) in (b"fi", b"th")
        file.set_times(None, 99)
        assert file.stat().mtim == 99
        assert file.stat().nlink == 0
        assert read(file) in (b"le", b"ree names")
        system.write("f", b"another", "C")
        assert file.stat().ino != numbers(system, "f")[1]
    assert not {COPY, "f"} & {name for name in listed(system, ".") if name != "f"}


def test_a_removed_directory_that_is_open_is_empty(upper: Upper) -> None:
    system = overlay(upper, below().root)
    for path in ("empty", "d/empty"):
        file = system.open(path, directory=True)
        inode = file.inode
        assert isinstance(inode, Directory)
        system.rmdir(path)
        system.mkdir(path)
        assert file.stat().nlink == 0
        assert list(file.entries(0) or ()) == []
        inside = Ours(system.namespace, inode)
        assert inside.write("x", b"", "C") == "noent"
        assert inside.mkdir("x") == "noent"
        assert inside.lstat("x") == "noent"
        with pytest.raises(Errno) as caught:
            walk.rename(system.namespace, system.base, "f", inode, "f")
        assert caught.value.code is E.NOENT
        assert listed(system, path).keys() == {".", ".."}


def times(system: Ours, path: str) -> tuple[int, int | None]:
    st = walk.stat(system.namespace, system.base, path, follow=False)
    return st.mtim, None if st.filetype == Filetype.DIRECTORY else st.atim


def test_times_are_copied_up(upper: Upper) -> None:
    lower = below()
    for path, time in (("f", 10**18 + 1), ("d", 10**18 + 3), ("d/sub", 10**18 + 5)):
        at(Ours(Namespace(lower.root)), path).set_times(time, time + 100)
    at(Ours(Namespace(lower.root)), ".").set_times(1, 2)
    system = overlay(upper, lower.root)
    paths = (".", "f", "d", "d/sub", "d/sub/h")
    # Looking into a directory moves its access time on the host.
    known = {path: times(system, path) for path in paths}
    system.open("f", "", BOTH).close()
    system.open("d/sub/h", "", BOTH).close()
    system.open("one", "", BOTH).close()
    assert {path: times(system, path) for path in paths} == known


RESERVED = (".wh.f", ".wh.", OPAQUE, LINKS, COPY, ".wh..wh.anything")


@pytest.mark.parametrize("name", RESERVED)
def test_names_of_the_overlay_itself_are_hidden_and_refused(upper: Upper, name: str) -> None:
    lower = below()
    lower.add_file("d/.wh.inside", b"")
    system = overlay(upper, lower.root)
    answers = [
        system.write(name, b"", "C"),
        system.mkdir(name),
        system.symlink("x", name),
        system.link("f", name),
        system.rename("f", name),
        system.rename("empty", name),
    ]
    assert answers == ["perm"] * len(answers)
    assert [system.lstat(name), system.read(name), system.unlink(name), system.rmdir(name)] == (
        ["noent"] * 4
    )
    system.unlink("f")
    system.write("one", b"x", "")
    system.unlink("d/g")
    assert not [path for path in tree(system) if "/.wh." in path]


def test_layers_of_an_image(upper: Upper) -> None:
    """As an OCI image has them: whiteouts in one layer hide what is in the ones below."""
    bottom, middle, top = (MemoryFilesystem(lambda: 1) for _ in range(3))
    for path in ("a", "b", "d/x", "d/y", "e/x", "gone/x"):
        bottom.add_file(path, b"bottom")
    for path in ("a", "d/z", ".wh.b", "d/.wh.x", ".wh.gone", "e/.wh..wh..opq", "e/new"):
        middle.add_file(path, b"middle")
    for path in (".wh.a", "b", "d/x"):
        top.add_file(path, b"top")
    system = overlay(upper, top.root, middle.root, bottom.root)
    files = {path: answer[1] for path, answer in tree(system).items() if len(answer) == 2}  # type: ignore[arg-type, index]
    assert files == {
        "./b": b"top",
        "./d/x": b"top",
        "./d/y": b"bottom",
        "./d/z": b"middle",
        "./e/new": b"middle",
    }
    assert system.rename("d", "d2") is None
    assert system.mkdir("gone") is None
    assert listed(system, "gone").keys() == {".", ".."}
    assert system.list("d2") == sorted(
        [(".", "directory"), ("..", "directory"), ("x", "file"), ("y", "file"), ("z", "file")]
    )


def test_a_pipe_below_can_be_removed_but_not_changed(tmp_path: Path) -> None:
    (tmp_path / "lower" / "d").mkdir(parents=True)
    (tmp_path / "lower" / "d" / "f").write_bytes(b"f")
    os.mkfifo(tmp_path / "lower" / "d" / "pipe")
    system = overlay(lambda: host_root(tmp_path / "upper"), host_root(tmp_path / "lower"))
    assert system.rename("d", "moved") == "notsup"
    assert system.read("d/f") == b"f"
    assert attempt(lambda: system.open("d/pipe")) == "notsup"
    assert system.unlink("d/pipe") is None
    assert system.rename("d", "moved") is None
    assert system.read("moved/f") == b"f"


def test_a_sparse_file_is_copied_without_its_holes(upper: Upper) -> None:
    lower = MemoryFilesystem(lambda: 1)
    with Ours(Namespace(lower.root)).opened("f", "C", BOTH) as file:
        file.pwrite([memoryview(b"far")], 1 << 40)
        file.pwrite([memoryview(b"near")], 100_000)
    system = overlay(upper, lower.root)
    with system.opened("f", "", BOTH) as file:
        file.pwrite([memoryview(b"start")], 0)
        buffer = memoryview(bytearray(8))
        assert file.pread([buffer], 1 << 40) == 3
        assert bytes(buffer) == b"far" + bytes(5)
        assert file.pread([buffer], 99_998) == 8
        assert bytes(buffer) == b"\0\0near\0\0"
        assert file.stat().size == (1 << 40) + 3


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="the host tells no holes")
def test_a_sparse_file_of_the_host_is_copied_without_its_holes(tmp_path: Path) -> None:
    (tmp_path / "lower").mkdir()
    with (tmp_path / "lower" / "f").open("wb") as out:
        out.seek(1 << 40)
        out.write(b"far")
        out.truncate(1 << 41)
    system = overlay(lambda: host_root(tmp_path / "upper"), host_root(tmp_path / "lower"))
    assert system.write("f", b"start", "") == 5
    st = (tmp_path / "upper" / "f").stat()
    assert st.st_size == 1 << 41
    assert st.st_blocks * 512 < 1 << 20


@pytest.mark.parametrize("name", ["write", "rename directory", "several: write"])
def test_a_copy_for_which_there_is_no_room_changes_nothing(name: str) -> None:
    lower = below()
    for path in ("f", "one", "d/sub/h"):
        lower.add_file(path, bytes([1]) * 200_000)
    space = MemoryFilesystem(lambda: 7, limit=100_000)
    system = overlay(lambda: space.root, lower.root)
    before = tree(system)
    assert CHANGES[name](system) == "nospc"
    assert tree(system) == before
    assert space.quota.used <= space.quota.limit


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    gc.collect()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 250, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def descend(directory: Directory, name: str, levels: int) -> Directory:
    for _ in range(levels):
        inode = directory.lookup(name)
        assert isinstance(inode, Directory)
        directory = inode
    return directory


@pytest.mark.usefixtures("few_descriptors")
@pytest.mark.parametrize("change", ["write", "rename", "remove"])
def test_a_deep_tree_of_the_host(
    deep_tree: Path, tmp_path_factory: pytest.TempPathFactory, change: str
) -> None:
    filesystem = MemoryFilesystem(lambda: 1)
    root = OverlayFilesystem(filesystem.root, [host_root(deep_tree)]).root
    name = "d" * 50
    if change == "rename":
        root.rename(name, root, "renamed")
        top = root.lookup("renamed")
        assert isinstance(top, Directory)
        assert descend(top, name, 2999).lookup("f") is not None
        return
    bottom = descend(root, name, 3000)
    if change == "remove":
        bottom.unlink("f")
        bottom = descend(root, name, 2999)
        bottom.remove_directory(name)
        assert bottom.lookup(name) is None
    else:
        file = bottom.lookup("f")
        assert file is not None
        file.open(BOTH).write([memoryview(b"x")])
        file = descend(root, name, 3000).lookup("f")
        assert file is not None
        assert file.stat().size == 1


@pytest.mark.usefixtures("few_descriptors")
def test_a_wide_tree_of_the_host(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / "lower" / "d" / str(number)).mkdir(parents=True)
        (tmp_path / "lower" / "d" / str(number) / "f").touch()
    system = overlay(lambda: host_root(tmp_path / "upper"), host_root(tmp_path / "lower"))
    assert system.rename("d", "e") is None
    assert len(listed(system, "e")) == 602
    assert system.lstat("e/599/f") == ("file", 1, 0)


def calls_made(count: int) -> int:
    """Function calls that listing in small steps, changing and removing `count` names takes."""
    lower = MemoryFilesystem(lambda: 1)
    for number in range(count):
        lower.root.create(f"n{number}")
    system = overlay(lambda: MemoryFilesystem(lambda: 1).root, lower.root)
    root = system.namespace.root
    made = 0

    def tally(frame: object, event: str, arg: object) -> None:
        nonlocal made
        made += 1

    sys.setprofile(tally)
    try:
        for number in range(0, count, 2):
            root.unlink(f"n{number}")
        for number in range(count):
            root.create(f"new{number}")
        file, cookie = system.open(".", directory=True), 0
        while batch := [
            entry for _, entry in zip(range(50), file.entries(cookie) or (), strict=False)
        ]:
            cookie = batch[-1].next
    finally:
        sys.setprofile(None)
    return made


def test_work_grows_with_the_number_of_names_and_no_faster() -> None:
    small, large = calls_made(500), calls_made(4000)
    assert large < 8.5 * small


def test_a_hundred_thousand_names_below() -> None:
    lower = MemoryFilesystem(lambda: 1)
    for number in range(100_000):
        lower.root.create(str(number))
    system = overlay(lambda: MemoryFilesystem(lambda: 1).root, lower.root)
    system.unlink("50000")
    system.write("new", b"", "C")
    assert listed(system, ".").keys() == {
        ".", "..", "new", *(str(number) for number in range(100_000) if number != 50_000)
    }  # fmt: skip


def test_a_listing_goes_on_after_a_copy_up(upper: Upper) -> None:
    lower = MemoryFilesystem(lambda: 1)
    for number in range(20):
        lower.add_file(f"n{number}", b"x")
    system = overlay(upper, lower.root)
    file, cookie, seen = system.open(".", directory=True), 0, []
    while batch := [entry for _, entry in zip(range(3), file.entries(cookie) or (), strict=False)]:
        cookie = batch[-1].next
        seen += [(entry.name, entry.ino) for entry in batch]
        for number in range(20):
            system.write(f"n{number}", b"y", "A")
    assert len(seen) == 22
    assert dict(seen) == listed(system, ".")


def test_what_is_mounted_in_an_overlay_stays(upper: Upper) -> None:
    inside = MemoryFilesystem(lambda: 1)
    inside.add_file("inside", b"inside")
    system = overlay(upper, below().root)
    system.namespace.mount("/d/sub/m", inside.root)
    gc.collect()
    assert system.read("d/sub/m/inside") == b"inside"
    assert system.write("d/sub/h", b"x", "") == 1
    assert system.read("d/sub/m/inside") == b"inside"
    assert system.rename("d", "e") is None
    assert system.read("e/sub/m/inside") == b"inside"
    assert system.rename("e/sub/h", "e/sub/m/h") == "xdev"


def test_layers_that_make_no_overlay() -> None:
    filesystem = MemoryFilesystem(lambda: 1)
    for lower in ([], [filesystem.root]):
        with pytest.raises(ValueError, match="layer"):
            OverlayFilesystem(filesystem.root, lower)


def test_descriptors_are_closed_without_the_garbage_collector(tmp_path: Path) -> None:
    (tmp_path / "lower" / "d").mkdir(parents=True)
    (tmp_path / "lower" / "d" / "f").write_bytes(b"f")
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    gc.disable()
    try:
        system = overlay(lambda: host_root(tmp_path / "upper"), host_root(tmp_path / "lower"))
        system.write("d/f", b"F", "")
        system.list("d")
        system.rename("d", "e")
        del system
        assert len(os.listdir("/dev/fd")) == before
    finally:
        gc.enable()


def test_a_host_that_moves_directories_into_each_other_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "lower" / "a" / "b").mkdir(parents=True)
    system = overlay(lambda: host_root(tmp_path / "upper"), host_root(tmp_path / "lower"))
    held = [at(system, path) for path in ("a", "a/b")]
    (tmp_path / "lower" / "a" / "b").rename(tmp_path / "lower" / "c")
    (tmp_path / "lower" / "a").rename(tmp_path / "lower" / "c" / "d")
    for path in ("c", "c/d", "c/d/b", "a/b"):
        system.lstat(path)
        system.write(f"{path}/f", b"", "C")
    for inode in held:
        assert isinstance(inode, Directory)
        inside = Ours(system.namespace, inode)
        assert inside.write("f", b"", "C") in (0, "noent", "io")
        assert inside.list(".")
