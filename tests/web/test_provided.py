"""Files that programs look for: packed for a bundle, mounted in a page."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.test_page import Desk
from wasix.fs.archive import ArchiveError
from wasix.fs.image import Image, ImageDirectory, ImageFile, ImageSymlink
from wasix.fs.inode import Access
from wasix.web.page import PageError
from wasix.web.provided import pack, unpack

TIME = 1_700_000_000 * 10**9

names = st.lists(st.sampled_from(["a", "b", "lib.so", "é"]), min_size=1, max_size=3).map("/".join)
contents = st.one_of(st.binary(max_size=300), st.sampled_from(["../a", "gone"]))


def tree(image: Image) -> dict[str, bytes | str]:
    found: dict[str, bytes | str] = {}

    def walk(directory: ImageDirectory, above: str) -> None:
        listing = directory.open(Access())
        for entry in list(listing.entries(0) or ()):
            inode = directory.lookup(entry.name)
            path = above + entry.name
            if entry.name in (".", ".."):
                continue
            if isinstance(inode, ImageDirectory):
                walk(inode, f"{path}/")
            elif isinstance(inode, ImageSymlink):
                found[path] = inode.target()
            else:
                assert isinstance(inode, ImageFile)
                data = bytearray(inode.size)
                inode.content.read_at([memoryview(data)], 0)
                found[path] = bytes(data)

    walk(image.root, "")
    return found


def nested(files: dict[str, bytes | str]) -> bool:
    """Whether one of them would lie below another."""
    return any(other.startswith(f"{name}/") for name in files for other in files)


@given(st.dictionaries(names, contents, max_size=6).filter(lambda files: not nested(files)))
def test_what_is_packed_is_unpacked(files: dict[str, bytes | str]) -> None:
    assert tree(unpack(pack(files.items()), "x", TIME)) == files


@given(st.dictionaries(names, contents, max_size=3), st.data())
def test_what_is_damaged_is_refused_in_a_documented_way(
    files: dict[str, bytes | str], data: st.DataObject
) -> None:
    packed = bytearray(pack(files.items()))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    with suppress(ArchiveError):
        unpack(bytes(packed), "x", TIME)


def test_a_program_finds_them_beside_what_is_there() -> None:
    page = Desk().page
    page.write_file("/usr/lib/own", b"mine")
    page.provide("/usr", pack([("include/a.h", b"int a;"), ("lib/own", b"theirs"), ("b", "lib")]))
    assert bytes(page.read_file("/usr/include/a.h")) == b"int a;"
    assert bytes(page.read_file("/usr/b/own")) == b"mine"
    page.write_file("/usr/include.h", b"new")
    with pytest.raises(PageError, match="rofs"):
        page.write_file("/usr/include/b.h", b"")


def test_where_they_cannot_be_it_is_told() -> None:
    page = Desk().page
    page.write_file("/usr", b"a file")
    with pytest.raises(PageError, match=r"^/usr: the program's files cannot be there: "):
        page.provide("/usr", pack([("a", b"")]))
    with pytest.raises(PageError, match=r"^/opt: the program's files cannot be there: "):
        page.provide("/opt", b"\1\0\0\0?")
