"""Where a memory filesystem keeps bytes: pages by number, counted against a quota."""

from __future__ import annotations

from wasix.abi import E, Errno
from wasix.fs.file import MAX_OFFSET

PAGE_BITS = 16
PAGE = 1 << PAGE_BITS
GRAIN = 512
"""Pages grow by multiples of this many bytes."""
PAGE_CHARGE = 512
"""Price of a page besides its bytes: what Python's objects for it take."""


_NOTHING = memoryview(b"")


class Quota:
    """What a filesystem may take in bytes (`limit`, None for no limit), and takes (`used`)."""

    def __init__(self, limit: int | None) -> None:
        self.limited = limit is not None
        self.limit = MAX_OFFSET if limit is None else limit
        self.used = 0

    @property
    def free(self) -> int:
        return self.limit - self.used

    def charge(self, size: int) -> None:
        """Take `size` bytes, all or none (`nospc`)."""
        if size > self.limit - self.used:
            raise Errno(E.NOSPC)
        self.used += size

    def refund(self, size: int) -> None:
        self.used -= size


class Pages(dict[int, memoryview]):
    """Bytes by offset, as pages by number.

    A page reaches up to its last byte written, in whole grains. What is missing reads as zeros.
    Pages are views because slicing a view copies nothing.
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
            piece = page[start : start + step] if page is not None else b""
            stored = at + len(piece)
            buffer[at:stored] = piece
            if len(piece) < step:
                buffer[stored : at + step] = bytes(step - len(piece))
            at += step
            offset += step

    def write(self, buffer: memoryview, offset: int) -> int:
        """Write as much of `buffer` as the quota has room for; the number of bytes."""
        at, length = 0, len(buffer)
        while at < length:
            start = offset & PAGE - 1
            page = self.reserve(offset >> PAGE_BITS, start, min(PAGE, start + length - at))
            step = min(len(page) - start, length - at)
            if step <= 0:
                break
            page[start : start + step] = buffer[at : at + step]
            at += step
            offset += step
        return at

    def reserve(self, index: int, start: int, end: int) -> memoryview:
        """The page with room for `start` to `end` in it; shorter if the quota allows no more."""
        page = self.get(index)
        have = 0 if page is None else len(page)
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
            return _NOTHING
        self._quota.charge(grown - have + price)
        return self._resize(index, grown)

    def _resize(self, index: int, size: int) -> memoryview:
        """The page at `index`, longer or shorter."""
        data = bytearray(size)
        old = self.pop(index, None)
        if old is not None:
            kept = min(size, len(old))
            data[:kept] = old[:kept]
        page = memoryview(data)
        if size:
            self[index] = page
        return page

    def cut(self, size: int) -> None:
        """Drop everything from offset `size` on."""
        last, rest = size >> PAGE_BITS, size & PAGE - 1
        for index in [index for index in self if index >= last]:
            page = self[index]
            if index == last and rest:
                keep = min(len(page), -(-rest // GRAIN) * GRAIN)
                self._quota.refund(len(page) - keep)
                if keep > rest:
                    page[rest:keep] = bytes(keep - rest)
                self._resize(index, keep)
            else:
                self._quota.refund(len(page) + PAGE_CHARGE)
                del self[index]
