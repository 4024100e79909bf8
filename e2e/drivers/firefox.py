"""Firefox as it is installed, through WebDriver BiDi: Playwright drives a build of its own only.

On Debian: `apt-get install firefox-esr`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from e2e.drivers.face import SECONDS, Browser, ScriptError
from e2e.drivers.keys import actions
from e2e.script import function, sent

NAMES = ("firefox-esr", "firefox")

QUIET = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
"""Settings of the profile: it asks nobody for anything."""

_CALL = """async (text) => {
  const script = SCRIPT;
  return JSON.stringify(await script(JSON.parse(text))) ?? "null";
}"""


def installed() -> str | None:
    """The path of an installed Firefox."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Firefox(Browser):
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count()
        made = self._ask("session.new", {"capabilities": {}})
        self.version = made["capabilities"]["browserVersion"]
        self._context = self._ask("browsingContext.create", {"type": "tab"})["context"]

    def _ask(self, method: str, params: dict[str, object]) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=SECONDS))
            if answer.get("id") != number:
                continue  # an event
            if answer["type"] == "error":
                raise ScriptError(f"{method}: {answer['message']}")
            return answer["result"]

    def goto(self, url: str) -> None:
        self._ask(
            "browsingContext.navigate", {"context": self._context, "url": url, "wait": "complete"}
        )

    def evaluate(self, body: str, arg: object = None) -> Any:
        call: dict[str, object] = {
            "functionDeclaration": _CALL.replace("SCRIPT", function(body)),
            "arguments": [{"type": "string", "value": json.dumps(sent(arg))}],
            "target": {"context": self._context},
            "awaitPromise": True,
        }
        answer = self._ask("script.callFunction", call)
        if answer["type"] == "exception":
            raise ScriptError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def press(self, *keys: str) -> None:
        self._ask("input.performActions", {"context": self._context, "actions": actions(keys)})


@contextmanager
def firefox() -> Iterator[Firefox]:
    """A new browser with a profile of its own."""
    path = installed()
    assert path is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        profile = Path(name)
        settings = (f"user_pref({json.dumps(key)}, {json.dumps(on)});" for key, on in QUIET.items())
        (profile / "user.js").write_text("\n".join(settings))
        command = [path, "--headless", "--no-remote", "--profile", name]
        process = subprocess.Popen(
            [*command, "--remote-debugging-port=0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_address(profile), max_size=None, ping_interval=None) as socket:
                yield Firefox(socket)
        finally:
            process.terminate()
            process.wait()


def _address(profile: Path) -> str:
    """Where it listens, which it writes into its profile."""
    for _ in range(600):
        with suppress(FileNotFoundError, ValueError):
            found = json.loads((profile / "WebDriverBiDiServer.json").read_text())
            return f"ws://{found['ws_host']}:{found['ws_port']}/session"
        time.sleep(0.1)
    raise RuntimeError("Firefox does not listen for a minute")
