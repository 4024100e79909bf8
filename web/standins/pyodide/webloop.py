"""Pyodide's event loop for `asyncio`: nothing uses it, and it would load a third of the library."""

from pyodide_js._api import scheduleCallback  # noqa: F401 - memory snapshots count on it


def _initialize_event_loop() -> None:
    pass
