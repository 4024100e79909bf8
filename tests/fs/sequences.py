"""Sequences of calls on a filesystem: drawn at random, and those that once found a difference."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import strategies as st

Step: TypeAlias = tuple[object, ...]
"""A method of `tests.fs.caller.Caller` by name, and its arguments."""
Sequence: TypeAlias = list[Step]

BOTTOM: Sequence = [
    ("mkdir", 0, "a"),
    ("mkdir", 0, "a/b"),
    ("mkdir", 0, "a/b/c"),
    ("open", 0, "b", "C", "rw", ""),
    ("write", 1, [b"hello"]),
    ("close", 1),
    ("open", 0, "a/b/b", "C", "rw", ""),
    ("set_size", 1, 70_000),
    ("pwrite", 1, [b"far"], 66_000),
    ("close", 1),
    ("symlink", 0, "c", "a"),
    ("link", 0, "b", False, 0, "a/b/c/b"),
    ("symlink", 0, "a/c", "gone later"),
]
TOP: Sequence = [
    ("unlink", 0, "a/c"),
    ("symlink", 0, "a/c", "../b"),
    ("open", 0, "a/a", "C", "rw", ""),
    ("write", 1, [b"below"]),
    ("set_times", 1, 10**9, 10**9, "am"),
    ("close", 1),
    ("symlink", 0, "a/b/a", "nothing"),
    ("link", 0, "a/b/b", False, 0, "a/b/c/c"),
]
"""What a tree that is not empty holds at first, in two layers: directories, files and links."""

_names = st.sampled_from(["a", "b", "c"])
_components = st.one_of(_names, _names, _names, _names, st.sampled_from([".", ".."]))
_ends = st.sampled_from(["", "", "", "", "", "/", "/."])
_odd = st.sampled_from(
    ["", "/a", "a//b", "x" * 255, "x" * 256, "a/" + "x" * 256, "./" * 2047 + "a", "./" * 2048, "/"]
)
_usual = st.builds(
    lambda parts, end: "/".join(parts) + end,
    st.lists(_components, min_size=1, max_size=3),
    _ends,
)
paths = st.one_of(_names, _usual, _usual, _usual, _usual, _usual, _odd)
targets = st.one_of(_usual, _usual, st.sampled_from(["", "/a", "a/", "../" * 5 + "a", "c/c/c/c"]))

# Mostly numbers that are open: those of directories are rarer than those of files.
directories = st.sampled_from([0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 99])
files = st.sampled_from([1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 0, 99])

_letters = st.sampled_from
_how = st.one_of(
    _letters(["", "", "C", "C", "C", "CT", "CX", "T", "D", "D"]),
    st.sets(_letters("CXTDN")).map(lambda letters: "".join(sorted(letters))),
)
_flags = st.one_of(
    _letters(["", "", "", "", "a", "a"]),
    st.sets(_letters("adnrs")).map(lambda letters: "".join(sorted(letters))),
)
_sizes = st.sampled_from([0, 1, 3, 5, 511, 512, 600, 65_535, 65_536, 65_537, 70_001, 140_000])
_offsets = st.one_of(_sizes, st.sampled_from([2**62, 2**63 - 1, 2**63, 2**64 - 1]))
_write_offsets = st.one_of(_sizes, st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]))
_set_sizes = st.one_of(_sizes, st.sampled_from([2**63, 2**64 - 1]))
_lengths = st.lists(st.sampled_from([0, 1, 4, 7, 600, 66_000]), max_size=3)
_parts = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.builds(lambda byte, count: bytes([byte]) * count, st.integers(0, 255), _sizes),
    ),
    max_size=3,
)
_moves = st.sampled_from([0, 1, -1, 3, -3, 600, 65_536, 100_000, -(2**63)])
_whence = st.sampled_from(["set", "cur", "end"])
_times = st.sampled_from([0, 1, 10**9 - 1, 10**9, 123_456_789_012_345_678])
_time_flags = st.one_of(
    _letters(["am", "a", "m"]),
    st.sets(_letters("aAmM")).map(lambda letters: "".join(sorted(letters))),
)
_buffers = st.sampled_from([0, 1, 23, 24, 25, 26, 60, 100, 4096])


def _step(name: str, *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), *arguments)


_opening = _step(
    "open", directories, paths, _how, st.sampled_from(["rw", "rw", "r", "r", "w"]), _flags
)
_steps = st.one_of(
    _opening,
    _opening,
    _opening,
    _step("close", files),
    _step("renumber", files, files),
    _step("read", files, _lengths),
    _step("pread", files, _lengths, _offsets),
    _step("write", files, _parts),
    _step("write", files, _parts),
    _step("pwrite", files, _parts, _write_offsets),
    _step("seek", files, _moves, _whence),
    _step("tell", files),
    _step("advise", files, _offsets, _offsets),
    _step("allocate", files, _write_offsets, _set_sizes),
    _step("set_size", files, _set_sizes),
    _step("sync", files),
    _step("datasync", files),
    _step("fdstat", files),
    _step("set_flags", files, _flags),
    _step("filestat", files),
    _step("set_times", files, _times, _times, _time_flags),
    _step("list", directories, _buffers),
    _step("begin", directories, _buffers),
    _step("resume", directories, _buffers),
    _step("mkdir", directories, paths),
    _step("mkdir", directories, paths),
    _step("rmdir", directories, paths),
    _step("unlink", directories, paths),
    _step("rename", directories, _usual, directories, _usual),
    _step("rename", directories, _usual, directories, _usual),
    _step("link", directories, paths, st.booleans(), directories, paths),
    _step("symlink", directories, paths, targets),
    _step("readlink", directories, paths, st.sampled_from([0, 1, 2, 100])),
    _step("stat", directories, paths, st.booleans()),
    _step("path_times", directories, paths, st.booleans(), _times, _times, _time_flags),
)

sequences = st.integers(1, 60).flatmap(lambda size: st.lists(_steps, min_size=size, max_size=size))

FOUND: dict[str, tuple[bool, Sequence]] = {
    "allocating nothing in a directory is an invalid argument first": (
        False,
        [("allocate", 0, 2**63 - 1, 2**64 - 1)],
    ),
    "an offset beyond all files is an invalid argument first": (
        False,
        [("pwrite", 0, [b"x"], 2**63), ("pread", 0, [1], 2**63), ("pread", 0, [], 2**63)],
    ),
    "a read at the end moves the access time, a read of nothing does not": (
        False,
        [
            ("open", 0, "a", "C", "r", ""),
            ("set_times", 1, 1, 10**9, "a"),
            ("read", 1, [0]),
            ("filestat", 1),
            ("read", 1, [1]),
            ("filestat", 1),
        ],
    ),
    "allocating what is there moves the modification time": (
        True,
        [("open", 0, "b", "", "rw", ""), ("set_times", 1, 0, 0, "am"), ("allocate", 1, 0, 1)],
    ),
    "appending nothing does not move the offset": (
        True,
        [
            ("open", 0, "b", "", "rw", "a"),
            ("write", 1, []),
            ("tell", 1),
            ("write", 1, [b"!"]),
            ("seek", 1, 2, "set"),
            ("write", 1, [b""]),
            ("tell", 1),
        ],
    ),
    "copying a file up keeps its access time": (
        True,
        [("open", 0, "a/a", "", "rw", ""), ("filestat", 1)],
    ),
}
"""By what they found: whether the tree is filled at first, and the steps."""

DIFFERING: dict[str, Sequence] = {
    "a way out": [("stat", 0, "..", True)],
    "directory has no offset": [("seek", 0, 0, "cur")],
    "directory has no size": [("set_size", 0, 1)],
    "directory has no flags": [("set_flags", 0, "n")],
    "sync flags are fixed": [("open", 0, "a/a", "", "rw", ""), ("set_flags", 1, "s")],
    "directory and more": [("open", 0, "a", "DT", "r", "")],
    "link not followed": [("open", 0, "c", "DN", "r", "")],
    "link with a slash": [("unlink", 0, "c/")],
    "end of offsets": [("open", 0, "b", "", "rw", ""), ("pwrite", 1, [b"x"], 2**63 - 1)],
    "both times": [("set_times", 0, 1, 1, "aA")],
}
"""What shows each of `tests.fs.linux.DIFFERENCES`, by its last step, in the filled tree."""
