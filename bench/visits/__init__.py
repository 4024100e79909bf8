"""What a visitor waits for, beside peers: a page's first output, and the answer to a line.

Each page is there for one program. All files come compressed from one server, which can be slow.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright

from bench.figures import Effort, Result, Row, in_turns
from bench.guests import guest
from bench.page import PACKAGES, SYSTEMS, install, serving, versions
from bench.startup import python
from bench.subjects import Unsupported
from e2e.browser import launch, resident
from wasix.web.build import WEB, build, compress_files
from wasix.web.compress import compressible
from wasix.web.serve import Handler, IsolatingHandler

HERE = Path(__file__).parent

PROGRAMS = {"hello": "hello", "python": "`python -c 'print(1)'`"}

STOCK = "Pyodide as it is (its own Python)"

TRIED = "wasix in an isolated page"
"""The only one in a trial."""

SLOW = "50 Mbit/s, 40 ms"
RATE = 50e6 / 8
DELAY = 0.040

_LINES = 40
_PIECE = 1 << 14


class Link:
    """What all connections to a server have in common: its speed."""

    def __init__(self, *, slow: bool) -> None:
        self.slow = slow
        self.sent = 0
        """Bytes of bodies."""
        self._free = 0.0
        self._lock = threading.Lock()

    def delay(self) -> None:
        """A message there and an answer."""
        if self.slow:
            time.sleep(DELAY)

    def send(self, size: int) -> None:
        with self._lock:
            self.sent += size
            self._free = max(self._free, time.monotonic()) + size / RATE
            wait = self._free - time.monotonic()
        if self.slow and wait > 0:
            time.sleep(wait)


class _Linked(Handler):
    """`link` is the server's."""

    link: Link

    def handle(self) -> None:
        self.link.delay()  # to be connected
        super().handle()

    def end_headers(self) -> None:
        self.link.delay()
        super().end_headers()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        while piece := source.read(_PIECE):
            self.link.send(len(piece))
            outputfile.write(piece)


def _serving(folder: Path, link: Link, *, isolated: bool) -> AbstractContextManager[str]:
    bases = (_Linked, IsolatingHandler) if isolated else (_Linked,)
    return serving(folder, type("Linked", bases, {"link": link}), "visit.html")


def _prepare(site: Path, effort: Effort) -> None:
    """A bundle, with the page that visitors open in it, and what the peers need beside it."""
    with tempfile.TemporaryDirectory() as name:
        programs = Path(name)
        for program, path in (("hello", guest("hello")), ("python", python())):
            shutil.copy(path, programs / f"{program}.wasm")
        build(site, [str(programs / "hello.wasm"), "python"])
        shutil.copytree(programs, site, dirs_exist_ok=True)
    shutil.copy(HERE / "visit.html", site)
    install(effort)
    if effort.quick:
        return
    shutil.copytree(PACKAGES / "node_modules", site / "peers", symlinks=True)
    stock = shutil.ignore_patterns("*.map", "*.ts", "*.html")
    shutil.copytree(WEB / "node_modules" / "pyodide", site / "pyodide", ignore=stock)
    compress_files(compressible(site), 11)


class Visitor:
    """Somebody who visits a system's page, over one of two links."""

    def __init__(self, name: str, urls: dict[bool, str], links: dict[bool, Link]) -> None:
        self.name, self.urls, self.links = name, urls, links

    def open(self, context: BrowserContext, what: str, *, slow: bool = False) -> Page:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{self.urls[slow]}?system={self.name}&what={what}")
        return page

    def wait(self, page: Page) -> float:
        """For the first output: seconds since the navigation began."""
        try:
            return float(page.evaluate("window.first()"))
        except Error as error:
            raise Unsupported(error.message.splitlines()[0]) from None

    def first(
        self, context: BrowserContext, what: str, *, slow: bool = False, stay: bool = False
    ) -> float:
        """`stay` until it has kept what it wants to for later visits."""
        page = self.open(context, what, slow=slow)
        try:
            found = self.wait(page)
            if stay:
                page.evaluate("window.kept")
            return found
        finally:
            page.close()


