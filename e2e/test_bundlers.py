"""Bundles among the files of a page that vite has built, as web/README.md says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import opened, served
from wasix.web.build import WEB

VITE = WEB / "node_modules" / "vite" / "bin" / "vite.js"

PAGE = """<!doctype html><title>vite</title><link rel="icon" href="data:,">
<script type="module" src="/main.js"></script><output></output>"""

MAIN = """
const { load } = await import(/* @vite-ignore */ `${import.meta.env.BASE_URL}wasix/loader.js`);
const wasix = await load();
document.querySelector("output").value = (await wasix.run("cowsay", ["built"])).stdout;
"""


@pytest.mark.skipif(not VITE.exists(), reason="vite is not installed")
def test_a_page_that_vite_has_built_loads_the_bundle(
    browser: Browser, bundle: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "public").mkdir(parents=True)
    shutil.copytree(
        bundle,
        project / "public" / "wasix",
        ignore=shutil.ignore_patterns("python-*.wasm", "*.txt"),
    )
    (project / "index.html").write_text(PAGE)
    (project / "main.js").write_text(MAIN)
    site = tmp_path / "site"
    options = ["--base", "/below/", "--outDir", str(site / "below"), "--emptyOutDir"]
    command = ["node", str(VITE), "build", str(project), *options, "--logLevel", "warn"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (site / "loader.js").touch()
    with served(site, isolated=False) as url, opened(browser, url) as page:
        page.goto("below/index.html")
        expect(page.locator("output")).to_contain_text("< built >")
