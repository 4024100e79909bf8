"""How calls are shown."""

from __future__ import annotations

from typing import Any

import pytest

from wasix.abi import E, Errno, lookup
from wasix.abi import types as t
from wasix.abi.trace import Buffer, Value, decode, show, show_value


def decoded(name: str, *arguments: Any, result: object) -> tuple[dict[str, Value], Value]:
    (function,) = lookup("wasi_snapshot_preview1", name)
    return decode(function, arguments, (), result)


def shown(name: str, *arguments: Any, result: object) -> str:
    values, answer = decoded(name, *arguments, result=result)
    return show(name, values, show_value(answer))


ENTRY = t.Dirent(1, 9, 3, t.Filetype.DIRECTORY)


def listing(*names: bytes) -> memoryview:
    data = bytearray()
    for name in names:
        head = memoryview(bytearray(t.DIRENT.size))
        t.DIRENT.store(head, 0, ENTRY._replace(namlen=len(name)))
        data += bytes(head) + name
    return memoryview(data)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (shown("fd_close", 3, result=None), "fd_close(3) = 0"),
        (
            shown("fd_write", 1, [memoryview(b"a\n"), memoryview(b'"\x00')], result=4),
            'fd_write(1, "a\\n\\"\\x00") = 4',
        ),
        (
            shown("fd_write", 1, [memoryview(b"ab" * 8), memoryview(b"cd" * 20)], result=56),
            'fd_write(1, "' + "ab" * 8 + "cd" * 8 + '"...) = 56',
        ),
        (shown("fd_read", 0, [memoryview(b"abcdef")], result=2), 'fd_read(0, "ab") = 2'),
        (
            shown("fd_read", 0, [memoryview(b"ab")], result=Errno(E.IO)),
            "fd_read(0, [2 bytes]) = 0",
        ),
        (shown("fd_seek", 3, -1, "end", result=7), "fd_seek(3, -1, END) = 7"),
        (
            shown("path_open", 3, 1, "a/b", 9, 2, 0, 4, result=5),
            'path_open(3, SYMLINK_FOLLOW, "a/b", CREAT|TRUNC, FD_READ, 0, NONBLOCK) = 5',
        ),
        (
            shown("fd_fdstat_set_rights", 3, t.Rights.ALL, t.Rights.ALL & ~1, result=None),
            "fd_fdstat_set_rights(3, ALL, ALL&~(FD_DATASYNC)) = 0",
        ),
        (
            shown("random_get", memoryview(bytes(40)), result=40),
            'random_get("' + "\\x00" * 32 + '"...) = 40',
        ),
        (shown("clock_time_get", 1, 0, result=5), "clock_time_get(MONOTONIC, 0) = 5"),
        (shown("args_get", result=[b"a", b"b c"]), 'args_get() = ["a", "b c"]'),
        (shown("args_sizes_get", result=(2, 6)), "args_sizes_get() = {argc=2, argv_buf_size=6}"),
        (
            shown("fd_prestat_get", 3, result=(0, t.PrestatDir(1))),
            "fd_prestat_get(3) = {preopentype=DIR, name_len=1}",
        ),
        (
            shown("fd_fdstat_get", 1, result=t.Fdstat(2, 1, 64, 0)),
            (
                "fd_fdstat_get(1) = {filetype=CHARACTER_DEVICE, flags=APPEND, "
                "rights_base=FD_WRITE, rights_inheriting=0}"
            ),
        ),
        (
            shown("path_filestat_get", 3, 0, "é", result=t.Filestat(1, 2, 4, 1, 5, 6, 7, 8)),
            (
                'path_filestat_get(3, 0, "é") = {dev=1, ino=2, filetype=REGULAR_FILE, nlink=1, '
                "size=5, atim=6, mtim=7, ctim=8}"
            ),
        ),
        (
            shown("fd_readdir", 3, listing(b"a", b"bc", b"cut")[:-1], 0, result=77),
            'fd_readdir(3, [{name="a", type=DIRECTORY}, {name="bc", type=DIRECTORY}], 0) = 77',
        ),
        (
            shown(
                "poll_oneoff",
                [
                    t.Subscription(7, (0, t.SubscriptionClock(1, 5, 0, 1))),
                    t.Subscription(8, (1, t.SubscriptionFd(0))),
                ],
                result=[t.Event(7, E.SUCCESS, 0, t.EventFdReadwrite(0, 0))],
            ),
            (
                "poll_oneoff([{userdata=7, u={eventtype=CLOCK, id=MONOTONIC, timeout=5, "
                "precision=0, flags=ABSTIME}}, {userdata=8, u={eventtype=FD_READ, fd=0}}]) = "
                "[{userdata=7, error=SUCCESS, type=CLOCK, fd_readwrite={nbytes=0, flags=0}}]"
            ),
        ),
    ],
)
def test_lines(line: str, text: str) -> None:
    assert line == text


def test_what_could_not_be_decoded_is_shown_as_the_guest_passed_it() -> None:
    (function,) = lookup("wasi_snapshot_preview1", "fd_write")
    values, result = decode(function, None, (1, 0xFFFFFFF0, 1, 8), Errno(E.FAULT))
    assert values == {"fd": 1, "iovs": 0xFFFFFFF0, "iovs_len": 1, "nwritten": 8}
    assert result is None


def test_values_keep_nothing_of_the_guests_memory() -> None:
    memory = bytearray(b"before")
    values, _ = decoded("fd_write", 1, [memoryview(memory)], result=6)
    memory[:] = b"behind"
    assert values["iovs"] == b"before"
    memory += b"!"  # nobody holds a view of it


def test_a_long_buffer_says_its_size() -> None:
    values, _ = decoded("fd_write", 1, [memoryview(bytes(1 << 20))], result=1 << 20)
    buffer = values["iovs"]
    assert isinstance(buffer, Buffer)
    assert (len(buffer), buffer.size) == (32, 1 << 20)


def test_a_long_list_is_cut() -> None:
    values, _ = decoded("args_get", result=[b"a"] * 1000)[1], None
    assert isinstance(values, list)
    assert len(values) == 33
    assert show_value(values).endswith('"a", ...]')
