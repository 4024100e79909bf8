"""Signals between and within the calls of a guest that takes them, without an engine."""

from __future__ import annotations

import struct
from typing import Any, cast

import pytest

from tests.calls.conftest import Guest
from tests.calls.programs import with_programs
from wasix.abi import SUSPEND, UNWIND, UPCALL, E, lookup
from wasix.abi.instance import Upcall
from wasix.proc.carrier import OsThreadCarrier
from wasix.proc.signal import Signal

IOVEC, COUNT, DATA = 0, 8, 16


class Machine:
    """A guest's calls as an engine makes them, noting the signals that come between."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.process = guest.process
        self.carrier = OsThreadCarrier(self.process.main)
        self.memory = bytearray(4096)
        self.signals: list[int] = []
        with_programs(guest)
        assert self.call("callback_signal", DATA, 0) == 0
        self.memory[DATA : DATA + 7] = b"handler"
        assert self.call("callback_signal", DATA, 7) == 0

    def call(self, name: str, *arguments: int) -> int:
        function = lookup("wasix_32v1", name)[0]
        view = memoryview(self.memory)
        answer = self.carrier.entry(function)(view, arguments)
        while answer == UPCALL:
            upcall = self.carrier.upcall()
            assert isinstance(upcall, Upcall)
            assert upcall == Upcall("handler", upcall.arguments)
            self.signals += upcall.arguments
            answer = self.carrier.proceed(view)
        return answer

    def deliver(self, signal: Signal) -> None:
        with self.process.kernel.lock:
            self.process.deliver(signal)

    def read(self, fd: int = 0, size: int = 10) -> int:
        struct.pack_into("<II", self.memory, IOVEC, DATA, size)
        return self.call("fd_read", fd, IOVEC, 1, COUNT)


@pytest.fixture
def machine(guest: Guest) -> Machine:
    return Machine(guest)


def test_a_signal_to_oneself_comes_before_the_call_returns(machine: Machine) -> None:
    assert machine.call("proc_signal", machine.process.pid, Signal.USR1) == 0
    assert machine.signals == [Signal.USR1]


def test_a_signal_comes_before_the_next_call(machine: Machine) -> None:
    machine.guest.stdin.put(b"data")
    machine.deliver(Signal.USR1)
    machine.deliver(Signal.USR2)
    assert machine.read() == 0
    assert machine.memory[DATA : DATA + 4] == b"data"
    assert machine.signals == [Signal.USR1, Signal.USR2]


def test_the_same_signal_twice_is_one(machine: Machine) -> None:
    machine.deliver(Signal.USR1)
    machine.deliver(Signal.USR1)
    machine.call("proc_id", COUNT)
    assert machine.signals == [Signal.USR1]


def test_a_poll_or_a_sleep_does_not_begin_behind_a_signal(machine: Machine) -> None:
    """Else who waits for what a handler sets would wait for ever."""
    for signal in (Signal.USR1, Signal.CHLD):
        machine.deliver(signal)
        assert machine.call("thread_sleep", 10**18) == E.INTR
    assert machine.signals == [Signal.USR1, Signal.CHLD]
    machine.deliver(Signal.USR1)
    assert machine.call("thread_sleep", 0) == 0, "what does not wait is not ended"


def test_calls_within_the_function_for_signals_are_calls_like_others(guest: Guest) -> None:
    machine = Machine(guest)
    function = lookup("wasix_32v1", "proc_id")[0]
    enter, view = machine.carrier.entry(function), memoryview(machine.memory)
    machine.deliver(Signal.USR1)
    assert enter(view, (COUNT,)) == UPCALL
    machine.deliver(Signal.USR2)
    assert enter(view, (COUNT + 4,)) == UPCALL
    assert machine.carrier.upcall() == Upcall("handler", (Signal.USR2,))
    assert machine.carrier.proceed(view) == 0
    assert machine.carrier.proceed(view) == 0
    assert struct.unpack_from("<II", machine.memory, COUNT) == (1, 1)


def test_a_process_that_is_killed_makes_no_more_calls(machine: Machine) -> None:
    machine.deliver(Signal.USR1)
    machine.deliver(Signal.KILL)
    assert machine.call("proc_id", COUNT) == UNWIND
    assert machine.signals == []
    assert machine.process.status == 137


def test_an_upcall_that_nobody_asked_for_ends_the_guest(machine: Machine) -> None:
    assert machine.carrier.proceed(memoryview(machine.memory)) == UNWIND
    assert machine.process.status == 134


def test_what_is_ended_while_it_forks_has_no_child(guest: Guest) -> None:
    machine = Machine(guest)
    process, kernel = machine.process, machine.process.kernel
    carrier, function = machine.carrier, lookup("wasix_32v1", "proc_fork")[0]
    assert carrier.entry(function)(memoryview(machine.memory), (1, DATA)) == SUSPEND
    with kernel.lock:
        process.exit(137)
    assert carrier.suspended(cast(Any, None)) is None
    assert list(kernel.processes.values()) == []
