"""`poll_oneoff`: clocks and descriptors mixed, on a clock that the test moves."""

from __future__ import annotations

from typing import cast

import pytest

from tests.calls.conftest import Guest
from wasix.abi import E, Errno
from wasix.abi.types import (
    Event,
    Subscription,
    SubscriptionClock,
    SubscriptionFd,
)
from wasix.proc.wait import Block

CLOCK, READ, WRITE = range(3)
REALTIME, MONOTONIC = range(2)
SECOND = 1_000_000_000


def clock(userdata: int, timeout: int, which: int = MONOTONIC, flags: int = 0) -> Subscription:
    return Subscription(userdata, (CLOCK, SubscriptionClock(which, timeout, 0, flags)))


def descriptor(userdata: int, event: int, fd: int) -> Subscription:
    return Subscription(userdata, (event, SubscriptionFd(fd)))


def poll(guest: Guest, *subscriptions: Subscription) -> list[Event]:
    return cast(list[Event], guest.call("poll_oneoff", list(subscriptions)))


def test_nothing_to_wait_for_is_inval(guest: Guest) -> None:
    with pytest.raises(Errno, match="inval"):
        poll(guest)


@pytest.mark.parametrize("which", [REALTIME, MONOTONIC])
def test_a_relative_timeout_counts_from_the_first_try(guest: Guest, which: int) -> None:
    begin = guest.host.now
    for _ in range(3):
        with pytest.raises(Block) as caught:
            poll(guest, clock(7, 3 * SECOND, which))
        assert caught.value.deadline == begin + 3 * SECOND
        guest.host.now += SECOND
    (event,) = poll(guest, clock(7, 3 * SECOND, which))
    assert (event.userdata, event.error, event.type) == (7, E.SUCCESS, CLOCK)


def test_the_next_call_counts_anew(guest: Guest) -> None:
    with pytest.raises(Block):
        poll(guest, clock(1, SECOND))
    guest.host.now += SECOND
    assert poll(guest, clock(1, SECOND))
    with pytest.raises(Block) as caught:
        poll(guest, clock(1, SECOND))
    assert caught.value.deadline == guest.host.now + SECOND


@pytest.mark.parametrize("which", [REALTIME, MONOTONIC])
def test_an_absolute_timeout_is_the_clocks(guest: Guest, which: int) -> None:
    now = guest.host.realtime() if which == REALTIME else guest.host.monotonic()
    assert poll(guest, clock(1, now - 1, which, 1))
    with pytest.raises(Block) as caught:
        poll(guest, clock(1, now + SECOND, which, 1))
    assert caught.value.deadline == guest.host.now + SECOND


def test_the_earliest_of_several_clocks_is_waited_for(guest: Guest) -> None:
    with pytest.raises(Block) as caught:
        poll(guest, clock(1, 5 * SECOND), clock(2, 2 * SECOND), descriptor(3, READ, 0))
    assert caught.value.deadline == guest.host.now + 2 * SECOND
    assert caught.value.queues == (guest.stdin.readable,)


def test_everything_that_has_occurred_is_reported_in_order(guest: Guest) -> None:
    guest.stdin.put(b"abc")
    events = poll(
        guest,
        descriptor(1, WRITE, 1),
        clock(2, 0),
        clock(3, SECOND),
        descriptor(4, READ, 0),
        descriptor(5, READ, 99),
    )
    assert [(event.userdata, event.error) for event in events] == [
        (1, E.SUCCESS),
        (2, E.SUCCESS),
        (4, E.SUCCESS),
        (5, E.BADF),
    ]
    assert events[2].fd_readwrite.nbytes == 3


def test_a_closed_writer_is_a_hangup(guest: Guest) -> None:
    guest.stdin.close_write()
    (event,) = poll(guest, descriptor(1, READ, 0))
    assert event.fd_readwrite == (0, 1)


def test_a_full_pipe_is_not_writable_until_it_is_read(guest: Guest) -> None:
    guest.stdout.put(bytes(guest.stdout.capacity))
    with pytest.raises(Block) as caught:
        poll(guest, descriptor(1, WRITE, 1))
    assert caught.value.queues == (guest.stdout.writable,)
    guest.stdout.take(1)
    assert poll(guest, descriptor(1, WRITE, 1))
