"""A filesystem that is kept, against the same one in memory, whatever happens to its stores."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasix.abi import E, Errno
from wasix.fs import journal
from wasix.fs.inode import Access
from wasix.fs.journal import Damaged, Journal
from wasix.fs.memory import MemoryDirectory, MemoryFile, MemoryFilesystem, MemorySymlink

Tree = dict[str, Any]


class Disk:
    """Bytes with what was done to them since they were last flushed. `failing` is asked before
    everything that writes."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.flushed = bytes(data)
        self.pending: list[tuple[int, bytes | None]] = []
        self.failing: Callable[[], bool] = lambda: False

    def _may_fail(self) -> None:
        if self.failing():
            raise OSError(errno.ENOSPC, "full")

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: bytes) -> None:
        self._may_fail()
        self.pending.append((offset, data))
        _change(self.data, offset, data)

    def truncate(self, size: int) -> None:
        self._may_fail()
        self.pending.append((size, None))
        _change(self.data, size, None)

    def flush(self) -> None:
        self._may_fail()
        self.flushed = bytes(self.data)
        self.pending.clear()

    def crashed(self, survives: list[bool], cut: int) -> Disk:
        """What is there after a crash: of the changes since the last flush any, and parts."""
        data = bytearray(self.flushed)
        for (offset, written), kept in zip(self.pending, survives, strict=False):
            if kept:
                part = written if written is None else written[: len(written) * cut // 4]
                _change(data, offset, part)
        return Disk(bytes(data))


def _change(data: bytearray, offset: int, written: bytes | None) -> None:
    if written is None:
        del data[offset:]
    elif written:
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + len(written)] = written


def make(*disks: Disk) -> tuple[MemoryFilesystem, Journal]:
    """Of a clock that stands still, as a browser's does for a while."""
    files = MemoryFilesystem(lambda: 1_000)
    first, second = disks or (Disk(), Disk())
    return files, Journal(files, (first, second))


def tree(files: MemoryFilesystem) -> Tree:
    found: Tree = {}
    for path, inode in [("", files.root), *files.walk()]:
        content: object = None
        if isinstance(inode, MemoryFile):
            content = inode.content()
        elif isinstance(inode, MemorySymlink):
            content = inode.target()
        stat = inode.stat()
        found[path] = (*stat[1:5], stat.mtim, stat.ctim, content)
    return found


# What may be done: numbers that `act` makes something of.
Step = tuple[int, int, int, int]
steps = st.lists(
    st.tuples(st.integers(0, 10), st.integers(0, 5), st.integers(0, 5), st.integers(0, 300_000)),
    max_size=12,
)


def act(files: MemoryFilesystem, step: Step) -> None:
    kind, first, second, size = step
    root = files.root
    directory = root.lookup("d0")
    places = [root, directory if isinstance(directory, MemoryDirectory) else root]
    place, name, other = places[first % 2], f"{'fd'[first % 2]}{first % 3}", f"f{second}"
    try:
        inode = place.lookup(name)
        match kind:
            case 0 | 1:
                file = inode or place.create(name)
                if isinstance(file, MemoryFile):
                    file.write_at([memoryview(bytes([second + 1]) * (size % 70_000 + 1))], size)
            case 2:
                if isinstance(inode, MemoryFile):
                    opened = inode.open(Access(write=True))
                    opened.write([memoryview(b"hot" * (size % 9 + 1))])
                    files.synced()
                    opened.write([memoryview(b"HOT")])
                    opened.close()
            case 3:
                if isinstance(inode, MemoryFile):
                    inode.set_size(size)
            case 4:
                place.make_directory(f"d{second}")
            case 5:
                place.symlink(other, f"target {size}")
            case 6:
                place.link(other, place, name)
            case 7:
                place.unlink(name)
            case 8:
                place.rename(name, places[second % 2], other)
            case 9:
                place.remove_directory(f"d{second}")
            case _:
                if inode:
                    inode.set_times(size, size + 1)
    except Errno:
        pass


@given(st.lists(steps, min_size=1, max_size=5))
def test_what_was_committed_is_loaded(rounds: list[list[Step]]) -> None:
    disks = Disk(), Disk()
    for changes in rounds:
        files, kept = make(*disks)
        for step in changes:
            act(files, step)
        kept.commit()
        again, _ = make(*disks)
        assert tree(again) == tree(files)
        assert again.quota.used <= files.quota.used
        disks = tuple(Disk(bytes(disk.data)) for disk in disks)  # type: ignore[assignment]


@given(
    st.lists(steps, min_size=1, max_size=6),
    st.integers(0, 60),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.integers(0, 4),
)
def test_after_a_crash_it_is_as_at_a_commit(
    rounds: list[list[Step]], limit: int, survives: list[bool], cut: int
) -> None:
    """That which was the last to succeed, or the one that was under way."""
    disks = Disk(), Disk()
    files, kept = make(*disks)
    done = itertools.count()
    for disk in disks:
        disk.failing = lambda: next(done) >= limit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "SLACK", 100_000)
        possible = [tree(files)]
        for changes in rounds:
            for step in changes:
                if step[0] != 2:  # which commits by itself
                    act(files, step)
            try:
                kept.commit()
            except Errno:
                possible.append(tree(files))
                break
            possible = [tree(files)]
    crashed = tuple(disk.crashed(survives, cut) for disk in disks)
    again, _ = make(*crashed)
    assert tree(again) in possible or tree(again) == tree(make()[0]) == possible[0]


def test_a_full_store_is_told_and_later_nothing_is_missing() -> None:
    disks = Disk(), Disk()
    files, kept = make(*disks)
    files.add_file("a", b"before")
    kept.commit()
    before = tree(files)
    for disk in disks:
        disk.failing = lambda: True
    file = files.add_file("b", b"after")
    with pytest.raises(Errno) as raised:
        file.sync(data_only=True)
    assert raised.value.code == E.NOSPC
    assert tree(make(*disks)[0]) == before
    for disk in disks:
        disk.failing = lambda: False
    kept.commit()
    assert tree(make(*disks)[0]) == tree(files)


def test_small_changes_write_little_and_old_ones_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal, "SLACK", 300_000)
    disks = Disk(), Disk()
    files, kept = make(*disks)
    file = files.add_file("large", bytes(1 << 20))
    kept.commit()
    most = 0
    for number in range(200):
        before = sum(len(disk.data) for disk in disks)
        file.write_at([memoryview(b"x")], number * 100)
        kept.commit()
        most = max(most, sum(len(disk.data) for disk in disks))
        assert sum(len(disk.data) for disk in disks) - before < 70_000
    assert most < 2 * file.size + 400_000
    assert tree(make(*disks)[0]) == tree(files)


def test_what_did_not_change_is_not_written() -> None:
    disks = Disk(), Disk()
    files, kept = make(*disks)
    file = files.add_file("a", b"content")
    kept.commit()
    before = [bytes(disk.data) for disk in disks]
    assert file.read_at([memoryview(bytearray(7))], 0) == 7
    kept.commit()
    assert [bytes(disk.data) for disk in disks] == before


@pytest.mark.parametrize("data", [b"something else entirely", b"wasixfs0" + bytes(100)])
def test_what_somebody_else_wrote_is_left_alone(data: bytes) -> None:
    disk = Disk(data)
    with pytest.raises(Damaged, match="not written by this version"):
        make(disk, Disk())
    assert disk.data == data
