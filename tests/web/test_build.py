"""What a bundle consists of, and how it is handed out."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from wasix.api.errors import UsageError, WasixError
from wasix.web import sizes
from wasix.web.build import WEB, BuildError, build
from wasix.web.serve import server

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")

QUICKLY = 4

NOTHING = '(module (memory (export "memory") 1) (func (export "_start")))'


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import wasmtime

    folder = tmp_path_factory.mktemp("web")
    program = folder / "nothing.wasm"
    program.write_bytes(wasmtime.wat2wasm(NOTHING))
    build(folder / "site", [str(program)], brotli=QUICKLY)
    return folder / "site"


@pytest.fixture
def get(bundle: Path) -> Iterator[Callable[..., HTTPResponse]]:
    with server(bundle) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        connection = HTTPConnection("127.0.0.1", http.server_address[1])

        def request(path: str, headers: Mapping[str, str] = {}) -> HTTPResponse:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            response.read()
            return response

        yield request
        connection.close()
        http.shutdown()


def test_programs_are_described_and_named_by_their_content(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    program = manifest["programs"]["nothing"]
    data = (bundle / program["file"]).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert program["sha256"] == digest
    assert program["size"] == len(data)
    assert digest[:12] in program["file"]
    assert program["argv"] == ["nothing.wasm"]


def test_the_archive_holds_compiled_modules_only(bundle: Path) -> None:
    [archive] = bundle.glob("assets/pyodide-*/python.zip")
    names = zipfile.ZipFile(archive).namelist()
    assert "wasix/kernel.pyc" in names
    assert all(name.endswith(".pyc") for name in names)
    assert not [name for name in names if "popen" in name]


def test_a_bundle_names_nothing_of_the_machine_it_was_made_on(bundle: Path) -> None:
    here = str(Path(__file__).parents[2]).encode()
    for path in bundle.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert here not in (gzip.decompress(data) if path.suffix == ".gz" else data), path


def test_compressed_files_hold_the_same(bundle: Path) -> None:
    compressed = list(bundle.rglob("*.gz"))
    assert {path.name.partition("-")[0] for path in compressed} >= {
        *("index.html.gz", "loader.js.gz", "pyodide.asm.wasm.gz", "python.snapshot.gz", "worker")
    }
    for path in compressed:
        assert gzip.decompress(path.read_bytes()) == path.with_suffix("").read_bytes()
        plain = path.with_suffix("").stat().st_size
        assert 0 < path.with_suffix(".br").stat().st_size < plain


def test_no_part_has_grown_much_since_the_last_release(bundle: Path) -> None:
    version, before = sizes.released()
    found = sizes.parts(bundle)
    assert found.keys() == before.keys()
    grown = {part: size for part, size in found.items() if size.gzip > 1.03 * before[part].gzip}
    assert not grown, f"larger than in {version}: {grown}; see wasix/web/sizes.py"


def test_the_same_sources_make_the_same_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASIX_CACHE", str(tmp_path / "cache"))  # so that all is made again
    program = tmp_path / "nothing.wasm"
    [made] = bundle.glob("assets/nothing-*.wasm")
    shutil.copy(made, program)
    build(tmp_path / "again", [str(program)], brotli=QUICKLY)

    def contents(folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    assert contents(tmp_path / "again") == contents(bundle)


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(BuildError, match="is not empty and holds no bundle"):
        build(tmp_path, [])
    assert (tmp_path / "precious").read_text() == "x"


def test_an_unknown_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WasixError, match="nosuch: no such program"):
        build(tmp_path / "site", ["nosuch"])
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("path", "kind", "kept"),
    [
        ("/", "text/html; charset=utf-8", False),
        ("/loader.js", "text/javascript; charset=utf-8", False),
        ("/manifest.json", "application/json", False),
        ("/assets/nothing-*.wasm", "application/wasm", True),
        ("/assets/worker-*.js", "text/javascript; charset=utf-8", True),
        ("/assets/pyodide-*/pyodide.asm.mjs", "text/javascript; charset=utf-8", True),
        ("/assets/pyodide-*/pyodide.asm.wasm", "application/wasm", True),
    ],
)
def test_files_are_served_as_what_they_are(
    bundle: Path, get: Callable[[str], HTTPResponse], path: str, kind: str, kept: bool
) -> None:
    if "*" in path:
        [found] = bundle.glob(path[1:])
        path = f"/{found.relative_to(bundle).as_posix()}"
    response = get(path)
    assert response.status == 200
    assert response.headers["Content-Type"] == kind
    assert ("immutable" in response.headers["Cache-Control"]) is kept
    assert "Cross-Origin-Opener-Policy" not in response.headers
    assert "Cross-Origin-Embedder-Policy" not in response.headers


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip;q=1", "gzip"), ("identity", None), ("", None)],
)
def test_a_compressed_file_is_served_to_who_takes_it(
    bundle: Path, get: Callable[..., HTTPResponse], accepted: str, coding: str | None
) -> None:
    response = get("/loader.js", {"Accept-Encoding": accepted})
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[coding]
    assert response.status == 200
    assert response.headers["Content-Encoding"] == coding
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert int(response.headers["Content-Length"]) == (bundle / f"loader.js{suffix}").stat().st_size


@pytest.mark.parametrize("path", ["/none", "/assets/", "/%2e%2e/etc/passwd"])
def test_what_is_not_there_is_not_found(get: Callable[[str], HTTPResponse], path: str) -> None:
    assert get(path).status == 404


def test_only_a_bundle_is_served(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no bundle"):
        server(tmp_path)


USER = """
import { load, offline, type Wasix } from "./site/loader.js";

const wasix: Wasix = await load({ persist: "files", notice: (text: string) => alert(text) });
const result: { status: number; stdout: string } = await wasix.run("python", ["-c", ""]);
const process = await wasix.spawn("python", [], { env: { A: "b" }, trace: console.log });
const bytes: ReadableStream<Uint8Array> = process.stdout;
const text: string | undefined = document.querySelector("wasix-terminal")?.text;
const kept: boolean = await offline({ isolate: true });
// @ts-expect-error There is no such option.
await wasix.run("python", [], { nosuch: 1 });
// @ts-expect-error A program has a name.
await wasix.run(5);
export { result, bytes, text, kept };
"""


@pytest.mark.skipif(not (WEB / "node_modules" / "typescript").exists(), reason="needs TypeScript")
def test_typescript_knows_the_loader(bundle: Path) -> None:
    (bundle.parent / "user.ts").write_text(USER)
    compiler = WEB / "node_modules" / "typescript" / "bin" / "tsc"
    options = "--noEmit --strict --target es2022 --module esnext --lib es2024,dom,dom.iterable"
    done = subprocess.run(
        ["node", compiler, *options.split(), "--moduleResolution", "bundler", "user.ts"],
        cwd=bundle.parent,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(not (WEB / "node_modules" / "typescript").exists(), reason="needs TypeScript")
def test_the_scripts_types_hold() -> None:
    done = subprocess.run(
        ["node", "node_modules/typescript/bin/tsc", "--project", "."],
        cwd=WEB,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    assert done.returncode == 0


def test_a_relative_directory_will_do(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    build(Path("below/site"), [str(bundle.parent / "nothing.wasm")])
    assert (tmp_path / "below" / "site" / "loader.js").read_bytes()
