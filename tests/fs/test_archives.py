"""Archives as read-only volumes: what Linux unpacks from one, a guest finds in it."""

from __future__ import annotations

import gc
import io
import os
import random
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fs.systems import Linux, Ours, attempt, tree
from wasix.abi import E, Errno
from wasix.fs import archive as archives
from wasix.fs import walk, zipped
from wasix.fs.archive import ArchiveError, BytesSource, HostSource
from wasix.fs.inode import Access
from wasix.fs.mount import Namespace
from wasix.fs.unarchive import open_archive

TIME = 10**18
Tar = Callable[[tarfile.TarFile], None]


def mounted(data: bytes, limit: int = 1 << 30) -> Ours:
    image = open_archive(BytesSource(data), "x", time=TIME, limit=limit)
    return Ours(Namespace(image.root))


def refused(data: bytes, limit: int = 1 << 30) -> str:
    with pytest.raises(ArchiveError) as caught:
        mounted(data, limit)
    message = str(caught.value)
    assert message.startswith("x: ")
    assert "\n" not in message
    return message


def tar(*members: tuple[str, object], compression: str = "", **options: object) -> bytes:
    """An archive; a member is bytes, None (a directory), or a `TarInfo` without its name."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{compression}", **options) as archive:  # type: ignore[call-overload]
        for name, content in members:
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo()
            member.name = name
            if content is None:
                member.type = tarfile.DIRTYPE
            data = content if isinstance(content, bytes) else b""
            member.size = member.size or len(data)
            archive.addfile(member, io.BytesIO(data) if data else None)
    return out.getvalue()


def info(kind: bytes, target: str = "", **values: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo()
    member.type, member.linkname = kind, target
    for name, value in values.items():
        setattr(member, name, value)
    return member


def pack(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def names(system: Ours, path: str = ".") -> list[str]:
    file = system.open(path, directory=True)
    return [entry.name for entry in file.entries(0) or ()][2:]


@pytest.fixture
def laid(tmp_path: Path) -> Linux:
    """A tree with one of everything that archives keep."""
    base = tmp_path / "laid"
    deep = base / "a" / "b"
    deep.mkdir(parents=True)
    (base / "empty").mkdir()
    (base / "nothing").write_bytes(b"")
    (deep / "f").write_bytes(b"hello")
    (base / "é\n😀").write_bytes(b"odd name")
    (base / ("x" * 255)).write_bytes(b"long name")
    noise = random.Random(1).randbytes(100_000)
    (base / "big").write_bytes(noise + bytes(200_000) + noise)
    (base / "l").symlink_to("a/b/f")
    (base / "dangling").symlink_to("nowhere")
    (base / "to-directory").symlink_to("a")
    os.utime(deep / "f", ns=(5, 1234567890_123456789))
    return Linux(base)


def packed(path: Path, kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        subprocess.run(
            [sys.executable, "-c", ZIP, "out.zip"], cwd=path, check=True, capture_output=True
        )
        data = (path / "out.zip").read_bytes()
        (path / "out.zip").unlink()
        return data
    with tarfile.open(fileobj=out, mode=f"w:{kind}", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for name in sorted(os.listdir(path)):
            archive.add(path / name, name)
    return out.getvalue()


# `zipfile` alone would follow links.
ZIP = """
import os, stat, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for folder, folders, files in os.walk("."):
        for name in folders + files:
            path = os.path.join(folder, name)
            if path == "./out.zip":
                continue
            if os.path.islink(path):
                info = zipfile.ZipInfo(path)
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, os.readlink(path))
            else:
                archive.write(path)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux is the oracle")
@pytest.mark.parametrize("kind", ["zip", "", "gz", "bz2", "xz"])
def test_what_was_packed_is_found(laid: Linux, kind: str) -> None:
    assert tree(mounted(packed(laid.base, kind))) == tree(laid)


