"""`wasix web serve` while a program and its page are being written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime
from playwright.sync_api import Page, expect

PATIENCE = 120
"""Seconds that a test may take."""

PROGRAM = """
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\06\\00\\00\\00{}\\0a")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
"""

BARE = """<!doctype html>
<html lang="en"><title>{}</title><link rel="icon" href="data:,">
"""
TERMINAL = """<script type="module" src="{{ root }}loader.js"></script>
<wasix-terminal program="word"></wasix-terminal>
"""


class Sources:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pages = folder / "pages"
        self.pages.mkdir()
        self.program("first")
        self.page("one")
        self.bare_page("one")

    def program(self, word: str) -> None:
        (self.folder / "word.wasm").write_bytes(wasmtime.wat2wasm(PROGRAM.format(word)))

    def page(self, title: str) -> None:
        (self.pages / "main.html.j2").write_text(BARE.format(title) + TERMINAL)

    def bare_page(self, title: str) -> None:
        (self.pages / "bare.html.j2").write_text(BARE.format(title))


def hide(page: Page, hidden: str) -> None:
    """Headless browsers show all pages."""
    page.evaluate(
        f"""() => {{
          Object.defineProperty(document, "hidden", {{ value: {hidden}, configurable: true }});
          document.dispatchEvent(new Event("visibilitychange"));
        }}"""
    )


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


@pytest.fixture
def said(sources: Sources) -> Iterator[Callable[[], str]]:
    """Each line that the server says, which runs until then."""
    command = [sys.executable, "-u", "-m", "wasix", "web", "serve", "site", "--port", "0"]
    server = subprocess.Popen(
        [*command, "--program", "word.wasm", "--pages", "pages"],
        cwd=sources.folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert server.stdout is not None
    end = threading.Timer(PATIENCE, server.kill)  # of one that says nothing
    end.start()
    yield server.stdout.readline
    end.cancel()
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=30) == 0
    server.stdout.close()


def test_what_is_changed_is_built_again_and_shown(
    page: Page, sources: Sources, said: Callable[[], str]
) -> None:
    url, _ = said().split(maxsplit=1)
    page.goto(f"{url}pages/main.html")
    shown = "document.querySelector('wasix-terminal').text?"
    page.wait_for_function(f"{shown}.includes('first')")
    sources.program("other")
    assert said().startswith("word.wasm: built again in ")
    page.wait_for_function(f"{shown}.includes('other')")
    sources.page("{{ nothing }}")
    assert "main.html.j2: 'nothing' is undefined" in said()
    expect(page).to_have_title("one")
    sources.page("two")
    assert said().startswith("main.html.j2: built again in ")
    expect(page).to_have_title("two")
    page.wait_for_function(f"{shown}.includes('other')")


def test_pages_that_are_not_seen_take_no_connection(
    page: Page, sources: Sources, said: Callable[[], str]
) -> None:
    """Of which a browser has six to a server."""
    url, _ = said().split(maxsplit=1)
    tabs = [page.context.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto(f"{url}pages/bare.html")
        hide(tab, "true")
    sources.bare_page("two")
    assert said().startswith("bare.html.j2: built again")
    for tab in tabs:
        expect(tab).to_have_title("one")
        hide(tab, "false")
        expect(tab).to_have_title("two")
        tab.close()
