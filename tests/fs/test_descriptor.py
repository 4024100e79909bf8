"""Numbers of descriptors: always the lowest free one, as POSIX has it."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from wasix.abi import Errno
from wasix.fs.descriptor import DescriptorTable
from wasix.fs.devices import null

LIMIT = 12
numbers = st.integers(0, LIMIT + 1)
steps = st.lists(
    st.one_of(
        st.just(("open",)),
        st.tuples(st.just("close"), numbers),
        st.tuples(st.just("renumber"), numbers, numbers),
        st.just(("close all",)),
    ),
    max_size=60,
)


@given(steps)
def test_a_new_descriptor_has_the_lowest_free_number(taken: list[tuple[str | int, ...]]) -> None:
    table = DescriptorTable(LIMIT)
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
                case _:
                    table.close_all()
    assert len(table.entries) <= LIMIT
