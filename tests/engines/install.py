"""`python -m tests.engines.install`: gets the engines that pip does not install, where we may.

Tests of an engine that is not there are skipped, with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import engines
from engines.protocol import EngineError

PACKAGES = ("libjavascriptcoregtk-6.0-1", "libjavascriptcoregtk-4.1-0")
"""Debian's and Ubuntu's, by preference."""


def install() -> None:
    try:
        engines.get("jsc")
    except EngineError:
        if sys.platform != "linux" or not shutil.which("apt-get") or os.getuid() != 0:
            return
    else:
        return
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    for package in PACKAGES:
        done = subprocess.run([*command, package], check=False, env=environ, stdout=sys.stderr)
        if done.returncode == 0:
            return


if __name__ == "__main__":
    install()
