"""The bundle's own page: choosing a program, its state, its files; with and without a mouse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from e2e.test_line import wait_for_screen
from e2e.test_terminal import start, wait_for


def status(page: Page, text: str) -> None:
    expect(page.get_by_role("status")).to_have_text(text)


def focused(page: Page) -> str:
    """The name of what has the focus."""
    return str(
        page.evaluate(
            "() => { const on = document.activeElement;"
            " return on.dataset.program || on.ariaLabel || on.textContent.trim() || on.localName; }"
        )
    )


def tab(page: Page, key: str, until: str) -> list[str]:
    """Press `key` until something has the focus; the names of all that had it."""
    names = []
    for _ in range(30):
        page.keyboard.press(key)
        names.append(focused(page))
        if names[-1] == until:
            return names
    raise AssertionError(f"{until} is not among {names}")


def test_everything_is_reached_with_the_keyboard_alone(page: Page) -> None:
    start(page, "sqlite3")
    wait_for(page, "sqlite> ")
    assert focused(page) == "wasix-terminal"
    page.keyboard.press("Tab")
    assert focused(page) == "wasix-terminal"
    page.keyboard.press("Escape")
    names = tab(page, "Shift+Tab", "cowsay")
    assert names == ["Stop", "Run", "Arguments", "qjs", "ruby", "php", "sqlite3", "cowsay"]
    page.keyboard.press("Enter")
    wait_for(page, "< Hello from WebAssembly >")
    assert focused(page) == "wasix-terminal"
    expect(page).to_have_url(re.compile("#cowsay$"))
    expect(page.get_by_role("button", name="Open ..")).to_be_visible()
    page.keyboard.press("Escape")
    names = tab(page, "Tab", "Open ..")
    zipped = "Zip all: download all that is shown as a zip archive"
    assert names[-4:] == ["Add files", "Add a folder", zipped, "Open .."]


def test_the_address_says_what_runs(page: Page) -> None:
    start(page, "cowsay 100% true")
    wait_for(page, "< 100% true >")
    expect(page.get_by_role("link", name="cowsay")).to_have_attribute("aria-current", "true")
    page.get_by_label("Arguments").fill("from & the # form é")
    page.keyboard.press("Enter")
    wait_for(page, "< from & the # form é >")
    page.reload()
    wait_for(page, "< from & the # form é >")
    page.get_by_role("link", name="sqlite3").click()
    wait_for(page, "sqlite> ")
    page.go_back()
    wait_for(page, "< from & the # form é >")


def test_the_state_of_the_program_is_told(page: Page) -> None:
    start(page, "python -c \"import sys; input('ask '); sys.exit(3)\"")
    wait_for(page, "ask ")
    status(page, "Running")
    expect(page.get_by_role("progressbar")).to_be_hidden()
    page.keyboard.press("Enter")
    status(page, "Ended with status 3")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.get_by_role("button", name="Run").click()
    wait_for_screen(page, "ask")
    page.get_by_role("button", name="Stop").click()
    status(page, "Ended with status 143")


def test_what_has_been_loaded_is_told_in_bytes(page: Page, bundle: Path) -> None:
    page.goto("blank.html")
    seen = page.evaluate(
        """async () => {
          const { load } = await import("./loader.js");
          const seen = [];
          const wasix = await load({ progress: (...bytes) => seen.push(bytes) });
          await wasix.run("cowsay", ["x"]);
          wasix.terminate();
          return seen;
        }"""
    )
    assert [1058629, 1058629] in seen
    assert all(total is None or loaded <= total for loaded, total in seen)
    # The parts of Python come together, or one after the other.
    [runtime] = bundle.glob("assets/pyodide-*")
    parts = [runtime / name for name in ("pyodide.asm.wasm", "python.snapshot.gz")]
    sizes = [part.stat().st_size for part in parts]
    assert max(sizes) <= max(loaded for loaded, _ in seen)


def test_a_program_that_cannot_be_loaded_is_told(page: Page) -> None:
    page.goto("index.html#cowsay hi")
    wait_for(page, "< hi >")
    page.route("**/sqlite3-*.wasm", lambda route: route.fulfill(status=200, body="no module"))
    page.get_by_role("link", name="sqlite3").click()
    status(page, "Could not be started")
    page.unroute("**/sqlite3-*.wasm")
    page.get_by_role("button", name="Run").click()
    wait_for(page, "sqlite> ")


def test_an_added_file_is_read_by_a_program(page: Page) -> None:
    start(page, "sqlite3")
    wait_for(page, "sqlite> ")
    table = FilePayload(name="in é.csv", mimeType="text/csv", buffer=b"id,name\n1,one\n2,two\n")
    page.get_by_label("Add files").set_input_files(table)
    expect(page.get_by_role("button", name="Download in é.csv 20 bytes")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("wasix-terminal").click()
    page.keyboard.type(".mode csv\n.import 'in é.csv' t\nselect sum(id), max(name) from t;\n")
    wait_for(page, "3,two")


def test_a_dropped_file_is_read_by_a_program(page: Page) -> None:
    start(page, "python")
    wait_for(page, ">>> ")
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["dropped"], "d.txt"));
          for (const type of ["dragenter", "dragover", "drop"]) {
            const event = { dataTransfer: data, bubbles: true, cancelable: true };
            document.querySelector("wasix-terminal").dispatchEvent(new DragEvent(type, event));
          }
        }"""
    )
    expect(page.get_by_role("button", name="Download d.txt 7 bytes")).to_be_visible()
    page.keyboard.type("open('d.txt').read()\n")
    wait_for(page, "'dropped'")


