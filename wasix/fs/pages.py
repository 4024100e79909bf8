"""Where a memory filesystem keeps bytes: pages by number, counted against a quota."""

from __future__ import annotations

from io import BytesIO

from wasix.fs.quota import Quota

PAGE_BITS = 16
PAGE = 1 << PAGE_BITS
_MASK = PAGE - 1
GRAIN = 512
"""Pages grow by multiples of this many bytes."""
_LESS, _GRAINS = GRAIN - 1, -GRAIN
PAGE_CHARGE = 512
"""Price of a page besides its bytes: what Python's objects for it take."""


class Page:
    """The bytes of a page up to the last one written. `room` is how many have been charged for.

    They are a file of Python's, since that copies straight between itself and a buffer, without an
    object for the range that is copied. `user` is the open file whose offset is where that file's
    own position is, if that is known: it need not seek, and who moves the position sets this to
    None. `changed` is set by whoever writes, and cleared by who has saved it.
    """

    __slots__ = ("bytes", "changed", "room", "user")

    def __init__(self) -> None:
        self.bytes = BytesIO()
        self.changed = True
        self.room = 0
        self.user: object = None

    def getvalue(self) -> bytes:
        return self.bytes.getvalue()


Pages = dict[int, Page]
"""Bytes by offset, as pages by number. What is missing reads as zeros."""


def read(pages: Pages, buffer: memoryview, offset: int) -> None:
    """Fill `buffer` from `offset` on."""
    start, length = offset & _MASK, len(buffer)
    # Nearly all there are lie in one page.
    if start + length > PAGE:
        first = PAGE - start
        read(pages, buffer[:first], offset)
        for at in range(first, length, PAGE):
            read(pages, buffer[at : at + PAGE], offset + at)
        return
    page = pages.get(offset >> PAGE_BITS)
    stored = 0
    if page is not None:
        page.user = None
        page.bytes.seek(start)
        stored = page.bytes.readinto(buffer)
    if stored < length:
        buffer[stored:] = bytes(length - stored)


def write(pages: Pages, quota: Quota, buffer: memoryview, offset: int) -> int:
    """Write as much of `buffer` as the quota has room for; the number of bytes."""
    at, length = 0, len(buffer)
    while at < length:
        start = offset & _MASK
        page = reserve(pages, quota, offset >> PAGE_BITS, start, min(PAGE, start + length - at))
        if page is None:
            break
        step = min(page.room - start, length - at)
        page.user = None
        page.bytes.seek(start)
        page.bytes.write(buffer[at : at + step])
        page.changed = True
        at += step
        offset += step
    return at


def reserve(pages: Pages, quota: Quota, index: int, start: int, end: int) -> Page | None:
    """The page with room for `start` to `end`, or less of it if the quota allows no more; None if
    there is no room behind `start`. Pages are charged for in whole grains."""
    page = pages.get(index)
    need = (end + _LESS) & _GRAINS
    if page is None:
        have, price, grown = 0, PAGE_CHARGE, need
    else:
        have, price = page.room, 0
        if end <= have:
            return page
        # Growing by doubling keeps small appends cheap; near the limit what is needed must do.
        grown = max(need, min(2 * have, PAGE))
    cost = grown - have + price
    if quota.used + cost > quota.limit:
        grown = min(need, have + max(0, quota.free - price) // GRAIN * GRAIN)
        if grown <= start:
            return None
        cost = grown - have + price
    quota.used += cost
    if page is None:
        page = pages[index] = Page()
    page.room = grown
    return page


def cut(pages: Pages, quota: Quota, size: int) -> None:
    """Drop everything from offset `size` on. Pages are emptied, for whoever still has them."""
    last, rest = size >> PAGE_BITS, size & _MASK
    for index in [index for index in pages if index >= last]:
        page = pages[index]
        if index == last and rest:
            page.bytes.truncate(rest)
            page.changed = True
            keep = min(page.room, -(-rest // GRAIN) * GRAIN)
            quota.refund(page.room - keep)
            page.room = keep
        else:
            quota.refund(page.room + PAGE_CHARGE)
            page.bytes.truncate(0)
            page.room = 0
            del pages[index]


def drop(pages: Pages, quota: Quota) -> None:
    """Drop them all; nobody has one."""
    for page in pages.values():
        quota.used -= page.room + PAGE_CHARGE
    pages.clear()
