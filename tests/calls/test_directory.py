"""The working directory, and paths as WASIX's libc passes them: held to Linux."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calls.conftest import Guest, ManualHost
from wasix.abi import Errno
from wasix.abi.errno import Partial
from wasix.abi.memory import DirectMemory
from wasix.abi.types import Filetype, Oflags, Rights
from wasix.fs.descriptor import WRITE_RIGHTS
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.pipe import Pipe, PipeReader, PipeWriter
from wasix.kernel import Kernel
from wasix.proc.process import Process

ROOT, DOT = 3, 4
FOLLOW = 1

TREE = ("a/b/c", "a/d", "e")
FILES = ("a/b/f", "a/g", "top")
LINKS = {
    "up": "..",
    "a/abs": "/e",
    "a/rel": "b/c",
    "e/out": "../a/b",
    "e/loop": "loop",
    "a/deep": "/a/b/../d/../../e",
}


def make_guest(*, wasix: bool = True, cwd: str = "/") -> Guest:
    host = ManualHost()
    files = MemoryFilesystem(host.realtime)
    kernel = Kernel(host, Namespace(files.root, host.realtime))
    root = kernel.namespace.root

    def enter(path: str) -> Any:
        here: Any = root
        for name in path.split("/") if path else ():
            if here.lookup(name) is None:
                here.make_directory(name)
            here = here.lookup(name)
        return here

    for path in TREE:
        enter(path)
    for path in FILES:
        parent, _, name = path.rpartition("/")
        enter(parent).create(name)
    for path, target in LINKS.items():
        parent, _, name = path.rpartition("/")
        enter(parent).symlink(name, target)
    pipe = Pipe()
    process = kernel.process(
        [b"guest"],
        {},
        [PipeReader(pipe), PipeWriter(pipe), PipeWriter(pipe)],
        {"/": root, ".": enter(cwd.strip("/"))},
        cwd=cwd,
    )
    process.wasix = wasix
    return Guest(host, process, pipe, pipe)


@pytest.fixture
def guest() -> Guest:
    return make_guest()


def cwd(guest: Guest, size: int = 4096) -> str:
    memory = DirectMemory(memoryview(bytearray(8192)))
    guest.process.main.memory = memory
    length = cast(int, guest.call("getcwd", 16, size))
    data = bytes(memory.load(16, length + 1))
    assert data[length] == 0
    return os.fsdecode(data[:length])


def kind(guest: Guest, path: str, fd: int = DOT) -> object:
    try:
        return guest.stat(fd, path).filetype
    except Errno as error:
        return str(error)


def open_directory(guest: Guest, path: str, fd: int = DOT) -> int:
    rights = Rights.ALL & ~WRITE_RIGHTS
    args = (fd, FOLLOW, path, Oflags.DIRECTORY, rights, Rights.ALL, 0)
    return cast(int, guest.call("path_open", *args))


def test_it_is_where_the_process_was_started(guest: Guest) -> None:
    assert cwd(guest) == "/"
    assert cwd(make_guest(cwd="/a/b")) == "/a/b"
    assert cwd(make_guest(cwd="//a/./b/../b/")) == "/a/b"


@pytest.mark.parametrize(("path", "error"), [("/nosuch", "noent"), ("/top", "notdir")])
def test_a_process_cannot_start_where_no_directory_is(path: str, error: str) -> None:
    kernel = make_guest().process.kernel
    with pytest.raises(Errno, match=error):
        kernel.process([], {}, [], {}, cwd=path)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("nosuch", "noent"),
        ("top", "notdir"),
        ("top/", "notdir"),
        ("top/x", "notdir"),
        ("", "noent"),
        ("e/loop", "loop"),
        ("x" * 300, "nametoolong"),
        ("a\0b", "inval"),
    ],
)
def test_changing_to_what_is_no_directory_fails_and_changes_nothing(
    guest: Guest, path: str, error: str
) -> None:
    guest.call("chdir", "/a")
    with pytest.raises(Errno, match=error):
        guest.call("chdir", "/" + path if path else path)
    assert cwd(guest) == "/a"


def test_a_buffer_that_is_too_small_is_told_what_is_needed(guest: Guest) -> None:
    guest.call("chdir", "/a/b")
    for size in (0, 4):
        with pytest.raises(Partial, match="range") as caught:
            cwd(guest, size)
        assert caught.value.results == (5,)
    assert cwd(guest, 5) == "/a/b"


def test_relative_paths_start_there(guest: Guest) -> None:
    guest.call("chdir", "a")
    assert kind(guest, "g") == Filetype.REGULAR_FILE
    guest.call("chdir", "b")
    assert kind(guest, "f") == Filetype.REGULAR_FILE
    assert kind(guest, "../g") == Filetype.REGULAR_FILE
    assert kind(guest, "g") == "noent"
    assert kind(guest, "/a/g") == Filetype.REGULAR_FILE
    assert kind(guest, "top", ROOT) == Filetype.REGULAR_FILE


def test_every_call_on_paths_starts_there(guest: Guest) -> None:
    guest.call("chdir", "/a/b")
    guest.call("path_create_directory", DOT, "new")
    guest.call("path_symlink", "/e", DOT, "new/abs")
    buffer = bytearray(10)
    assert guest.call("path_readlink", DOT, "new/abs", memoryview(buffer)) == 2
    guest.call("path_rename", DOT, "f", DOT, "../../e/moved")
    guest.call("path_link", DOT, 0, "/e/moved", DOT, "new/hard")
    guest.call("path_filestat_set_times", DOT, 0, "new/hard", 5, 6, 1)
    assert guest.stat(ROOT, "e/moved").atim == 5
    guest.call("path_unlink_file", DOT, "new/hard")
    guest.call("path_unlink_file", DOT, "new/abs")
    guest.call("path_remove_directory", DOT, "new")
    assert kind(guest, "/e/moved") == Filetype.REGULAR_FILE
    assert kind(guest, "new") == "noent"


def test_a_directory_that_is_gone_has_nothing_in_it(guest: Guest) -> None:
    guest.call("chdir", "/a/d")
    guest.call("path_remove_directory", ROOT, "a/d")
    assert kind(guest, "x") == "noent"
    assert kind(guest, "../g") == Filetype.REGULAR_FILE
    guest.call("chdir", "..")
    assert cwd(guest) == "/a"


def test_an_opened_directory_is_a_base_too(guest: Guest) -> None:
    """`openat` may lead upwards, and to the root by a link."""
    fd = open_directory(guest, "a/b")
    assert kind(guest, "f", fd) == Filetype.REGULAR_FILE
    assert kind(guest, "../g", fd) == Filetype.REGULAR_FILE
    assert kind(guest, "../abs/out/f", fd) == Filetype.REGULAR_FILE
    assert kind(guest, "/top", fd) == Filetype.REGULAR_FILE
    assert kind(guest, "../../../../top", fd) == Filetype.REGULAR_FILE
    deeper = open_directory(guest, "../../e", fd)
    assert guest.process.descriptors.path(deeper) == "/e"
    other = cast(int, guest.call("fd_dup", deeper))
    assert kind(guest, "../top", other) == Filetype.REGULAR_FILE


def test_an_opened_directory_stays_the_same_when_it_is_moved(guest: Guest) -> None:
    fd = open_directory(guest, "a/b")
    guest.call("path_rename", ROOT, "a/b", ROOT, "moved")
    assert kind(guest, "f", fd) == Filetype.REGULAR_FILE


def test_a_child_starts_where_its_parent_is(guest: Guest) -> None:
    guest.call("chdir", "/a/b")
    process = guest.process
    child = Process(process.kernel, 9, [], {}, process.descriptors.copy(), process)
    forked = Guest(guest.host, child, guest.stdin, guest.stdout)
    assert cwd(forked) == "/a/b"
    forked.call("chdir", "c")
    assert (cwd(forked), cwd(guest)) == ("/a/b/c", "/a/b")


# What is not WASIX stays as it was, and what was given up stays given up.


@pytest.mark.parametrize("path", ["/a/g", "../top", "abs"])
def test_preview1_stays_below_its_descriptor(path: str) -> None:
    guest = make_guest(wasix=False, cwd="/a")
    assert kind(guest, path) == "perm"
    assert kind(guest, "g") == Filetype.REGULAR_FILE


def test_without_the_root_nothing_leads_there() -> None:
    guest = make_guest(cwd="/a")
    guest.process.descriptors.close(ROOT)
    for path in ("/a/g", "../top", "abs"):
        assert kind(guest, path) == "perm"


def test_a_right_that_the_root_lost_is_lost(guest: Guest) -> None:
    guest.call("fd_fdstat_set_rights", ROOT, Rights.PATH_OPEN, 0)
    assert kind(guest, "/a/g") == "notcapable"
    guest.call("fd_fdstat_set_rights", DOT, Rights.PATH_OPEN, 0)
    assert kind(guest, "a/g") == "notcapable"


# Linux as the oracle: below a directory that stands for the root.

NAMES = ("a", "b", "c", "d", "e", "f", "g", "top", "up", "abs", "rel", "out", "deep", "..", ".")
PATHS = st.builds(
    lambda start, names, end: (start + "/".join(names) + end) or ".",
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from(NAMES), max_size=6),
    st.sampled_from(["", "", "/"]),
)


@pytest.fixture(scope="module")
def jail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A descriptor of the tree on the host; paths in it are resolved with it as the root."""
    base: Path = tmp_path_factory.mktemp("jail")
    for path in TREE:
        (base / path).mkdir(parents=True)
    for path in FILES:
        (base / path).touch()
    for path, target in LINKS.items():
        (base / path).symlink_to(target)
    fd = os.open(base, os.O_RDONLY)
    yield fd
    os.close(fd)


