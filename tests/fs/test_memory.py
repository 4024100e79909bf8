"""The memory filesystem: sparse files, the limit, times, links that outlive names, listings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fs.systems import Ours, attempt
from wasix.abi import E, Errno
from wasix.abi.types import Fdflags
from wasix.fs import walk
from wasix.fs.file import MAX_OFFSET, OpenFile, RegularFile
from wasix.fs.inode import Access
from wasix.fs.memory import NAME_CHARGE, NODE_CHARGE, MemoryDirectory, MemoryFile, MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.pages import GRAIN, PAGE, PAGE_CHARGE

BOTH = Access(write=True)
ENTRY_CHARGE = NODE_CHARGE + NAME_CHARGE


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100

    def __call__(self) -> int:
        return self.now


def ours(limit: int | None = None) -> tuple[MemoryFilesystem, Ours]:
    filesystem = MemoryFilesystem(Clock(), limit=limit)
    return filesystem, Ours(Namespace(filesystem.root))


def read(file: OpenFile, count: int, offset: int) -> bytes:
    buffer = memoryview(bytearray(b"?" * count))
    return bytes(buffer[: file.pread([buffer], offset)])


def write(file: OpenFile, data: bytes, offset: int) -> int:
    return file.pwrite([memoryview(data)], offset)


def test_a_write_at_a_huge_offset_takes_one_page() -> None:
    filesystem, system = ours()
    file = system.open("f", "C", BOTH)
    before = filesystem.quota.used
    assert write(file, b"end", MAX_OFFSET - 3) == 3
    assert file.stat().size == MAX_OFFSET
    assert filesystem.quota.used - before <= PAGE + PAGE_CHARGE
    assert read(file, 3, MAX_OFFSET - 3) == b"end"
    assert read(file, 100, 1 << 40) == bytes(100)
    with pytest.raises(Errno) as caught:
        write(file, b"more", MAX_OFFSET - 3)
    assert caught.value.code is E.FBIG
    file.set_size(0)
    assert filesystem.quota.used == before


def test_a_hole_reads_as_zeros_and_so_does_what_was_cut_off() -> None:
    _, system = ours()
    file = system.open("f", "C", BOTH)
    write(file, b"x" * (2 * PAGE), 0)
    file.set_size(PAGE + 10)
    file.set_size(3 * PAGE)
    assert read(file, 3 * PAGE, 0) == b"x" * (PAGE + 10) + bytes(2 * PAGE - 10)


def test_content_given_to_the_host_is_what_guests_see() -> None:
    filesystem, system = ours()
    data = bytes(range(256)) * 1000
    filesystem.add_file("a/b/f", data)
    filesystem.add_symlink("a/l", "b/f")
    assert system.read("a/l") == data
    system.write("a/b/f", b"new", "T", 5)
    assert filesystem.read_file("/a/b/f") == bytes(5) + b"new"
    filesystem.add_file("a/b/f", b"again")
    assert filesystem.read_file("a/b/f") == b"again"
    assert [path for path, _ in filesystem.walk()] == ["a", "a/b", "a/l", "a/b/f"]


@pytest.mark.parametrize(
    ("path", "error"),
    [("", E.ISDIR), ("d", E.ISDIR), ("f/x", E.NOTDIR), ("l", E.EXIST), ("d/../x", E.INVAL)],
)
def test_where_the_host_can_put_no_file(path: str, error: E) -> None:
    filesystem, _ = ours()
    filesystem.add_directory("d")
    filesystem.add_file("f", b"")
    filesystem.add_symlink("l", "f")
    with pytest.raises(Errno) as caught:
        filesystem.add_file(path, b"x")
    assert caught.value.code is error


def test_a_write_beyond_the_limit_is_cut_short_then_refused() -> None:
    filesystem, system = ours(ENTRY_CHARGE + PAGE_CHARGE + 10 * GRAIN)
    file = system.open("f", "C", BOTH)
    assert file.write([memoryview(bytes(6 * GRAIN)), memoryview(bytes(6 * GRAIN))]) == 10 * GRAIN
    with pytest.raises(Errno) as caught:
        file.write([memoryview(b"x")])
    assert caught.value.code is E.NOSPC
    assert write(file, b"over", 0) == 4
    assert filesystem.quota.used == filesystem.quota.limit


def test_a_refused_write_takes_and_changes_nothing() -> None:
    filesystem, system = ours(ENTRY_CHARGE + PAGE_CHARGE + GRAIN)
    file = system.open("f", "C", BOTH)
    before, used = file.stat(), filesystem.quota.used
    filesystem.clock.now += 1  # type: ignore[attr-defined]
    with pytest.raises(Errno) as caught:
        write(file, b"x", 10 * GRAIN)
    assert caught.value.code is E.NOSPC
    assert (file.stat(), filesystem.quota.used) == (before, used)


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_empty_counts_against_the_limit_too(kind: str) -> None:
    filesystem, system = ours(20 * ENTRY_CHARGE)

    def make(name: str) -> object:
        if kind == "file":
            return system.write(name, b"", "C")
        return system.mkdir(name) if kind == "directory" else system.symlink("x", name)

    made = 0
    while make(f"n{made}") != "nospc":
        made += 1
    # The target of a link is charged as well: the last one has no room for it.
    assert made == (19 if kind == "link" else 20)
    for number in range(made):
        (system.rmdir if kind == "directory" else system.unlink)(f"n{number}")
    assert filesystem.quota.used == 0


def test_further_names_count_too() -> None:
    _, system = ours(ENTRY_CHARGE + 5 * NAME_CHARGE)
    system.write("f", b"", "C")
    answers = [system.link("f", f"f{number}") for number in range(6)]
    assert answers == [None] * 5 + ["nospc"]


@pytest.mark.parametrize("rename", [False, True])
def test_an_open_file_outlives_its_name_and_gives_its_bytes_back_when_closed(rename: bool) -> None:
    filesystem, system = ours()
    file = system.open("f", "C", BOTH)
    again = system.open("f", "", BOTH)
    write(file, b"x" * PAGE, 0)
    if rename:
        system.write("g", b"", "C")
        assert system.rename("g", "f") is None
        system.unlink("f")
    else:
        assert system.unlink("f") is None
    assert file.stat().nlink == 0
    assert read(file, 3, 0) == b"xxx"
    assert filesystem.quota.used >= PAGE
    file.close()
    assert read(again, 3, 0) == b"xxx"
    again.close()
    assert filesystem.quota.used == 0


def test_a_removed_directory_that_is_open_is_empty_and_takes_nothing() -> None:
    _, system = ours()
    system.mkdir("d")
    file = system.open("d", directory=True)
    system.rmdir("d")
    assert file.stat().nlink == 0
    assert list(file.entries(0) or ()) == []
    assert isinstance(file.inode, MemoryDirectory)
    inside = Ours(system.namespace, file.inode)
    assert inside.write("x", b"", "C") == "noent"
    assert inside.mkdir("x") == "noent"
    assert inside.symlink("y", "x") == "noent"


def test_nothing_moves_into_a_removed_directory() -> None:
    filesystem, system = ours()
    system.mkdir("d")
    system.write("f", b"", "C")
    removed = filesystem.root.lookup("d")
    assert isinstance(removed, MemoryDirectory)
    system.rmdir("d")
    with pytest.raises(Errno) as caught:
        walk.rename(system.namespace, system.base, "f", removed, "f")
    assert caught.value.code is E.NOENT
    with pytest.raises(Errno) as caught:
        walk.link(system.namespace, system.base, "f", False, removed, "f")
    assert caught.value.code is E.NOENT
    assert system.lstat("f") == ("file", 1, 0)


def test_allocating_takes_storage_that_later_writes_can_count_on() -> None:
    filesystem, system = ours(2 * ENTRY_CHARGE + 4 * (PAGE + PAGE_CHARGE))
    file = system.open("f", "C", BOTH)
    file.allocate(10, 3 * PAGE)
    assert file.stat().size == 3 * PAGE + 10
    other = system.open("g", "C", BOTH)
    assert write(other, bytes(4 * PAGE), 0) < 2 * PAGE
    assert write(file, b"x" * 3 * PAGE, 10) == 3 * PAGE
    for length in (2 * PAGE, 1 << 62):
        with pytest.raises(Errno) as caught:
            file.allocate(3 * PAGE, length)
        assert caught.value.code is E.NOSPC
    assert file.stat().size == 3 * PAGE + 10
    assert filesystem.quota.used <= filesystem.quota.limit


def test_allocating_without_a_limit_sets_the_size_only() -> None:
    filesystem, system = ours()
    file = system.open("f", "C", BOTH)
    file.allocate(0, 1 << 62)
    assert file.stat().size == 1 << 62
    assert filesystem.quota.used == ENTRY_CHARGE


def times(system: Ours, path: str) -> tuple[int, int, int]:
    st = walk.stat(system.namespace, system.base, path, follow=False)
    return st.atim, st.mtim, st.ctim


def at(filesystem: MemoryFilesystem, now: int) -> None:
    filesystem.clock.now = now  # type: ignore[attr-defined]


def test_times_of_a_file() -> None:
    filesystem, system = ours()
    file = system.open("f", "C", BOTH)
    assert times(system, "f") == (100, 100, 100)
    at(filesystem, 200)
    write(file, b"hello", 0)
    assert times(system, "f") == (100, 200, 200)
    at(filesystem, 300)
    read(file, 5, 0)
    assert times(system, "f") == (300, 200, 200)
    at(filesystem, 350)
    read(file, 5, 0)  # already newer than the last change
    assert times(system, "f") == (300, 200, 200)
    at(filesystem, 400)
    file.set_size(2)
    assert times(system, "f") == (300, 400, 400)
    at(filesystem, 500)
    system.link("f", "g")
    assert times(system, "f") == (300, 400, 500)
    at(filesystem, 600)
    system.rename("g", "h")
    assert times(system, "f") == (300, 400, 600)
    at(filesystem, 700)
    system.unlink("h")
    assert times(system, "f") == (300, 400, 700)
    at(filesystem, 800)
    file.set_times(1, None)
    assert times(system, "f") == (1, 400, 800)
    file.set_times(None, 2**64 - 1)
    assert times(system, "f") == (1, 2**64 - 1, 800)


def test_times_of_a_directory() -> None:
    filesystem, system = ours()
    system.mkdir("d")
    changes: list[Callable[[], object]] = [
        lambda: system.write("d/f", b"", "C"),
        lambda: system.mkdir("d/sub"),
        lambda: system.symlink("x", "d/l"),
        lambda: system.link("d/f", "d/g"),
        lambda: system.rename("d/g", "d/h"),
        lambda: system.rename("d/h", "h"),
        lambda: system.rename("h", "d/k"),
        lambda: system.unlink("d/f"),
        lambda: system.rmdir("d/sub"),
    ]
    for now, change in enumerate(changes, 200):
        at(filesystem, now)
        change()
        assert times(system, "d")[1:] == (now, now)
    at(filesystem, 900)
    system.write("d/l", b"", "")
    system.stat("d/l")
    assert times(system, "d")[1:] == (208, 208)  # not by what happens inside its files


def test_an_empty_write_changes_no_times() -> None:
    filesystem, system = ours()
    file = system.open("f", "C", BOTH)
    write(file, b"x", 0)
    at(filesystem, 200)
    file.write([memoryview(b"")])
    file.write([])
    assert times(system, "f") == (100, 100, 100)


def listing(file: OpenFile, cookie: int = 0) -> Iterator[tuple[int, str]]:
    for entry in file.entries(cookie) or ():
        yield entry.next, entry.name


def test_a_listing_goes_on_after_any_change() -> None:
    """What stays is seen once, wherever the reader stops and whatever is added or removed."""
    for stop in range(60):
        _, system = ours()
        for number in range(60):
            system.write(f"n{number}", b"", "C")
        file = system.open(".", directory=True)
        first = [entry for _, entry in zip(range(stop), listing(file), strict=False)]
        for number in range(0, 60, 2):
            system.unlink(f"n{number}")
        for number in range(40):
            system.write(f"new{number}", b"", "C")
        system.rename("new0", "n1")
        cookie = first[-1][0] if first else 0
        seen = [name for _, name in first] + [name for _, name in listing(file, cookie)]
        assert len(seen) == len(set(seen))
        stayed = {f"n{number}" for number in range(1, 60, 2)}
        came = {f"new{number}" for number in range(1, 40)}
        assert set(seen) == stayed | came | {".", ".."} | {name for _, name in first}
        removed = {f"n{number}" for number in range(0, 60, 2)}
        assert removed.isdisjoint(name for _, name in listing(file, cookie))


@pytest.mark.parametrize("cookie", [3, 10**6, 2**63, 2**64 - 1])
def test_a_made_up_cookie_is_harmless(cookie: int) -> None:
    _, system = ours()
    system.write("f", b"", "C")
    assert list(listing(system.open(".", directory=True), cookie)) == []


def test_removing_while_listing_reaches_everything() -> None:
    _, system = ours()
    for number in range(1000):
        system.write(f"n{number}", b"", "C")
    file, cookie = system.open(".", directory=True), 0
    while batch := [entry for _, entry in zip(range(7), listing(file, cookie), strict=False)]:
        cookie = batch[-1][0]
        for _, name in batch:
            if name not in (".", ".."):
                assert system.unlink(name) is None
    assert system.list(".") == [(".", "directory"), ("..", "directory")]


def calls_made(count: int) -> int:
    """Function calls that making, listing in small steps, and removing `count` names takes."""
    filesystem, system = ours()
    made = 0

    def tally(frame: object, event: str, arg: object) -> None:
        nonlocal made
        made += 1

    sys.setprofile(tally)
    try:
        root = filesystem.root
        for number in range(count):
            root.create(f"n{number}")
        file, cookie = system.open(".", directory=True), 0
        while batch := [entry for _, entry in zip(range(50), listing(file, cookie), strict=False)]:
            cookie = batch[-1][0]
        for number in range(count):
            root.rename(f"n{number}", root, f"m{number}")
        for number in range(count):
            root.unlink(f"m{number}")
    finally:
        sys.setprofile(None)
    return made


def test_work_grows_with_the_number_of_names_and_no_faster() -> None:
    small, large = calls_made(1000), calls_made(8000)
    assert large < 8.5 * small


def test_a_hundred_thousand_names() -> None:
    filesystem, system = ours()
    for number in range(100_000):
        filesystem.root.create(str(number))
    file = system.open(".", directory=True)
    names = [name for _, name in listing(file)]
    assert names == [".", "..", *map(str, range(100_000))]
    assert next(iter(listing(file, 50_002)))[1] == "50000"


def test_a_deep_tree_comes_and_goes() -> None:
    filesystem, _ = ours()
    directory = filesystem.root
    for _ in range(50_000):
        directory.make_directory("d")
        below = directory.lookup("d")
        assert isinstance(below, MemoryDirectory)
        directory = below
    with pytest.raises(Errno) as caught:
        filesystem.root.rename("d", directory, "d")
    assert caught.value.code is E.INVAL
    assert sum(1 for _ in filesystem.walk()) == 50_000


offsets = st.one_of(
    st.integers(0, 3 * GRAIN),
    st.sampled_from([PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - GRAIN, 2 * PAGE]),
)
sizes = st.one_of(st.integers(0, 2 * GRAIN), st.sampled_from([PAGE, PAGE + 1]))
operations = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(sizes, max_size=3)),
        st.tuples(st.just("read"), st.lists(sizes, max_size=3)),
        st.tuples(st.just("seek"), offsets),
        st.tuples(st.just("size"), offsets),
        st.tuples(st.just("append"), st.booleans()),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(operations, st.sampled_from([None, None, 5000, 100_000, 300_000]))
def test_the_short_way_and_the_general_one_agree_with_a_plain_array(
    steps: list[tuple[str, object]], limit: int | None
) -> None:
    clock = Clock()
    inodes = [MemoryFile(MemoryFilesystem(clock, limit=limit)) for _ in range(2)]
    short = inodes[0].open(BOTH)
    general = RegularFile(inodes[1], inodes[1], BOTH)
    plain, position, appending = bytearray(), 0, False
    for number, (what, argument) in enumerate(steps, 1):
        clock.now += 1
        if what == "append":
            appending = bool(argument)
            for file in (short, general):
                file.set_flags(Fdflags.APPEND if appending else 0)
        elif what in ("seek", "size"):
            assert isinstance(argument, int)
            if what == "seek":
                position = argument
                assert short.seek(argument, "set") == general.seek(argument, "set") == argument
            else:
                plain = plain[:argument].ljust(argument, b"\0")
                short.set_size(argument)
                general.set_size(argument)
        elif what == "write":
            assert isinstance(argument, list)
            buffers = [memoryview(bytes([number]) * size) for size in argument]
            data = b"".join(buffers)
            count = attempt(partial(short.write, buffers))
            assert count == attempt(partial(general.write, buffers))
            if limit is None:
                assert count == len(data)
            data = data[:count] if isinstance(count, int) else b""
            if data:
                position = len(plain) if appending else position
                plain = plain.ljust(position, b"\0")
                plain[position : position + len(data)] = data
                position += len(data)
        else:
            assert isinstance(argument, list)
            targets = [[memoryview(bytearray(size)) for size in argument] for _ in range(2)]
            count = short.read(targets[0])
            assert count == general.read(targets[1])
            expected = plain[position : position + sum(argument)]
            assert b"".join(targets[0])[:count] == b"".join(targets[1])[:count] == expected
            position += count
        assert short.stat()[3:] == general.stat()[3:]
        assert short.stat().size == len(plain)
        assert short.offset == general.offset == position
        assert inodes[0].filesystem.quota.used == inodes[1].filesystem.quota.used
    assert inodes[0].content() == inodes[1].content() == plain
