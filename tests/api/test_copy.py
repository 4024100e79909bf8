"""Trees copied between the host and guests."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import wasix
from wasix.api.files import Files


@pytest.fixture
def box() -> Iterator[wasix.Sandbox]:
    with wasix.Sandbox() as made:
        yield made


@pytest.fixture
def fs(box: wasix.Sandbox) -> Files:
    return box.fs


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of the host's with everything in it."""
    root = tmp_path / "tree"
    (root / "below" / "empty").mkdir(parents=True)
    (root / "file").write_bytes(b"content")
    (root / "below" / "big").write_bytes(os.urandom(3 << 20))
    (root / "below" / "ä\n").write_text("an odd name")
    (root / "link").symlink_to("below/big")
    (root / "dangling").symlink_to("../nowhere")
    (root / "absolute").symlink_to("/etc/passwd")
    (root / "directory").symlink_to("below")
    os.mkfifo(root / "pipe")
    os.utime(root / "file", ns=(10**18, 10**18 + 5))
    return root


def shape(root: Path) -> dict[str, Any]:
    """Everything below `root`, without what is not copied."""
    found: dict[str, Any] = {}
    for path, directories, files in os.walk(root):
        for name in directories + files:
            full = os.path.join(path, name)
            key = os.path.relpath(full, root)
            if os.path.islink(full):
                found[key] = "-> " + os.readlink(full)
            elif os.path.isdir(full):
                found[key] = None
            elif os.path.isfile(full):
                found[key] = Path(full).read_bytes(), os.stat(full).st_mtime_ns
    return found


def test_a_tree_comes_back_as_it_was(fs: Files, tree: Path, tmp_path: Path) -> None:
    fs.copy_in(tree, "/copy")
    assert sorted(fs.listdir("/copy")) == [
        *("absolute", "below", "dangling", "directory", "file", "link")
    ]
    assert fs.readlink("/copy/absolute") == "/etc/passwd"
    assert fs.read_bytes("/copy/link") == (tree / "below" / "big").read_bytes()
    fs.copy_out("/copy", tmp_path / "back")
    assert shape(tmp_path / "back") == shape(tree)
    assert sorted(fs.listdir("/")) == ["bin", "copy", "dev", "tmp"]


