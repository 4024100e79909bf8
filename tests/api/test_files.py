"""A sandbox's files from outside."""

from __future__ import annotations

import errno
import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import wasix
from tests.api.guests import CAT, Wat
from wasix.api.files import Files


@pytest.fixture
def fs() -> Iterator[Files]:
    with wasix.Sandbox() as box:
        yield box.fs


@pytest.fixture
def box(tmp_path: Path) -> Iterator[wasix.Sandbox]:
    """A sandbox with a host volume at /host."""
    (tmp_path / "volume").mkdir()
    with wasix.Sandbox(volumes={"/host": tmp_path / "volume"}) as made:
        yield made


def test_what_is_written_is_read(fs: Files) -> None:
    assert fs.write_bytes("/a", b"\x00\xff") == 2
    assert fs.read_bytes("/a") == b"\x00\xff"
    assert fs.write_text("a", "zweite\r\nZeile ä\n") == 16
    assert fs.read_bytes("/a") == "zweite\r\nZeile ä\n".encode()
    assert fs.read_text(PurePosixPath("/a")) == "zweite\nZeile ä\n"
    fs.write_text("/b", "ä", encoding="latin-1")
    assert fs.read_text("/b", "latin-1") == "ä"
    with pytest.raises(UnicodeDecodeError):
        fs.read_text("/b")
    assert fs.read_text("/b", errors="replace") == "\ufffd"


def test_guests_see_the_same(wat: Wat, engine: str, tmp_path: Path) -> None:
    code = """
import os
print(open("/dir/in").read(), os.listdir("/dir"), os.readlink("/dir/link"))
open("/dir/out", "w").write("from the guest")
"""
    with wasix.Sandbox(engine=engine, volumes={"/host": tmp_path}) as box:
        box.fs.mkdir("/dir")
        box.fs.write_text("/dir/in", "from the host")
        box.fs.symlink("in", "/dir/link")
        done = box.run(["python", "-c", code], capture_output=True, text=True)
        assert done.stdout == "from the host ['in', 'link'] in\n"
        assert box.fs.read_text("/dir/out") == "from the guest"
        box.fs.write_text("/host/file", "on the host")
    assert (tmp_path / "file").read_text() == "on the host"


def test_listing(fs: Files) -> None:
    fs.mkdir("/dir/below", parents=True)
    fs.write_bytes("/dir/file", b"")
    assert fs.listdir("/dir") == ["below", "file"]
    assert set(fs.listdir()) >= {"bin", "dev", "tmp", "dir"}
    assert "null" in fs.listdir("/dev")


def test_walking(fs: Files) -> None:
    for path in ("/top/a/x", "/top/a/y", "/top/b"):
        fs.mkdir(path, parents=True)
    fs.write_bytes("/top/a/file", b"")
    fs.symlink("a", "/top/link")
    assert list(fs.walk("/top")) == [
        ("/top", ["a", "b"], ["link"]),
        ("/top/a", ["x", "y"], ["file"]),
        ("/top/a/x", [], []),
        ("/top/a/y", [], []),
        ("/top/b", [], []),
    ]
    seen = []
    for path, directories, _ in fs.walk("/top/"):
        seen.append(path)
        directories[:] = [name for name in directories if name != "a"]
    assert seen == ["/top", "/top/b"]
    assert next(fs.walk())[0] == "/"
    assert next(fs.walk("top"))[0] == "top"


def test_attributes(fs: Files) -> None:
    fs.write_bytes("/file", b"12345")
    fs.mkdir("/dir")
    fs.symlink("file", "/link")
    st = fs.stat("/link")
    assert (st.st_size, stat.S_ISREG(st.st_mode), st.st_nlink) == (5, True, 1)
    assert st.st_mtime_ns // 10**9 == int(st.st_mtime)
    assert stat.S_ISLNK(fs.stat("/link", follow_symlinks=False).st_mode)
    assert stat.S_ISDIR(fs.stat("/dir").st_mode)
    assert stat.S_ISCHR(fs.stat("/dev/null").st_mode)
    assert os.path.samestat(st, fs.stat("/file"))


