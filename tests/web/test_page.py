"""The kernel's face in a page, called as the worker calls it, with a door of Python's own."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from wasix.abi import CALLS, E
from wasix.abi.staged import AGAIN, DATA, PARKED, UNWOUND
from wasix.fs import walk
from wasix.proc.promise import PromiseCarrier
from wasix.proc.signal import Signal
from wasix.web.page import Page, PageError, PageHost
from wasix.web.programs import Task
from wasix.web.streams import BATCH, PROMPT, WINDOW, Outbox

NUMBERS = {function.name: number for number, function in reversed(list(enumerate(CALLS)))}


SCREEN = {"columns": 80, "rows": 24}


class Desk:
    """A page with a door that notes what comes through it."""

    def __init__(self, *, suspends: bool = True) -> None:
        self.notified: list[int] = []
        self.stopped: list[int] = []
        self.sent: list[tuple[int, int, bytes]] = []
        self.lines: list[tuple[int, str]] = []
        self.started: list[int] = []
        self.wanted: list[int] = []
        self.over: dict[int, tuple[int, str | None]] = {}
        self.events: list[tuple[Any, ...]] = []
        self.calls: list[tuple[int, str]] = []
        self.page = Page(self, suspends)

    def notify(self, tid: int) -> None:
        self.notified.append(tid)

    def output(self, pid: int, fd: int, data: bytes) -> None:
        self.sent.append((pid, fd, data))

    def entered(self, pid: int, line: str) -> None:
        self.lines.append((pid, line))

    def load(self, number: int) -> None:
        self.wanted.append(number)

    def start(self, tid: int) -> None:
        self.started.append(tid)

    def stop(self, tid: int) -> None:
        self.stopped.append(tid)

    def failed(self, reason: str) -> None:
        raise AssertionError(reason)

    def exited(self, pid: int, status: int, message: str | None) -> None:
        self.over[pid] = status, message

    def born(self, pid: int, parent: int | None, name: str, args: Sequence[str]) -> None:
        self.events.append(("born", pid, parent, name, list(args)))

    def gone(self, pid: int, status: int) -> None:
        self.events.append(("gone", pid, status))

    def traced(self, pid: int, lines: str) -> None:
        self.calls += [(pid, line) for line in lines.splitlines()]

    def task(self, tid: int) -> Task:
        return self.page.programs.tasks[tid]

    def carrier(self, tid: int) -> PromiseCarrier:
        return self.task(tid).carrier

    def ended(self, tid: int, end: str, message: str) -> tuple[int, str | None]:
        """The guest of a program that the page runs is over: its status and message."""
        self.page.programs.ended(tid, end, message)
        return self.over[tid]

    def spawn(self, stdin: Any = None, **options: Any) -> int:
        chosen = {"environ": {}, "cwd": "/", "terminal": None, **options}
        pid = self.page.spawn("guest", ["guest"], stdin=stdin, **chosen)
        self.page.run(pid, None, '{"functions": []}', [], None)
        return pid

    def call(self, pid: int, name: str) -> Callable[..., int]:
        [call] = self.task(pid).calls([NUMBERS[name]])
        return call

    def write(self, pid: int, data: bytes, fd: int = 1) -> int:
        self.page.stage.view[DATA : DATA + len(data)] = data
        return self.call(pid, "fd_write")(fd, len(data))

    def read(self, pid: int, count: int = 100) -> bytes | int:
        answer = self.call(pid, "fd_read")(0, count)
        return bytes(self.page.stage.view[DATA : DATA + answer]) if answer >= 0 else answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_output_is_sent_at_once_and_to_its_stream(desk: Desk) -> None:
    pid = desk.spawn()
    assert desk.write(pid, b"out") == 3
    assert desk.write(pid, b"err", fd=2) == 3
    assert desk.sent == [(pid, 1, b"out"), (pid, 2, b"err")]


def test_a_read_waits_until_input_comes_and_is_then_made_again(desk: Desk) -> None:
    pid = desk.spawn(stdin=True)
    carrier = desk.carrier(pid)
    assert desk.read(pid) == PARKED
    assert carrier.delay() == float("inf")
    taken: list[int] = []
    desk.page.feed(pid, b"hello", lambda: taken.append(1))
    assert desk.notified == [carrier.thread.tid]
    assert carrier.resume() == AGAIN
    assert desk.read(pid, 4) == b"hell"
    assert desk.read(pid) == b"o"
    assert taken == [1]


def test_the_end_of_input_ends_a_read(desk: Desk) -> None:
    pid = desk.spawn(stdin=True)
    assert desk.read(pid) == PARKED
    desk.page.finish(pid)
    assert desk.notified
    assert desk.carrier(pid).resume() == AGAIN
    assert desk.read(pid) == b""


def test_input_that_is_not_read_is_taken_when_there_is_room(desk: Desk) -> None:
    pid = desk.spawn(stdin=True)
    taken: list[int] = []
    desk.page.feed(pid, bytes(70_000), lambda: taken.append(1))
    assert not taken
    while not taken:
        assert desk.read(pid, 5000)
    assert taken == [1]


def test_no_input_is_an_end_at_once(desk: Desk) -> None:
    assert desk.read(desk.spawn()) == b""


def test_a_sleep_is_as_long_as_asked(desk: Desk) -> None:
    pid = desk.spawn()
    subscription = bytes(16) + (1).to_bytes(8, "little") + (5 * 10**9).to_bytes(8, "little")
    desk.page.stage.view[DATA : DATA + 48] = subscription.ljust(48, b"\0")
    assert desk.call(pid, "poll_oneoff")(1) == PARKED
    assert 4000 < desk.carrier(pid).delay() <= 5000


def test_a_signal_ends_a_guest_that_waits(desk: Desk) -> None:
    pid = desk.spawn(stdin=True)
    assert desk.read(pid) == PARKED
    desk.page.kill(pid, Signal.TERM)
    assert desk.notified
    assert desk.carrier(pid).resume() == UNWOUND
    assert desk.ended(pid, "unwound", "") == (143, None)


def test_a_stopped_guest_stays_until_it_is_told_to_go_on(desk: Desk) -> None:
    pid = desk.spawn()
    carrier = desk.carrier(pid)
    desk.page.kill(pid, Signal.STOP)
    assert desk.notified == [carrier.thread.tid]
    assert carrier.resume() == PARKED
    desk.page.kill(pid, Signal.CONT)
    assert len(desk.notified) == 2
    assert carrier.resume() == 0


def test_a_guest_that_is_woken_twice_is_notified_once(desk: Desk) -> None:
    pid = desk.spawn(stdin=True)
    assert desk.read(pid) == PARKED
    desk.page.feed(pid, b"a", lambda: None)
    desk.page.feed(pid, b"b", lambda: None)
    assert len(desk.notified) == 1


def test_an_exit_does_not_return(desk: Desk) -> None:
    pid = desk.spawn()
    assert desk.call(pid, "proc_exit")(3) == UNWOUND
    assert desk.ended(pid, "unwound", "") == (3, None)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("returned", (0, None)),
        ("trapped", (134, "guest: trap: unreachable")),
        ("invalid", (126, "guest: unreachable")),
    ],
)
def test_how_a_guest_ended_is_its_status(
    desk: Desk, end: str, expected: tuple[int, str | None]
) -> None:
    assert desk.ended(desk.spawn(), end, "unreachable") == expected


def test_more_output_than_a_program_may_write_ends_it(desk: Desk) -> None:
    pid = desk.spawn(output_limit=5)
    assert desk.write(pid, b"123") == 3
    assert desk.write(pid, b"4567", fd=2) == UNWOUND
    assert desk.ended(pid, "unwound", "") == (
        153,
        "guest: ended when it had written 5 bytes of output, its limit",
    )
    assert [data for _, _, data in desk.sent] == [b"123", b"45"]


def test_a_program_ends_when_its_time_is_over(desk: Desk) -> None:
    pid = desk.spawn(stdin=True)
    assert desk.read(pid) == PARKED
    desk.page.expire(pid, 1.5)
    assert desk.carrier(pid).resume() == UNWOUND
    assert desk.ended(pid, "unwound", "") == (124, "guest: ended after 1.5 s, its time limit")
    desk.page.expire(pid, 1.5)  # which changes nothing


def test_descriptors_are_bounded(desk: Desk) -> None:
    with pytest.raises(PageError, match="guest: 3 files are not enough to start"):
        desk.spawn(max_files=3)


def test_processes_are_listed_and_their_beginning_and_end_are_told(desk: Desk) -> None:
    pid = desk.spawn(stdin=True)
    assert desk.events == [("born", pid, None, "guest", ["guest"])]
    [found] = json.loads(desk.page.processes())
    assert found == {
        "pid": pid,
        "parent": None,
        "name": "guest",
        "args": ["guest"],
        "state": "running",
        "memory": None,
        "threads": [pid],
    }
    assert desk.read(pid) == PARKED
    assert json.loads(desk.page.processes())[0]["state"] == "waiting"
    desk.page.kill(pid, Signal.STOP)
    assert json.loads(desk.page.processes())[0]["state"] == "stopped"
    desk.page.kill(pid, Signal.KILL)
    assert json.loads(desk.page.processes()) == []
    assert desk.events[1:] == [("gone", pid, 137)]


def test_calls_of_a_traced_program_are_told_in_lines(desk: Desk) -> None:
    pid = desk.spawn(stdin=b"in", trace=True)
    desk.read(pid)
    desk.write(pid, b"out")
    assert desk.calls == []
    desk.page.turn()
    lines = [line.partition(" <")[0] for number, line in desk.calls if number == pid]
    assert lines == ['fd_read(0, "in") = 2', 'fd_write(1, "out") = 3']


def test_a_defect_ends_the_guest_and_says_where(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(thread: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setitem(__import__("wasix.calls").calls.HANDLERS, "sched_yield", broken)
    pid = desk.spawn()
    assert desk.call(pid, "sched_yield")() == UNWOUND
    assert desk.ended(pid, "unwound", "") == (
        70,
        "internal error in sched_yield: ZeroDivisionError: oops",
    )


def test_a_guest_that_cannot_be_suspended_is_told_what_is_needed() -> None:
    desk = Desk(suspends=False)
    pid = desk.spawn(stdin=True)
    assert desk.read(pid) == PARKED
    desk.page.cannot_wait(pid)
    status, message = desk.ended(pid, "unwound", "")
    assert status == 126
    assert message is not None
    assert "(JSPI)" in message


def test_output_that_is_not_read_makes_the_guest_wait(desk: Desk) -> None:
    pid = desk.spawn()
    chunk = bytes(60_000)
    while (answer := desk.write(pid, chunk)) == len(chunk):
        assert len(desk.sent) < 100
    assert answer == PARKED
    sent = sum(len(data) for _, _, data in desk.sent)
    assert WINDOW <= sent < WINDOW + len(chunk)
    desk.page.acknowledge(pid, 1, sent)
    assert desk.notified
    assert desk.carrier(pid).resume() == AGAIN
    assert desk.write(pid, chunk) == len(chunk)


def test_a_full_output_that_must_not_wait_is_again(desk: Desk) -> None:
    pid = desk.spawn()
    assert desk.call(pid, "fd_fdstat_set_flags")(1, 4) == 0
    while desk.write(pid, bytes(60_000)) > 0:
        pass
    assert desk.write(pid, b"x") == -E.AGAIN


def test_a_terminal_shows_what_is_written_and_echoes_what_is_typed(desk: Desk) -> None:
    pid = desk.spawn(terminal=SCREEN)
    desk.write(pid, b"$ \n")
    assert desk.read(pid) == PARKED
    desk.page.feed(pid, b"ls\r", lambda: None)
    assert b"".join(data for _, _, data in desk.sent) == b"$ \r\nls\r\n"
    assert desk.carrier(pid).resume() == AGAIN
    assert desk.read(pid) == b"ls\n"


def test_each_of_many_keys_is_shown_while_the_program_waits(desk: Desk) -> None:
    pid = desk.spawn(terminal=SCREEN)
    assert desk.read(pid) == PARKED
    for count in range(1, 3 * PROMPT):
        desk.page.feed(pid, b"x", lambda: None)
        assert b"".join(data for _, _, data in desk.sent).count(b"x") == count


def test_a_key_interrupts_the_program_of_the_terminal(desk: Desk) -> None:
    pid, other = desk.spawn(terminal=SCREEN), desk.spawn(terminal=SCREEN)
    assert desk.read(pid) == PARKED
    desk.page.feed(pid, b"\x03", lambda: None)
    assert desk.ended(pid, "unwound", "") == (130, None)
    assert desk.ended(other, "returned", "") == (0, None)


def test_lines_that_are_entered_are_remembered_and_recalled(desk: Desk) -> None:
    pid = desk.spawn(terminal={**SCREEN, "history": ["ls"]})
    assert desk.read(pid) == PARKED
    desk.page.feed(pid, b"\x1b[A -l\r", lambda: None)
    assert desk.carrier(pid).resume() == AGAIN
    assert desk.read(pid) == b"ls -l\n"
    assert desk.lines == [(pid, "ls -l")]


def test_a_cooked_terminal_edits_as_a_unix_terminal_does(desk: Desk) -> None:
    pid = desk.spawn(terminal={**SCREEN, "mode": "cooked"})
    desk.page.feed(pid, b"ab\x1b[D\x7fx\r", lambda: None)
    assert desk.read(pid) == b"ab\x1b[x\n"


def test_a_raw_terminal_hands_keys_on(desk: Desk) -> None:
    pid = desk.spawn(terminal={**SCREEN, "mode": "raw"})
    desk.page.feed(pid, b"\x03\x1b[A", lambda: None)
    assert desk.read(pid) == b"\x03\x1b[A"
    assert desk.sent == []


def test_a_new_size_reaches_the_terminal(desk: Desk) -> None:
    pid = desk.spawn(terminal=SCREEN)
    desk.page.resize(pid, 33, 7)
    terminal = desk.page.jobs[pid].terminal
    assert terminal is not None
    assert (terminal.columns, terminal.rows) == (33, 7)
    assert desk.write(pid, b"goes on") == 7


def test_the_terminal_is_also_a_device(desk: Desk) -> None:
    pid = desk.spawn(terminal=SCREEN)
    path = b"dev/tty"
    desk.page.stage.view[DATA : DATA + len(path)] = path
    fd = desk.call(pid, "path_open")(3, 0, len(path), 0, 1 << 6, 0, 0)
    assert desk.write(pid, b"hi", fd) == 2
    assert desk.sent == [(pid, 1, b"hi")]


def test_what_happens_to_an_ended_program_is_of_no_consequence(desk: Desk) -> None:
    pid = desk.spawn(stdin=True)
    desk.ended(pid, "returned", "")
    taken: list[int] = []
    desk.page.feed(pid, b"late", lambda: taken.append(1))
    desk.page.finish(pid)
    desk.page.acknowledge(pid, 1, 10)
    desk.page.resize(pid, 10, 10)
    desk.page.kill(pid, Signal.KILL)
    assert taken == [1]


def test_a_flood_is_sent_in_batches_and_nothing_stays_behind() -> None:
    sent: list[bytes] = []
    box = Outbox(sent.append, bounded=False)
    line = b"x" * 64
    for _ in range(PROMPT + 3000):
        box.put(line)
    assert sent[:PROMPT] == [line] * PROMPT
    assert all(len(data) >= BATCH for data in sent[PROMPT:])
    box.turn()
    assert sum(map(len, sent)) == 64 * (PROMPT + 3000)


def test_after_a_flood_a_calm_program_is_prompt_again() -> None:
    sent: list[bytes] = []
    box = Outbox(sent.append, bounded=False)
    for _ in range(PROMPT + 10):
        box.put(b"x")
    for _ in range(2):
        box.turn()
        sent.clear()
        box.put(b"y")
    assert sent == [b"y"]


def test_files_are_written_read_and_listed(desk: Desk) -> None:
    page = desk.page
    page.write_file("/a/b/c", b"x" * 3_000_000)
    page.write_file("a/b/c", bytearray(b"new"))
    page.make_directory("/a/d/e")
    page.make_directory("/a/d/e")
    assert page.read_file("/a/b/c") == b"new"
    assert sorted(json.loads(page.list_directory("/a"))) == [["b", True, 0], ["d", True, 0]]
    assert json.loads(page.list_directory("a/b")) == [["c", False, 3]]


def test_files_are_renamed_and_removed(desk: Desk) -> None:
    page = desk.page
    for name in ("/a/b/c", "/a/b/d", "/a/e"):
        page.write_file(name, name.encode())
    page.rename("/a/b", "/f")
    assert page.read_file("f/c") == b"/a/b/c"
    page.remove("/a/e")
    assert json.loads(page.list_directory("/a")) == []
    page.remove("f/")
    assert "f" not in [name for name, *_ in json.loads(page.list_directory("/"))]


def test_removing_follows_no_links(desk: Desk) -> None:
    page = desk.page
    page.write_file("/kept/file", b"x")
    page.make_directory("/gone")
    walk.symlink(page.namespace, "../kept", page.namespace.root, "gone/link")
    page.remove("/gone")
    assert page.read_file("/kept/file") == b"x"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (lambda page: page.read_file("/none"), "/none: noent"),
        (lambda page: page.read_file("/tmp"), "/tmp: isdir"),
        (lambda page: page.read_file("../etc"), "../etc: perm"),
        (lambda page: page.write_file("/dev/null/x", b""), "/dev/null: notdir"),
        (lambda page: page.make_directory("/dev/null"), "/dev/null: notdir"),
        (lambda page: page.list_directory("/dev/null"), "/dev/null: notdir"),
        (lambda page: page.remove("/none"), "/none: noent"),
        (lambda page: page.remove("/dev/null"), "/dev/null: rofs"),
        (lambda page: page.rename("/none", "/x"), "/none cannot become /x: noent"),
        (
            lambda page: page.spawn("g", ["g"], {}, "/none", None, None),
            "the working directory /none cannot be used: noent",
        ),
        (
            lambda page: page.spawn("g", ["a\0"], {}, "/", None, None),
            "g: an argument or variable has a NUL character in it",
        ),
        (
            lambda page: page.spawn("g", ["g"], {}, "/", None, {**SCREEN, "mode": "vi"}),
            "g: the terminal's mode must be one of edit, cooked, raw",
        ),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    desk: Desk, operation: Callable[[Page], object], message: str
) -> None:
    with pytest.raises(PageError) as caught:
        operation(desk.page)
    assert str(caught.value) == message


def test_random_bytes_are_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()

    def urandom(count: int) -> bytes:
        return b"".join(next(numbers).to_bytes(4, "big") for _ in range(count // 4))

    monkeypatch.setattr(os, "urandom", urandom)
    host = PageHost()
    sizes = [4, 32, 0, 4096, 32, 2048, 2052, 1000, 1 << 16] * 3 + [16] * 600
    given = [host.random(size) for size in sizes]
    assert [len(data) for data in given] == sizes
    words = [data[at : at + 4] for data in given for at in range(0, len(data), 4)]
    assert len(set(words)) == len(words)
