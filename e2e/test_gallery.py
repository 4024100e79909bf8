"""The gallery: every page does what it says, below a path of an ordinary file server."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from e2e.conftest import opened
from e2e.test_page import focused, status
from e2e.test_terminal import wait_for
from examples.gallery.__main__ import FOLDER, SHELL, make
from tests.programs import dash
from wasix.web.pages import SUFFIX, templates

NAMES = [template.name.removesuffix(SUFFIX) for template in templates(FOLDER)]


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture(scope="session")
def gallery(
    tmp_path_factory: pytest.TempPathFactory, cache_inside_the_checkout: None
) -> Iterator[str]:
    """Its URL. It is made once for all workers of the run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    host = shared / "host"
    with (shared / "gallery.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not host.exists():
            make(host / "some" / "path")
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(host)))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_address[1]}/some/path/gallery/"
    http.shutdown()
    http.server_close()


@pytest.fixture
def page(browser: Browser, gallery: str) -> Iterator[Page]:
    with opened(browser, gallery) as page:
        yield page


def nothing(route: Route) -> None:
    """A script that does nothing."""
    route.fulfill(content_type="text/javascript", body="")


def editor(page: Page) -> Locator:
    return page.locator("textarea:not(.xterm-helper-textarea)")


def run(page: Page, code: str) -> None:
    editor(page).fill(code)
    page.get_by_role("button", name="Run").click()


def download(page: Page, name: str) -> bytes:
    with page.expect_download() as caught:
        page.get_by_role("button", name=name).click()
    return Path(caught.value.path()).read_bytes()


def test_every_page_is_linked_and_leads_back(page: Page) -> None:
    page.goto("index.html")
    links = page.get_by_role("main").get_by_role("link")
    found = {link.get_attribute("href") for link in links.all()}
    left_out = {SHELL} if dash.reason_to_skip() else set()
    assert found == {f"{name}.html" for name in NAMES if f"{name}{SUFFIX}" not in left_out} - {
        "index.html"
    }
    links.filter(has_text="SQLite").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("SQLite")
    expect(page.get_by_role("navigation").get_by_text("SQLite")).to_have_attribute(
        "aria-current", "page"
    )
    page.get_by_role("link", name="gallery").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gallery")
    page.get_by_role("link", name="wasix", exact=True).click()
    expect(page).to_have_url(re.compile("/some/path/index.html"))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_a_telephone_and_shows_its_code(page: Page, name: str) -> None:
    if f"{name}{SUFFIX}" == SHELL and (reason := dash.reason_to_skip()):
        pytest.skip(reason)
    page.set_viewport_size({"width": 360, "height": 740})
    # Programs are not waited for.
    page.route("**/worker-*.js", nothing)
    page.goto(f"{name}.html", wait_until="domcontentloaded")
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    if name != "index":
        script = (FOLDER / f"{name}.js").read_text()
        expect(page.get_by_label(f"{name}.js")).to_have_text(script)


def test_python_runs_a_script_with_input_and_gives_its_files(page: Page) -> None:
    page.goto("python.html")
    wait_for(page, ">>> ")
    page.get_by_role("button", name="Run").click()
    wait_for(page, "Some words, please: ")
    status(page, "Running")
    page.keyboard.type("b a b\n")
    status(page, "Ended with status 0")
    assert download(page, "Download words.csv") == b"word,count\r\nb,2\r\na,1\r\n"
    editor(page).fill("import sys\nprint(open('in.txt').read() * 2)\nsys.exit(3)")
    file = FilePayload(name="in.txt", mimeType="text/plain", buffer=b"given ")
    page.get_by_label("Add files").set_input_files(file)
    expect(page.get_by_role("button", name="Download in.txt")).to_be_visible()
    editor(page).press("Control+Enter")
    wait_for(page, "given given")
    status(page, "Ended with status 3")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.get_by_role("button", name="Prompt").click()
    wait_for(page, ">>> ")
    page.keyboard.type("open('words.csv').readline()\n")
    wait_for(page, "'word,count")
    # What computes hears nothing, and is stopped with its kernel.
    run(page, "print('now')\nwhile True: pass")
    wait_for(page, "now")
    page.get_by_role("button", name="Stop").click()
    status(page, "Ended with status 143")
    run(page, "print('again')")
    wait_for(page, "again")


def test_the_editor_is_used_and_left_with_the_keyboard(page: Page) -> None:
    page.route("**/worker-*.js", nothing)
    page.goto("python.html", wait_until="domcontentloaded")
    area = editor(page)
    lines = page.locator(".lines")
    expect(lines).to_contain_text("13")
    area.fill("")
    expect(lines).to_have_text("1")
    page.keyboard.type("if a:")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("b")
    page.keyboard.press("Enter")
    page.keyboard.type("c")
    expect(area).to_have_value("if a:\n    b\n    c")
    expect(lines).to_have_text(re.compile(r"1\s+2\s+3"))
    page.keyboard.press("Shift+Tab")
    expect(area).to_have_value("if a:\n    b\nc")
    page.keyboard.press("Control+z")
    expect(area).to_have_value("if a:\n    b\n    c")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert focused(page) != "main.py"
    area.focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "Run"
    expect(area).to_have_value("if a:\n    b\n    c")


