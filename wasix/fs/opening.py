"""How a path is to be opened."""

from __future__ import annotations

from dataclasses import dataclass

from wasix.abi.types import Oflags, Rights
from wasix.fs.descriptor import WRITE_RIGHTS
from wasix.fs.inode import Access

_FOLLOW = 1
"""`lookupflags` has this one bit."""
_MOST_KEPT = 256


@dataclass(slots=True)
class Opening:
    """What POSIX's open is told by its flags: `O_CREAT`, `O_EXCL`, `O_DIRECTORY`, and whether a
    link at the end is followed."""

    access: Access
    follow: bool = True
    create: bool = False
    exclusive: bool = False
    directory: bool = False


def opening(dirflags: int, oflags: int, rights: int, fdflags: int) -> Opening:
    """What the ABI's flags say, and the rights that the descriptor is to have."""
    write = rights & WRITE_RIGHTS != 0
    read = rights & Rights.FD_READ != 0 or not write
    return Opening(
        Access(read, write, oflags & Oflags.TRUNC != 0, fdflags),
        follow=dirflags & _FOLLOW != 0,
        create=oflags & Oflags.CREAT != 0,
        exclusive=oflags & Oflags.EXCL != 0,
        directory=oflags & Oflags.DIRECTORY != 0,
    )


@dataclass(slots=True)
class Request:
    """A guest's request to open something."""

    opening: Opening
    needed: int
    """Rights that the descriptor it starts from must have,"""
    inherited: int
    """and those that it must pass on."""
    rights: int
    inheriting: int


class Requests(dict[tuple[int, int, int, int, int], Request]):
    """Requests by the flags and rights of a `path_open`, in its order. A program makes few that
    differ in these."""

    def __missing__(self, key: tuple[int, int, int, int, int]) -> Request:
        dirflags, oflags, rights, inheriting, fdflags = key
        rights &= Rights.ALL
        inheriting &= Rights.ALL
        needed = Rights.PATH_OPEN
        if oflags & Oflags.CREAT:
            needed |= Rights.PATH_CREATE_FILE
        if oflags & Oflags.TRUNC:
            needed |= Rights.PATH_FILESTAT_SET_SIZE
        if len(self) >= _MOST_KEPT:
            self.clear()
        made = opening(dirflags, oflags, rights, fdflags)
        request = Request(made, needed, rights | inheriting, rights, inheriting)
        self[key] = request
        return request
