"""Chromium, by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright import sync_api as playwright

from e2e.drivers.face import SECONDS, Browser, ScriptError
from e2e.script import function, sent


class Chromium(Browser):
    def __init__(self, page: playwright.Page, version: str) -> None:
        self._page = page
        self.version = version
        page.set_default_timeout(SECONDS * 1000)

    def goto(self, url: str) -> None:
        self._page.goto(url)

    def evaluate(self, body: str, arg: object = None) -> Any:
        try:
            return self._page.evaluate(function(body), sent(arg))
        except playwright.Error as error:
            raise ScriptError(error.message) from None

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)


@contextmanager
def chromium(browser: playwright.Browser) -> Iterator[Chromium]:
    """A new page of a running browser, with nothing kept."""
    context = browser.new_context()
    yield Chromium(context.new_page(), browser.version)
    context.close()
