"""A host program changes a volume between any two steps of ours: never does one land outside.

Real threads only rarely hit the moment that matters, so the moments are enumerated: an operation is
run once for every host call it makes, with the change done just before that call.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fs.systems import Ours, attempt
from wasix.abi.types import Fdflags
from wasix.fs import host, walk
from wasix.fs.host import HostVolume
from wasix.fs.inode import Access, Directory
from wasix.fs.mount import Namespace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")

SECRET = b"secret"
FULL = bool(os.environ.get("WASIX_TEST_FULL"))


class Interrupted:
    """The host's `os`, which calls `change` before the call number `moment`."""

    def __init__(self, moment: int, change: Callable[[], None]) -> None:
        self.calls = 0
        self.moment = moment
        self.change = change

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if not callable(found) or isinstance(found, type) or name in ("close", "fspath"):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self.moment:
                self.change()
            return found(*args, **kwargs)

        return call


def lay(path: Path, what: str, outside: Path) -> None:
    """Put `what` at `path` in place of what is there."""
    if path.is_symlink() or path.is_file() or path.is_fifo():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    if what == "directory":
        path.mkdir()
        (path / "f").write_bytes(b"inside")
        (path / "empty").mkdir()
    elif what == "file":
        path.write_bytes(b"inside")
    elif what == "link to a directory":
        path.symlink_to("../outside")
    elif what == "absolute link":
        path.symlink_to(outside)
    elif what == "link to a file":
        path.symlink_to("../outside/f")
    elif what == "dangling link":
        path.symlink_to("../outside/new")
    elif what == "link up":
        path.symlink_to("..")
    elif what == "pipe":
        os.mkfifo(path)


STATES = [
    "directory",
    "file",
    "link to a directory",
    "absolute link",
    "link to a file",
    "dangling link",
    "link up",
    "pipe",
    "nothing",
]


def times(system: Ours, path: str) -> None:
    walk.set_times(system.namespace, system.base, path, 1, 1, follow=True)


def append(system: Ours) -> object:
    with system.opened("x", "C", Access(write=True, flags=Fdflags.APPEND)) as file:
        return file.write([memoryview(b"WRITTEN")])


OPERATIONS: dict[str, Callable[[Ours], object]] = {
    "read": lambda s: s.read("x"),
    "read below": lambda s: s.read("x/f"),
    "read past": lambda s: s.read("x/empty/../f"),
    "stat": lambda s: s.stat("x/f"),
    "list": lambda s: s.list("x"),
    "list below": lambda s: s.list("x/empty"),
    "write": lambda s: s.write("x", b"WRITTEN", "CT"),
    "write below": lambda s: s.write("x/f", b"WRITTEN", "CT"),
    "create below": lambda s: s.write("x/new", b"WRITTEN", "CX"),
    "append": append,
    "mkdir": lambda s: s.mkdir("x/new"),
    "rmdir": lambda s: s.rmdir("x/empty"),
    "unlink": lambda s: s.unlink("x/f"),
    "rename out": lambda s: s.rename("x/f", "moved"),
    "rename in": lambda s: s.rename("mine", "x/mine"),
    "link out": lambda s: s.link("x/f", "linked"),
    "link in": lambda s: s.link("mine", "x/mine"),
    "symlink": lambda s: s.symlink("f", "x/new"),
    "times": lambda s: times(s, "x"),
    "times below": lambda s: times(s, "x/f"),
}


def state(path: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for each in [path, *sorted(path.rglob("*"))]:
        st = each.lstat()
        content = each.read_bytes() if each.is_file() else None
        found[str(each)] = (st.st_ino, st.st_nlink, st.st_mtime_ns, content)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "outside" / "empty").mkdir(parents=True)
    (tmp_path / "outside" / "f").write_bytes(SECRET)
    (tmp_path / "volume").mkdir()
    before = state(tmp_path / "outside")
    yield tmp_path
    assert state(tmp_path / "outside") == before


@pytest.mark.parametrize("after", STATES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_change_between_any_two_host_calls(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str, after: str
) -> None:
    inside = place / "volume"
    outside = place / "outside"
    for before in STATES if FULL else STATES[:3] + STATES[-1:]:
        moment = 0
        while True:
            moment += 1
            shutil.rmtree(inside)
            inside.mkdir()
            (inside / "mine").write_bytes(b"mine")
            lay(inside / "x", before, outside)
            root = HostVolume(inside).root()
            assert isinstance(root, Directory)
            system = Ours(Namespace(root))
            interrupted = Interrupted(moment, lambda: lay(inside / "x", after, outside))
            with monkeypatch.context() as patch:
                patch.setattr(host, "os", interrupted)
                answer = attempt(partial(OPERATIONS[name], system))
            assert answer != SECRET
            for each in inside.rglob("*"):
                if each.is_file() and not each.is_symlink():
                    assert each.read_bytes() != SECRET
            if interrupted.calls < moment:
                break
        assert moment > 1
