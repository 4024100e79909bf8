"""A host program changes a volume between any two steps of ours: never does one land outside.

Real threads only rarely hit the moment that matters, so the moments are enumerated: an operation is
run once for every host call it makes, with the change done just before that call. Afterwards real
guests and a real host program do what they can for a while.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import wasix
from tests.fs.systems import Ours, attempt
from tests.guests.build import compile_guest
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


# Exchanges names in the directory argv[1], and in the directories there, with links that lead to
# argv[2], until its input ends; then says how often. It follows no link itself.
SWAPPER = """
import ctypes, os, random, select, stat, sys
volume, outside = sys.argv[1:]
random.seed(1)
opened = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
root = os.open(volume, opened)
renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
done = 0

def exchange(place, name, other):
    global done
    done += 1
    if renameat2 and renameat2(place, name.encode(), place, other.encode(), 2) == 0:
        return
    os.rename(name, "between", src_dir_fd=place, dst_dir_fd=place)
    os.rename(other, name, src_dir_fd=place, dst_dir_fd=place)
    os.rename("between", other, src_dir_fd=place, dst_dir_fd=place)

def kind(place, name):
    try:
        return stat.S_IFMT(os.lstat(name, dir_fd=place).st_mode)
    except OSError:
        return None

def make(place, name):
    if random.random() < 0.6:
        os.mkdir(name, dir_fd=place)
    else:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, dir_fd=place))

def swap(place, above):
    name = random.choice("abc")
    found = kind(place, name)
    if found == stat.S_IFLNK:
        os.unlink(name, dir_fd=place)
    if found in (None, stat.S_IFLNK):
        make(place, name)
    link = "link-" + name
    if kind(place, link) == stat.S_IFLNK:
        os.unlink(link, dir_fd=place)
    target = random.choice((outside, above + "outside"))
    if kind(place, name) == stat.S_IFREG:
        target += "/" + random.choice(("c", "CANARY"))
    else:
        target += random.choice(("", "/a", "/b"))
    os.symlink(target, link, dir_fd=place)
    for _ in range(random.choice((1, 2, 10, 200))):
        exchange(place, name, link)

while not select.select([0], [], [], 0)[0]:
    place = None
    try:
        if random.random() < 0.5:
            swap(root, "../")
        else:
            place = os.open(random.choice("abc"), opened, dir_fd=root)
            swap(place, "../../")
    except OSError:
        pass
    finally:
        if place is not None:
            os.close(place)
print(done)
"""


def attributes(path: Path) -> dict[str, os.stat_result]:
    return {str(each): each.lstat() for each in [path, *sorted(path.rglob("*"))]}


def untouched(st: os.stat_result) -> tuple[int, ...]:
    """What a change shows in, and (on Linux) reading, as none has been since the last change."""
    times = st.st_mtime_ns, st.st_ctime_ns, st.st_atime_ns if sys.platform == "linux" else 0
    return st.st_ino, st.st_mode, st.st_nlink, st.st_size, *times


def test_guests_and_a_host_program_fight_over_a_directory(tmp_path: Path) -> None:
    """Nothing outside is read, made or changed, for all that guests open and the host replaces."""
    volume, outside = tmp_path / "volume", tmp_path / "outside"
    volume.mkdir()
    for place in (outside, outside / "a", outside / "a" / "b", outside / "b"):
        place.mkdir()
        for name in ("CANARY", "c"):
            (place / name).write_bytes(b"CANARY")
            # Older than the change, so that Linux would note a read.
            os.utime(place / name, ns=(10**18, 10**18))
    before = {name: untouched(st) for name, st in attributes(outside).items()}
    guest = str(compile_guest("race"))
    seconds = 300 if FULL else 8
    swapper = subprocess.Popen(
        [sys.executable, "-I", "-c", SWAPPER, str(volume), str(outside)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    guests = [
        wasix.Popen(
            [guest, "/volume", str(seed), str(seconds)],
            engine="v8",
            volumes={"/volume": volume},
            stdout=wasix.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    outputs = [guest.communicate(timeout=seconds + 60)[0] for guest in guests]
    swaps, _ = swapper.communicate()
    after = attributes(outside)
    assert {name: untouched(st) for name, st in after.items()} == before
    assert all(Path(name).read_bytes() == b"CANARY" for name in after if Path(name).is_file())
    assert [guest.returncode for guest in guests] == [0, 0], outputs
    done = [dict(line.split() for line in output.splitlines()) for output in outputs]
    # Every kind of call has found its way, and the host's program its moments.
    for kind in done[0]:
        assert sum(int(each[kind]) for each in done) > 0, (kind, done)
    assert int(swaps) > 500  # how many more is up to the machine
    for each in volume.rglob("*"):
        if each.is_file() and not each.is_symlink():
            assert b"CANARY" not in each.read_bytes()