def test_a_tree_through_a_volume(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    with wasix.Sandbox(volumes={"/v": tmp_path / "volume"}) as box:
        box.fs.copy_in(tree, "/v/copy")
    assert shape(tmp_path / "volume" / "copy") == shape(tree)


def test_single_files(fs: Files, tree: Path, tmp_path: Path) -> None:
    fs.copy_in(tree / "file", "/new")
    fs.copy_in(str(tree / "link"), "/new")
    assert fs.read_bytes("/new") == (tree / "below" / "big").read_bytes()
    fs.copy_in(tree / "file", "/new")
    out = tmp_path / "out"
    fs.copy_out("/new", out)
    assert (out.read_bytes(), out.stat().st_mtime_ns) == (b"content", 10**18 + 5)
    fs.write_bytes("/new", b"newer")
    fs.copy_out("new", str(out))
    assert out.read_bytes() == b"newer"


def test_merging(fs: Files, tree: Path, tmp_path: Path) -> None:
    fs.mkdir("/copy/below", parents=True)
    fs.write_text("/copy/file", "old")
    fs.write_text("/copy/kept", "kept")
    with pytest.raises(FileExistsError):
        fs.copy_in(tree, "/copy")
    assert fs.read_text("/copy/file") == "old"
    for _ in range(2):
        fs.copy_in(tree, "/copy", exist_ok=True)
    assert fs.read_text("/copy/file") == "content"
    assert fs.read_text("/copy/kept") == "kept"
    assert fs.is_symlink("/copy/link")
    fs.copy_in(tree, "/", exist_ok=True)
    assert fs.exists("/below/big")
    back = tmp_path / "back"
    back.mkdir()
    with pytest.raises(FileExistsError):
        fs.copy_out("/copy", back)
    for _ in range(2):
        fs.copy_out("/copy", back, exist_ok=True)
    assert shape(back) == shape(tree) | {"kept": shape(back)["kept"]}


WRONG: list[tuple[Callable[[Files, Path], None], type[OSError]]] = [
    (lambda fs, tmp: fs.copy_in(tmp / "nosuch", "/x"), FileNotFoundError),
    (lambda fs, tmp: fs.copy_in(tmp / "file", "/no/x"), FileNotFoundError),
    (lambda fs, tmp: fs.copy_in(tmp / "file", "/dir"), IsADirectoryError),
    (lambda fs, tmp: fs.copy_in(tmp / "dir", "/file"), FileExistsError),
    (lambda fs, tmp: fs.copy_out("/nosuch", tmp / "x"), FileNotFoundError),
    (lambda fs, tmp: fs.copy_out("/file", tmp / "no" / "x"), FileNotFoundError),
    (lambda fs, tmp: fs.copy_out("/file", tmp / "dir"), IsADirectoryError),
    (lambda fs, tmp: fs.copy_out("/dir", tmp / "file"), FileExistsError),
    (lambda fs, tmp: fs.copy_out("/dev/null", tmp / "x"), OSError),
    (lambda fs, tmp: fs.copy_out("/file", tmp / "file" / "x"), NotADirectoryError),
]


@pytest.mark.parametrize(("wrong", "kind"), WRONG, ids=map(str, range(len(WRONG))))
def test_mistakes_change_nothing(
    fs: Files, tmp_path: Path, wrong: Callable[[Files, Path], None], kind: type[OSError]
) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_text("kept")
    fs.mkdir("/dir")
    fs.write_text("/file", "kept")
    before = shape(tmp_path)
    with pytest.raises(kind):
        wrong(fs, tmp_path)
    assert shape(tmp_path) == before
    assert [path for path, _, _ in fs.walk("/dir")] == ["/dir"]
    assert fs.read_text("/file") == "kept"
    assert sorted(fs.listdir("/")) == ["bin", "dev", "dir", "file", "tmp"]


def test_a_copy_that_fails_leaves_nothing(tree: Path, tmp_path: Path) -> None:
    with wasix.Sandbox(filesystem_limit="2 MiB") as box:
        with pytest.raises(OSError, match="No space") as caught:
            box.fs.copy_in(tree, "/copy")
        assert caught.value.errno == errno.ENOSPC
        assert sorted(box.fs.listdir("/")) == ["bin", "dev", "tmp"]
        with pytest.raises(OSError, match="No space"):
            box.fs.copy_in(tree / "below" / "big", "/big")
        assert sorted(box.fs.listdir("/")) == ["bin", "dev", "tmp"]


def test_a_limit(fs: Files, tree: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too large") as caught:
        fs.copy_in(tree, "/copy", limit=1 << 20)
    assert caught.value.errno == errno.EFBIG
    fs.copy_in(tree, "/copy", limit=4 << 20)
    with pytest.raises(OSError, match="too large"):
        fs.copy_out("/copy", tmp_path / "back", limit=1 << 20)
    assert os.listdir(tmp_path) == ["tree"]


def test_holes_stay_holes(fs: Files, tmp_path: Path) -> None:
    size = 1 << 40
    with fs.open("/sparse", "wb", 0) as file:
        file.seek(1 << 39)
        file.write(b"in the middle")
        file.truncate(size)
    fs.copy_out("/sparse", tmp_path / "sparse")
    st = (tmp_path / "sparse").stat()
    assert (st.st_size, st.st_blocks * 512 < 1 << 22) == (size, True)
    with (tmp_path / "sparse").open("rb") as copied:
        copied.seek(1 << 39)
        assert copied.read(14) == b"in the middle\0"


def test_a_file_too_large_for_the_host(fs: Files, tmp_path: Path) -> None:
    with fs.open("/huge", "wb", 0) as file:
        file.truncate((1 << 63) - 1)
    with suppress(OSError):  # there are hosts with such files
        fs.copy_out("/huge", tmp_path / "huge")
    assert os.listdir(tmp_path) in ([], ["huge"])


def test_hostile_links_lead_nowhere(fs: Files, tmp_path: Path) -> None:
    """A guest has put links where a second copy will want to write."""
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    fs.mkdir("/tree")
    for name, target in (("d", outside), ("f", outside / "f"), ("r", "../outside")):
        fs.symlink(str(target), f"/tree/{name}")
    fs.copy_out("/tree", out)
    assert os.readlink(out / "r") == "../outside"
    for name in "dr":
        fs.remove(f"/tree/{name}")
        fs.mkdir(f"/tree/{name}")
        fs.write_text(f"/tree/{name}/evil", "evil")
    fs.remove("/tree/f")
    fs.write_text("/tree/f", "evil")
    for name in ("d", "r"):
        with pytest.raises(FileExistsError):
            fs.copy_out("/tree", out, exist_ok=True)
        fs.rmtree(f"/tree/{name}")
    fs.copy_out("/tree", out, exist_ok=True)
    assert not (out / "f").is_symlink()
    assert (out / "f").read_text() == "evil"
    assert os.listdir(outside) == []


def test_what_a_guest_swaps_while_it_is_copied_leads_nowhere(tmp_path: Path) -> None:
    """The volume's directory becomes a link between listing it and entering it."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("key")
    (tmp_path / "volume" / "d").mkdir(parents=True)
    with wasix.Sandbox(volumes={"/v": tmp_path / "volume"}) as box:
        for path, directories, _ in box.fs.walk("/v"):
            if path == "/v":
                assert directories == ["d"]
                (tmp_path / "volume" / "d").rmdir()
                (tmp_path / "volume" / "d").symlink_to(tmp_path / "secret")
            else:
                assert box.fs.is_symlink(path)
                assert directories == []
        box.fs.copy_out("/v", tmp_path / "out")
    assert os.readlink(tmp_path / "out" / "d") == str(tmp_path / "secret")


def test_a_tree_copied_into_itself_ends(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    (volume / "a" / "b").mkdir(parents=True)
    (volume / "file").write_text("x")
    with wasix.Sandbox(volumes={"/v": volume}) as box:
        box.fs.copy_out("/v", volume / "a" / "copy")
        box.fs.copy_in(volume, "/v/a/b/copy")
    assert (volume / "a" / "copy" / "file").read_text() == "x"
    assert (volume / "a" / "b" / "copy" / "a" / "copy" / "file").read_text() == "x"
    assert not (volume / "a" / "copy" / "a" / "copy").exists()


def test_devices_and_sockets_are_left_out(fs: Files, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "tree" / "socket"))
    fs.copy_in(tmp_path / "tree", "/tree")
    assert fs.listdir("/tree") == []
    fs.copy_out("/", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out" / "dev")) == ["fd", "stderr", "stdin", "stdout"]


def test_deep_and_wide_trees_keep_few_descriptors(fs: Files, tmp_path: Path) -> None:
    """A guest can make a tree deeper than any path of the host's."""
    depth = 2000
    fs.mkdir("/deep")
    for _ in range(depth):
        fs.mkdir("/above/side", parents=True)
        fs.rename("/deep", "/above/d")
        fs.rename("/above", "/deep")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 200, hard))
    try:
        fs.copy_out("/deep", tmp_path / "deep")
        fs.copy_in(tmp_path / "deep", "/again")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sum(1 for _ in fs.walk("/again")) == 2 * depth + 1
    with wasix.Sandbox(volumes={"/v": tmp_path}) as box:
        box.fs.rmtree("/v/deep")
    assert os.listdir(tmp_path) == []
