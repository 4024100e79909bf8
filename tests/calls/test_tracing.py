"""Watching calls, on a clock that the test moves."""

from __future__ import annotations

import pytest

from tests.calls.conftest import ManualHost, make_guest
from wasix.abi import E, Errno, Unwind, lookup
from wasix.proc.process import Process
from wasix.proc.signal import Signal
from wasix.proc.tracing import Traced, Tracing
from wasix.proc.wait import Block

PREVIEW1 = "wasi_snapshot_preview1"
START = ManualHost().now


class Watched:
    """A process whose `fd_read` from a pipe, 16 bytes at 64, is traced."""

    def __init__(self) -> None:
        self.seen: list[Traced] = []
        guest = make_guest()
        self.host, self.process, self.stdin = guest.host, guest.process, guest.stdin
        self.tracing = self.process.tracing = Tracing(self.process, self.seen.append)
        self.memory = memoryview(bytearray(128))
        self.memory[:8] = bytes([64, 0, 0, 0, 16, 0, 0, 0])

    def read(self, pointer: int = 0) -> int:
        (function,) = lookup(PREVIEW1, "fd_read")
        call = self.process.kernel.direct(function, self.process.main)
        return call(self.memory, (0, pointer, 1, 8))

    def exit(self) -> None:
        (function,) = lookup(PREVIEW1, "proc_exit")
        self.process.kernel.direct(function, self.process.main)(self.memory, (3,))


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_call_is_one_from_its_first_try_to_the_last(watched: Watched) -> None:
    with pytest.raises(Block):
        watched.read()
    watched.host.now += 100
    with pytest.raises(Block):
        watched.read()
    watched.host.now += 200
    watched.stdin.put(b"hi")
    assert watched.read() == 0
    (traced,) = watched.seen
    assert (traced.function.name, traced.result, traced.raw) == ("fd_read", 2, (0, 0, 1, 8))
    assert (traced.duration, traced.blocked) == (300, 300)
    assert traced.start == START + 1_700_000_000_000_000_000


def test_each_call_is_timed_anew(watched: Watched) -> None:
    watched.stdin.put(b"hi" * 20)
    watched.read()
    watched.host.now += 1000
    watched.read()
    assert [(traced.duration, traced.blocked) for traced in watched.seen] == [(0, 0), (0, 0)]
    assert watched.seen[1].start - watched.seen[0].start == 1000


def test_an_error_of_the_decoder(watched: Watched) -> None:
    assert watched.read(pointer=1 << 20) == E.FAULT
    (traced,) = watched.seen
    assert traced.arguments is None
    assert isinstance(traced.result, Errno)
    assert traced.result.code is E.FAULT


def test_what_waits_is_cut_off_by_the_end(watched: Watched) -> None:
    with pytest.raises(Block):
        watched.read()
    watched.host.now += 50
    watched.process.deliver(Signal.KILL)
    (traced,) = watched.seen
    assert isinstance(traced.result, Block)
    assert (traced.duration, traced.blocked) == (50, 50)


def test_an_exit_is_told_of_once(watched: Watched) -> None:
    with pytest.raises(Unwind):
        watched.exit()
    (traced,) = watched.seen
    assert isinstance(traced.result, Unwind)
    assert watched.process.status == 3


def test_a_decoder_that_is_not_watched(watched: Watched) -> None:
    """As a page has it: the handler is."""
    (function,) = lookup(PREVIEW1, "fd_read")
    handler = watched.process.kernel.handler(function, watched.tracing)
    buffer = memoryview(bytearray(4))
    with pytest.raises(Block):
        handler(watched.process.main, 0, [buffer])
    watched.host.now += 7
    watched.stdin.put(b"x")
    assert handler(watched.process.main, 0, [buffer]) == 1
    with pytest.raises(Errno):
        handler(watched.process.main, 99, [buffer])
    assert [(traced.duration, traced.blocked) for traced in watched.seen] == [(7, 7), (0, 0)]
    assert isinstance(watched.seen[1].result, Errno)


def test_nothing_is_wrapped_when_nobody_watches() -> None:
    process: Process = make_guest().process
    (function,) = lookup(PREVIEW1, "fd_read")
    from wasix.calls import HANDLERS

    assert process.tracing is None
    assert process.kernel.handler(function, process.tracing) is HANDLERS["fd_read"]
