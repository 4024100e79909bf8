"""Clocks that are set, sleeping, and interval timers: on a clock that the test moves."""

from __future__ import annotations

import struct
from typing import cast

import pytest

from tests.calls.conftest import Guest, ManualHost
from wasix.abi import UNWIND, UPCALL, E, Errno
from wasix.abi.instance import Upcall
from wasix.abi.wasix import WASIX
from wasix.proc.carrier import OsThreadCarrier
from wasix.proc.process import Thread
from wasix.proc.signal import Signal
from wasix.proc.wait import Block

SECOND = 1_000_000_000
REALTIME, MONOTONIC, PROCESS, THREAD = range(4)


def set_timer(guest: Guest, name: str, interval: int, *, repeat: bool = False) -> None:
    guest.call("proc_raise_interval", name, interval, int(repeat))


# The time of day.


def test_a_set_clock_goes_on_from_there_for_all(guest: Guest) -> None:
    guest.call("clock_time_set", REALTIME, 5 * SECOND)
    assert guest.call("clock_time_get", REALTIME, 1) == 5 * SECOND
    guest.host.now += 3
    other = guest.process.child()
    assert guest.call("clock_time_get", REALTIME, 1) == 5 * SECOND + 3
    assert (
        Guest(guest.host, other, guest.stdin, guest.stdout).call("clock_time_get", REALTIME, 1)
        == 5 * SECOND + 3
    )


def test_setting_it_moves_neither_other_clocks_nor_files(guest: Guest) -> None:
    before = guest.call("clock_time_get", MONOTONIC, 1)
    guest.call("clock_time_set", REALTIME, 5)
    assert guest.call("clock_time_get", MONOTONIC, 1) == before
    guest.call("path_create_directory", 3, "d")
    assert guest.stat(3, "d").mtim == guest.host.realtime()


def test_absolute_waits_are_for_the_clock_that_was_set(guest: Guest) -> None:
    from tests.calls.test_poll import clock, poll

    guest.call("clock_time_set", REALTIME, 100 * SECOND)
    with pytest.raises(Block) as caught:
        poll(guest, clock(1, 103 * SECOND, REALTIME, 1))
    assert caught.value.deadline == guest.host.now + 3 * SECOND


@pytest.mark.parametrize(
    ("which", "time"), [(MONOTONIC, 5), (PROCESS, 5), (THREAD, 5), (REALTIME, 1 << 63)]
)
def test_what_cannot_be_set_is_inval(guest: Guest, which: int, time: int) -> None:
    with pytest.raises(Errno, match="inval"):
        guest.call("clock_time_set", which, time)


# Sleeping.


def test_a_sleep_ends_at_its_time(guest: Guest) -> None:
    begin = guest.host.now
    for _ in range(2):
        with pytest.raises(Block) as caught:
            guest.call("thread_sleep", 3 * SECOND)
        assert caught.value.deadline == begin + 3 * SECOND
        guest.host.now += SECOND
    guest.host.now += SECOND
    guest.call("thread_sleep", 3 * SECOND)
    with pytest.raises(Block):
        guest.call("thread_sleep", 1)


def test_no_time_is_no_sleep(guest: Guest) -> None:
    guest.call("thread_sleep", 0)


# Timers.


class Clockwork:
    """Stands in for a carrier's condition: waiting moves the clock, and wakes nobody."""

    def __init__(self, host: ManualHost) -> None:
        self.host = host
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "it would sleep for ever"
        self.waits.append(timeout)
        self.host.now += round(timeout * 1e9)
        return False

    def notify(self) -> None:
        """Nobody else sleeps."""


class Carried:
    """A guest's thread as an engine has it: its calls, and the signals it is given."""

    def __init__(self, guest: Guest) -> None:
        self.carrier = OsThreadCarrier(guest.process.main)
        self.clockwork = Clockwork(guest.host)
        self.carrier._condition = self.clockwork  # type: ignore[assignment]
        self.memory = memoryview(bytearray(256))
        self.signals: list[Signal] = []

    def call(self, name: str, *args: int) -> int:
        (function,) = WASIX.variants(name)
        with self.carrier.kernel.lock:
            answer = self.carrier.entry(function)(self.memory, args)
            while answer == UPCALL:
                upcall = self.carrier.upcall()
                assert isinstance(upcall, Upcall)
                self.signals.append(Signal(upcall.arguments[0]))
                answer = self.carrier.proceed(self.memory)
        return answer

    def alarm(self, interval: int, *, repeat: bool = False, signal: Signal = Signal.ALRM) -> None:
        assert self.call("proc_raise_interval", signal, interval, int(repeat)) == 0


