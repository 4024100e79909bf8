"""Where a memory filesystem keeps bytes: pages by number, counted against a quota."""

from __future__ import annotations

from io import BytesIO

from wasix.fs.quota import Quota

PAGE_BITS = 16
PAGE = 1 << PAGE_BITS
GRAIN = 512
"""Pages grow by multiples of this many bytes."""
PAGE_CHARGE = 512
"""Price of a page besides its bytes: what Python's objects for it take."""


class Page(BytesIO):
    """The bytes of a page up to the last one written. `room` is how many have been charged for.

    `user` is the open file whose offset is where the page's own position is, if that is known: it
    need not seek, and who moves the position sets this to None. `changed` is set by whoever writes,
    and cleared by who has saved it.
    """

    __slots__ = ("changed", "room", "user")

    def __init__(self) -> None:
        self.changed = True
        self.room = 0
        self.user: object = None


class Pages(dict[int, Page]):
    """Bytes by offset, as pages by number. What is missing reads as zeros.

    Pages are charged for in whole grains. They are files of Python's because those copy straight
    between themselves and a buffer, without an object for the range that is copied.
    """

    __slots__ = ("_quota",)

    def __init__(self, quota: Quota) -> None:
        super().__init__()
        self._quota = quota

    def read(self, buffer: memoryview, offset: int) -> None:
        """Fill `buffer` from `offset` on."""
        at, length = 0, len(buffer)
        while at < length:
            start = offset & PAGE - 1
            step = min(PAGE - start, length - at)
            page = self.get(offset >> PAGE_BITS)
            stored = at
            if page is not None:
                page.user = None
                page.seek(start)
                stored += page.readinto(buffer[at : at + step])
            at += step
            if stored < at:
                buffer[stored:at] = bytes(at - stored)
            offset += step

    def write(self, buffer: memoryview, offset: int) -> int:
        """Write as much of `buffer` as the quota has room for; the number of bytes."""
        at, length = 0, len(buffer)
        while at < length:
            start = offset & PAGE - 1
            page = self.reserve(offset >> PAGE_BITS, start, min(PAGE, start + length - at))
            if page is None:
                break
            step = min(page.room - start, length - at)
            page.user = None
            page.seek(start)
            page.write(buffer[at : at + step])
            page.changed = True
            at += step
            offset += step
        return at

    def reserve(self, index: int, start: int, end: int) -> Page | None:
        """The page with room for `start` to `end`, or less of it if the quota allows no more; None
        if there is no room behind `start`."""
        page = self.get(index)
        have = 0 if page is None else page.room
        if page is not None and end <= have:
            return page
        need = -(-end // GRAIN) * GRAIN
        # Growing by doubling keeps small appends cheap; near the limit what is needed must do.
        price = PAGE_CHARGE if page is None else 0
        free = max(0, self._quota.free - price) // GRAIN * GRAIN
        grown = max(need, min(2 * have, PAGE))
        if grown - have > free:
            grown = min(need, have + free)
        if grown <= start:
            return None
        self._quota.charge(grown - have + price)
        if page is None:
            page = self[index] = Page()
        page.room = grown
        return page

    def cut(self, size: int) -> None:
        """Drop everything from offset `size` on. Pages are emptied, for whoever still has them."""
        last, rest = size >> PAGE_BITS, size & PAGE - 1
        for index in [index for index in self if index >= last]:
            page = self[index]
            if index == last and rest:
                page.truncate(rest)
                page.changed = True
                keep = min(page.room, -(-rest // GRAIN) * GRAIN)
                self._quota.refund(page.room - keep)
                page.room = keep
            else:
                self._quota.refund(page.room + PAGE_CHARGE)
                page.truncate(0)
                page.room = 0
                del self[index]