def test_asking_what_is_there(fs: Files) -> None:
    fs.write_bytes("/file", b"")
    fs.symlink("nowhere", "/dangling")
    fs.symlink("/", "/root")
    assert [fs.exists(p) for p in ("/", "/file", "/no", "/dangling", "/file/x", "")] == [
        *(True, True, False, False, False, False)
    ]
    assert [fs.is_dir(p) for p in ("/", "/file", "/root", "/no")] == [True, False, True, False]
    assert [fs.is_file(p) for p in ("/", "/file", "/dev/null")] == [False, True, False]
    assert [fs.is_symlink(p) for p in ("/root", "/dangling", "/file")] == [True, True, False]


def test_making_removing_and_renaming(fs: Files) -> None:
    fs.mkdir("/a/b/c", parents=True)
    fs.mkdir("/a/b/c", exist_ok=True)
    fs.mkdir("/a/b/c", parents=True, exist_ok=True)
    fs.rmdir("/a/b/c")
    fs.write_bytes("/a/file", b"x")
    fs.rename("/a/file", "/a/b/moved")
    assert (fs.exists("/a/file"), fs.read_bytes("/a/b/moved")) == (False, b"x")
    fs.symlink("../..", "/a/b/up")
    assert fs.readlink("/a/b/up") == "../.."
    fs.remove("/a/b/up")
    fs.rmtree("/a")
    assert not fs.exists("/a")


CASES: list[tuple[Callable[[Files], Any], type[OSError], str]] = [
    (lambda fs: fs.read_bytes("/no"), FileNotFoundError, "/no"),
    (lambda fs: fs.open("/no/x", "w"), FileNotFoundError, "/no/x"),
    (lambda fs: fs.read_bytes("/dir"), IsADirectoryError, "/dir"),
    (lambda fs: fs.write_bytes("/dir", b""), IsADirectoryError, "/dir"),
    (lambda fs: fs.read_text("/file/x"), NotADirectoryError, "/file/x"),
    (lambda fs: fs.open("/file", "x"), FileExistsError, "/file"),
    (lambda fs: fs.mkdir("/dir"), FileExistsError, "/dir"),
    (lambda fs: fs.mkdir("/file", exist_ok=True), FileExistsError, "/file"),
    (lambda fs: fs.mkdir("/file/x", parents=True), NotADirectoryError, "/file/x"),
    (lambda fs: fs.mkdir("/no/x"), FileNotFoundError, "/no/x"),
    (lambda fs: fs.remove("/dir"), IsADirectoryError, "/dir"),
    (lambda fs: fs.rmdir("/file"), NotADirectoryError, "/file"),
    (lambda fs: fs.rmdir("/"), OSError, "/"),
    (lambda fs: fs.rmtree("/file"), NotADirectoryError, "/file"),
    (lambda fs: fs.rmtree("/no"), FileNotFoundError, "/no"),
    (lambda fs: fs.rename("/no", "/x"), FileNotFoundError, "/no"),
    (lambda fs: fs.rename("/dir", "/file"), NotADirectoryError, "/dir"),
    (lambda fs: fs.readlink("/file"), OSError, "/file"),
    (lambda fs: fs.symlink("x", "/file"), FileExistsError, "/file"),
    (lambda fs: fs.listdir("/file"), NotADirectoryError, "/file"),
    (lambda fs: list(fs.walk("/no")), FileNotFoundError, "/no"),
    (lambda fs: fs.stat("/loop"), OSError, "/loop"),
    (lambda fs: fs.stat(""), FileNotFoundError, ""),
    (lambda fs: fs.stat("/a\0b"), OSError, "/a\0b"),
    (lambda fs: fs.stat("/" + "x" * 300), OSError, "/" + "x" * 300),
    (lambda fs: fs.write_bytes("/\udcff\ud800", b""), OSError, "/\udcff\ud800"),
    (lambda fs: fs.write_bytes("/dev/full", b"x"), OSError, "/dev/full"),
    (lambda fs: fs.open("/dev/fd/0"), FileNotFoundError, "/dev/fd/0"),
    (lambda fs: fs.open("/dev/tty"), OSError, "/dev/tty"),
    (lambda fs: fs.remove("/dev/null"), OSError, "/dev/null"),
    (lambda fs: fs.rmtree("/dev"), OSError, "/dev"),
]