@pytest.fixture
def carried(guest: Guest) -> Carried:
    guest.process.callback = "__wasm_signal"
    return Carried(guest)


def test_a_timer_ends_a_sleep(guest: Guest, carried: Carried) -> None:
    begin = guest.host.now
    carried.alarm(2 * SECOND)
    assert carried.call("thread_sleep", 100 * SECOND) == E.INTR
    assert carried.signals == [Signal.ALRM]
    assert guest.host.now == begin + 2 * SECOND
    assert carried.call("thread_sleep", 10 * SECOND) == 0
    assert guest.host.now == begin + 12 * SECOND


def test_a_timer_ends_an_endless_wait(guest: Guest, carried: Carried) -> None:
    carried.alarm(SECOND)
    struct.pack_into("<II", carried.memory, 0, 16, 8)
    assert carried.call("fd_read", 0, 0, 1, 8) == E.INTR
    assert carried.signals == [Signal.ALRM]


def test_a_guest_that_computes_hears_of_it_in_its_next_call(guest: Guest, carried: Carried) -> None:
    carried.alarm(SECOND)
    assert carried.call("sched_yield") == 0
    assert carried.signals == []
    guest.host.now += SECOND
    assert carried.call("sched_yield") == 0
    assert carried.signals == [Signal.ALRM]
    guest.host.now += 10 * SECOND
    carried.call("sched_yield")
    assert carried.signals == [Signal.ALRM]


def test_a_repeated_timer_comes_again_and_counts_what_was_missed_once(
    guest: Guest, carried: Carried
) -> None:
    begin = guest.host.now
    carried.alarm(SECOND, repeat=True)
    for count in range(1, 4):
        assert carried.call("thread_sleep", 100 * SECOND) == E.INTR
        assert guest.host.now == begin + count * SECOND
    guest.host.now = begin + 7 * SECOND + 1
    carried.call("sched_yield")
    assert carried.signals == [Signal.ALRM] * 4
    assert carried.call("thread_sleep", 100 * SECOND) == E.INTR
    assert guest.host.now == begin + 8 * SECOND


def test_each_signal_has_one_timer(guest: Guest, carried: Carried) -> None:
    carried.alarm(SECOND)
    carried.alarm(3 * SECOND)
    carried.alarm(2 * SECOND, signal=Signal.USR1)
    for _ in range(2):
        assert carried.call("thread_sleep", 100 * SECOND) == E.INTR
    assert carried.signals == [Signal.USR1, Signal.ALRM]


def test_an_interval_of_0_takes_it_away(guest: Guest, carried: Carried) -> None:
    carried.alarm(SECOND, repeat=True)
    carried.alarm(0)
    assert carried.call("thread_sleep", 10 * SECOND) == 0
    assert carried.signals == []


def test_no_signal_has_no_timer(guest: Guest) -> None:
    with pytest.raises(Errno, match="inval"):
        set_timer(guest, "none", 1)


def test_without_a_callback_it_does_what_the_signal_does(guest: Guest) -> None:
    carried = Carried(guest)
    carried.alarm(SECOND)
    assert carried.call("thread_sleep", 100 * SECOND) == UNWIND
    assert guest.process.status == 128 + Signal.ALRM


def test_without_a_callback_it_ends_who_computes_at_the_next_call(guest: Guest) -> None:
    carried = Carried(guest)
    carried.alarm(SECOND)
    guest.host.now += SECOND
    assert carried.call("sched_yield") == UNWIND
    assert guest.process.status == 128 + Signal.ALRM


def test_an_ignored_signal_lets_a_sleep_go_on(guest: Guest) -> None:
    carried = Carried(guest)
    guest.process.set_ignored(Signal.ALRM, True)
    begin = guest.host.now
    carried.alarm(SECOND, repeat=True)
    assert carried.call("thread_sleep", 5 * SECOND // 2) == 0
    assert guest.host.now == begin + 5 * SECOND // 2
    assert guest.process.status is None


def test_a_timer_is_not_inherited_but_outlives_exec(guest: Guest, carried: Carried) -> None:
    carried.alarm(SECOND)
    assert guest.process.child().timers.deadline is None
    guest.process.callback = None
    assert carried.call("thread_sleep", 100 * SECOND) == UNWIND


def test_a_thread_that_begins_later_looks_too(guest: Guest, carried: Carried) -> None:
    carried.alarm(SECOND)
    assert Thread(guest.process, 50).attention


def test_its_end_ends_its_timers(guest: Guest) -> None:
    set_timer(guest, "alrm", SECOND, repeat=True)
    guest.process.exit(0)
    assert cast(object, guest.process.timers.deadline) is None