def test_hard_links_and_times_of_a_tar(laid: Linux) -> None:
    os.link(laid.base / "big", laid.base / "same")
    system = mounted(packed(laid.base, ""))
    assert tree(system) == tree(laid)
    stats = [
        walk.stat(system.namespace, system.base, name, follow=False) for name in ("big", "same")
    ]
    assert stats[0] == stats[1]
    exact = info(tarfile.REGTYPE, pax_headers={"mtime": "1234567890.1234567891"})
    system = mounted(tar(("f", exact), format=tarfile.PAX_FORMAT))
    st = walk.stat(system.namespace, system.base, "f", follow=False)
    assert (st.atim, st.mtim, st.ctim) == (1234567890_123456789,) * 3


@pytest.mark.skipif(sys.platform != "linux", reason="GNU tar")
@pytest.mark.parametrize("version", ["gnu", "pax"])
def test_sparse_members_of_gnu_tar(tmp_path: Path, version: str) -> None:
    with (tmp_path / "f").open("wb") as out:
        for place in (0, 1 << 20, 5 << 20):
            out.seek(place)
            out.write(b"data" * 1000)
        out.truncate(6 << 20)
    command = ["tar", "--sparse", f"--format={version}", "-cf", "-", "f"]
    data = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout
    assert len(data) < 1 << 20
    file = mounted(data).open("f")
    content = (tmp_path / "f").read_bytes()
    assert file.stat().size == len(content)
    for offset, length in [
        (0, 6 << 20),
        (3999, 2),
        (4000, 10),
        ((1 << 20) - 1, 5000),
        (6 << 20, 9),
    ]:
        buffer = memoryview(bytearray(b"?" * length))
        count = file.pread([buffer[: length // 2], buffer[length // 2 :]], offset)
        assert bytes(buffer[:count]) == content[offset : offset + length]


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_every_way_to_compress_a_member(method: int) -> None:
    content = random.Random(2).randbytes(70_000) + bytes(200_000)
    system = mounted(pack(("f", content), ("empty", b""), method=method))
    assert system.read("f") == content
    assert system.read("empty") == b""
    with system.opened("f", "", Access()) as file:
        buffer = memoryview(bytearray(10))
        assert file.pread([buffer], len(content) - 5) == 5
        assert file.pread([buffer], 1 << 40) == 0
        assert file.seek(-3, "end") == len(content) - 3


def test_changes_are_refused() -> None:
    system = mounted(pack(("f", b"f"), ("d/g", b"g")))

    def set_times(path: str) -> object:
        return attempt(
            lambda: walk.set_times(system.namespace, system.base, path, 1, 1, follow=True)
        )

    answers = [
        system.write("f", b"x", ""),
        system.write("f", b"", "T"),
        system.write("new", b"", "C"),
        system.mkdir("new"),
        system.rmdir("d"),
        system.unlink("f"),
        system.rename("f", "new"),
        system.link("f", "new"),
        system.symlink("f", "new"),
        set_times("f"),
        set_times("d"),
        attempt(lambda: system.open("f").set_times(1, 1)),
        attempt(lambda: system.open("d").set_times(1, 1)),
    ]
    assert answers == ["rofs"] * len(answers)
    assert attempt(lambda: system.open("f").set_size(0)) == "inval"
    assert attempt(lambda: system.open("f").write([memoryview(b"x")])) == "badf"


def test_directories_that_are_no_members_are_there() -> None:
    system = mounted(tar(("a/b/c", b"c"), ("./a/./d", b"d"), ("/e/f", b"f")))
    assert names(system) == ["a", "e"]
    assert system.stat("a") == ("directory", 3, 0)
    assert [system.read(name) for name in ("a/b/c", "a/d", "e/f")] == [b"c", b"d", b"f"]
    assert walk.stat(system.namespace, system.base, "a", follow=True).mtim == TIME


def test_the_last_member_of_a_name_counts() -> None:
    link = info(tarfile.SYMTYPE, "f")
    for data in (
        tar(("f", b"old"), ("f", b"new")),
        tar(("f", None), ("f/x", b""), ("f", b"new")),
        tar(("f", link), ("f", b"new")),
    ):
        assert tree(mounted(data)) == {
            ".": ("directory", 2, 0),
            "./f": (("file", 1, 3), b"new"),
        }
    assert mounted(tar(("f", b"old"), ("f", None))).stat("f") == ("directory", 2, 0)
    assert names(mounted(tar(("d", None), ("d/f", b""), ("d", None))), "d") == ["f"]
    with pytest.warns(UserWarning, match="Duplicate"):
        data = pack(("f", b"old"), ("f", b"new"))
    assert mounted(data).read("f") == b"new"


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([("a/../../f", b"")], "member 'a/../../f' leads out of it"),
        ([("..", None)], "member '..' leads out of it"),
        ([("f", b""), ("f/g", b"")], "member 'f/g' lies below another one that is no directory"),
        ([("l", info(tarfile.SYMTYPE, "/")), ("l/f", b"")], "member 'l/f' lies below another"),
        ([("/", b"x")], "member '/' is no directory"),
        ([("x" * 256, b"")], "has a name that no file can have"),
        ([("l", info(tarfile.LNKTYPE, "f"))], "hard link to 'f', which is not there"),
        ([("d", None), ("l", info(tarfile.LNKTYPE, "d"))], "hard link to the directory 'd'"),
        ([("l", info(tarfile.LNKTYPE, "../f"))], "member '../f' leads out of it"),
    ],
)
def test_members_that_cannot_be_there(members: list[tuple[str, object]], text: str) -> None:
    assert text in refused(tar(*members, format=tarfile.PAX_FORMAT))


def test_devices_and_pipes_are_left_out() -> None:
    kinds = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    data = tar(*((kind.decode(), info(kind)) for kind in kinds), ("f", b"f"))
    assert names(mounted(data)) == ["f"]


def test_names_that_are_not_utf_8() -> None:
    name = os.fsdecode(b"\xff\xfe")
    system = mounted(tar((name, b"raw"), encoding="utf-8", errors="surrogateescape"))
    assert names(system) == [name]
    assert system.read(name) == b"raw"


def test_names_of_a_zip_that_does_not_say_how_they_are_written() -> None:
    for raw, name in (("é€".encode(), "é€"), ("é".encode("cp437"), "é")):
        data = pack(("?" * len(raw), b"content")).replace(b"?" * len(raw), raw)
        assert names(mounted(data)) == [name]


def test_times_of_a_zip() -> None:
    def time(extra: bytes, date: tuple[int, ...] = (2001, 2, 3, 4, 5, 6)) -> int:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            member = zipfile.ZipInfo("f", date)  # type: ignore[arg-type]
            member.extra = extra
            archive.writestr(member, b"")
        system = mounted(out.getvalue())
        return walk.stat(system.namespace, system.base, "f", follow=True).mtim

    assert time(b"") == 981173106 * 10**9
    assert time(b"UT\5\0\1" + (1234567891).to_bytes(4, "little")) == 1234567891 * 10**9
    ticks = 116_444_736_000_000_000 + 123
    ntfs = bytes(4) + b"\1\0\x18\0" + ticks.to_bytes(8, "little") * 3
    assert time(b"\x0a\0\x20\0" + ntfs) == 12300
    assert time(b"UT\5\0\1" + b"\xff" * 4) == 0
    assert time(b"", (1980, 0, 0, 0, 0, 0)) == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((value, 0) for value in ("nan", "1e400", "-1", "x", "1.5x")),
        ("99999999999999999999", (1 << 63) - 1),
    ],
)
def test_a_time_that_makes_no_sense(value: str, shown: int) -> None:
    member = info(tarfile.REGTYPE, pax_headers={"mtime": value})
    system = mounted(tar(("f", member), format=tarfile.PAX_FORMAT))
    st = walk.stat(system.namespace, system.base, "f", follow=True)
    assert st.mtim == shown


