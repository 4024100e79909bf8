"""The browser most end-to-end tests run in: a Chromium of the system, or else Playwright's own.

`python -m e2e.browser install` gets one if there is none; with `--all` also those that
`e2e/test_browsers.py` drives, as far as it may.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Browser, Playwright

from e2e.drivers import firefox, webkit

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


WANTED = {
    "Chromium": (system_browser, ("chromium",)),
    "Firefox": (firefox.installed, ("firefox-esr",)),
    "WebKit": (webkit.driver, ("webkit2gtk-driver", "xvfb")),
}
"""How each is found, and Debian's packages that have it."""


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


def _missing(wanted: Iterable[str] = WANTED) -> list[str]:
    return [name for name in wanted if WANTED[name][0]() is None]


def _install_packages(names: Iterable[str]) -> None:
    """Get the distribution's, one browser after the other: there may be none of a name."""
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    for name in names:
        packages = WANTED[name][1]
        subprocess.run([*command, *packages], check=False, env=environ, stdout=sys.stderr)


def install(*, others: bool) -> int:
    """Get Chromium, from the distribution if we may, else as Playwright has it."""
    missing = _missing(WANTED if others else ["Chromium"])
    if missing and shutil.which("apt-get") and _is_root():
        _install_packages(missing)
    for name in _missing():
        packages = " ".join(WANTED[name][1])
        if name != "Chromium":
            print(
                f"{name} is not here: its tests will be skipped (Debian: {packages})",
                file=sys.stderr,
            )
    if system_browser():
        return 0
    command = [sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:] not in (["install"], ["install", "--all"]):
        sys.exit(f"usage: {sys.executable} -m e2e.browser install [--all]")
    sys.exit(install(others="--all" in sys.argv))