@pytest.mark.parametrize(("wrong", "kind", "path"), CASES, ids=map(str, range(len(CASES))))
def test_mistakes(fs: Files, wrong: Callable[[Files], Any], kind: type[OSError], path: str) -> None:
    fs.write_bytes("/file", b"content")
    fs.mkdir("/dir")
    fs.symlink("loop", "/loop")
    with pytest.raises(kind) as caught:
        wrong(fs)
    assert caught.value.filename == path
    assert caught.value.errno
    assert caught.value.strerror
    assert fs.read_bytes("/file") == b"content"


def test_both_paths_of_a_rename_are_named(fs: Files) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        fs.rename("/from", "/to")
    assert (caught.value.filename, caught.value.filename2) == ("/from", "/to")


@pytest.mark.parametrize("mode", ["r", "w", "a", "x", "r+", "w+", "a+", "x+"])
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("buffering", [-1, 0, 64])
def test_files_are_pythons_own(
    fs: Files, tmp_path: Path, mode: str, binary: bool, buffering: int
) -> None:
    """The same steps on a file of the host's."""

    def steps(start: Callable[..., Any], path: str) -> list[Any]:
        full = mode + "b" * binary
        seen: list[Any] = []

        def note(function: Callable[..., Any], *args: Any) -> None:
            try:
                seen.append(function(*args))
            except (OSError, ValueError) as error:
                seen.append(type(error))

        def data(text: str) -> Any:
            return text.encode() if binary else text

        try:
            file = start(path, full, buffering)
        except (OSError, ValueError) as error:
            return [type(error)]
        with file:
            note(file.readable)
            note(file.writable)
            note(file.seekable)
            note(file.tell)
            note(file.readline)
            note(file.write, data("new"))
            note(file.flush)
            note(file.seek, 2)
            note(file.read, 3)
            note(file.seek, 0, 2)
            note(file.truncate, 4)
            note(file.seek, 1)
            note(file.write, data("zz\n"))
            note(file.seek, 0)
            note(file.readlines)
            note(lambda: file.name == path)
            note(lambda: file.mode)
            note(lambda: isinstance(file, io.TextIOBase))
        note(file.closed.__bool__)
        note(file.read)
        return seen

    content = b"line one\nline two\n"
    host = tmp_path / "file"
    if mode[0] != "x":
        host.write_bytes(content)
        fs.write_bytes("/file", content)

    def start(path: str, full: str, size: int) -> Any:
        return open(path, full, size, encoding=None if binary else "utf-8")

    assert steps(fs.open, "/file") == steps(start, str(host))
    if binary or buffering:
        assert fs.read_bytes("/file") == host.read_bytes()
    else:
        # Nothing comes of what cannot be; Python's own empties the file first.
        assert not fs.exists("/file") or fs.read_bytes("/file") == content


def test_modes_that_are_none(fs: Files) -> None:
    fs.write_bytes("/file", b"")
    for mode in ("", "rw", "q", "r++", "bt", "rbt", "U"):
        with pytest.raises(ValueError, match="mode"):
            fs.open("/file", mode)
    with pytest.raises(ValueError, match="binary"):
        fs.open("/file", "rb", encoding="utf-8")


def test_a_file_outlives_its_name(fs: Files) -> None:
    with fs.open("/file", "w+") as file:
        file.write("still here")
        fs.remove("/file")
        file.seek(0)
        assert file.read() == "still here"


def test_a_limit_keeps_what_guests_made_out_of_memory(fs: Files) -> None:
    with fs.open("/huge", "wb", 0) as file:
        file.truncate(1 << 62)
    with pytest.raises(OSError, match="/huge") as caught:
        fs.read_bytes("/huge", limit=1 << 20)
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(OSError, match="/dev/zero"):
        fs.read_bytes("/dev/zero", limit=1 << 20)
    fs.write_bytes("/fits", b"12")
    assert fs.read_bytes("/fits", limit=2) == b"12"


