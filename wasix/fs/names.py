"""The order of a directory's names, and the cookies that continue a listing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

_FIRST = 3
"""The cookies 1 and 2 stand behind `.` and `..`."""


class Order:
    """Names in the order they came, each with a cookie that is never given again.

    So a listing can go on after any change: it looks for the first later cookie by bisection. A
    name that has gone leaves a gap; gaps are closed when they are more than the names.
    """

    __slots__ = ("_cookies", "_gaps", "_names", "_next")

    def __init__(self) -> None:
        self._cookies: list[int] = []
        self._names: list[str | None] = []
        self._gaps = 0
        self._next = _FIRST

    def add(self, name: str) -> int:
        """Put `name` last; its cookie."""
        cookie = self._next
        self._next += 1
        self._cookies.append(cookie)
        self._names.append(name)
        return cookie

    def remove(self, cookie: int) -> None:
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
