"""`python -m tests.engines.install`: gets the engines that no extra of the package installs.

Tests of an engine that is not there are skipped, with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import engines
from engines.protocol import EngineError
from engines.spidermonkey.engine import VERSION

LIBRARIES = ("libjavascriptcoregtk-6.0-1", "libjavascriptcoregtk-4.1-0")
"""Packages of JavaScriptCore in Debian and Ubuntu, by preference."""


def install_jsc() -> None:
    if sys.platform != "linux" or not shutil.which("apt-get") or os.getuid() != 0:
        return
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    for package in LIBRARIES:
        done = subprocess.run([*command, package], check=False, env=environ, stdout=sys.stderr)
        if done.returncode == 0:
            return


def install_spidermonkey() -> None:
    # Its dependencies run npm, and nothing of what they bring is used.
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    package = f"pythonmonkey=={VERSION}"
    subprocess.run([*command, "--no-deps", "--only-binary=:all:", package], check=False)


def main() -> None:
    for name, install in (("jsc", install_jsc), ("spidermonkey", install_spidermonkey)):
        try:
            engines.get(name)
        except EngineError:
            install()


if __name__ == "__main__":
    main()
