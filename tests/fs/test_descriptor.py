"""Numbers of descriptors: always the lowest free one, as POSIX has it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasix.abi import Errno
from wasix.abi.types import Rights
from wasix.fs.descriptor import DescriptorTable
from wasix.fs.devices import null

LIMIT = 12
numbers = st.integers(0, LIMIT + 1)
steps = st.lists(
    st.one_of(
        st.just(("open",)),
        st.tuples(st.just("close"), numbers),
        st.tuples(st.just("renumber"), numbers, numbers),
        st.tuples(st.just("duplicate"), numbers, numbers),
        st.tuples(st.just("clone"), numbers, numbers),
        st.tuples(st.just("restrict"), numbers),
        st.just(("close all",)),
    ),
    max_size=60,
)


@given(steps)
def test_a_new_descriptor_has_the_lowest_free_number(taken: list[tuple[str | int, ...]]) -> None:
    table = DescriptorTable(LIMIT)
    without = Rights.ALL & ~Rights.FD_WRITE
    for what, *about in taken:
        with suppress(Errno):
            match what, about:
                case "open", []:
                    free = min(set(range(LIMIT + 1)) - table.entries.keys())
                    assert table.add(null()) == free
                case "close", [int(fd)]:
                    table.close(fd)
                case "renumber", [int(fd), int(to)]:
                    table.renumber(fd, to)
                case "duplicate", [int(fd), int(to)]:
                    table.duplicate(fd, to)
                case "clone", [int(fd), int(least)]:
                    free = min(set(range(least, LIMIT + 2)) - table.entries.keys(), default=LIMIT)
                    assert table.clone(fd, least) == free
                case "restrict", [int(fd)]:
                    table.restrict(fd, table.get(fd).rights & without, 0)
                case _:
                    table.close_all()
        for copy in (table, table.copy()):
            check_moves(copy)
    assert len(table.entries) <= LIMIT


def check_moves(table: DescriptorTable) -> None:
    """A number always means how the open file behind it is read and written."""
    for fd in range(LIMIT + 2):
        entry = table.entries.get(fd)
        for moves, name in ((table.readers, "read"), (table.writers, "write")):
            if entry is None or not entry.rights & moves.right:
                with pytest.raises(Errno):
                    moves[fd]
            else:
                assert moves[fd] == getattr(entry.file, name)