def test_no_room(tmp_path: Path) -> None:
    with (
        wasix.Sandbox(filesystem_limit="1 MiB") as box,
        pytest.raises(OSError, match="/big") as caught,
    ):
        box.fs.write_bytes("/big", bytes(2 << 20))
    assert caught.value.errno == errno.ENOSPC


def test_a_read_only_volume(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    volume = wasix.HostVolume(tmp_path, read_only=True)
    with wasix.Sandbox(volumes={"/v": volume}) as box:
        assert box.fs.read_text("/v/file") == "x"
        for wrong in (
            lambda: box.fs.write_text("/v/file", "y"),
            lambda: box.fs.remove("/v/file"),
            lambda: box.fs.mkdir("/v/new"),
        ):
            with pytest.raises(OSError, match="Read-only"):
                wrong()
    assert (tmp_path / "file").read_text() == "x"


def test_a_volumes_links_do_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "volume" / "up").symlink_to("../secret")
    (tmp_path / "volume" / "absolute").symlink_to(tmp_path / "secret")
    with wasix.Sandbox(volumes={"/v": tmp_path / "volume"}) as box:
        assert not box.fs.exists("/v/up")
        assert not box.fs.exists("/v/absolute")
        with pytest.raises(OSError, match="/v/absolute"):
            box.fs.read_text("/v/absolute")


def test_deep_trees(fs: Files) -> None:
    """Deeper than any path may be long, put together from its end."""
    depth = 3000
    fs.mkdir("/deep")
    for _ in range(depth):
        fs.mkdir("/above")
        fs.rename("/deep", "/above/d")
        fs.rename("/above", "/deep")
    below = list(fs.walk("/deep"))
    assert len(below) == depth + 1
    assert below[-1][0] == "/deep" + "/d" * depth
    fs.rmtree("/deep")
    assert not fs.exists("/deep")


def test_removing_a_tree_on_the_host_keeps_few_descriptors(box: wasix.Sandbox) -> None:
    import resource

    for path in range(40):
        box.fs.mkdir("/host/tree" + f"/{path}" * 60, parents=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 80, hard))
    try:
        assert sum(1 for _ in box.fs.walk("/host/tree")) == 40 * 60 + 1
        box.fs.rmtree("/host/tree")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert box.fs.listdir("/host") == []


def test_a_tree_with_a_volume_in_it_is_not_removed(box: wasix.Sandbox, tmp_path: Path) -> None:
    (tmp_path / "volume" / "file").write_text("kept")
    with wasix.Sandbox(volumes={"/a/b": tmp_path / "volume"}) as other:
        with pytest.raises(OSError, match="/a") as caught:
            other.fs.rmtree("/a")
        assert caught.value.errno == errno.EBUSY
    assert (tmp_path / "volume" / "file").read_text() == "kept"


def test_removing_a_link_to_a_tree_keeps_the_tree(fs: Files) -> None:
    fs.mkdir("/tree/below", parents=True)
    fs.mkdir("/other")
    fs.symlink("/tree", "/other/link")
    fs.rmtree("/other")
    assert fs.exists("/tree/below")
    fs.symlink("/tree", "/link")
    with pytest.raises(NotADirectoryError):
        fs.rmtree("/link")


def test_threads_and_guests_at_once(wat: Wat, engine: str) -> None:
    with wasix.Sandbox(engine=engine) as box:
        box.fs.mkdir("/d")

        def work(number: int) -> None:
            for turn in range(20):
                box.fs.write_text(f"/d/{number}", str(turn))
                assert box.fs.read_text(f"/d/{number}") == str(turn)
                assert str(number) in box.fs.listdir("/d")
            data = str(number).encode()
            assert box.run([wat(CAT, f"{number}.wasm")], input=data, stdout=-1).stdout == data
            done.append(number)

        done: list[int] = []
        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(done) == list(range(6))
