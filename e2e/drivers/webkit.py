"""WebKit, as WebKitGTK has it, through the WebDriver protocol: what Playwright's own build is not.

On Debian: `apt-get install webkit2gtk-driver xvfb`.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from e2e.drivers.face import SECONDS, Browser, ScriptError
from e2e.drivers.keys import actions
from e2e.script import function, sent

PLACES = ("/usr/lib", "/usr/libexec", "/usr/lib64")

_CALL = """
const done = arguments[arguments.length - 1];
(SCRIPT)(arguments[0]).then(
  (value) => done({ value }), (error) => done({ error: String(error) }));
"""


def driver() -> str | None:
    """The driver's path, if all that is needed is here."""
    return shutil.which("WebKitWebDriver") if shutil.which("Xvfb") and _browser() else None


def _browser() -> str | None:
    found = (path for place in PLACES for path in Path(place).glob("**/webkit*gtk-*/MiniBrowser"))
    return next((str(path) for path in found), None)


class WebKit(Browser):
    def __init__(self, url: str) -> None:
        self._url = url
        options = {"binary": _browser(), "args": ["--automation"]}
        wanted = {"browserName": "MiniBrowser", "webkitgtk:browserOptions": options}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.version = made["capabilities"]["browserVersion"]
        self._session = f"/session/{made['sessionId']}"
        self._ask("POST", f"{self._session}/timeouts", {"script": SECONDS * 1000})

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data, method=method)
        with urlopen(request, timeout=SECONDS + 60) as response:
            return json.load(response)["value"]

    def goto(self, url: str) -> None:
        self._ask("POST", f"{self._session}/url", {"url": url})

    def evaluate(self, body: str, arg: object = None) -> Any:
        call = {"script": _CALL.replace("SCRIPT", function(body)), "args": [sent(arg)]}
        found = self._ask("POST", f"{self._session}/execute/async", call)
        if "error" in found:
            raise ScriptError(found["error"])
        return found["value"]

    def press(self, *keys: str) -> None:
        self._ask("POST", f"{self._session}/actions", {"actions": actions(keys)})

    def close(self) -> None:
        self._ask("DELETE", self._session)


@contextmanager
def webkit() -> Iterator[WebKit]:
    """A new browser on a screen of its own."""
    path = driver()
    assert path is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    read, write = os.pipe()
    screen = subprocess.Popen(["Xvfb", "-displayfd", str(write)], pass_fds=[write], stderr=-3)
    os.close(write)
    with os.fdopen(read) as display:
        number = display.readline().strip()
    environ = {
        **os.environ,
        "DISPLAY": f":{number}",
        "JSC_useSharedArrayBuffer": "1",
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # which root has not
    }
    process = subprocess.Popen([path, f"--port={port}"], env=environ, stderr=-3)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            with suppress(URLError), urlopen(f"{url}/status"):
                break
            time.sleep(0.1)
        browser = WebKit(url)
        try:
            yield browser
        finally:
            browser.close()
    finally:
        for one in (process, screen):
            one.terminate()
            one.wait()