def zipped_with(data: bytes, **fields: int) -> bytes:
    """`data`, a zip of one member, whose directory entry says otherwise."""
    places = {
        "flags": (8, 2),
        "method": (10, 2),
        "crc": (16, 4),
        "packed": (20, 4),
        "size": (24, 4),
    }
    out = bytearray(data)
    entry = out.rindex(b"PK\1\2")
    for name, value in fields.items():
        place, length = places[name]
        out[entry + place : entry + place + length] = value.to_bytes(length, "little")
    return bytes(out)


BOMB = pack(("f", bytes(10 << 20)))


@pytest.mark.parametrize(
    "data",
    [
        zipped_with(BOMB, crc=1),
        zipped_with(BOMB, size=(10 << 20) - 1),
        zipped_with(BOMB, size=(10 << 20) + 1),
        zipped_with(BOMB, packed=10),
        zipped_with(BOMB, packed=0),
        zipped_with(BOMB, method=12),
        zipped_with(BOMB, method=14),
        BOMB.replace(b"PK\3\4", b"PK\3\5"),
        BOMB[:40] + b"\xff" * 100 + BOMB[140:],
    ],
)
def test_a_damaged_member_is_an_error_when_it_is_read(data: bytes) -> None:
    system = mounted(data)
    for _ in range(2):
        assert system.read("f") == "io"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_unpacks_to_no_more_than_it_declares(method: int) -> None:
    """A hundred megabytes in a member that says a thousand bytes: no more than that is made."""
    data = zipped_with(pack(("f", bytes(100 << 20)), method=method), size=1000)
    tracemalloc.start()
    try:
        assert mounted(data).read("f") == "io"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_what_is_open_is_unpacked_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "_KEPT", 100)
    data = pack(*((str(number), bytes([number]) * 400) for number in range(4)))
    system = mounted(data, limit=1000)
    files = [system.open(str(number)) for number in range(4)]
    buffer = memoryview(bytearray(400))
    for file in files[:2]:
        assert file.pread([buffer], 0) == 400
    for _ in range(2):
        with pytest.raises(Errno) as caught:
            files[2].pread([buffer], 0)
        assert caught.value.code is E.NOMEM
    files[0].close()
    assert files[2].pread([buffer], 0) == 400
    assert bytes(buffer) == b"\2" * 400
    assert files[1].pread([buffer], 0) == 400
    for file in files[1:]:
        file.close()
    for number in range(4):
        assert system.read(str(number)) == bytes([number]) * 400
    assert mounted(data, limit=399).read("1") == "nomem"


