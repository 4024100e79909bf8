"""System calls and start-up in a page, beside peers in the same browser from the same server.

Every system has a page, and a browser profile, of its own. @wasmer/sdk needs a page that is
cross-origin isolated; wasix is measured on such a page too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.calls import ROWS
from bench.figures import Effort, Result, Row, calibrated, in_turns
from bench.guests import guest
from bench.splits import DEPTHS, KINDS
from bench.startup import python
from bench.subjects import Unsupported
from bench.subjects.wasix import EMPTY
from e2e.browser import launch
from wasix.web.build import build
from wasix.web.serve import Handler, IsolatingHandler

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGES = ROOT / "build" / "bench" / "page"

CALLS = [
    *(
        (kind, "run", title)
        for kind, place, title in ROWS
        if place == "memory" and kind != "output"
    ),
    ("output", "run", "`fd_write`, 64 bytes, collected"),
    ("output", "stream", "`fd_write`, 64 bytes, read by the page meanwhile"),
]
"""What the guest does, how it is run (see `page.html`), and what that is called."""

SYSTEMS = {
    "wasix in a page": ("wasix", "", False),
    "wasix in an isolated page": ("wasix", "", True),
    "@wasmer/sdk, isolated page": ("wasmer", "@wasmer/sdk", True),
    "@runno/wasi": ("runno", "@runno/wasi", False),
    "@bjorn3/browser_wasi_shim": ("shim", "@bjorn3/browser_wasi_shim", False),
}
"""By title: the name in `page.html`, its npm package, and whether it needs an isolated page."""


@contextmanager
def serving(directory: Path, handler: type[Handler], page: str = "page.html") -> Iterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(directory)))
    with http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}/{page}"
        http.shutdown()


def prepare(folder: Path, effort: Effort) -> None:
    """Everything the pages load: the bundle, the peers, the guests."""
    shutil.copy(HERE / "page.html", folder)
    build(folder / "site", ["python"])
    _build_split(folder)
    install(effort)
    (folder / "peers").symlink_to(PACKAGES / "node_modules")
    for name in ("calls", "hello"):
        shutil.copy(guest(name), folder / f"{name}.wasm")
    (folder / "python.wasm").symlink_to(python())


def install(effort: Effort) -> None:
    """The peers."""
    lock = PACKAGES / "package-lock.json"
    if effort.quick:
        (PACKAGES / "node_modules").mkdir(parents=True, exist_ok=True)  # a trial does without
    elif not lock.exists() or lock.read_bytes() != (HERE / lock.name).read_bytes():
        PACKAGES.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", lock.name):
            shutil.copy(HERE / name, PACKAGES)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=PACKAGES, check=True, stdout=subprocess.DEVNULL)


def _build_split(folder: Path) -> None:
    """A bundle of the same sources, and with them `split.py`, where it is found and imported."""
    tree = folder / "tree"
    tree.mkdir()
    for name in ("wasix", "engines"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "web").symlink_to(ROOT / "web")
    shutil.copy(HERE / "split.py", tree / "wasix" / "proc")
    with (tree / "wasix" / "web" / "page.py").open("a") as page:
        page.write("\n\nimport wasix.proc.split\n")
    command = [sys.executable, "-m", "wasix", "web", "build", str(folder / "split")]
    program = ["--program", str(guest("hello"))]
    subprocess.run([*command, *program], cwd=tree, check=True, stdout=subprocess.DEVNULL)


class Subject:
    """A system on pages of its own, in a browser profile of its own."""

    def __init__(self, browser: Browser, name: str, url: str, *options: str) -> None:
        self.name, self.url, self.options = name, url, options
        self.context = browser.new_context()
        self.page = self._ready()

    def _open(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(300_000)
        page.goto(self.url)
        return page

    def _ready(self) -> Page:
        page = self._open()
        self._evaluate(page, "prepare", self.name, *self.options)
        return page

    def _evaluate(self, page: Page, function: str, *args: object) -> Any:
        return page.evaluate(f"(args) => window.{function}(...args)", list(args))

    def do(self, function: str, *args: object) -> Any:
        found = self._evaluate(self.page, function, *args)
        if "unsupported" in found:
            # It may still be busy with what it could not end.
            self.page.close()
            self.page = self._ready()
            raise Unsupported(found["unsupported"])
        return found["value"]

    def call(self, kind: str, how: str, environ: object = None) -> Callable[[int], float]:
        return lambda count: float(self.do("call", kind, count, how, environ))

    def first(self, what: str) -> list[float]:
        page = self._open()
        try:
            found = self._evaluate(page, "first", self.name, what)
        finally:
            page.close()
        if "unsupported" in found:
            raise Unsupported(found["unsupported"])
        times: list[float] = found["value"]
        return times


def _effort(effort: Effort, kind: str) -> Effort:
    """The page's clock has steps of 0.1 ms; a guest that writes waits for its reader at times."""
    if kind == "output":
        return replace(effort, calls=effort.rounds, seconds=20 * effort.seconds)
    return replace(effort, seconds=2 * effort.seconds)


