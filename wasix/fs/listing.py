"""Listings that are read as a whole: a cookie is a position in the names there were at the start.

For filesystems whose storage has no cookies that outlive a change.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from wasix.fs.file import OpenDirectory
from wasix.fs.inode import Directory, DirectoryEntry

MOST_LISTED = 1 << 18
"""Names that all open directories of a filesystem remember at once."""


class Listings:
    """The listings of one filesystem; beyond `MOST_LISTED` names the oldest ones forget theirs."""

    def __init__(self) -> None:
        self._counts: WeakKeyDictionary[SnapshotListing, int] = WeakKeyDictionary()

    def keep(self, listing: SnapshotListing, count: int) -> None:
        self._counts.pop(listing, None)
        self._counts[listing] = count
        while len(self._counts) > 1 and sum(self._counts.values()) > MOST_LISTED:
            oldest = next(iter(self._counts))
            del self._counts[oldest]
            oldest.forget()


class SnapshotListing(OpenDirectory):
    """An open directory whose entries are read when a listing starts at cookie 0."""

    def __init__(self, inode: Directory, listings: Listings, flags: int = 0) -> None:
        super().__init__(inode, flags)
        self._listings = listings
        self._names: list[DirectoryEntry] | None = None

    def entries(self, cookie: int) -> Iterator[DirectoryEntry]:
        names = self._names
        if not cookie or names is None:
            names = self._names = self.read_all()
            self._listings.keep(self, len(names))
        return (names[place] for place in range(cookie, len(names)))

    def forget(self) -> None:
        """Drop the names; a reader in the middle of them gets on with new ones."""
        self._names = None

    @abstractmethod
    def read_all(self) -> list[DirectoryEntry]:
        """Every entry, `.` and `..` first, numbered from 1 on."""
