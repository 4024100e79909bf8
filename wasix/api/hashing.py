"""The digest of a program's bytes, found while they are read for other purposes."""

from __future__ import annotations

import threading
from hashlib import sha256

_LARGE = 1 << 20
"""Bytes that take longer to hash than a thread to start."""


class Hashing:
    """SHA-256 of `data`, by a thread of its own if that is large. Any thread."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data
        self._found = ""
        self._thread: threading.Thread | None = None
        if len(data) >= _LARGE:
            thread = threading.Thread(target=self._find, name="wasix-hash", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more of them
                return
            self._thread = thread

    def _find(self) -> None:
        self._found = sha256(self._data).hexdigest()

    def digest(self) -> str:
        """The digest in hexadecimal, waited for."""
        if self._thread is not None:
            self._thread.join()
        if not self._found:
            self._find()
        return self._found