def _calls(effort: Effort, subjects: dict[str, Subject]) -> Iterator[Row]:
    for kind, how, title in CALLS:
        longer = _effort(effort, kind)
        measures = {
            who: calibrated(longer, subject.call(kind, how)) for who, subject in subjects.items()
        }
        samples, absent = in_turns(longer, measures, calls=True)
        yield Row(f"page/{kind}/{how}", title, "s", samples, absent)


def _startup(effort: Effort, subjects: dict[str, Subject]) -> Iterator[Row]:
    titles = {"hello": "hello", "python": "`python -c pass`"}
    for what, title in titles.items():
        ready: dict[str, list[float]] = {}

        def first(who: str, what: str = what, ready: dict[str, list[float]] = ready) -> float:
            started, ran = subjects[who].first(what)
            ready.setdefault(who, []).append(started)
            return ran

        samples, absent = in_turns(effort, {who: partial(first, who) for who in subjects})
        if what == "hello":
            yield Row("page/ready", "ready, warm HTTP cache", "s", ready)
        key, name = f"page/first/{what}", f"from nothing to the end of {title}, warm HTTP cache"
        yield Row(key, name, "s", samples, absent)
        measures = {who: partial(subject.do, "once", what) for who, subject in subjects.items()}
        for measure in measures.values():
            try:
                measure()
            except Unsupported:
                continue
        samples, absent = in_turns(effort, measures)
        yield Row(f"page/once/{what}", f"{title} on a system that is ready", "s", samples, absent)


def _splits(effort: Effort, subject: Subject) -> Iterator[Row]:
    for kind, title in KINDS.items():
        name, result, first = EMPTY[kind]
        measures = {}
        longer = _effort(effort, kind)
        for depth in DEPTHS:
            environ = None
            if depth != "whole":
                environ = {
                    "BENCH_CALL": name,
                    "BENCH_DEPTH": depth,
                    "BENCH_RESULT": json.dumps(result),
                    "BENCH_FIRST": json.dumps(first),
                }
            measures[depth] = calibrated(longer, subject.call(kind, "run", environ))
        samples, absent = in_turns(longer, measures, calls=True)
        yield Row(f"splits/page/{kind}", f"page: {title}", "s", samples, absent)


def versions(browser: Browser) -> dict[str, str]:
    packages = json.loads((HERE / "package.json").read_text())["dependencies"]
    pyodide = json.loads((ROOT / "web" / "package.json").read_text())["dependencies"]["pyodide"]
    return {"Chromium": browser.version, "Pyodide": pyodide, **packages}


def measure(effort: Effort) -> Result:
    result = Result()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        prepare(folder, effort)
        browser = launch(playwright)
        result.versions = versions(browser)
        with serving(folder, Handler) as plain, serving(folder, IsolatingHandler) as isolated:
            subjects = {
                who: Subject(browser, system, isolated if alone else plain)
                for who, (system, package, alone) in SYSTEMS.items()
                if not package or not effort.quick
            }
            result.rows += _calls(effort, subjects)
            result.rows += _startup(effort, subjects)
            result.rows += _splits(effort, Subject(browser, "wasix", plain, "/split"))
        browser.close()
    return result
