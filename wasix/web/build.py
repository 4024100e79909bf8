"""Makes the bundle: a directory of files that any web server can hand out as they are.

`index.html` and `loader.js` keep their names; everything else is named by a hash of its content
and may be cached for ever.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from engines import asyncify
from engines.browser import door
from engines.js.imports import wanted
from engines.wasm.waits import FILLER
from wasix import cache, catalogue
from wasix.abi import CALLS, SUSPEND, UPCALL, E
from wasix.abi.function import Strings
from wasix.abi.staged import AGAIN, DATA, PARKED, UNWOUND
from wasix.api.errors import WasixError
from wasix.api.program import link
from wasix.api.sandbox import ENVIRONMENT
from wasix.proc.signal import IGNORED, STOPPING, Signal
from wasix.web import pages, provided
from wasix.web.compress import compress, compressible
from wasix.web.sources import ROOT, sources

WEB = ROOT / "web"

PYODIDE_FILES = ("pyodide.asm.mjs", "pyodide.asm.wasm")
"""What Pyodide fetches by itself, beside the standard library."""

PACKING = ("pack.mjs", "pack.py", "snapshot.js")
"""What makes Python's archive and snapshot."""

PUBLIC = ("loader", "element", "offline", "process", "wasix")
"""Modules whose types scripts of a page see."""

_LOADER_TYPES = """\
import type { WasixTerminal } from "./types/loader.js";

export * from "./types/loader.js";
declare global {
  interface HTMLElementTagNameMap {
    "wasix-terminal": WasixTerminal;
  }
}
"""

STANDINS = WEB / "standins"
"""Modules that take the place of Pyodide's own, which load much that the kernel never needs."""


class BuildError(WasixError):
    """The bundle cannot be made; the text says what is missing and the remedy."""


def build(
    directory: Path,
    programs: Sequence[str] = ("cowsay", "python", "sqlite3"),
    own: Sequence[Path] = (),
    *,
    brotli: int | None = None,
) -> None:
    """Write the bundle to `directory`, replacing one that is there.

    `programs` are names of the catalogue or paths of `.wasm` files; the first is the page's
    default. `own` are templates of more pages (`wasix.web.pages`), all of one folder, whose name
    their directory has in the bundle. With `brotli`, how hard that tries (1 to 11), there are
    compressed files beside all that are worth it, for hosts that hand these out. Raises
    `WasixError`.
    """
    directory = directory.absolute()  # tools run elsewhere are given paths below it
    if directory.exists() and not (directory / "loader.js").exists() and any(directory.iterdir()):
        raise BuildError(f"{directory} is not empty and holds no bundle: name another directory")
    packages = _packages()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wasix-web-", dir=directory.parent) as folder:
        bundle = Path(folder) / "bundle"
        assets = bundle / "assets"
        assets.mkdir(parents=True)
        manifest: dict[str, Any] = {
            "programs": dict(_programs(programs, assets)),
            "environ": ENVIRONMENT,
            "signals": {f"SIG{signal.name}": signal.value for signal in Signal},
            "harmless": sorted(IGNORED | STOPPING),
            "runtime": _runtime(packages, assets),
        }
        script = _scripts(packages, manifest, bundle, Path(folder))
        _types(packages, bundle, Path(folder))
        (bundle / "manifest.json").write_text(json.dumps(manifest, indent=1))
        _page(manifest, bundle, script)
        if own:
            _own_pages(packages, own, manifest, bundle)
        _service_worker(packages, manifest, bundle, Path(folder))
        if brotli is not None:
            compress_files(compressible(bundle), brotli)
        if directory.exists():
            shutil.rmtree(directory)
        bundle.rename(directory)


