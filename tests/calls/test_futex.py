"""Futexes: waiting at a word until it is woken, by calls and by what instructions become."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calls.conftest import Guest, make_guest
from wasix.abi import ATOMICS, E, Errno, lookup
from wasix.abi.memory import DirectMemory
from wasix.calls import HANDLERS
from wasix.proc.process import Thread
from wasix.proc.wait import Block

FOREVER = (0, None)
SIZE = 64


def within(nanoseconds: int) -> tuple[int, int]:
    return (1, nanoseconds)


class Party:
    """Threads of one process on one memory, whose calls are made one at a time."""

    def __init__(self, threads: int = 2) -> None:
        self.guest = make_guest()
        self.bytes = bytearray(SIZE)
        main = self.guest.process.main
        self.threads = [main, *(main.process.new_thread(main) for _ in range(threads - 1))]
        for thread in self.threads:
            thread.memory = DirectMemory(memoryview(self.bytes))

    def call(self, thread: int, name: str, *args: object) -> object:
        """The answer; None while it waits, as a carrier would keep it."""
        caller = self.threads[thread]
        try:
            answer = HANDLERS[name](caller, *args)
        except Block:
            return None
        caller.call.clear()
        return answer

    def store(self, at: int, value: int) -> None:
        self.bytes[at : at + 4] = value.to_bytes(4, "little")


def test_a_word_with_another_value_needs_no_waiting() -> None:
    party = Party()
    assert party.call(0, "futex_wait", 8, 1, FOREVER) is True


def test_a_woken_waiter_does_not_look_at_the_word_again() -> None:
    party = Party()
    assert party.call(0, "futex_wait", 8, 0, FOREVER) is None
    assert party.call(1, "futex_wake", 8) is True
    # The word holds what it held, and a retried call does not wait once more.
    assert party.call(0, "futex_wait", 8, 0, FOREVER) is True


def test_a_waiter_is_woken_once() -> None:
    party = Party()
    party.call(0, "futex_wait", 8, 0, FOREVER)
    assert party.call(1, "futex_wake", 8) is True
    assert party.call(1, "futex_wake", 8) is False
    assert party.call(1, "futex_wake_all", 8) is False


def test_nobody_is_woken_elsewhere() -> None:
    party = Party()
    party.call(0, "futex_wait", 8, 0, FOREVER)
    assert party.call(1, "futex_wake", 12) is False
    assert party.call(0, "futex_wait", 8, 0, FOREVER) is None


def test_waking_follows_the_order_of_arrival() -> None:
    party = Party(4)
    for thread in (2, 0, 1):
        party.call(thread, "futex_wait", 0, 0, FOREVER)
    party.call(3, "futex_wake", 0)
    answers = [party.call(thread, "futex_wait", 0, 0, FOREVER) for thread in (0, 1, 2)]
    assert answers == [None, None, True]
    party.call(3, "futex_wake_all", 0)
    assert [party.call(thread, "futex_wait", 0, 0, FOREVER) for thread in (0, 1)] == [True, True]


def test_a_relative_timeout_counts_from_the_first_try() -> None:
    party = Party()
    assert party.call(0, "futex_wait", 8, 0, within(1000)) is None
    party.guest.host.now += 999
    assert party.call(0, "futex_wait", 8, 0, within(1000)) is None
    party.guest.host.now += 1
    assert party.call(0, "futex_wait", 8, 0, within(1000)) is False
    # It waits no longer.
    assert party.call(1, "futex_wake", 8) is False


def test_no_time_at_all_is_over_at_once() -> None:
    party = Party()
    assert party.call(0, "futex_wait", 8, 0, within(0)) is False


def test_the_deadline_is_told_to_the_carrier() -> None:
    party = Party()
    with pytest.raises(Block) as block:
        HANDLERS["futex_wait"](party.threads[0], 8, 0, within(5))
    assert block.value.deadline == party.guest.host.now + 5


@pytest.mark.parametrize("name", ["futex_wait", "futex_wake", "futex_wake_all"])
@pytest.mark.parametrize(
    ("address", "error"),
    [(2, E.INVAL), (SIZE, E.FAULT), (SIZE + 1, E.INVAL), (-4 & 0xFFFFFFFF, E.FAULT)],
)
def test_words_that_cannot_be_waited_at(name: str, address: int, error: E) -> None:
    party = Party()
    rest = (0, FOREVER) if name == "futex_wait" else ()
    with pytest.raises(Errno) as raised:
        party.call(0, name, address, *rest)
    assert raised.value.code == error


def test_instructions_and_calls_wait_at_the_same_words() -> None:
    party = Party(3)
    assert party.call(0, "memory_atomic_wait32", 8, 0, -1) is None
    assert party.call(1, "memory_atomic_wait64", 8, 0, -1) is None
    assert party.call(2, "memory_atomic_notify", 8, 5) == 2
    assert party.call(0, "memory_atomic_wait32", 8, 0, -1) == 0
    assert party.call(1, "memory_atomic_wait64", 8, 0, -1) == 0


def test_what_instructions_leave() -> None:
    party = Party()
    party.store(12, 7)
    assert party.call(0, "memory_atomic_wait32", 12, 6, -1) == 1
    assert party.call(0, "memory_atomic_wait64", 8, 7, -1) == 1
    assert party.call(0, "memory_atomic_wait64", 8, 7 << 32, 0) == 2
    assert party.call(0, "memory_atomic_wait32", 12, 7, 0) == 2
    assert party.call(0, "memory_atomic_notify", 8, 1 << 31) == 0


def test_no_guest_can_import_instructions() -> None:
    for function in ATOMICS.functions:
        assert not lookup(ATOMICS.module, function.name)


def test_a_thread_that_ends_waits_no_longer() -> None:
    """Else a wake would go to it instead of to one that lives."""
    party = Party(3)
    party.call(1, "futex_wait", 8, 0, FOREVER)
    party.call(2, "futex_wait", 8, 0, FOREVER)
    party.threads[1].call.clear()  # as if a signal had come and its function ended the thread
    party.guest.process.end_thread(party.threads[1])
    assert party.call(0, "futex_wake", 8) is True
    assert party.call(2, "futex_wait", 8, 0, FOREVER) is True


WORDS = st.sampled_from([0, 4, 8])


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.integers(0, 3), WORDS, st.integers(0, 1)),
            st.tuples(st.just("wake"), WORDS, st.integers(0, 4)),
            st.tuples(st.just("store"), WORDS, st.integers(0, 1)),
            st.tuples(st.just("tick"), st.integers(0, 3)),
        ),
        max_size=60,
    )
)
def test_any_order_of_calls_is_as_a_model_has_it(steps: list[tuple[str, int, int, int]]) -> None:
    party = Party(5)
    values = {0: 0, 4: 0, 8: 0}
    queues: dict[int, deque[int]] = {word: deque() for word in values}
    waiting: dict[int, tuple[int, int, int]] = {}  # thread -> word, expected, deadline
    for kind, *rest in steps:
        now = party.guest.host.now
        if kind == "wait":
            thread, word, expected = rest
            if thread in waiting:
                continue
            answer = party.call(thread, "memory_atomic_wait32", word, expected, 2)
            if values[word] != expected:
                assert answer == 1
            else:
                assert answer is None
                queues[word].append(thread)
                waiting[thread] = word, expected, now + 2
        elif kind == "wake":
            word, count = rest
            woken = [queues[word].popleft() for _ in range(min(count, len(queues[word])))]
            assert party.call(4, "memory_atomic_notify", word, count) == len(woken)
            for thread in woken:
                word, expected, _ = waiting.pop(thread)
                assert party.call(thread, "memory_atomic_wait32", word, expected, 2) == 0
        elif kind == "store":
            word, value = rest
            values[word] = value
            party.store(word, value)
        else:
            party.guest.host.now = now = now + rest[0]
            for thread, (word, expected, deadline) in tuple(waiting.items()):
                answer = party.call(thread, "memory_atomic_wait32", word, expected, 2)
                if values[word] != expected:  # asked again, it looks again
                    assert answer == 1
                else:
                    assert answer == (2 if now >= deadline else None)
                if answer is not None:
                    queues[word].remove(thread)
                    del waiting[thread]
    assert len(party.threads[0].futexes) == len(waiting)


def test_futexes_are_those_of_a_memory() -> None:
    """Another process's words of the same address are other words."""
    guest: Guest = make_guest()
    other = Thread(guest.process, 99)
    guest.process.main.memory = other.memory = DirectMemory(memoryview(bytearray(SIZE)))
    with pytest.raises(Block):
        HANDLERS["futex_wait"](guest.process.main, 8, 0, FOREVER)
    assert HANDLERS["futex_wake"](other, 8) is False
