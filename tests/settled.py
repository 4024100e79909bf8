"""Waits until nothing is held of guests that have ended, and nothing is held ready for others."""

from __future__ import annotations

import gc
import threading

from engines import nursery, spare


def of_guests() -> list[threading.Thread]:
    """Threads of ours that do not stay, as the nursery does."""
    found = (thread for thread in threading.enumerate() if thread.name.startswith("wasix"))
    return [thread for thread in found if thread.name != nursery.NAME]


def freed() -> None:
    """Wait until engines have freed what they held, which is a moment after a guest's end.

    No guest runs any more. What is made ahead has been made.
    """
    gc.collect()
    for thread in of_guests():
        thread.join(60)
    nursery.made(lambda: None)


def settle() -> None:
    """The same, and nothing is held ready."""
    freed()
    spare.clear()
