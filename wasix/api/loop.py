"""Waking an event loop from the threads that guests run on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasix.api.guest import Guest
    from wasix.api.launch import Run


def call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Have `loop` call `function`, from any thread; nothing if the loop has been closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function)


def waking() -> tuple[asyncio.Future[None], Callable[[], None]]:
    """A future of the running loop, and what sets it from any thread."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def set_result() -> None:
        if not future.done():
            future.set_result(None)

    return future, lambda: call_soon(loop, set_result)


def _over(run: Run) -> asyncio.Future[None]:
    future, wake = waking()
    run.on_over(wake)
    return future


def end_of(guest: Guest) -> asyncio.Future[None]:
    """A future that is done when the guest has ended."""
    future, wake = waking()
    guest.on_end(wake)
    return future


async def all_over(runs: Iterable[Run]) -> None:
    """Wait for runs that have been killed, which is soon; being cancelled waits for them too."""
    ended = asyncio.gather(*map(_over, runs))
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        await ended
        raise


async def stop(guest: Guest, ended: asyncio.Future[None]) -> None:
    """Kill a guest and wait for its end, which is soon; being cancelled waits for it too."""
    guest.kill()
    cancelled = False
    while not ended.done():
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
