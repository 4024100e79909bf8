"""What instances that were linked together share: a store of their engine's, and its calls.

One thread at a time is in a store; others wait their turn. Calls nest: a host function may call the
guest that called it.
"""

from __future__ import annotations

import reprlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engines.plain import Ended, Frame, Plain, Refused, Trapped
from engines.traps import named
from engines.values import References, Values
from engines.wasm import FunctionType, ValueType
from wasix.api import trap
from wasix.api.errors import InstanceLost, UsageError

if TYPE_CHECKING:
    from wasix.api.coroutines import Loop, Running

_NEVER = sys.maxsize
_FRAMES_KEPT = 64


MOST_NESTED = 200
"""Calls inside each other: every one takes of the stacks of Python, the guest and the engine."""

_ROOM = 8
"""Frames that Python must have left for a guest to call back: there, it could not raise."""


def _room(frames: int) -> None:
    """Raises `RecursionError`."""
    if frames:
        _room(frames - 1)


class Level:
    """How deep calls are nested, and from which depth on they are to end."""

    __slots__ = ("depth", "stop")

    def __init__(self) -> None:
        self.depth = 0
        self.stop = _NEVER

    def stopping(self) -> bool:
        return self.stop <= self.depth


class Bound:
    """Ends one call from outside: at a deadline, or when whoever waits for it gives up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._depth = 0
        self.ended = False

    def end(self) -> None:
        with self._lock:
            self.ended = True
            if self._depth:
                self._store.stop(self._depth)

    def __enter__(self) -> None:
        """The store's lock is held."""
        with self._lock:
            self._depth = self._store.level.depth + 1
            if self.ended:
                raise trap.Trap("stopped")

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._store.clear(self._depth)
            self._depth = 0


class Store:
    """See above."""

    def __init__(self, engine: Plain) -> None:
        self.engine = engine
        self.lock = threading.RLock()
        self.level = Level()
        try:
            self.items = engine.store(self.level.stopping)
        except Ended as error:
            raise InstanceLost(str(error)) from None
        self.closed = False
        self._freed = False
        self._users = 0
        self.failure: BaseException | None = None
        """What a host function raised, on its way through the guest."""
        self.loop: Loop | None = None
        """Where coroutines run, while a call may wait for them."""
        self.running: Running | None = None
        """The coroutine that the guest waits for."""
        self.references = References(
            self.items.reference, self.items.value, self._give_function, self._take_function
        )
        self._frames: dict[int, list[Frame]] = {}

    def check_open(self) -> None:
        if self.closed:
            raise UsageError("the instance is closed")

    @contextmanager
    def using(self) -> Iterator[None]:
        """Within, this thread is in the store, which is open.

        Raises `UsageError`, or `InstanceLost`.
        """
        with self.lock:
            self.check_open()
            self._users += 1
            try:
                yield
            except Ended as error:
                raise InstanceLost(str(error)) from None
            except Refused as error:
                raise UsageError(str(error)) from None
            finally:
                self._users -= 1
                self._leave()

    def values(self, types: Sequence[ValueType]) -> Values:
        return Values(types, self.references)

    # Functions as values.

    def _give_function(self, value: object) -> int:
        from wasix.api.function import Function

        if not isinstance(value, Function):
            raise TypeError("only functions of instances can be given")
        if value._store is not self:
            raise TypeError("it belongs to an instance that is not linked to this one")
        return self.items.function_reference(value._item)

    def _take_function(self, reference: int) -> object:
        from wasix.api.function import Function

        return Function(self, *self.items.referred(reference), "a funcref")

    # Calls.

    def call(
        self,
        enter: Callable[[Frame], None],
        params: Values,
        results: Values,
        args: Sequence[Any],
        what: str,
    ) -> Any:
        """Call a guest's function with Python's values, and give back Python's."""
        level = self.level
        _room(_ROOM)
        with self.lock:
            if self.closed:
                self.check_open()
            if level.depth >= MOST_NESTED:
                raise RecursionError(f"calls of guests nest more than {MOST_NESTED} deep")
            count = max(len(params.types), len(results.types))
            frames = self._frames.setdefault(count, [])
            frame = frames.pop() if frames else self.items.frame(count)
            if not level.depth:
                level.stop = _NEVER
            level.depth += 1
            try:
                params.put(frame.slots, args, what)
                if level.stop <= level.depth:
                    raise trap.Trap("stopped")
                enter(frame)
                values = results.take(frame.slots)
            except (Trapped, Ended) as error:
                raise self.raised(error) from None
            finally:
                self.clear(level.depth)
                level.depth -= 1
                if len(frames) < _FRAMES_KEPT:
                    frames.append(frame)
                if self.closed:
                    self._leave()
        if len(values) == 1:
            return values[0]
        return values or None

    def raised(self, error: Trapped | Ended) -> BaseException:
        """What to raise for a trap: what a host function raised, or a `Trap`; or `InstanceLost`."""
        failure, self.failure = self.failure, None
        if failure is not None:
            return failure
        if isinstance(error, Ended):
            return InstanceLost(str(error))
        if self.level.stopping():
            return trap.Trap("stopped", self._backtrace(error))
        return trap.Trap(named(str(error)), self._backtrace(error))

    def _backtrace(self, error: Trapped) -> list[trap.Frame]:
        return [trap.Frame(function, name, offset) for function, offset, name in error.frames]

    def host(
        self, of: FunctionType, function: Callable[..., Any], what: str, asynchronous: bool
    ) -> Callable[[memoryview], bool]:
        """`function` as engines call it."""
        params, results = self.values(of.params), self.values(of.results)
        level = self.level
        take, put, count = params.take, results.put, len(of.results)

        def host(slots: memoryview) -> bool:
            try:
                if asynchronous:
                    value = self.wait(function, take(slots), what)
                else:
                    value = function(*take(slots))
                if count == 1:
                    put(slots, (value,), what)
                elif count:
                    if not isinstance(value, tuple | list):
                        raise TypeError(f"{what}: {reprlib.repr(value)} is no {count} values")
                    put(slots, value, what)
            except Ended:  # the engine raises it again
                return False
            except BaseException as error:  # it goes on behind the guest, which must not catch it
                # What a stopped function raises is of no interest.
                if not level.stopping() or isinstance(error, KeyboardInterrupt | SystemExit):
                    self.failure = error
                return False
            return level.stop > level.depth

        return host

    def wait(self, function: Callable[..., Any], args: tuple[Any, ...], what: str) -> Any:
        if self.loop is None:
            raise TypeError(f"{what} is asynchronous: call the guest's function with call_async")
        return self.loop.wait(self, function, args)

    # Ends.

    def stop(self, depth: int = 1) -> None:
        """End the calls from `depth` on. Any thread; returns at once."""
        level = self.level
        if level.depth >= depth:
            level.stop = min(level.stop, depth)
            self.items.interrupt()
            running = self.running
            if running is not None:
                running.cancel()

    def clear(self, depth: int) -> None:
        """Forget that calls from `depth` on were to end: they have."""
        if self.level.stop >= depth:
            self.level.stop = _NEVER

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.stop()
        if self.lock.acquire(blocking=False):  # else whoever is inside does it
            self._leave()
            self.lock.release()

    def _leave(self) -> None:
        """The lock is held. Frees what is closed, when nothing runs in it."""
        if self.closed and not (self.level.depth or self._users or self._freed):
            self._freed = True
            self.items.free()