def test_sqlite_changes_a_file_of_the_users(page: Page, tmp_path: Path) -> None:
    path = tmp_path / 'my "own" $1.db'
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE \"a b\" (n INTEGER, 'text''' TEXT)")
        database.executemany(
            'INSERT INTO "a b" VALUES (?, ?)', [(n, f"x{n}\n") for n in range(300)]
        )
    database.close()
    page.goto("sqlite.html")
    wait_for(page, "sqlite> ")
    expect(page.get_by_role("cell", name="Lisbon")).to_be_visible()
    page.get_by_role("button", name="trip").click()
    expect(page.get_by_role("columnheader")).to_have_text(["city", "year", "nights"])
    page.get_by_label("Open a database").set_input_files(path)
    expect(page.get_by_role("columnheader")).to_have_text(["n", "text'"])
    expect(page.get_by_text("300 rows, the first 200 shown")).to_be_visible()
    wait_for(page, "sqlite> ")
    page.keyboard.type('DELETE FROM "a b" WHERE n > 1;\n')
    expect(page.get_by_text("2 rows")).to_be_visible()
    page.keyboard.type("CREATE TABLE more AS SELECT 'é' AS letter;\n")
    page.get_by_role("button", name="more").click()
    expect(page.get_by_role("cell")).to_have_text(["é"])
    changed = tmp_path / "changed.db"
    changed.write_bytes(download(page, "Download"))
    with sqlite3.connect(changed) as database:
        assert database.execute('SELECT * FROM "a b"').fetchall() == [(0, "x0\n"), (1, "x1\n")]
        assert database.execute("SELECT letter FROM more").fetchall() == [("é",)]
    database.close()


def test_php_makes_a_page(page: Page) -> None:
    page.goto("php.html")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("Hello, WebAssembly!")
    expect(frame.get_by_role("row")).to_have_count(6)
    page.get_by_label("Query").fill("name=<i>&rows=2")
    page.keyboard.press("Enter")
    expect(frame.get_by_role("heading")).to_have_text("Hello, <i>!")
    expect(frame.get_by_text("visit number 2")).to_be_visible()
    expect(frame.get_by_role("row")).to_have_count(2)
    assert download(page, "Download visits.txt") == b"WebAssembly\n<i>\n"
    run(page, "<?php echo 'half'; exit(7);")
    status(page, "Ended with status 7")
    expect(frame.locator("body")).to_have_text("half")
    run(page, "<?php while (true);")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("alert")).to_have_text("Stopped")
    run(page, "<p>again")
    expect(frame.locator("p")).to_have_text("again")


def test_ruby_runs_a_script_and_what_is_typed(page: Page) -> None:
    page.goto("ruby.html")
    wait_for(page, "98 moons")
    assert download(page, "Download moons.txt").startswith(b"Mercury: 0\n")
    run(page, "print 'who? '\nputs gets.upcase")
    wait_for(page, r"who\? ")
    page.keyboard.type("me\n")
    wait_for(page, "ME")
    page.get_by_role("button", name="Prompt").click()
    wait_for(page, "ruby> ")
    page.keyboard.type("File.size('main.rb')\n")
    wait_for(page, "=> 30")


def test_clang_compiles_links_and_runs(page: Page) -> None:
    page.goto("clang.html")
    # It is large, and compiled when it first runs.
    expect(page.get_by_role("status")).to_have_text("Ended with status 0", timeout=120_000)
    # What the compiler said is above what the program does.
    text = str(page.evaluate("document.querySelector('wasix-terminal').text"))
    assert re.search(r"-Wunused-variable[^@]*\.@@@\.", text)
    assert download(page, "Download main.wasm").startswith(b"\0asm")
    run(page, "int main(void) { return nothing; }")
    wait_for(page, r"undeclared\s+identifier\s+'nothing'")
    status(page, "Ended with status 1")
    colours = page.evaluate(
        """(span) => [span, span.parentElement].map((part) => getComputedStyle(part).color)""",
        page.locator(".xterm-rows span", has_text="error:").first.element_handle(),
    )
    assert colours[0] != colours[1]
    run(page, "#include <stdio.h>\nint main(void) { return missing(); }\n")
    wait_for(page, r"undeclared\s+function\s+'missing'")
    run(page, "int missing(void);\nint main(void) { return missing(); }\n")
    wait_for(page, r"undefined\s+symbol:\s+missing")
    run(
        page,
        '#include <stdio.h>\nint main(void) {\n  int a;\n  printf("a? "); fflush(stdout);\n'
        '  if (scanf("%d", &a) == 1) printf("a * a = %d\\n", a * a);\n  return 5;\n}\n',
    )
    wait_for(page, r"a\? ")
    status(page, "Running")
    page.keyboard.type("12\n")
    wait_for(page, r"a \* a = 144")
    status(page, "Ended with status 5")


@pytest.mark.skipif(dash.reason_to_skip() is not None, reason=dash.reason_to_skip() or "")
def test_a_shell_runs_pipes_scripts_and_jobs(page: Page) -> None:
    page.goto("shell.html")
    wait_for(page, "# ")
    page.get_by_role("button", name="a pipe of three processes").click()
    wait_for(page, "271")
    page.keyboard.type("echo 'echo made $1 | tee $1' > s.sh; sh s.sh f; ./hello.sh $(cat f)\n")
    wait_for(page, "made f")
    wait_for(page, "Hello, made!")
    wait_for(page, "Hello, f!")
    page.get_by_role("button", name="goes on until Ctrl-C").click()
    wait_for(page, r"y\s*y\s*y")
    page.keyboard.press("Control+c")
    page.keyboard.type("echo status: $?\n")
    wait_for(page, "status: 130")
    page.keyboard.type("exit 4\n")
    status(page, "Ended with status 4")
