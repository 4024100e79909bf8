"""Host functions that are coroutines: the guest's thread waits while they run on the event loop.

While a coroutine runs, the guest that waits for it can be called again by what it awaits: these
calls are served on the guest's thread, where the guest's stack is.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasix.api.store import Store

_current: contextvars.ContextVar[Running | None] = contextvars.ContextVar("running", default=None)


class Loop:
    """The event loop that a call was made from, and the context of that."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.context = contextvars.copy_context()

    def wait(self, store: Store, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Run a coroutine function to its end. On the guest's thread."""
        running = Running(self, store, function, args)
        before, store.running = store.running, running
        try:
            self.loop.call_soon_threadsafe(running.start)
            return running.serve()
        finally:
            store.running = before


class Running:
    """A coroutine that a guest waits for."""

    def __init__(
        self, loop: Loop, store: Store, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self.store = store
        self._loop = loop
        self._function = function
        self._args = args
        self._queue: SimpleQueue[Callable[[], bool]] = SimpleQueue()
        self._lock = threading.Lock()
        self._ended = False
        self._cancelled = False
        self._task: asyncio.Task[Any] | None = None

    # On the loop's thread.

    def start(self) -> None:
        context = self._loop.context.copy()
        context.run(_current.set, self)
        self._task = self._loop.loop.create_task(self._run(), context=context)
        self._task.add_done_callback(lambda task: self._queue.put(lambda: True))
        if self._cancelled:
            self._task.cancel()

    async def _run(self) -> Any:
        return await self._function(*self._args)

    def submit(self, action: Callable[[], Any]) -> asyncio.Future[Any]:
        """Have the guest's thread do something while it waits."""
        future = self._loop.loop.create_future()

        def settle(value: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(value)
            elif isinstance(error, StopIteration):  # which no future takes
                future.set_exception(RuntimeError("a host function raised StopIteration"))
            else:
                future.set_exception(error)

        def serve() -> bool:
            try:
                done: tuple[Any, BaseException | None] = action(), None
            except BaseException as error:  # it is raised where the call was made
                done = None, error
            with suppress(RuntimeError):  # the loop is closed
                self._loop.loop.call_soon_threadsafe(settle, *done)
            return False

        with self._lock:
            if self._ended:
                raise RuntimeError("the guest does not wait for this coroutine any more")
            self._queue.put(serve)
        return future

    # On the guest's thread.

    def serve(self) -> Any:
        while not self._queue.get()():
            pass
        with self._lock:
            self._ended = True
        while not self._queue.empty():
            self._queue.get()()
        assert self._task is not None
        return self._task.result()

    # Any thread.

    def cancel(self) -> None:
        def cancel() -> None:
            self._cancelled = True
            if self._task is not None:
                self._task.cancel()

        with suppress(RuntimeError):  # the loop is closed
            self._loop.loop.call_soon_threadsafe(cancel)

    @property
    def ended(self) -> bool:
        return self._ended


async def call(store: Store, action: Callable[[], Any], stop: Callable[[], None]) -> Any:
    """`action`, which calls a guest, on a thread of its own; `stop` ends it."""
    running = _current.get()
    if running is not None and running.store is store and not running.ended:
        return await running.submit(action)
    loop = Loop()
    future: asyncio.Future[Any] = loop.loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if isinstance(error, StopIteration):  # which no future takes
            error = RuntimeError("a host function raised StopIteration")
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def run() -> None:
        try:
            with store.lock:
                before, store.loop = store.loop, loop
                try:
                    done: tuple[Any, BaseException | None] = action(), None
                finally:
                    store.loop = before
        except BaseException as error:  # it is raised where the call was made
            done = None, error
        with suppress(RuntimeError):  # the loop is closed
            loop.loop.call_soon_threadsafe(settle, *done)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="wasix-call", daemon=True).start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop()
        with suppress(BaseException):
            await future
        raise
