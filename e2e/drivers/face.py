"""What tests do with any browser, whatever drives it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

SECONDS = 240
"""What a script may take."""

_WAIT = """
for (let look = 0; look < 1200; look++) {
  const found = await (async () => { BODY })();
  if (found) return found;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
throw new Error("it did not come for a minute");
"""


class ScriptError(Exception):
    """A script has thrown; the text is what."""


class Browser(ABC):
    """A browser with one page."""

    version: str
    """As the browser says it, such as `153.8.0`."""

    @abstractmethod
    def goto(self, url: str) -> None:
        """Load a page. It is not loaded again if only the part behind `#` differs."""

    @abstractmethod
    def evaluate(self, body: str, arg: object = None) -> Any:
        """What the body of an async function of `arg` returns. Raises `ScriptError`."""

    @abstractmethod
    def press(self, *keys: str) -> None:
        """Press keys one after the other: `a`, `Enter`, `Control+c`."""

    def type(self, text: str) -> None:
        self.press(*("Enter" if character == "\n" else character for character in text))

    def wait_for(self, body: str, arg: object = None) -> Any:
        """Evaluate until that is something; then it is the answer."""
        return self.evaluate(_WAIT.replace("BODY", body), arg)
