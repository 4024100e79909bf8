"""What is large, long, deep or fast, on every kind of filesystem that can be written."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.fs.systems import Ours, attempt
from wasix.abi import E, Errno
from wasix.fs import walk
from wasix.fs.file import MAX_OFFSET, OpenFile
from wasix.fs.host import HostVolume
from wasix.fs.inode import Access, Directory
from wasix.fs.memory import MemoryDirectory, MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.overlay import OverlayFilesystem
from wasix.fs.overlay_directory import OverlayDirectory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")

BOTH = Access(write=True)
FAR = 5 << 32
FULL = bool(os.environ.get("WASIX_TEST_FULL"))


def read(file: OpenFile, count: int, offset: int) -> bytes:
    buffer = memoryview(bytearray(b"?" * count))
    return bytes(buffer[: file.pread([buffer], offset)])


def write(file: OpenFile, data: bytes, offset: int) -> int:
    return file.pwrite([memoryview(data)], offset)


def test_offsets_beyond_four_gigabytes(system: Ours) -> None:
    with system.opened("f", "C", BOTH) as file:
        assert write(file, b"far away", FAR) == 8
        assert file.stat().size == FAR + 8
        assert read(file, 10, FAR - 2) == b"\0\0far away"
        assert read(file, 10, 1 << 32) == bytes(10)
        assert file.seek(-4, "end") == FAR + 4
        assert file.write([memoryview(b"AWAY!")]) == 5
        file.set_size(FAR + 6)
        assert read(file, 10, FAR) == b"far AW"
        file.set_size(FAR * 2)
        assert file.stat().size == FAR * 2
        extents = list(file.extents())
    assert sum(end - start for start, end in extents) < 1 << 20
    assert all(start <= FAR + 10 and end > FAR for start, end in extents)


LAST = MAX_OFFSET
OFFSETS: dict[str, tuple[Callable[[OpenFile], object], object]] = {
    "write at the last": (lambda f: write(f, b"x", LAST), "fbig"),
    "write over the last": (lambda f: write(f, b"xx", LAST - 1), "fbig"),
    "read beyond": (lambda f: read(f, 1, 1 << 63), "inval"),
    "read over the last": (lambda f: read(f, 2, LAST - 1), "inval"),
    "seek before the start": (lambda f: f.seek(-1, "cur"), "inval"),
    "seek beyond": (lambda f: (f.seek(LAST, "set"), f.seek(1, "cur")), "inval"),
    "seek behind the end": (lambda f: f.seek(LAST, "end"), "inval"),
    "size beyond": (lambda f: f.set_size(1 << 63), "inval"),
    "allocate over the last": (lambda f: f.allocate(LAST, 1), "fbig"),
}


@pytest.mark.parametrize("name", OFFSETS)
def test_offsets_that_are_none(system: Ours, name: str) -> None:
    operation, expected = OFFSETS[name]
    system.write("f", b"content", "C")
    with system.opened("f", "", BOTH) as file:
        assert attempt(lambda: operation(file)) == expected
        assert read(file, 10, 0) == b"content"


NAMES = [
    "é", "e\u0301", "日本語", "😀", "👩‍👩‍👧‍👦", "a b", " ", "a\nb", "\n", "\t\x01\x7f", "-rf",
    "*?[]", "\\", "'\"", "...", ". .", "a:b", "CON", "x" * 255, "é" * 127 + "x", "😀" * 63 + "abc",
    "\u202e", "\ufeff", "wh.", ".wh", "\x7f" * 255,
]  # fmt: skip


def test_names_of_all_sorts(system: Ours) -> None:
    for number, name in enumerate(NAMES):
        assert system.write(name, str(number).encode(), "CX") == len(str(number))
        assert system.mkdir(f"d{number}") is None
        assert system.link(name, f"d{number}/{name}") is None
        assert system.symlink(name, f"d{number}/to") is None
        assert system.readlink(f"d{number}/to") == name
    listed = system.list(".")
    assert isinstance(listed, list)
    assert {entry for entry, kind in listed if kind == "file"} == set(NAMES)
    for number, name in enumerate(NAMES):
        assert system.read(name) == str(number).encode()
        assert system.rename(name, "moved") is None
        assert system.rename("moved", name) is None
        assert system.unlink(f"d{number}/{name}") is None


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128, "😀" * 64, "d/" + "x" * 256])
def test_names_that_are_too_long(system: Ours, name: str) -> None:
    system.mkdir("d")
    answers = [
        system.write(name, b"", "C"),
        system.mkdir(name),
        system.symlink("x", name),
        system.link("d", name),
        system.rename("d", name),
        system.lstat(name),
        system.unlink(name),
    ]
    assert answers == ["nametoolong"] * len(answers)


def test_a_surrogate_that_is_no_byte(system: Ours) -> None:
    for name in ("\ud800", "a\udfffb"):
        answers = [system.write(name, b"", "C"), system.mkdir(name), system.lstat(name)]
        assert answers == ["ilseq"] * 3
    assert system.symlink("\ud800", "l") == "ilseq"


def test_times_to_the_nanosecond(system: Ours) -> None:
    system.write("f", b"", "C")
    system.mkdir("d")
    system.symlink("f", "l")
    for path in ("f", "d", "l"):
        walk.set_times(
            system.namespace,
            system.base,
            path,
            1234567890_123456789,
            987654321_000000001,
            follow=False,
        )
    system.rename("d", "e")
    system.link("f", "g")
    for path in ("f", "g", "e", "l"):
        st = walk.stat(system.namespace, system.base, path, follow=False)
        assert (st.atim, st.mtim) == (1234567890_123456789, 987654321_000000001)


def in_memory(system: Ours) -> bool:
    root = system.namespace.root
    if isinstance(root, OverlayDirectory):
        root = root.filesystem.layers[0]
    return isinstance(root, MemoryDirectory)


def paged(file: OpenFile, size: int) -> tuple[list[str], int]:
    """All names of a directory, read `size` entries at a time, and how many were looked at."""
    cookie, taken = 0, 0
    names: list[str] = []
    while True:
        batch = []
        for entry in file.entries(cookie) or ():
            taken += 1
            batch.append(entry)
            if len(batch) == size:
                break
        if not batch:
            return names, taken
        cookie = batch[-1].next
        names += [entry.name for entry in batch]


def test_many_entries(system: Ours) -> None:
    root = system.namespace.root
    most = 100_000 if FULL else 20_000 if in_memory(system) else 3000
    for number in range(most):
        root.create(str(number))
    file = system.open(".", directory=True)
    names, taken = paged(file, 100)
    assert taken == len(names) == most + 2
    assert set(names) == {".", "..", *map(str, range(most))}
    for number in range(most):
        root.unlink(str(number))
    file.close()
    assert system.list(".") == [(".", "directory"), ("..", "directory")]


def test_a_deep_tree(system: Ours) -> None:
    directory = system.namespace.root
    stack = [directory]
    for _ in range(300):
        directory.make_directory("d")
        below = directory.lookup("d")
        assert isinstance(below, Directory)
        directory = below
        stack.append(directory)
        del stack[:-50]  # the host bounds what is open
    directory.create("f")
    assert system.rename("d", "e") is None
    depth = 0
    here = system.namespace.root.lookup("e")
    while isinstance(here, Directory):
        depth += 1
        inner = here.lookup("d")
        if inner is None:
            assert here.lookup("f") is not None
        here = inner
    assert depth == 300
    path = "e" + "/d" * 299
    assert system.unlink(path + "/f") is None
    while path:
        assert system.rmdir(path) is None
        path = path.rpartition("/")[0]
    assert system.list(".") == [(".", "directory"), ("..", "directory")]


def test_a_deep_tree_in_memory_and_over_it() -> None:
    lower, upper = (MemoryFilesystem(lambda: 1) for _ in range(2))
    directory = lower.root
    for _ in range(20_000):
        directory.make_directory("d")
        directory = directory.lookup("d")  # type: ignore[assignment]
    directory.create("f")
    root = OverlayFilesystem(upper.root, [lower.root]).root
    root.rename("d", root, "e")
    here = root.lookup("e")
    depth = 0
    while isinstance(here, Directory):
        inner = here.lookup("d")
        if inner is None:
            assert here.lookup("f") is not None
        here, depth = inner, depth + 1
    assert depth == 20_000
    with pytest.raises(Errno) as caught:
        root.remove_directory("e")
    assert caught.value.code is E.NOTEMPTY


def test_a_rename_is_seen_by_the_host_as_one_step(tmp_path: Path) -> None:
    """A program of the host's reads a file while a guest replaces it: never none, never half."""
    (tmp_path / "lower").mkdir()
    (tmp_path / "lower" / "f").write_bytes(b"0" * 10_000)
    (tmp_path / "upper").mkdir()
    upper, lower = (HostVolume(tmp_path / name).root() for name in ("upper", "lower"))
    assert isinstance(upper, Directory)
    assert isinstance(lower, Directory)
    system = Ours(Namespace(OverlayFilesystem(upper, [lower]).root))
    system.write("f", b"0" * 10_000, "T")
    stop = threading.Event()
    seen: list[bytes] = []

    def look() -> None:
        while not stop.is_set():
            try:
                seen.append((tmp_path / "upper" / "f").read_bytes())
            except FileNotFoundError:
                seen.append(b"nothing")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for number in count():
            system.write("new", str(number % 10).encode() * 10_000, "C")
            assert system.rename("new", "f") is None
            if number > 300 and len(seen) > 100:
                break
    finally:
        stop.set()
        thread.join()
    assert {(len(data), len(set(data))) for data in seen} <= {(10_000, 1)}
    assert os.listdir(tmp_path / "lower") == ["f"]


def test_a_path_that_is_too_long(system: Ours) -> None:
    system.mkdir("d")
    assert system.lstat("d/" + "./" * 2046 + ".") == ("directory", 2, 0)
    answers = [
        system.lstat("d/" + "./" * 2047),
        system.mkdir("x/" * 2048),
        system.symlink("x" * 4096, "l"),
    ]
    assert answers == ["nametoolong"] * 3
