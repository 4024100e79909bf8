"""The browser end-to-end tests run in: a Chromium of the system, or else Playwright's own.

`python -m e2e.browser install` gets one if there is none on the system.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def system_browser() -> str | None:
    """The path of an installed Chromium."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    # Chromium's sandbox refuses to work for root.
    sandbox = ["--no-sandbox"] if _is_root() else []
    return playwright.chromium.launch(executable_path=system_browser(), args=[*QUIET, *sandbox])


def resident(browser: Browser) -> int:
    """Bytes in memory of the process that draws a page and runs its workers: the largest such."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    pages = [process["id"] for process in found["processInfo"] if process["type"] == "renderer"]
    return max(map(_resident, pages))


def _resident(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0  # it has ended meanwhile
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return 1024 * int(found[1]) if found else 0


def _is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0


def install() -> int:
    """Get a browser if there is none: the distribution's where we may, else Playwright's."""
    if system_browser():
        return 0
    if shutil.which("apt-get") and _is_root():
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        packages = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(packages, check=False, env=environ, stdout=sys.stderr)
        if system_browser():
            return 0
    command = [sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit(f"usage: {sys.executable} -m e2e.browser install")
    sys.exit(install())