def test_a_compressed_tar_unpacks_up_to_the_limit() -> None:
    data = tar(("f", bytes(10 << 20)), compression="gz")
    assert "unpacks to more than 10000000 bytes" in refused(data, 10_000_000)


def test_a_great_unpacked_tar_is_kept_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasix.fs import tarred

    monkeypatch.setattr(tarred, "_IN_MEMORY", 1000)
    assert mounted(tar(("f", b"content" * 1000), compression="xz")).read("f") == b"content" * 1000


def test_the_number_of_members_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_INODES", 100)
    assert "more than 100 members" in refused(tar(*((str(number), b"") for number in range(100))))
    assert "more than 100 members" in refused(pack(("a/" * 100, b"")))
    mounted(tar(*((str(number), b"") for number in range(99))))


def test_a_directory_of_a_zip_that_is_too_great(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "_MOST_DIRECTORY", 100)
    assert "its directory is greater" in refused(pack(("x" * 100, b"")))


def test_what_is_no_archive() -> None:
    for data in (b"", b"x", b"x" * 10_000, bytes(100)):
        assert "no zip or tar archive" in refused(data)
    import gzip

    assert "no tar archive" in refused(gzip.compress(b"hello"))


def test_an_empty_archive() -> None:
    for data in (tar(), pack(), tar(compression="xz")):
        assert tree(mounted(data)) == {".": ("directory", 2, 0)}


def test_an_encrypted_member_is_refused() -> None:
    assert "is encrypted" in refused(zipped_with(pack(("f", b"")), flags=1))
    assert "method 99" in refused(zipped_with(pack(("f", b"")), method=99))


def test_a_zip_behind_something_else() -> None:
    assert mounted(b"#!/bin/sh\nexit\n" + pack(("f", b"f"))).read("f") == b"f"


