"""Hostile guests: any call with any arguments ends in an errno, a wait, or the guest's own end."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.calls.conftest import Guest, make_guest
from wasix.abi import CALLS, E, Unwind
from wasix.abi.bind import Call
from wasix.proc.wait import Block

FULL = "WASIX_TEST_FULL" in os.environ
PAGE = 65536

# Descriptors, pointers and lengths that mean something, and those at every edge.
NUMBERS = st.one_of(
    st.integers(0, 8),
    st.sampled_from([8, 16, 64, 100, 1024, 4096, PAGE - 8, PAGE - 1, PAGE, 2**31, 2**32 - 1]),
    st.integers(0, 2**32 - 1),
)
LONGS = st.one_of(
    st.integers(0, 8), st.sampled_from([2**31, 2**32, 2**62, 2**63, 2**64 - 1]), NUMBERS
)
PATHS = [b"a", b"a/b", b"dir", b"dir/x", b"..", b"/", b"link", b"\xff", b"a\0b", b"dev/null", b"."]


@st.composite
def calls(draw: st.DrawFn) -> tuple[int, list[int]]:
    number = draw(st.integers(0, len(CALLS) - 1))
    function = CALLS[number]
    arguments = []
    for _, scalar in function.slots:
        if scalar is None or scalar.size < 8:
            arguments.append(draw(NUMBERS))
        elif scalar.name == "rights":
            arguments.append(draw(st.one_of(st.just(2**64 - 1), LONGS)))
        elif scalar.code == "q":
            arguments.append(draw(st.integers(-(2**63), 2**63 - 1)))
        else:
            arguments.append(draw(LONGS))
    return number, arguments


def memory(seed: bytes) -> memoryview:
    """A page with paths and buffer lists at the places the arguments like to name."""
    page = bytearray(PAGE)
    for index, path in enumerate(PATHS):
        page[index : index + len(path)] = path
    for at in (16, 64, 1024):
        page[at : at + 16] = (4096).to_bytes(4, "little") + (64).to_bytes(4, "little") + seed[:8]
    page[4096 : 4096 + len(seed)] = seed
    return memoryview(page)


def invoke(
    guest: Guest, decoders: list[Call], number: int, arguments: list[int], at: memoryview
) -> None:
    try:
        errno = decoders[number](at, arguments)
    except Block:
        guest.process.main.call.clear()
    except Unwind:
        assert guest.process.status is not None
    else:
        assert abs(errno) in E.__members__.values()


@settings(
    max_examples=20_000 if FULL else 300,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(calls(), min_size=1, max_size=30), st.binary(min_size=16, max_size=256))
def test_fuzz_system_calls(sequence: list[tuple[int, list[int]]], seed: bytes) -> None:
    guest = make_guest(filesystem_limit=1 << 20)
    decoders = [guest.process.kernel.direct(function, guest.process.main) for function in CALLS]
    at = memory(seed)
    for number, arguments in sequence:
        if guest.process.status is not None:
            break
        invoke(guest, decoders, number, arguments, at)
    assert len(guest.process.descriptors.entries) <= guest.process.descriptors.limit