IN_ROOT = 0x10


def openat2(fd: int, path: str) -> int:
    """Open with `fd` as the root, as `chroot` has it (openat2(2), RESOLVE_IN_ROOT)."""
    import ctypes
    import struct

    how = struct.pack("QQQ", os.O_PATH, 0, IN_ROOT)
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(437, fd, os.fsencode(path), how, len(how))
    if found < 0:
        raise OSError(ctypes.get_errno(), path)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has openat2")
@given(st.lists(PATHS, max_size=4), PATHS)
@settings(deadline=None, max_examples=300)
def test_paths_lead_where_they_lead_on_linux(jail: int, steps: list[str], last: str) -> None:
    try:
        os.close(openat2(jail, "/"))
    except OSError as error:
        pytest.skip(f"openat2 cannot be used here: {error}")
    guest = make_guest()
    where = ""
    base = os.readlink(f"/proc/self/fd/{jail}")

    def host(path: str) -> tuple[str, str]:
        full = path if path.startswith("/") else f"{where or '/'}/{path}"
        try:
            fd = openat2(jail, full)
        except OSError as error:
            import errno

            return errno.errorcode[error.errno or 0][1:].lower(), ""
        try:
            inside = os.readlink(f"/proc/self/fd/{fd}").removeprefix(base)
            is_directory = os.path.isdir(f"/proc/self/fd/{fd}")
            return ("directory" if is_directory else "file"), inside or "/"
        finally:
            os.close(fd)

    for step in steps:
        answer, place = host(step)
        try:
            guest.call("chdir", step)
            found = "directory"
        except Errno as error:
            found = str(error)
        assert found == {"file": "notdir"}.get(answer, answer)
        if found == "directory":
            where = place
            assert cwd(guest) == place
    kinds = {Filetype.DIRECTORY: "directory", Filetype.REGULAR_FILE: "file"}
    found_last = kind(guest, last)
    assert kinds.get(cast(int, found_last), found_last) == host(last)[0]
