"""Attempts to leave a host volume: each gets the right errno and changes nothing outside."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.calls.conftest import ManualHost
from wasix.abi import E, Errno
from wasix.abi.types import Oflags, Rights
from wasix.calls import HANDLERS
from wasix.fs.devices import null
from wasix.fs.host import HostVolume
from wasix.fs.inode import Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.kernel import Kernel
from wasix.proc.process import Process

ROOT_FD, VOLUME_FD = 3, 4
FOLLOW = 1
SECRET = "the secret"
Snapshot = dict[str, tuple[int, int, int, bytes]]


@dataclass
class Prison:
    """A guest with a host volume, preopened by itself (4) and mounted at `/data` below 3."""

    process: Process
    volume: Path
    outside: Path

    def call(self, name: str, *args: object) -> object:
        return HANDLERS[name](self.process.main, *args)

    def open(self, path: str, *, oflags: int = 0, fd: int = VOLUME_FD, flags: int = FOLLOW) -> int:
        write = Rights.FD_WRITE if oflags & (Oflags.CREAT | Oflags.TRUNC) else 0
        opened = self.call("path_open", fd, flags, path, oflags, Rights.FD_READ | write, 0, 0)
        assert isinstance(opened, int)
        return opened

    def read(self, path: str) -> str:
        fd = self.open(path)
        try:
            buffer = bytearray(100)
            count = self.call("fd_read", fd, [memoryview(buffer)])
            assert isinstance(count, int)
            return buffer[:count].decode()
        finally:
            self.call("fd_close", fd)


@pytest.fixture
def prison(tmp_path: Path) -> Prison:
    volume, outside = tmp_path / "volume", tmp_path / "outside"
    for directory in (volume, outside, outside / "dir", outside / "empty", volume / "sub" / "deep"):
        directory.mkdir(parents=True)
    (outside / "secret").write_text(SECRET)
    (outside / "link").symlink_to("secret")
    (volume / "inside").write_text("inside")
    (volume / "sub" / "file").write_text("file")
    for name, target in {
        "to-file": "../outside/secret",
        "to-dir": "../outside",
        "abs-file": str(outside / "secret"),
        "abs-dir": str(outside),
        "root": "/",
        "up": "..",
        "dot": ".",
        "chain": "chain2",
        "chain2": "sub/deep/../../to-file",
        "dangling": "../outside/new",
        "abs-dangling": str(outside / "new"),
        "proc-root": "/proc/self/root",
        "proc-cwd": "/proc/self/cwd",
        "proc-fd": "/proc/self/fd/0",
        "sub/up": "../..",
        "sub/deep/far": "../../../outside/secret",
        "back": "../volume/inside",
    }.items():
        (volume / name).symlink_to(target)
    host = ManualHost()
    namespace = Namespace(MemoryFilesystem(host.realtime).root, host.realtime)
    root = HostVolume(volume).root()
    assert isinstance(root, Directory)
    namespace.mount("/data", root)
    process = Kernel(host, namespace).process(
        [b"prisoner"], {}, [null(), null(), null()], {"/": namespace.root, "/data": root}
    )
    return Prison(process, volume, outside)


def snapshot(path: Path) -> Snapshot:
    found = {}
    for each in [path, *sorted(path.rglob("*"))]:
        st = each.lstat()
        data = each.read_bytes() if each.is_file() and not each.is_symlink() else b""
        found[str(each)] = (st.st_ino, st.st_nlink, st.st_mtime_ns, data)
    return found


# Paths that lead out, each as it leads to the secret, or to a directory above it.
READS = [
    "../outside/secret",
    "../../../../../../../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "/",
    "..",
    "../",
    "../.",
    "./..",
    "sub/../..",
    "sub/../../outside/secret",
    "sub/deep/../../../outside/secret",
    "sub/./deep/.././../../outside/secret",
    "dot/../outside/secret",
    "dot/dot/dot/../outside/secret",
    "to-file",
    "to-dir/secret",
    "to-dir/",
    "to-dir/.",
    "to-dir/../outside/secret",
    "abs-file",
    "abs-dir/secret",
    "abs-dir/",
    "root",
    "root/etc/passwd",
    "up/outside/secret",
    "up/volume/inside",
    "chain",
    "sub/up/outside/secret",
    "sub/deep/far",
    "proc-root/etc/passwd",
    "proc-cwd/pyproject.toml",
    "proc-fd",
    "back",
]


@pytest.mark.parametrize("path", READS)
def test_reading(prison: Prison, path: str) -> None:
    before = snapshot(prison.outside)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: prison.open(path),
        lambda: prison.open(path, oflags=Oflags.DIRECTORY),
        lambda: prison.call("path_filestat_get", VOLUME_FD, FOLLOW, path),
    )
    for attempt in attempts:
        with pytest.raises(Errno) as caught:
            attempt()
        assert caught.value.code is E.PERM
    assert snapshot(prison.outside) == before


Attempt = Callable[[Prison], object]

CHANGES: dict[str, tuple[Attempt, E]] = {
    "create above": (lambda p: p.open("../new", oflags=Oflags.CREAT), E.PERM),
    "create by link": (lambda p: p.open("dangling", oflags=Oflags.CREAT), E.PERM),
    "create by absolute link": (lambda p: p.open("abs-dangling", oflags=Oflags.CREAT), E.PERM),
    "create exclusively by link": (
        lambda p: p.open("dangling", oflags=Oflags.CREAT | Oflags.EXCL),
        E.EXIST,
    ),
    "create unfollowed": (lambda p: p.open("dangling", oflags=Oflags.CREAT, flags=0), E.LOOP),
    "create below link": (lambda p: p.open("to-dir/new", oflags=Oflags.CREAT), E.PERM),
    "truncate": (lambda p: p.open("to-file", oflags=Oflags.TRUNC), E.PERM),
    "truncate above": (lambda p: p.open("../outside/secret", oflags=Oflags.TRUNC), E.PERM),
    "make directory": (lambda p: p.call("path_create_directory", 4, "../new"), E.PERM),
    "make directory below link": (
        lambda p: p.call("path_create_directory", 4, "to-dir/new"),
        E.PERM,
    ),
    "make directory over link": (lambda p: p.call("path_create_directory", 4, "dangling"), E.EXIST),
    "remove directory": (lambda p: p.call("path_remove_directory", 4, "../outside/empty"), E.PERM),
    "remove directory below link": (
        lambda p: p.call("path_remove_directory", 4, "to-dir/empty"),
        E.PERM,
    ),
    "remove the volume": (lambda p: p.call("path_remove_directory", 4, "."), E.INVAL),
    "remove link as directory": (lambda p: p.call("path_remove_directory", 4, "to-dir"), E.NOTDIR),
    "unlink": (lambda p: p.call("path_unlink_file", 4, "../outside/secret"), E.PERM),
    "unlink below link": (lambda p: p.call("path_unlink_file", 4, "to-dir/secret"), E.PERM),
    "unlink absolute": (lambda p: p.call("path_unlink_file", 4, "abs-dir/secret"), E.PERM),
    "rename out": (lambda p: p.call("path_rename", 4, "inside", 4, "../out"), E.PERM),
    "rename out below link": (lambda p: p.call("path_rename", 4, "inside", 4, "to-dir/x"), E.PERM),
    "rename in": (lambda p: p.call("path_rename", 4, "../outside/secret", 4, "x"), E.PERM),
    "rename in below link": (lambda p: p.call("path_rename", 4, "to-dir/secret", 4, "x"), E.PERM),
    "rename to another volume": (lambda p: p.call("path_rename", 4, "inside", 3, "x"), E.XDEV),
    "rename the parent": (lambda p: p.call("path_rename", 4, "..", 4, "x"), E.PERM),
    "link out": (lambda p: p.call("path_link", 4, 0, "inside", 4, "../out"), E.PERM),
    "link in": (lambda p: p.call("path_link", 4, 0, "../outside/secret", 4, "x"), E.PERM),
    "link in below link": (lambda p: p.call("path_link", 4, 0, "to-dir/secret", 4, "x"), E.PERM),
    "link in by following": (lambda p: p.call("path_link", 4, FOLLOW, "to-file", 4, "x"), E.PERM),
    "link to another volume": (lambda p: p.call("path_link", 4, 0, "inside", 3, "x"), E.XDEV),
    "absolute symlink": (lambda p: p.call("path_symlink", "/etc/passwd", 4, "x"), E.PERM),
    "absolute symlink from /": (
        lambda p: p.call("path_symlink", "/etc/passwd", ROOT_FD, "data/x"),
        E.PERM,
    ),
    "symlink above": (lambda p: p.call("path_symlink", "x", 4, "../x"), E.PERM),
    "symlink below link": (lambda p: p.call("path_symlink", "x", 4, "to-dir/x"), E.PERM),
    "read link outside": (
        lambda p: p.call("path_readlink", 4, "to-dir/link", memoryview(bytearray(9))),
        E.PERM,
    ),
    "set times by link": (
        lambda p: p.call("path_filestat_set_times", 4, FOLLOW, "to-file", 1, 1, 5),
        E.PERM,
    ),
    "set times above": (
        lambda p: p.call("path_filestat_set_times", 4, 0, "../outside/secret", 1, 1, 5),
        E.PERM,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changing(prison: Prison, name: str) -> None:
    attempt, errno = CHANGES[name]
    before = snapshot(prison.outside), sorted(prison.volume.parent.iterdir())
    with pytest.raises(Errno) as caught:
        attempt(prison)
    assert caught.value.code is errno
    assert (snapshot(prison.outside), sorted(prison.volume.parent.iterdir())) == before


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("data/to-file", E.NOENT),  # leads to /outside/secret of the guest, which there is not
        ("data/abs-file", E.NOENT),
        ("data/root/etc/passwd", E.NOENT),
        ("data/up/outside/secret", E.NOENT),
        ("data/proc-root/etc/passwd", E.NOENT),
        ("data/../../etc/passwd", E.PERM),
        ("data/sub/up/../etc/passwd", E.PERM),
    ],
)
def test_from_the_guests_root_links_lead_into_the_guests_tree(
    prison: Prison, path: str, errno: E
) -> None:
    with pytest.raises(Errno) as caught:
        prison.open(path, fd=ROOT_FD)
    assert caught.value.code is errno


def test_a_renamed_directory_does_not_free_who_stands_in_it(prison: Prison) -> None:
    fd = prison.open("sub/deep", oflags=Oflags.DIRECTORY)
    process_fd = prison.process.descriptors.entries[fd]
    process_fd.inheriting = Rights.ALL
    (prison.volume / "sub" / "deep").rename(prison.outside / "moved")
    for path in ("..", "../secret", "../../secret"):
        with pytest.raises(Errno):
            prison.call("path_open", fd, FOLLOW, path, 0, Rights.FD_READ, 0, 0)


@pytest.mark.parametrize("target", ["../outside", "absolute"])
def test_racing_a_directory_with_a_link(prison: Prison, target: str) -> None:
    """While a host thread swaps a directory with a link outside, opens never lead outside."""
    swapped, real, link = (prison.volume / name for name in ("swapped", "real", "link"))
    real.mkdir()
    (real / "secret").write_text("harmless")
    link.symlink_to(prison.outside if target == "absolute" else target)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for each in (real, link):
                os.rename(each, swapped)
                os.rename(swapped, each)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        for _ in range(2000):
            try:
                seen.add(prison.read("swapped/secret"))
            except Errno as error:
                seen.add(error.code.name)
    finally:
        stop.set()
        thread.join()
    assert seen <= {"harmless", "PERM", "NOENT", "NOTDIR", "LOOP"}


def test_a_pipe_in_a_volume_does_not_hang_who_opens_it(prison: Prison) -> None:
    os.mkfifo(prison.volume / "pipe")
    with pytest.raises(Errno) as caught:
        prison.open("pipe")
    assert caught.value.code is E.NOTSUP


def test_no_host_descriptor_is_left_open(prison: Prison) -> None:
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    for _ in range(50):
        prison.read("inside")
        for path in READS:
            with pytest.raises(Errno):
                prison.open(path)
    gc.collect()
    assert len(os.listdir("/dev/fd")) == before