def _visits(effort: Effort, browser: Browser, visitors: dict[str, Visitor]) -> Iterator[Row]:
    def cold(visitor: Visitor, what: str, slow: bool) -> float:
        context = browser.new_context()
        try:
            return visitor.first(context, what, slow=slow)
        finally:
            context.close()

    for what, title in PROGRAMS.items():
        for slow in (False,) if effort.quick else (False, True):
            samples, absent = in_turns(
                effort, {who: partial(cold, one, what, slow) for who, one in visitors.items()}
            )
            over = f" over {SLOW}" if slow else ""
            key = f"visits/{what}/{'slow' if slow else 'cold'}"
            yield Row(key, f"first visit{over}: first byte of {title}", "s", samples, absent)
        contexts = {who: browser.new_context() for who in visitors}
        for who, one in visitors.items():
            # The second time the browser keeps what it has compiled.
            with suppress(Unsupported):
                for _ in range(2):
                    one.first(contexts[who], what, stay=True)
        samples, absent = in_turns(
            effort, {who: partial(one.first, contexts[who], what) for who, one in visitors.items()}
        )
        name = f"later visit: first byte of {title}"
        yield Row(f"visits/{what}/warm", name, "s", samples, absent)
        for context in contexts.values():
            context.close()


def _loads(browser: Browser, visitors: dict[str, Visitor]) -> Row:
    """What comes over the line for a program of no size worth mentioning."""
    row = Row("visits/bytes", "first visit: bytes, compressed, for hello", "B")
    for who, visitor in visitors.items():
        link = visitor.links[False]
        before = link.sent
        context = browser.new_context()
        with suppress(Unsupported):
            visitor.first(context, "hello")
            row.samples[who] = [float(link.sent - before)]
        context.close()
    return row


def _memory(playwright: Playwright, effort: Effort, visitors: dict[str, Visitor]) -> Row:
    """Of the page's process, which is the largest of those that draw pages."""

    def used(visitor: Visitor) -> float:
        browser = launch(playwright)
        try:
            page = visitor.open(browser.new_context(), "python")
            visitor.wait(page)
            return float(resident(browser))
        finally:
            browser.close()

    samples, absent = in_turns(effort, {who: partial(used, one) for who, one in visitors.items()})
    title = "memory (RSS) of the page's process after `python -c 'print(1)'`"
    return Row("visits/memory", title, "B", samples, absent)


def _answers(effort: Effort, browser: Browser, visitors: dict[str, Visitor]) -> Iterator[Row]:
    def ask(page: Page, busy: bool, of: Callable[[list[float]], float]) -> float:
        lines = 5 if effort.quick else _LINES
        try:
            return of(page.evaluate("([n, busy]) => window.echo(n, busy)", [lines, busy]))
        except Error as error:
            raise Unsupported(error.message.splitlines()[0]) from None

    def middle(times: list[float]) -> float:
        return sorted(times)[len(times) // 2]

    def high(times: list[float]) -> float:
        return quantiles(times, n=20)[-1]

    context = browser.new_context()
    pages = {who: one.open(context, "python") for who, one in visitors.items()}
    for who, one in visitors.items():
        one.wait(pages[who])
    samples, absent = in_turns(
        effort, {who: partial(ask, page, False, middle) for who, page in pages.items()}
    )
    yield Row("visits/echo", "a line to Python and back (the median of 40)", "s", samples, absent)
    together = {who: page for who, page in pages.items() if "isolated" in who}
    samples, absent = in_turns(
        effort, {who: partial(ask, page, True, high) for who, page in together.items()}
    )
    title = "the same while another program computes (the 95th percentile of 40)"
    yield Row("visits/busy", title, "s", samples, absent)
    context.close()


def measure(effort: Effort) -> Result:
    result = Result()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name) / "site"
        _prepare(folder, effort)
        browser = launch(playwright)
        result.versions = versions(browser)
        links = {slow: Link(slow=slow) for slow in (False, True)}
        with (
            _serving(folder, links[False], isolated=False) as plain,
            _serving(folder, links[True], isolated=False) as slow,
            _serving(folder, links[False], isolated=True) as isolated,
            _serving(folder, links[True], isolated=True) as slow_isolated,
        ):
            urls = {
                False: {False: plain, True: slow},
                True: {False: isolated, True: slow_isolated},
            }
            systems = SYSTEMS | {STOCK: ("pyodide", "", False)}
            visitors = {
                who: Visitor(system, urls[alone], links)
                for who, (system, package, alone) in systems.items()
                if not package or not effort.quick
            }
            if effort.quick:
                visitors = {who: one for who, one in visitors.items() if who == TRIED}
            own = {who: one for who, one in visitors.items() if one.name in ("wasix", "wasmer")}
            result.rows += _visits(effort, browser, visitors)
            result.rows.append(_loads(browser, visitors))
            result.rows.append(_memory(playwright, effort, visitors))
            result.rows += _answers(effort, browser, own)
        browser.close()
    return result
