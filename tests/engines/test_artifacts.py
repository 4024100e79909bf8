"""Compiled code on disk: it is there whole or not at all, and only what is ours is trusted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engines.artifacts import Artifacts

KEY = "engine-0123-abcd"


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts", limit=1000)


def test_what_is_stored_is_loaded(artifacts: Artifacts) -> None:
    assert artifacts.load(KEY) is None
    assert artifacts.store(KEY, b"code") is not None
    for _ in range(2):
        path = artifacts.load(KEY)
        assert path
        assert path.read_bytes() == b"code"
    assert artifacts.has(KEY)
    assert not artifacts.has("engine-0123-abce")


def test_a_new_one_takes_the_place_of_the_old(artifacts: Artifacts) -> None:
    artifacts.store(KEY, b"old")
    artifacts.store(KEY, b"new")
    path = artifacts.load(KEY)
    assert path
    assert path.read_bytes() == b"new"
    assert [artifact.size for artifact in artifacts.all()] == [3]


def test_the_folder_is_its_owners_alone(artifacts: Artifacts) -> None:
    path = artifacts.store(KEY, b"code")
    assert path
    assert artifacts.directory.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("checked", [False, True], ids=["never-loaded", "loaded-before"])
def test_a_changed_one_is_refused_and_removed(artifacts: Artifacts, checked: bool) -> None:
    path = artifacts.store(KEY, b"code")
    assert path
    if checked:
        assert artifacts.load(KEY)
    times = path.stat()
    path.write_bytes(b"evil")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert artifacts.load(KEY) is None
    assert artifacts.all() == []


def test_one_that_others_may_write_is_refused(artifacts: Artifacts) -> None:
    path = artifacts.store(KEY, b"code")
    assert path
    path.chmod(0o620)
    assert artifacts.load(KEY) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away takes root")
def test_one_of_another_owner_is_refused(artifacts: Artifacts) -> None:
    path = artifacts.store(KEY, b"code")
    assert path
    os.chown(path, 12345, -1)
    assert artifacts.load(KEY) is None


def test_one_under_another_name_is_refused(artifacts: Artifacts) -> None:
    path = artifacts.store(KEY, b"code")
    assert path
    path.rename(path.with_name(path.name.replace("abcd", "abce")))
    # The digest still fits the bytes: which module they were made from, only the name says.
    assert artifacts.load("engine-0123-abce")
    assert artifacts.load(KEY) is None


def test_a_link_is_no_artifact(artifacts: Artifacts, tmp_path: Path) -> None:
    path = artifacts.store(KEY, b"code")
    assert path
    path.unlink()
    path.mkdir()
    assert artifacts.load(KEY) is None


def test_the_least_recently_used_go_first(artifacts: Artifacts) -> None:
    for number in range(4):
        artifacts.store(f"engine-{number}", bytes(300))
        path = artifacts.load(f"engine-{number}")
        assert path
        used = artifacts.directory / f"engine-{number}.used"
        os.utime(used, (number + 10, number + 10))
        if number == 2:
            os.utime(artifacts.directory / "engine-0.used", (100, 100))
    keys = {artifact.key for artifact in artifacts.all()}
    assert keys == {"engine-0", "engine-2", "engine-3"}


def test_one_larger_than_the_limit_is_still_kept(artifacts: Artifacts) -> None:
    artifacts.store("engine-small", b"x")
    assert artifacts.store(KEY, bytes(5000))
    assert [artifact.key for artifact in artifacts.all()] == [KEY]


def test_cleaning_removes_all(artifacts: Artifacts) -> None:
    artifacts.store(KEY, b"code")
    artifacts.load(KEY)
    assert artifacts.clean() == 4
    assert list(artifacts.directory.iterdir()) == []
    assert artifacts.clean() == 0


def test_a_folder_that_cannot_be_written_is_as_if_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    artifacts = Artifacts(tmp_path / "file" / "artifacts")
    assert artifacts.store(KEY, b"code") is None
    assert artifacts.load(KEY) is None
    assert not artifacts.lock(KEY)
    assert artifacts.all() == []


def test_a_lock_is_held_once(artifacts: Artifacts) -> None:
    assert artifacts.lock(KEY)
    assert not artifacts.lock(KEY)
    artifacts.unlock(KEY)
    assert artifacts.lock(KEY)
    # Whoever held this one must have died.
    long_ago = time.time() - 7200
    os.utime(artifacts.directory / f".lock-{KEY}", (long_ago, long_ago))
    assert artifacts.lock(KEY)


def test_a_writer_killed_at_any_moment_leaves_nothing_bad(tmp_path: Path) -> None:
    directory = tmp_path / "artifacts"
    code = f"""