def test_a_file_a_program_wrote_is_downloaded_as_it_is(page: Page, tmp_path: Path) -> None:
    start(page, "python")
    wait_for(page, ">>> ")
    page.keyboard.type("import os; os.mkdir('sub')\n")
    page.keyboard.type("n = open('sub/out.bin', 'wb').write(bytes(range(256)) * 1000)\n")
    page.get_by_role("button", name="Open sub").click()
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download out.bin 256 kB").click()
    assert caught.value.suggested_filename == "out.bin"
    assert Path(caught.value.path()).read_bytes() == bytes(range(256)) * 1000
    page.get_by_role("button", name="Open ..").click()
    expect(page.get_by_role("button", name="Open sub")).to_be_visible()


@pytest.mark.parametrize(
    ("program", "answer"),
    [("ruby", "ruby> "), ("php", "Hello, PHP 8.2"), ("qjs", "2, 3, 5, 7, 11")],
)
def test_programs_have_something_to_do(page: Page, program: str, answer: str) -> None:
    start(page, program)
    wait_for(page, answer)


def test_ruby_evaluates_what_is_typed(page: Page) -> None:
    start(page, "ruby")
    wait_for(page, "ruby> ")
    page.keyboard.type("[1, 2, 3].sum\nnosuch\n")
    wait_for(page, "=> 6")
    wait_for(page, "NameError: undefined local variable or method `nosuch'")


def test_screen_readers_are_told_what_is_shown_if_wanted(page: Page) -> None:
    start(page, "python")
    wait_for(page, ">>> ")
    told = page.locator("[aria-live=assertive]")
    expect(told).to_have_count(0)
    page.get_by_label("Screen reader").check()
    page.locator("wasix-terminal").click()
    page.keyboard.type("'so' + 'nar'\n")
    expect(told).to_contain_text("sonar")


def test_the_page_fits_a_telephone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    start(page, "cowsay hi")
    wait_for(page, "< hi >")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 360
    expect(page.get_by_role("button", name="Stop")).to_be_in_viewport()
    expect(page.get_by_role("status")).to_be_in_viewport()


def test_a_program_that_takes_long_to_load_shows_that_it_does(page: Page) -> None:
    with page.expect_request("**/cowsay-*.wasm"):
        page.route("**/cowsay-*.wasm", lambda route: None)
        start(page, "cowsay hi")
    status(page, "Loading")
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator(".bytes")).to_contain_text("MB")
    page.unroute("**/cowsay-*.wasm")