def _packages() -> Path:
    """The directory with the npm packages of `web/package-lock.json`, installed if need be."""
    local = WEB / "node_modules"
    if (local / ".package-lock.json").exists():
        return local
    lock = (WEB / "package-lock.json").read_bytes()
    # By this very name Node knows where to look for packages.
    place = cache.directory() / "web" / hashlib.sha256(lock).hexdigest()[:16] / "node_modules"
    if (place / ".package-lock.json").exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="web-", dir=place.parent) as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(WEB / file, folder)
        _run(["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        # Another build may have been faster; what it installed is the same.
        with suppress(OSError):
            (folder / "node_modules").rename(place)
    return place


def _run(command: Sequence[str | Path], cwd: Path, environ: dict[str, str] | None = None) -> None:
    tool = str(command[0])
    # To a file, since Node ends without waiting for a pipe to take all of it.
    with tempfile.TemporaryFile("w+") as output:
        try:
            done = subprocess.run(
                [str(part) for part in command],
                cwd=cwd,
                env={**os.environ, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except FileNotFoundError:
            raise BuildError(
                f"{tool} was not found: making a bundle needs Node.js 20 or newer"
            ) from None
        if done.returncode:
            output.seek(0)
            # Node shows the line it was at, which in a bundle is all of it.
            said = [line[:200] for line in output.read().splitlines() if line.strip()]
            raise BuildError(f"{tool} failed:\n" + "\n".join(said))


def _hashed(data: bytes, name: str, directory: Path) -> Path:
    """Write `data` to a file named after `name` and its content."""
    stem, dot, suffix = name.partition(".")
    path = directory / f"{stem}-{hashlib.sha256(data).hexdigest()[:12]}{dot}{suffix}"
    path.write_bytes(data)
    return path


def compress_files(files: Iterable[Path], quality: int) -> None:
    """Write compressed files beside these; `quality` is brotli's."""

    def run(quality: int, files: Sequence[Path]) -> None:
        _run(["node", "compress.mjs", str(quality), *files], WEB)

    compress(files, quality, run)


def _programs(names: Iterable[str], assets: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    files: dict[str, str] = {}
    for name in names:
        found = catalogue.find(name)
        data = found.read()
        short = Path(found.name).stem if isinstance(found.source, Path) else found.name
        program = link(data, found.name, links=False)
        if program.module.size != len(data):
            data = program.module.join()
        digest = hashlib.sha256(data).hexdigest()
        if digest not in files:  # several programs may be one file
            files[digest] = f"assets/{_hashed(data, f'{short}.wasm', assets).name}"
        known = catalogue.PROGRAMS.get(name)
        archive = found.archive
        if archive is not None and archive.sha256 not in files:
            packed = provided.pack(_members(catalogue.fetch(archive)))
            path = _hashed(gzip.compress(packed, mtime=0), f"{archive.name}.files.gz", assets)
            files[archive.sha256] = f"assets/{path.name}"
        yield (
            short,
            {
                "title": known.title if known else short,
                "file": files[digest],
                "size": len(data),
                "sha256": digest,
                "argv": found.argv,
                "environ": dict(found.environ),
                "wanted": json.loads(wanted(program)),
                "archive": archive and {"file": files[archive.sha256], "at": archive.at},
            },
        )


def _members(archive: bytes) -> Iterator[tuple[str, bytes | str]]:
    """The files in a tar archive, and symbolic links with their targets."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.issym():
                yield member.name, member.linkname
            elif (content := tar.extractfile(member)) is not None:
                yield member.name, content.read()


def _runtime(packages: Path, assets: Path) -> dict[str, Any]:
    """Pyodide, its standard library and the kernel, in a directory named after their content."""
    pyodide = packages / "pyodide"
    version = json.loads((pyodide / "package.json").read_text())["version"]
    packed = _packed(pyodide, version)
    # The snapshot follows from the archive.
    archive = (packed / "python.zip").read_bytes()
    digest = hashlib.sha256(version.encode() + archive).hexdigest()[:12]
    place = assets / f"pyodide-{version}-{digest}"
    place.mkdir()
    for name in PYODIDE_FILES:
        shutil.copy(pyodide / name, place)
    for file in packed.iterdir():
        shutil.copy(file, place)
    with zipfile.ZipFile(place / "nothing.zip", "w"):
        pass
    info = json.loads((pyodide / "pyodide-lock.json").read_text())["info"]
    return {
        "url": f"assets/{place.name}/",
        "library": "python.zip",
        "snapshot": "python.snapshot",
        "nothing": "nothing.zip",
        "lock": {"info": info, "packages": {}},
    }


def _packed(pyodide: Path, version: str) -> Path:
    """A directory with what `pack.mjs` makes, in the cache, since it takes some seconds; the
    snapshot compressed, too."""
    kernel = sources()
    own = {file.relative_to(ROOT).as_posix(): file for file in kernel.values()}
    own |= {file.relative_to(STANDINS).as_posix(): file for file in STANDINS.rglob("*.py")}
    digest = hashlib.sha256(version.encode())
    tools = {name: WEB / name for name in PACKING}
    for name, file in sorted({**own, **tools}.items()):
        data = file.read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    place = cache.directory() / "web" / "packed" / digest.hexdigest()[:16]
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=place.parent) as name:
        library, made = Path(name) / "library.zip", Path(name) / "made"
        made.mkdir()
        _library(pyodide / "python_stdlib.zip", own, library)
        _run(["node", WEB / "pack.mjs", pyodide, library, ",".join(kernel), made], made)
        snapshot = (made / "python.snapshot").read_bytes()
        (made / "python.snapshot.gz").write_bytes(gzip.compress(snapshot, mtime=0))
        # Another build may have been faster; what it made is the same.
        with suppress(OSError):
            made.rename(place)
    return place


def _library(stock: Path, own: Mapping[str, Path], path: Path) -> None:
    """Python's library with the kernel's sources and the stand-ins in it."""
    with zipfile.ZipFile(stock) as given, zipfile.ZipFile(path, "w") as library:
        for name in given.namelist():
            if name not in own:
                library.writestr(name, given.read(name))
        for name, file in own.items():
            library.write(file, name)


def _glue(packages: Path, folder: Path) -> Path:
    """What the ABI's declarations make for the worker, as an ES module; see `web/glue.d.ts`."""
    (folder / "FILLER.wasm").write_bytes(FILLER)
    texts = {
        "GATE": door.gate(),
        "DOOR": door.door(),
        "DOOR_ONE_MEMORY": door.door(two_memories=False),
    }
    for name, text in texts.items():
        (folder / f"{name}.wat").write_text(text)
    files = [folder / f"{name}.wat" for name in texts]
    _run(["node", WEB / "assemble.mjs", packages, *files], folder)
    constants = {
        "AGAIN": AGAIN,
        "AREA": asyncify.SIZE,
        "ARGUMENTS_SIZE": door.ARGUMENTS_SIZE,
        "CALLS": len(CALLS),
        "CONSTANTS": [number for number, function in enumerate(CALLS) if function.constant],
        "DAMAGED": asyncify.DAMAGED,
        "COPIED": [number for number, function in enumerate(CALLS) if function.copied],
        "DATA": DATA,
        "DID_NOT_REWIND": asyncify.DID_NOT_REWIND,
        "DID_NOT_UNWIND": asyncify.DID_NOT_UNWIND,
        "ILSEQ": E.ILSEQ.value,
        "MOST_UPCALLS": asyncify.MOST_UPCALLS,
        "NOMEM": E.NOMEM.value,
        "NO_ROOM": asyncify.NO_ROOM,
        "PAGE": asyncify.PAGE,
        "PARKED": PARKED,
        "STRINGS": [
            number
            for number, function in enumerate(CALLS)
            if any(isinstance(param, Strings) for param in function.params)
        ],
        "SUSPEND": SUSPEND,
        "TOO_DEEP": asyncify.TOO_DEEP,
        "UNWOUND": UNWOUND,
        "UPCALL": UPCALL,
    }
    lines = [f"export const {name} = {json.dumps(value)};" for name, value in constants.items()]
    modules = [*texts, "FILLER"]
    lines += [f'export {{ default as {name} }} from "./{name}.wasm";' for name in modules]
    glue = folder / "glue.js"
    glue.write_text("\n".join(lines))
    return glue


def _esbuild(packages: Path, *options: str | Path) -> None:
    command: list[str | Path] = [
        packages / "esbuild" / "bin" / "esbuild",
        "--bundle",
        "--minify",
        "--target=es2022",
        "--legal-comments=linked",
        "--loader:.css=text",
        "--loader:.wasm=binary",
        "--log-level=warning",
        *options,
    ]
    # Packages are looked for beside our sources too, wherever they are installed.
    _run(command, WEB, {"NODE_PATH": str(packages)})


def _scripts(packages: Path, manifest: dict[str, Any], bundle: Path, folder: Path) -> Path:
    """The workers, then the loader, which holds the manifest with their names in it.

    Returns the script of the bundle's own page.
    """
    glue, data = _glue(packages, folder), folder / "manifest.json"
    common = ("--format=esm", f"--alias:#glue={glue}", f"--alias:#manifest={data}")
    for name in ("worker", "thread"):
        output = folder / f"{name}.js"
        source = WEB / f"{name}.js"
        _esbuild(packages, *common, "--external:node:*", f"--outfile={output}", source)
        script = _hashed(output.read_bytes(), f"{name}.js", bundle / "assets")
        manifest[name] = f"assets/{script.name}"
    data.write_text(json.dumps(manifest))
    chunks = ("--splitting", "--chunk-names=assets/[name]-[hash]")
    _esbuild(packages, *common, *chunks, f"--outdir={bundle}", WEB / "loader.js")
    output = folder / "page.js"
    _esbuild(packages, *common, f"--outfile={output}", WEB / "page.js")
    return _hashed(output.read_bytes(), "page.js", bundle / "assets")


def _types(packages: Path, bundle: Path, folder: Path) -> None:
    """What TypeScript is told of the loader, from the comments in it."""
    compiler = packages / "typescript" / "bin" / "tsc"
    options = ("--noEmit", "false", "--noCheck", "--declaration", "--emitDeclarationOnly")
    output = folder / "types"
    places = ("--project", WEB, "--rootDir", ROOT, "--outDir", output)
    _run(["node", compiler, *options, *places], WEB)
    types = bundle / "types"
    types.mkdir()
    for name in PUBLIC:
        shutil.copy(output / "web" / f"{name}.d.ts", types)
    (bundle / "loader.d.ts").write_text(_LOADER_TYPES)


def _service_worker(packages: Path, manifest: dict[str, Any], bundle: Path, folder: Path) -> None:
    """What keeps all of the bundle but its programs, and these as they are used."""
    described = manifest["programs"].values()
    programs = {program["file"] for program in described}
    programs |= {program["archive"]["file"] for program in described if program["archive"]}
    runtime = manifest["runtime"]
    snapshot, library = (runtime["url"] + runtime[name] for name in ("snapshot", "library"))
    # The snapshot is kept unpacked. Engines that cannot start from it fetch the library instead.
    spared = programs | {library, snapshot, f"{snapshot}.gz"}
    spoken = {".txt", ".ts"}  # licences and types
    files = [path for path in bundle.rglob("*") if path.is_file() and path.suffix not in spoken]
    names = sorted({path.relative_to(bundle).as_posix() for path in files} - spared)
    digest = hashlib.sha256()
    for name in names:
        # What is in `assets` is named by its content.
        known = b"" if name.startswith("assets/") else (bundle / name).read_bytes()
        digest.update(name.encode() + b"\0" + known)
    listed = folder / "precached.js"
    listed.write_text(
        f"export const FILES = {json.dumps(['./', *names])};\n"
        f"export const SNAPSHOT = {json.dumps(snapshot)};\n"
        f"export const VERSION = {json.dumps(digest.hexdigest()[:12])};\n"
    )
    options = ("--format=iife", f"--alias:#precached={listed}", f"--outfile={bundle / 'sw.js'}")
    _esbuild(packages, *options, WEB / "sw.js")


def _page(manifest: dict[str, Any], bundle: Path, script: Path) -> None:
    name = script.relative_to(bundle).as_posix()
    page = pages.render(
        WEB / "index.html.j2", WEB, root="", programs=manifest["programs"], page_script=name
    )
    (bundle / "index.html").write_text(page)


def _own_pages(packages: Path, own: Sequence[Path], manifest: dict[str, Any], bundle: Path) -> None:
    def bundled(scripts: Sequence[Path], place: Path) -> None:
        names = ("--splitting", "--chunk-names=[name]-[hash]", f"--outdir={place}")
        _esbuild(packages, "--format=esm", "--external:../loader.js", *names, *scripts)

    pages.write(own, bundle, WEB, manifest["programs"], bundled)
