"""The terminal element, driven by keys and read from the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import held, opened
from tests.selection import LONG

PAUSE = 300
"""Milliseconds, long enough for a waiting guest to be suspended."""


@pytest.fixture(params=["jspi", pytest.param("held", marks=LONG)])
def page(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Page]:
    """In a browser with JSPI, and one where programs wait by a service worker."""
    with (held if request.param == "held" else opened)(browser, site) as page:
        yield page


def wait_for(page: Page, pattern: str) -> None:
    """Wait until something on the screen matches."""
    expect(page.locator("wasix-terminal")).to_contain_text(re.compile(pattern))


def start(page: Page, program: str) -> None:
    """Open the bundle's own page on a program with arguments."""
    page.goto(f"index.html#{program}")


def test_the_page_needs_no_isolation_and_runs_the_first_program(page: Page) -> None:
    page.goto("index.html")
    assert page.evaluate("crossOriginIsolated") is False
    wait_for(page, ">>> ")


def test_python_answers_what_is_typed_after_a_pause(page: Page) -> None:
    start(page, "python")
    wait_for(page, ">>> ")
    page.wait_for_timeout(PAUSE)
    page.keyboard.type("6*7\n")
    wait_for(page, r"^.*>>> 6\*7\s*42")
    page.keyboard.type("'héllo→'.upper()\n")
    wait_for(page, "'HÉLLO→'")


def test_end_of_file_ends_python(page: Page) -> None:
    start(page, "python")
    wait_for(page, ">>> ")
    page.keyboard.press("Control+d")
    wait_for(page, "ended with status 0")


@pytest.mark.parametrize(
    "code", ["input('waiting> ')", "print('waiting> '); import time; time.sleep(60)"]
)
def test_interrupt_ends_a_program_that_waits(page: Page, code: str) -> None:
    start(page, f'python -c "{code}"')
    wait_for(page, "waiting>")
    page.wait_for_timeout(PAUSE)
    page.keyboard.press("Control+c")
    wait_for(page, "ended with status 130")


def test_interrupt_ends_a_program_that_writes_for_ever(page: Page) -> None:
    start(page, "python -c \"while True: print('y')\"")
    wait_for(page, "y")
    page.keyboard.press("Control+c")
    wait_for(page, r"\^C.*ended with status 130")


def test_interrupt_ends_a_program_that_computes_and_another_can_be_started(page: Page) -> None:
    start(page, "python -c \"print('busy'); sum(iter(int, 1))\"")
    wait_for(page, "busy")
    page.keyboard.press("Control+c")
    wait_for(page, "ended with status 130")
    page.get_by_role("link", name="cowsay").click()
    wait_for(page, "Hello")
    page.get_by_label("Arguments").fill("again")
    page.get_by_role("button", name="Run").click()
    wait_for(page, "< again >")


def test_enter_starts_an_ended_program_again(page: Page) -> None:
    start(page, "python -c \"print(len(input('name? ')))\"")
    wait_for(page, r"name\? ")
    page.keyboard.type("four\n")
    wait_for(page, r"name\? four\s*4")
    wait_for(page, "ended with status 0")
    page.keyboard.press("Enter")
    wait_for(page, r"^\W*name\?\s+(Esc|$)")


def test_a_line_is_edited_before_the_program_sees_it(page: Page) -> None:
    start(page, 'python -c "print(ascii(input()))"')
    page.locator("wasix-terminal .xterm").wait_for()  # and type before the kernel is ready
    page.keyboard.type("abé")
    page.keyboard.press("Backspace")
    page.keyboard.type("c\n")
    wait_for(page, "'abc'")


def test_sqlite_keeps_a_conversation(page: Page) -> None:
    start(page, "sqlite3")
    wait_for(page, "sqlite> ")
    page.keyboard.type("create table t(x); insert into t values (41);\n")
    page.keyboard.type("select x + 1 from t;\n")
    wait_for(page, "sqlite> select x \\+ 1 from t;\\s*42")
    page.keyboard.type(".quit\n")
    wait_for(page, "ended with status 0")


def test_an_unknown_program_is_one_clear_line(page: Page) -> None:
    page.route(
        "**/blank.html",
        lambda route: route.fulfill(
            body="<link rel='icon' href='data:,'><script type='module' src='loader.js'></script>"
            "<wasix-terminal program='nosuch'></wasix-terminal>",
            content_type="text/html",
        ),
    )
    page.goto("blank.html")
    wait_for(page, "nosuch: no such program; this page has python, cowsay")


@pytest.mark.parametrize("page", ["jspi"], indirect=True)
def test_with_no_way_to_wait_it_is_refused_and_the_rest_works(page: Page, no_jspi: None) -> None:
    start(page, "cowsay hi")
    wait_for(page, "< hi >")
    page.get_by_role("link", name="python").click()
    wait_for(page, "waiting for input or time needs WebAssembly JavaScript Promise Integration")
    wait_for(page, "ended with status 126")
