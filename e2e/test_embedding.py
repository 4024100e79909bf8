"""Bundles on other origins, in frames without rights, and terminals with one kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from e2e.conftest import opened, served

ELSEWHERE = """<!doctype html><title>elsewhere</title><link rel="icon" href="data:,">
<script type="module" src="SITEloader.js"></script>
<wasix-terminal program="python" args="-c 'print(input()[::-1])'"></wasix-terminal>"""

FRAME = """<!doctype html><title>frame</title><link rel="icon" href="data:,">
<iframe sandbox="allow-scripts" srcdoc="CONTENT" style="width: 40em; height: 20em"></iframe>"""

TWO = """<!doctype html><title>two</title><link rel="icon" href="data:,">
<script type="module" src="loader.js"></script>
<style>wasix-terminal { height: 9em; }</style>
<wasix-terminal id="first" kernel="shared" program="python" args="-q"></wasix-terminal>
<wasix-terminal id="second" kernel="shared" program="python" args="-q"></wasix-terminal>
<wasix-terminal id="third" program="cowsay" args="hi"></wasix-terminal>"""

APART = """<!doctype html><title>apart</title><link rel="icon" href="data:,">
<script type="module" src="loader.js"></script>
<style>wasix-terminal { height: 9em; }</style>
<wasix-terminal id="busy" kernel="shared" program="python" apart
  args='-c "print(6 * 7); sum(iter(int, 1))"'></wasix-terminal>
<wasix-terminal id="other" kernel="shared" program="python" args="-q"></wasix-terminal>"""


@contextmanager
def shown(browser: Browser, folder: Path, html: str) -> Iterator[Page]:
    """A page of an origin of its own."""
    (folder / "index.html").write_text(html)
    (folder / "loader.js").touch()
    with served(folder, isolated=False) as url, opened(browser, url) as page:
        page.goto("index.html")
        yield page


def test_a_bundle_of_another_origin_works(browser: Browser, site: str, tmp_path: Path) -> None:
    with shown(browser, tmp_path, ELSEWHERE.replace("SITE", site)) as page:
        terminal = page.locator("wasix-terminal")
        terminal.locator(".xterm").wait_for()
        terminal.click()
        page.keyboard.type("wasix\n")
        expect(terminal).to_contain_text("xisaw")
        found = page.evaluate(
            """async (site) => {
              const { load } = await import(site + "loader.js");
              return (await (await load()).run("cowsay", ["far"])).status;
            }""",
            site,
        )
        assert found == 0


def test_a_frame_that_may_run_scripts_alone_suffices(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    content = escape(ELSEWHERE.replace("SITE", site))
    with shown(browser, tmp_path, FRAME.replace("CONTENT", content)) as page:
        terminal = page.frame_locator("iframe").locator("wasix-terminal")
        terminal.locator(".xterm").wait_for()
        terminal.click()
        page.keyboard.type("framed\n")
        expect(terminal).to_contain_text("demarf")


def test_ctrl_c_ends_what_computes_apart_and_nothing_else(page: Page) -> None:
    page.route("**/apart.html", lambda route: route.fulfill(body=APART, content_type="text/html"))
    page.goto("apart.html")
    busy, other = page.locator("#busy"), page.locator("#other")
    expect(busy).to_contain_text("42")
    expect(other).to_contain_text(">>> ")
    busy.click()
    page.keyboard.press("Control+c")
    expect(busy).to_contain_text("ended with status 130")
    other.click()
    page.keyboard.type("6 * 8\n")
    expect(other).to_contain_text("48")


def test_terminals_of_one_kernel_have_its_files_in_common(page: Page) -> None:
    page.route("**/two.html", lambda route: route.fulfill(body=TWO, content_type="text/html"))
    page.goto("two.html")
    first, second, third = (page.locator(f"#{name}") for name in ("first", "second", "third"))
    for terminal in (first, second):
        expect(terminal).to_contain_text(">>> ")
    first.click()
    page.keyboard.type("open('/tmp/x', 'w').write('shared')\n")
    expect(first).to_contain_text("6")
    second.click()
    page.keyboard.type("print(*open('/tmp/x'))\n")
    expect(second).to_contain_text(re.compile(r"\)\)\s*shared\s*>>> "))
    expect(third).to_contain_text("ended with status 0")
    files = "async () => (await document.querySelector('#third').wasix.fs.list('/tmp')).length"
    assert page.evaluate(files) == 0
    page.evaluate("document.querySelector('#first').remove()")
    second.click()
    page.keyboard.type("6 * 7\n")
    expect(second).to_contain_text("42")
    processes = page.evaluate("document.querySelector('#second').wasix.processes()")
    assert [process["name"] for process in processes] == ["python"]
