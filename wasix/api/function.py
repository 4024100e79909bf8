"""Functions of instances, as Python calls them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from engines.plain import Item
from engines.values import References, Values, known
from engines.wasm import FunctionType
from wasix.api import coroutines
from wasix.api.store import Bound, Store
from wasix.api.trap import Trap


def _nothing(frame: object) -> None:
    """A function that is never entered."""


class _Unknown(Values):
    """What takes no values, because they have types that Python lacks."""

    def __init__(self, wrong: str, references: References) -> None:
        super().__init__((), references)
        self._wrong = wrong

    def put(self, area: memoryview, values: Sequence[Any], what: str) -> None:
        raise TypeError(self._wrong)


class Function:
    """A function of an instance: call it. Two of the same function are equal.

    It takes and gives Python's values: ints for i32 and i64 (given signed or unsigned, taken
    signed), floats, 16 bytes for v128, any object for externref (None is null), functions of
    instances or None for funcref; no result is None, several are a tuple. What does not fit is a
    `TypeError` or `OverflowError`. Raises `Trap`, and whatever a host function raises: that unwinds
    the guest, which cannot catch it.

    Threads take turns. Calls nest, host to guest to host, up to 200 levels or Python's own limit:
    then one raises `RecursionError`.
    """

    def __init__(self, store: Store, item: Item, of: FunctionType | None, name: str) -> None:
        self._store = store
        self._item = item
        self._of = of
        self.__name__ = name
        types = [*of.params, *of.results] if of else []
        unknown = [value for value in types if not known(value)]
        if of is None or unknown:
            self._params: Values = _Unknown(
                f"{name} has type {of}, and Python has no value for {unknown[0]}"
                if unknown
                else f"{name}: this engine does not tell its type",
                store.references,
            )
            self._results: Values = self._params
            self._enter: Callable[..., Any] = _nothing
        else:
            self._params, self._results = store.values(of.params), store.values(of.results)
            self._enter = store.items.call(item, of)

    @property
    def type(self) -> FunctionType | None:
        """Parameters and results; None where the engine does not tell."""
        return self._of

    def __call__(self, *args: Any) -> Any:
        return self._store.call(self._enter, self._params, self._results, args, self.__name__)

    def call(self, *args: Any, timeout: float | None = None) -> Any:
        """Call it, for at most `timeout` seconds. Raises `TimeoutError` when they have passed.

        The guest is stopped as by `Instance.stop`: also while it computes, and after the host
        function it is in has returned. While it computes, that ends the calls around it, too, on
        v8; on jsc and spidermonkey the instance with its process.
        """
        if timeout is None:
            return self(*args)
        return self._bounded(Bound(self._store), args, timeout)

    async def call_async(self, *args: Any, timeout: float | None = None) -> Any:
        """Call it on a thread of its own, so that the event loop goes on.

        Host functions may be `async def`: they run on this loop, while the guest waits. Cancelling
        stops the guest.
        """
        bound = Bound(self._store)
        return await coroutines.call(
            self._store, lambda: self._bounded(bound, args, timeout), bound.end
        )

    def _bounded(self, bound: Bound, args: tuple[Any, ...], timeout: float | None) -> Any:
        lock = self._store.lock
        begin = time.monotonic()
        if not lock.acquire(timeout=-1 if timeout is None else max(timeout, 0)):
            raise TimeoutError(f"{self.__name__} did not begin within {timeout} s")
        expired = threading.Event()
        timer = None
        try:
            with bound:
                if timeout is not None:

                    def expire() -> None:
                        expired.set()
                        bound.end()

                    left = max(timeout - (time.monotonic() - begin), 0)
                    timer = threading.Timer(left, expire)
                    timer.daemon = True
                    timer.start()
                return self(*args)
        except Trap as error:
            if expired.is_set() and str(error) == "stopped":
                raise TimeoutError(f"{self.__name__} did not return within {timeout} s") from None
            raise
        finally:
            if timer is not None:
                timer.cancel()
            lock.release()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Function) or other._store is not self._store:
            return NotImplemented
        return self._reference() == other._reference()

    def __hash__(self) -> int:
        return hash(self._reference())

    def _reference(self) -> int:
        with self._store.using():
            return self._store.items.function_reference(self._item)

    def __repr__(self) -> str:
        return f"<Function {self.__name__}: {self._of}>"
