"""A bundle with compressed files, on a host that hands out all, and on one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from e2e.conftest import kernel, opened, served
from wasix.web.build import build


@pytest.fixture(scope="module")
def compressed(tmp_path_factory: pytest.TempPathFactory, cache_inside_the_checkout: None) -> Path:
    folder = tmp_path_factory.mktemp("compressed") / "site"
    build(folder, ["cowsay"], brotli=4)
    return folder


def start(page: Page) -> list[str]:
    """Run something with a new kernel; the names of files that were asked for."""
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    done = kernel(page)("return wasix.run('cowsay', ['small'])")
    assert done["status"] == 0
    assert "< small >" in done["stdout"]
    assert "python.zip" not in asked
    return asked


def test_the_snapshot_comes_by_brotli(browser: Browser, compressed: Path) -> None:
    with served(compressed, isolated=False) as url, opened(browser, url) as page:
        asked = start(page)
    assert "python.snapshot" in asked
    assert "python.snapshot.gz" not in asked


def test_a_host_that_compresses_scripts_only_is_asked_for_the_packed_one(
    browser: Browser, compressed: Path
) -> None:
    [plain] = compressed.rglob("python.snapshot")
    with served(compressed, isolated=False) as url, opened(browser, url) as page:
        page.route("**/python.snapshot", lambda route: route.fulfill(path=plain))
        asked = start(page)
    assert "python.snapshot.gz" in asked
