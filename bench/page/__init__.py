"""System calls and start-up in a page, beside @wasmer/sdk in the same browser.

Every system is measured on pages of its own from the same server. @wasmer/sdk needs a page that is
cross-origin isolated; wasix is measured on such a page and on a plain one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.figures import Figure
from e2e.browser import launch
from wasix.web.build import build
from wasix.web.serve import Handler

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / "build" / "bench" / "page"

ROUNDS = 7

CALLS = {
    "streamed": ("write", 100_000, "stream"),
    "write": ("write", 100_000, "run"),
    "read": ("read", 30_000, "run"),
    "clock": ("clock", 100_000, "run"),
}
"""What the guest does, how often in one round, and how it is run: to its end, or with the page
reading its output meanwhile, as a terminal does."""

WHAT = {
    "streamed": "page: fd_write of 64 bytes, read by the page meanwhile",
    "write": "page: fd_write of 64 bytes, collected",
    "read": "page: fd_read of 4 KiB",
    "clock": "page: clock_time_get",
    "ready": "page: ready, warm HTTP cache",
    "first": "page: first program has run, warm HTTP cache",
}


class IsolatedHandler(Handler):
    """Makes pages cross-origin isolated, for SharedArrayBuffer."""

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


@contextmanager
def serving(directory: Path, handler: type[Handler]) -> Iterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(directory)))
    with http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}/page.html"
        http.shutdown()


def prepare(folder: Path) -> None:
    """Everything the pages load: the bundle, the other system, the guest."""
    shutil.copy(HERE / "page.html", folder)
    build(folder / "site", ["cowsay"])
    if not (PACKAGES / "node_modules" / ".package-lock.json").exists():
        PACKAGES.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, PACKAGES)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=PACKAGES, check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(PACKAGES / "node_modules" / "@wasmer" / "sdk", folder / "wasmer")
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi", "-O2", "-s"]
    subprocess.run([*zig, str(HERE / "calls.c"), "-o", str(folder / "calls.wasm")], check=True)


class Subject:
    """A system on a page of its own, in a browser profile of its own."""

    def __init__(self, browser: Browser, system: str, url: str) -> None:
        self.system, self.url = system, url
        self.samples: dict[str, list[float]] = {what: [] for what in WHAT}
        self.context = browser.new_context()
        self.page = self._open()
        self._evaluate(self.page, "prepare")

    def _open(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(300_000)
        page.goto(self.url)
        return page

    def _evaluate(self, page: Page, function: str, *args: object) -> Any:
        return page.evaluate(f"(args) => window.{function}(...args)", [self.system, *args])

    def measure(self) -> None:
        """One more sample of everything."""
        for what, arguments in CALLS.items():
            nanoseconds = self._evaluate(self.page, "calls", *arguments)
            self.samples[what].append(nanoseconds / 1000)
        page = self._open()
        for what, milliseconds in self._evaluate(page, "ready").items():
            self.samples[what].append(milliseconds)
        page.close()


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        prepare(folder)
        browser = launch(playwright)
        with serving(folder, Handler) as plain, serving(folder, IsolatedHandler) as isolated:
            subjects = {
                "wasix": Subject(browser, "wasix", plain),
                "wasix, isolated page": Subject(browser, "wasix", isolated),
                "@wasmer/sdk 0.16, isolated page": Subject(browser, "wasmer", isolated),
            }
            for _ in range(ROUNDS):
                for subject in subjects.values():
                    subject.measure()
        browser.close()
    return [
        Figure(title, who, "µs" if what in CALLS else "ms", subject.samples[what])
        for what, title in WHAT.items()
        for who, subject in subjects.items()
    ]
