"""Images and overlays where volumes are given: what users may write, and what they are told."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import wasix
from tests.fs.systems import Ours
from wasix.api.volumes import Volume, root_of
from wasix.cli.volumes import parse_volumes
from wasix.fs.inode import Directory
from wasix.fs.mount import Namespace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no host volumes there")


def system(volume: Volume) -> Ours:
    root = root_of(volume)
    assert isinstance(root, Directory)
    return Ours(Namespace(root))


@pytest.fixture
def src(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "f").write_bytes(b"lower")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("f", "zipped")
    with tarfile.open(tmp_path / "data.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "src" / "f", "f")
    return tmp_path / "src"


def test_an_image_of_a_file_and_of_bytes(src: Path) -> None:
    path = src.parent / "data.zip"
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes())):
        assert system(wasix.image(source)).read("f") == b"zipped"
    assert system(wasix.image(src.parent / "data.tar.gz", limit="1 MiB")).read("f") == b"lower"


def test_an_overlay_keeps_what_is_below(src: Path) -> None:
    over = system(wasix.overlay(src, src.parent / "data.zip"))
    assert over.read("f") == b"lower"
    assert over.write("f", b"upper", "T") == 5
    assert over.read("f") == b"upper"
    assert (src / "f").read_bytes() == b"lower"


def test_an_overlay_keeps_its_changes_in_a_directory(src: Path) -> None:
    upper = src.parent / "upper"
    upper.mkdir()
    over = system(wasix.overlay(src, upper=upper))
    assert over.write("new", b"new", "C") == 3
    assert over.unlink("f") is None
    again = system(wasix.overlay(src, upper=wasix.HostVolume(upper)))
    assert again.read("new") == b"new"
    assert again.read("f") == "noent"
    assert os.listdir(src) == ["f"]


def test_an_overlay_over_one_in_memory() -> None:
    below = wasix.memory(limit="1 MiB")
    below.add_file("f", b"f")
    first = wasix.overlay(below)
    second = system(wasix.overlay(first))
    assert second.write("f", b"second", "") == 6
    assert system(first).read("f") == b"f"


MISTAKES: list[tuple[Callable[[Path], object], str]] = [
    (lambda p: wasix.image(p / "none"), "none cannot be read: No such file"),
    (lambda p: wasix.image(p), "is no archive: mount it as it is"),
    (lambda p: wasix.image(p / "src" / "f"), "f: it is no zip or tar archive"),
    (lambda p: wasix.image(b"rubbish"), "the archive: it is no zip or tar archive"),
    (lambda p: wasix.overlay(p / "none"), "none cannot be mounted: No such file"),
    (lambda p: wasix.overlay(p / "src", upper=p / "none"), "none cannot be mounted"),
    (lambda p: wasix.overlay(p / "src" / "f"), "f: it is no zip or tar archive"),
    (lambda p: wasix.overlay(p / "src", upper=p / "src"), "share files"),
    (lambda p: wasix.overlay(p, upper=p / "src"), "share files"),
    (
        lambda p: wasix.overlay(p, upper=wasix.HostVolume(p / "src", read_only=True)),
        "src of an overlay is read only",
    ),
    (lambda p: wasix.overlay(p, upper=wasix.image(p / "data.zip")), "is read only"),
    (lambda p: wasix.overlay(p, upper=wasix.HostVolume(p / "src" / "f")), "share files"),
    (lambda p: wasix.overlay(wasix.HostVolume(p / "src" / "f")), "must be a directory"),
    (lambda p: parse_volumes([f"{p}/data.zip:/d:rw"]), "an archive is read only: write :cow"),
    (lambda p: parse_volumes([f"{p}/src/f:/d:cow"]), ":cow needs a directory or an archive"),
    (lambda p: parse_volumes([f"{p}/src:/d:wr"]), "write HOST:GUEST"),
    (lambda p: parse_volumes([f"{p}/src:"]), "write HOST:GUEST"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_a_mistake_is_told_in_a_line(src: Path, number: int) -> None:
    make, text = MISTAKES[number]
    with pytest.raises(wasix.WasixError) as caught:
        make(src.parent)
    message = str(caught.value)
    assert text in message
    assert "\n" not in message


def test_a_size_that_is_none(src: Path) -> None:
    for limit in ("much", 0, -1):
        with pytest.raises(wasix.UsageError):
            wasix.image(src.parent / "data.zip", limit=limit)


def test_volumes_of_the_command_line(src: Path) -> None:
    parent = src.parent
    given = {
        "/plain": f"{src}:/plain",
        "/ro": f"{src}:/ro:ro",
        "/cow": f"{src}:/cow:cow",
        "/zip": f"{parent}/data.zip:/zip",
        "/tar": f"{parent}/data.tar.gz:/tar:ro",
        "/zip-cow": f"{parent}/data.zip:/zip-cow:cow",
    }
    volumes = {name: system(volume) for name, volume in parse_volumes(list(given.values())).items()}
    contents = {name: volume.read("f") for name, volume in volumes.items()}
    assert contents == {
        **dict.fromkeys(("/plain", "/ro", "/cow", "/tar"), b"lower"),
        **dict.fromkeys(("/zip", "/zip-cow"), b"zipped"),
    }
    answers = {name: volume.write("f", b"x", "") for name, volume in volumes.items()}
    assert answers == {
        **dict.fromkeys(("/plain", "/cow", "/zip-cow"), 1),
        **dict.fromkeys(("/ro", "/zip", "/tar"), "rofs"),
    }
    assert (src / "f").read_bytes() == b"xower"
    assert zipfile.ZipFile(parent / "data.zip").read("f") == b"zipped"


def test_an_archive_may_be_given_as_the_file_it_is(src: Path) -> None:
    (volume,) = parse_volumes([f"{src.parent}/data.zip:/work/data.zip"]).values()
    assert root_of(volume).stat().size == (src.parent / "data.zip").stat().st_size


def test_a_guest_reads_an_archive_and_changes_an_overlay(engine: str, src: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("package/__init__.py", "NAME = 'zipped'\n")
    program = """
import os, sys
sys.path.insert(0, "/zip")
import package
with open("/over/f", "a") as file:
    file.write(package.NAME)
os.rename("/over/f", "/over/g")
print(open("/over/g").read(), sorted(os.listdir("/over")))
try:
    open("/zip/new", "w")
except OSError as error:
    print(error.strerror)
"""
    volumes: dict[str, Volume] = {
        "/zip": wasix.image(archive.getvalue()),
        "/over": wasix.overlay(src),
    }
    done = wasix.run(
        ["python", "-c", program], capture_output=True, text=True, volumes=volumes, engine=engine
    )
    assert (done.stdout, done.stderr) == ("lowerzipped ['g']\nRead-only file system\n", "")
    assert os.listdir(src) == ["f"]
