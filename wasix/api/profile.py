"""The file in which a profile is written, in speedscope's format.

https://www.speedscope.app shows it; file-format-schema.json there describes it.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from os import PathLike
from typing import Any

from engines.profile import Samples
from wasix.api.errors import UsageError

SCHEMA = "https://www.speedscope.app/file-format-schema.json"


class Profile:
    """What a guest did, to be written to `path` at its end.

    Raises `UsageError` if that cannot be written; nothing is left there before the end.
    """

    error: str | None = None
    """Why it could not be written after all."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.given = os.fspath(path)
        self._path = os.path.abspath(self.given)
        self.samples = Samples()
        # What is there is replaced: not a device, nor /dev/stdout, a link to whatever that is.
        there = os.path.lexists(self._path)
        if there and (os.path.islink(self._path) or not os.path.isfile(self._path)):
            raise UsageError(f"the profile {self.given} cannot be written: it is no regular file")
        try:
            handle, name = self._beside()
            os.close(handle)
            os.unlink(name)
        except OSError as error:
            raise UsageError(
                f"the profile {self.given} cannot be written: {error.strerror}"
            ) from None

    def _beside(self) -> tuple[int, str]:
        return tempfile.mkstemp(
            dir=os.path.dirname(self._path), prefix=".wasix-profile-", suffix=".json"
        )

    def write(self, name: str) -> None:
        """Write it, whole or not at all; `name` is the program's. Sets `error`."""
        try:
            handle, temporary = self._beside()
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(document(self.samples, name), file, separators=(",", ":"))
                os.chmod(temporary, 0o666 & ~_mask())
                os.replace(temporary, self._path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            self.error = f"the profile {self.given} was not written: {error.strerror}"


def _mask() -> int:
    """The permissions that new files are not to have; mkstemp gives them to the owner alone."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def document(samples: Samples, name: str) -> dict[str, Any]:
    """What the file holds: every function once, and stacks as indices, the outermost first."""
    indices: dict[str, int] = {}
    stacks = [
        [indices.setdefault(function, len(indices)) for function in stack]
        for stack in samples.stacks
    ]
    return {
        "$schema": SCHEMA,
        "exporter": "wasix",
        "name": name,
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": function} for function in indices]},
        "profiles": [
            {
                "type": "sampled",
                "name": name,
                "unit": "nanoseconds",
                "startValue": 0,
                "endValue": sum(samples.weights),
                "samples": stacks,
                "weights": samples.weights,
            }
        ],
    }