import sys
from pathlib import Path
from engines.artifacts import Artifacts
artifacts = Artifacts(Path({str(directory)!r}))
print("on", flush=True)
for number in range(1000000):
    artifacts.store({KEY!r}, bytes([number % 251]) * (1 << 20))
"""
    root = Path(__file__).parents[2]
    for moment in range(12):
        writer = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE)
        assert writer.stdout
        with writer.stdout as output:
            output.readline()
            # Somewhere within the first writes; the moment differs from round to round.
            end = time.perf_counter() + 0.0007 * moment
            while time.perf_counter() < end:
                pass
            os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        path = Artifacts(directory).load(KEY)
        if path is not None:
            data = path.read_bytes()
            assert len(data) == 1 << 20
            assert len(set(data)) == 1


KILLED_AT_EVERY_LINE = f"""
import os, signal, sys
from pathlib import Path
import engines.artifacts
from engines.artifacts import Artifacts

old, new = b"old" * 100_000, b"new" * 100_000
artifacts = Artifacts(Path(sys.argv[1]))

def kill_at(number):
    count = 0
    def trace(frame, event, argument):
        nonlocal count
        if frame.f_code.co_filename != engines.artifacts.__file__:
            return None
        if event == "line":
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

def child(number):
    kill_at(number)
    artifacts.store({KEY!r}, new)
    artifacts.load({KEY!r})
    sys.settrace(None)
    os._exit(0)

for number in range(1, 1000):
    artifacts.store({KEY!r}, old)
    process = os.fork()
    if not process:
        child(number)
    status = os.waitpid(process, 0)[1]
    found = [artifacts.load({KEY!r}) for _ in range(2)]
    assert found[0] == found[1]
    data = found[0].read_bytes() if found[0] else None
    print({{old: "old", new: "new"}}.get(data, data))
    if status == 0:
        break
"""


def test_a_writer_killed_at_any_line_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_AT_EVERY_LINE, str(tmp_path / "artifacts")]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    found = done.stdout.split()
    assert len(found) > 50, "it has been killed in many places"
    assert set(found) == {"old", "new"}
    assert (found[0], found[-1]) == ("old", "new")


def test_a_writer_killed_amid_the_bytes_leaves_the_old(tmp_path: Path) -> None:
    directory = tmp_path / "artifacts"
    artifacts = Artifacts(directory)
    artifacts.store(KEY, b"old")
    # Linux kills what writes beyond this bound, once the bytes before it are written.
    code = f"""
import resource, signal
from pathlib import Path
from engines.artifacts import Artifacts
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
Artifacts(Path({str(directory)!r})).store({KEY!r}, bytes(1 << 20))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGXFSZ
    [piece] = directory.glob(".new-*")
    assert piece.stat().st_size == 300_000
    path = artifacts.load(KEY)
    assert path
    assert path.read_bytes() == b"old"
    # What is left goes in the end.
    long_ago = time.time() - 7200
    os.utime(piece, (long_ago, long_ago))
    artifacts.trim()
    assert not piece.exists()


def test_a_lock_ends_with_the_process_that_holds_it(artifacts: Artifacts) -> None:
    assert artifacts.lock(KEY)
    artifacts.hold(KEY)
    assert [key for key, _ in artifacts.under_way()] == [KEY]
    assert not artifacts.lock(KEY)
    artifacts.unlock(KEY)
    code = f"""
import sys
from pathlib import Path
from engines.artifacts import Artifacts
artifacts = Artifacts(Path({str(artifacts.directory)!r}))
print(artifacts.lock({KEY!r}), flush=True)
artifacts.hold({KEY!r})
print("held", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() + holder.stdout.readline() == b"True\nheld\n"
        assert not artifacts.lock(KEY)
        os.kill(holder.pid, signal.SIGKILL)
        holder.stdout.read()  # until it is dead; it need not have been waited for
        assert artifacts.under_way() == []
    assert artifacts.lock(KEY)


def test_a_lock_that_was_removed_is_not_made_again(artifacts: Artifacts) -> None:
    artifacts.lock(KEY)
    artifacts.unlock(KEY)
    artifacts.hold(KEY)
    assert artifacts.under_way() == []
    assert artifacts.lock(KEY)
