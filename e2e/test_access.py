"""The bundle's own page for people who see little, or nothing, or use no mouse.

Checked by axe-core, whose rules are those of WCAG and of good practice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import opened
from e2e.test_line import wait_for_screen
from e2e.test_page import focused, status, tab
from e2e.test_terminal import start, wait_for
from tests.selection import FULL

AXE = Path(__file__).parents[1] / "web/node_modules/axe-core/axe.min.js"

DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1000, "height": 700}},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}

COLOURS = "".join(f"\\x1b[{code}mcolour {code} " for code in (*range(30, 38), *range(90, 98)))


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def looked_at(browser: Browser, site: str, scheme: str, device: str) -> Iterator[Page]:
    """A page in which axe-core is."""
    if not FULL and (scheme == "dark") is not (device == "phone"):
        pytest.skip("long: `make test-full`")
    with opened(browser, site, color_scheme=scheme, bypass_csp=True, **DEVICES[device]) as page:
        page.add_init_script(AXE.read_text())
        yield page


def complaints(page: Page) -> list[str]:
    found = page.evaluate(
        """async () => {
          const { violations } = await axe.run({ resultTypes: ["violations"] });
          return violations.flatMap(({ id, impact, help, nodes }) =>
            nodes.map(({ target }) => `${impact}: ${id}: ${help}: ${target.join(" ")}`));
        }"""
    )
    return [str(complaint) for complaint in found]


def test_axe_finds_nothing(looked_at: Page) -> None:
    page = looked_at
    page.goto("index.html#cowsay hi")
    wait_for(page, "< hi >")
    with page.expect_request("**/python-*.wasm"):
        page.route("**/python-*.wasm", lambda route: None)
        page.get_by_role("link", name="python").click()
    status(page, "Loading")
    assert complaints(page) == []
    page.unroute("**/python-*.wasm")
    page.reload()
    wait_for_screen(page, ">>>")
    page.get_by_text("Processes").click()
    page.get_by_label("System calls, from the next start on").check()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("log", name="System calls")).to_contain_text("fd_write")
    expect(page.get_by_role("button", name=re.compile("^Kill python"))).to_be_attached()
    wait_for_screen(page, ">>>")
    page.keyboard.type("n = open('b.zip', 'w').write('text')\n")
    page.keyboard.type("import os; os.mkdir('sub'); n = open('a.txt', 'w').write('text')\n")
    page.keyboard.type(f"print('{COLOURS}\\x1b[0m\\x1b[2mfaint\\x1b[0m \\x1b[7minverse')\n")
    wait_for(page, "inverse")
    expect(page.get_by_role("button", name="Download a.txt 4 bytes")).to_be_attached()
    assert complaints(page) == []
    page.get_by_label("Screen reader").check()
    page.get_by_role("button", name="Stop").click()
    status(page, "Ended with status 143")
    assert complaints(page) == []


def test_a_session_with_the_keyboard_alone(page: Page) -> None:
    start(page, "cowsay hi")
    wait_for(page, "< hi >")
    press = page.keyboard.press
    # A program is chosen.
    press("Escape")
    tab(page, "Shift+Tab", "python")
    press("Enter")
    wait_for_screen(page, ">>>")
    page.keyboard.type("import os; os.mkdir('sub'); n = open('sub/a.txt', 'w').write('text')\n")
    # It is stopped.
    expect(page.get_by_role("button", name="Open sub")).to_be_visible()
    press("Escape")
    tab(page, "Shift+Tab", "Stop")
    press("Space")
    status(page, "Ended with status 143")
    # It is run with arguments.
    tab(page, "Shift+Tab", "Arguments")
    page.keyboard.type("-c \"print('from', 'arguments')\"")
    tab(page, "Tab", "Run")
    press("Enter")
    wait_for(page, "from arguments")
    status(page, "Ended with status 0")
    assert focused(page) == "wasix-terminal"
    # A directory and a file are opened.
    press("Escape")
    tab(page, "Tab", "Open sub")
    press("Enter")
    name = "Download a.txt 4 bytes"
    expect(page.get_by_role("button", name=name)).to_be_visible()
    tab(page, "Tab", name)
    with page.expect_download() as caught:
        press("Enter")
    assert Path(caught.value.path()).read_text() == "text"
    # And screen readers are told what is shown.
    tab(page, "Shift+Tab", "input")
    press("Space")
    expect(page.get_by_label("Screen reader")).to_be_checked()


def test_the_focus_is_seen(page: Page) -> None:
    start(page, "cowsay hi")
    wait_for(page, "< hi >")
    page.keyboard.press("Escape")
    for _ in range(14):
        page.keyboard.press("Shift+Tab")
        if focused(page) in ("wasix-terminal", "body"):
            continue
        outline = page.evaluate(
            """() => {
              const on = document.activeElement;
              const width = (one) => parseFloat(getComputedStyle(one).outlineWidth) || 0;
              return Math.max(width(on), on.parentElement ? width(on.parentElement) : 0);
            }"""
        )
        assert outline >= 2, focused(page)


def test_the_state_is_told_without_being_looked_for(page: Page) -> None:
    start(page, "python -c \"input('ask ')\"")
    wait_for_screen(page, "ask")
    page.evaluate(
        """() => {
          window.told = [];
          const status = document.querySelector("[role=status]");
          const note = () => told.push(status.textContent);
          new MutationObserver(note).observe(status, { childList: true, characterData: true });
        }"""
    )
    page.get_by_role("button", name="Stop").click()
    status(page, "Ended with status 143")
    page.get_by_role("button", name="Run").click()
    wait_for_screen(page, "ask")
    assert page.evaluate("told") == ["Ended with status 143", "Loading", "Running"]


def test_output_is_read_to_those_who_want_it(page: Page) -> None:
    start(page, "python")
    wait_for_screen(page, ">>>")
    page.get_by_label("Screen reader").check()
    page.locator("wasix-terminal").click()
    page.keyboard.type("print('read ' + 'aloud')\n")
    expect(page.locator("wasix-terminal [aria-live]")).to_contain_text("read aloud")
    # And line by line to those who go through it.
    expect(page.get_by_role("listitem").filter(has_text="read aloud").first).to_be_attached()