def test_damage_inside_of_a_tar_is_told() -> None:
    data = bytearray(tar(("f", b"f"), ("g", b"g"), ("h", b"h")))
    data[1024 + 150] ^= 0xFF
    assert "damaged at byte 1024" in refused(bytes(data))
    assert "x: " in refused(tar(("f", bytes(100_000)))[:50_000])


def test_an_archive_that_becomes_shorter(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar(("f", b"f" * 10_000)))
    source = HostSource(os.open(path, os.O_RDONLY))
    system = Ours(Namespace(open_archive(source, "x", time=0, limit=1000).root))
    os.truncate(path, 2000)
    assert system.read("f") == "io"


def test_the_archive_is_closed_with_the_image(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(pack(("d/f", b"f")))
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    gc.disable()
    try:
        source = HostSource(os.open(path, os.O_RDONLY))
        system = Ours(Namespace(open_archive(source, "x", time=0, limit=1000).root))
        del source
        assert system.read("d/f") == b"f"
        del system
        assert len(os.listdir("/dev/fd")) == before
    finally:
        gc.enable()


def test_a_long_listing_goes_on_at_any_cookie() -> None:
    system = mounted(tar(*((f"n{number}", b"") for number in range(1000))))
    file, cookie, seen = system.open(".", directory=True), 0, []
    while batch := [entry for _, entry in zip(range(7), file.entries(cookie) or (), strict=False)]:
        cookie = batch[-1].next
        seen += [entry.name for entry in batch]
    assert seen == [".", "..", *(f"n{number}" for number in range(1000))]
    for cookie in (1003, 1 << 63, (1 << 64) - 1):
        assert list(file.entries(cookie) or ()) == []


def test_a_deep_tree() -> None:
    deep = "d/" * 20_000
    system = mounted(tar((deep + "f", b"f"), format=tarfile.PAX_FORMAT))
    inode = system.namespace.root.lookup("d")
    assert inode is not None
    del system


ARCHIVES = {
    "zip": pack(("a/f", b"hello" * 100), ("g", b"x" * 1000)),
    "stored": pack(("a/f", b"hello" * 100), method=zipfile.ZIP_STORED),
    "lzma": pack(("a/f", b"hello" * 100), method=zipfile.ZIP_LZMA),
    "tar": tar(("a/f", b"hello" * 100), ("h", info(tarfile.LNKTYPE, "a/f"))),
    "pax": tar(("é" * 200, info(tarfile.REGTYPE, mtime=1.5)), format=tarfile.PAX_FORMAT),
    "gnu": tar(("n" * 250, info(tarfile.SYMTYPE, "t" * 200)), format=tarfile.GNU_FORMAT),
    "gz": tar(("a/f", b"hello" * 100), compression="gz"),
    "xz": tar(("a/f", b"hello" * 100), compression="xz"),
    "bz2": tar(("a/f", b"hello" * 100), compression="bz2"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
@settings(
    max_examples=3000 if os.environ.get("WASIX_TEST_FULL") else 120,
    deadline=None,
    derandomize=not os.environ.get("WASIX_TEST_FULL"),
)
@given(changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(max_size=9)), max_size=4))
def test_fuzz_damaged_archives(kind: str, changes: list[tuple[int, bytes]]) -> None:
    """Any bytes are an archive that can be walked and read, or one clear error."""
    data = bytearray(ARCHIVES[kind])
    for place, piece in changes:
        place %= len(data)
        data[place : place + len(piece)] = piece
    try:
        image = open_archive(BytesSource(bytes(data)), "x", time=TIME, limit=1 << 24)
    except ArchiveError:
        return
    system = Ours(Namespace(image.root))
    pending = ["."]
    while pending:
        path = pending.pop()
        for name in names(system, path):
            st = walk.stat(system.namespace, system.base, f"{path}/{name}", follow=False)
            assert 0 <= st.mtim < 1 << 63
            assert 0 <= st.size < 1 << 63
            system.read(f"{path}/{name}")
            system.readlink(f"{path}/{name}")
            if system.lstat(f"{path}/{name}") == ("directory", st.nlink, 0):
                pending.append(f"{path}/{name}")
