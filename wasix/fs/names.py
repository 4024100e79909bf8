"""The order of a directory's names, and the cookies that continue a listing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

_FIRST = 3
"""The cookies 1 and 2 stand behind `.` and `..`."""


class Order:
    """Names in the order they came, each with a cookie that is never given again.

    So a listing can go on after any change: it looks for the first later cookie by bisection. A
    name that has gone leaves a gap; gaps are closed when they are more than the names.
    """

    __slots__ = ("_cookies", "_gaps", "_names", "_next", "_of")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: list[str | None] = [*names]
        self._next = _FIRST + len(self._names)
        self._cookies = [*range(_FIRST, self._next)]
        self._of = dict(zip(names, self._cookies, strict=True))
        """Cookies by name."""
        self._gaps = 0

    def add(self, name: str) -> None:
        """Put `name` last, unless it has its place."""
        if name not in self._of:
            self._of[name] = self._next
            self._cookies.append(self._next)
            self._names.append(name)
            self._next += 1

    def remove(self, name: str) -> None:
        cookie = self._of.pop(name)
        if self._cookies[-1] == cookie:
            self._cookies.pop()
            self._names.pop()
            return
        self._names[bisect_left(self._cookies, cookie)] = None
        self._gaps += 1
        if self._gaps > 32 and 2 * self._gaps > len(self._names):
            kept = [place for place, name in enumerate(self._names) if name is not None]
            self._cookies = [self._cookies[place] for place in kept]
            self._names = [self._names[place] for place in kept]
            self._gaps = 0

    def after(self, cookie: int) -> Iterator[tuple[int, str]]:
        """(cookie, name) of everything behind `cookie`."""
        place = bisect_right(self._cookies, cookie)
        while place < len(self._names):
            name = self._names[place]
            if name is not None:
                yield self._cookies[place], name
            place += 1
