"""One bundle and one browser for all end-to-end tests of a run."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Route, expect, sync_playwright

from e2e.browser import launch
from e2e.script import function, sent
from wasix.web.build import build
from wasix.web.serve import ISOLATION, server

PROGRAMS = ("python", "cowsay", "sqlite3", "php", "ruby", "qjs")

PATIENCE = 30_000
"""Milliseconds for which a page is waited for."""

expect.set_options(timeout=PATIENCE)

BLANK = "<!doctype html><title>test</title><link rel='icon' href='data:,'>"
"""A page with nothing on it, from which scripts load the loader."""


@pytest.fixture(scope="session", autouse=True)
def cache_inside_the_checkout() -> None:
    os.environ["WASIX_CACHE"] = str(Path(__file__).parents[1] / "build" / "cache")
    os.environ["WASIX_BACKGROUND"] = "0"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, cache_inside_the_checkout: None) -> Path:
    """The bundle, made once for all workers of the run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    directory = shared / "bundle"
    with (shared / "bundle.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            build(directory, PROGRAMS)
    return directory


@contextmanager
def served(bundle: Path, *, isolated: bool) -> Iterator[str]:
    """Its URL, while it is served. Afterwards no connection of a browser's is left."""
    with server(bundle, isolated=isolated) as http:
        sockets: list[socket.socket] = []
        process = http.process_request

        def note(request: Any, address: Any) -> None:
            sockets.append(request)
            process(request, address)

        http.process_request = note  # type: ignore[method-assign, assignment]
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}/"
        http.shutdown()
        for one in sockets:
            with suppress(OSError):  # which the browser has closed
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="session")
def site(bundle: Path) -> Iterator[str]:
    """The URL of the bundle, as `wasix web serve` serves it."""
    with served(bundle, isolated=False) as url:
        yield url


@pytest.fixture(scope="session")
def isolated_site(bundle: Path) -> Iterator[str]:
    """The same, where workers may share memory (`wasix web serve --isolated`)."""
    with served(bundle, isolated=True) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    site: str,
    *,
    isolated: bool = False,
    service_workers: bool = False,
    **options: Any,
) -> Iterator[Page]:
    """A new page, with options of its context. At its end nothing must have been reported on its
    console."""
    context = browser.new_context(
        base_url=site,
        **{"viewport": {"width": 1000, "height": 700}, **options},
        # What they fetch is not seen by those who change answers.
        service_workers="allow" if service_workers else "block",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    headers = {"Content-Type": "text/html", **(ISOLATION if isolated else {})}
    page.route("**/blank.html", lambda route: route.fulfill(body=BLANK, headers=headers))
    reports: list[str] = []

    def note(message: ConsoleMessage) -> None:
        blocked = "Service Worker registration blocked" in message.text
        if message.type in ("error", "warning") and not blocked:
            reports.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: reports.append(str(error)))
    yield page
    context.close()
    assert reports == []


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    with opened(browser, site) as page:
        yield page


def wait_until(page: Page, script: str, arg: object = None) -> None:
    """Until an async function gives true. `wait_for_function` does not wait for what it gives."""
    page.evaluate(
        f"""async (arg) => {{
          const end = performance.now() + {PATIENCE};
          while (!(await ({script})(arg))) {{
            if (performance.now() > end) throw new Error("it never is");
            await new Promise((done) => setTimeout(done, 50));
          }}
        }}""",
        arg,
    )


Script = Callable[..., Any]
"""Evaluates the body of an async function of `wasix` and `arg`."""


def kernel(page: Page, options: str = "") -> Script:
    page.goto("blank.html")
    loading = f"(await import('./loader.js')).load({options})"
    page.evaluate(f"async () => {{ window.wasix = await {loading}; }}")

    def evaluate(body: str, arg: object = None) -> Any:
        return page.evaluate(function(body), sent(arg))

    return evaluate


@pytest.fixture
def script(page: Page) -> Script:
    """Runs JavaScript in a blank page with a new kernel called `wasix`."""
    return kernel(page)


@pytest.fixture(scope="module")
def shared_script(browser: Browser, site: str) -> Iterator[Script]:
    """The same, with one kernel for the tests of a module."""
    with opened(browser, site) as page:
        yield kernel(page)


@pytest.fixture(scope="module")
def isolated_script(browser: Browser, isolated_site: str) -> Iterator[Script]:
    """The same in a page that is cross-origin isolated."""
    with opened(browser, isolated_site, isolated=True) as page:
        yield kernel(page)


@pytest.fixture
def new_isolated_script(browser: Browser, isolated_site: str) -> Iterator[Script]:
    """The same, with a kernel for each test."""
    with opened(browser, isolated_site, isolated=True) as page:
        yield kernel(page)


def delete_in_worker(page: Page, *names: str) -> None:
    """Have the kernel's worker be without something that browsers have."""

    def without(route: Route) -> None:
        response = route.fetch()
        deleted = "".join(f"delete {name}; " for name in names)
        route.fulfill(response=response, body=deleted + response.text())

    page.route("**/worker-*.js", without)


def take_jspi(page: Page) -> None:
    """Take JavaScript Promise Integration away."""
    names = ("WebAssembly.Suspending", "WebAssembly.promising")
    page.add_init_script("; ".join(f"delete {name}" for name in names))
    delete_in_worker(page, *names)


@pytest.fixture
def no_jspi(page: Page) -> None:
    take_jspi(page)


@pytest.fixture(scope="module")
def isolated_script_without_jspi(browser: Browser, isolated_site: str) -> Iterator[Script]:
    """As `isolated_script`, in a browser such as Safari."""
    with opened(browser, isolated_site, isolated=True) as page:
        take_jspi(page)
        yield kernel(page)


@contextmanager
def held(browser: Browser, site: str) -> Iterator[Page]:
    """A new page where programs wait by a service worker, for want of anything else."""
    with opened(browser, site, service_workers=True) as page:
        take_jspi(page)
        yield page


@pytest.fixture(scope="module")
def held_script(browser: Browser, site: str) -> Iterator[Script]:
    """As `shared_script`, in a browser such as Safari."""
    with held(browser, site) as page:
        yield kernel(page)


@pytest.fixture
def new_held_script(browser: Browser, site: str) -> Iterator[Script]:
    """The same, with a kernel for each test."""
    with held(browser, site) as page:
        yield kernel(page)


def message(failing: Callable[[], object]) -> str:
    """The message of the error that JavaScript throws."""
    with pytest.raises(Error) as caught:
        failing()
    return caught.value.message.splitlines()[0].removeprefix("Page.evaluate: Error: ")
