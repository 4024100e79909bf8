"""System calls as records, while a guest makes them."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

from wasix.abi import Errno
from wasix.abi.trace import Buffer, Unfilled, Value, decode, show
from wasix.abi.trace import show_value as shown
from wasix.proc.tracing import Traced

SIZE = 1 << 14
"""Records a `Trace` holds unless told otherwise: some megabytes."""


class Call(NamedTuple):
    """A system call that has ended.

    args: by the names of the specification. Numbers are `int`, paths `str`; flags and
        enumerations are a `str` such as "CREAT|TRUNC"; buffers are `bytes`, the first 32 of them,
        with `size`; structs are `dict`s, arrays `list`s.
    result: likewise; None for a call that gives nothing, or failed.
    errno: the error's name, such as "NOENT"; None if there was none.
    start: seconds since 1970. duration: seconds it took, of which it waited for `blocked`.
    finished: False for a call that never returned: an exit, or one the process' end cut off.

    `str(call)` is a line as strace(1) writes it.
    """

    name: str
    args: Mapping[str, Any]
    result: Any
    errno: str | None
    start: float
    duration: float
    blocked: float
    pid: int
    tid: int
    finished: bool = True

    @classmethod
    def of(cls, traced: Traced) -> Call:
        error = traced.result
        args, result = decode(traced.function, traced.arguments, traced.raw, error)
        errno = error.code.name if isinstance(error, Errno) else None
        return cls(
            traced.function.name,
            args,
            result,
            errno,
            traced.start / 1e9,
            traced.duration / 1e9,
            traced.blocked / 1e9,
            traced.thread.process.pid,
            traced.thread.tid,
            not isinstance(error, Exception) or errno is not None,
        )

    def __str__(self) -> str:
        outcome = self.errno or (shown(self.result) if self.finished else "?")
        waited = f", {self.blocked:.6f} waiting" if self.blocked else ""
        return f"{show(self.name, self.args, outcome)} <{self.duration:.6f}{waited}>"

    def json(self) -> str:
        """One JSON object, without line breaks. Bytes that are not UTF-8 are escaped."""
        record = {
            "pid": self.pid,
            "tid": self.tid,
            "name": self.name,
            "args": {name: _json(value) for name, value in self.args.items()},
            "result": _json(self.result),
            "errno": self.errno,
            "start": self.start,
            "duration": self.duration,
            "blocked": self.blocked,
            "finished": self.finished,
        }
        return json.dumps(record)


def _json(value: Value) -> Any:
    match value:
        case Buffer():
            return value.decode("utf-8", "backslashreplace")
        case Unfilled():
            return None
        case str():
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        case list():
            return [_json(item) for item in value]
        case dict():
            return {name: _json(item) for name, item in value.items()}
    return value


class Trace:
    """The system calls of guests, as an iterator of `Call` that waits for the next one.

    >>> with wasix.Popen(["cowsay", "hi"], stdout=wasix.DEVNULL, trace=True) as process:
    ...     names = {call.name for call in process.trace}
    >>> "fd_write" in names
    True

    It ends with the guest, or when it is closed. A guest never waits for its reader: at most
    `size` records are kept, and when there are more the oldest are dropped and counted in `lost`.
    `async for` works as well, in one task at a time.
    """

    def __init__(self, size: int = SIZE) -> None:
        self.lost = 0
        """Records dropped because they were not read in time."""
        self.closed = False
        self._calls: deque[Call] = deque(maxlen=size)
        self._changed = threading.Condition(threading.Lock())
        self._waiter: Callable[[], None] | None = None

    def put(self, call: Call) -> None:
        """Append a record; the oldest is dropped if there are too many."""
        with self._changed:
            if not self.closed:
                self.lost += len(self._calls) == self._calls.maxlen
                self._calls.append(call)
                self._tell()

    def close(self) -> None:
        """No more records come; those that are there can still be read."""
        with self._changed:
            self.closed = True
            self._tell()

    def _tell(self) -> None:
        self._changed.notify()
        if self._waiter:
            self._waiter()
            self._waiter = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Call:
        with self._changed:
            # In steps, so that an interrupt is noticed whichever thread it reaches.
            while not self._calls and not self.closed:
                self._changed.wait(0.25)
            if not self._calls:
                raise StopIteration
            return self._calls.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Call:
        from wasix.api.loop import waking  # and with it asyncio, which few need

        while True:
            with self._changed:
                if self._calls:
                    return self._calls.popleft()
                if self.closed:
                    raise StopAsyncIteration
                woken, self._waiter = waking()
            await woken

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(slots=True)
class _Row:
    calls: int = 0
    errors: int = 0
    seconds: float = 0.0


@dataclass
class Summary:
    """Counts calls by name: how many, how many failed, and how long they worked without waiting."""

    rows: dict[str, _Row] = field(default_factory=dict)

    def add(self, call: Call) -> None:
        row = self.rows.setdefault(call.name, _Row())
        row.calls += 1
        row.errors += call.errno is not None
        row.seconds += call.duration - call.blocked

    def table(self) -> str:
        """The table `strace -c` writes, the longest time first. Waiting is not counted."""
        total = _Row(
            sum(row.calls for row in self.rows.values()),
            sum(row.errors for row in self.rows.values()),
            sum(row.seconds for row in self.rows.values()),
        )
        order = sorted(self.rows.items(), key=lambda item: (-item[1].seconds, item[0]))
        rule = "------ ----------- ----------- --------- --------- ----------------"
        lines: Iterable[str] = (
            "% time     seconds  usecs/call     calls    errors syscall",
            rule,
            *(_line(name, row, total.seconds) for name, row in order),
            rule,
            _line("total", total, total.seconds),
        )
        return "\n".join(lines)

    def json(self) -> str:
        """One JSON object: by name, the number of calls and errors and the seconds."""
        return json.dumps({"summary": {name: asdict(row) for name, row in self.rows.items()}})


def _line(name: str, row: _Row, seconds: float) -> str:
    share = 100 * row.seconds / seconds if seconds else 100.0 * (name == "total")
    each = round(1e6 * row.seconds / row.calls) if row.calls else 0
    errors = row.errors or ""
    return f"{share:6.2f} {row.seconds:11.6f} {each:11d} {row.calls:9d} {errors:>9} {name}"
