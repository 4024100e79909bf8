"""How calls are shown."""

from __future__ import annotations

import pytest

from wasix.abi import E, Errno, lookup
from wasix.abi.trace import show_call


def shown(name: str, *arguments: object, result: object) -> str:
    (function,) = lookup("wasi_snapshot_preview1", name)
    return show_call(function, arguments, result)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (shown("fd_close", 3, result=None), "fd_close(3) = 0"),
        (shown("fd_close", 9, result=Errno(E.BADF)), "fd_close(9) = BADF"),
        (
            shown("fd_write", 1, [memoryview(b"a\n"), memoryview(b'"\x00')], result=4),
            'fd_write(1, "a\\n\\"\\x00") = 4',
        ),
        (shown("fd_read", 0, [memoryview(b"abcdef")], result=2), 'fd_read(0, "ab") = 2'),
        (
            shown("fd_read", 0, [memoryview(b"ab")], result=Errno(E.IO)),
            "fd_read(0, [2 bytes]) = IO",
        ),
        (shown("fd_seek", 3, -1, "end", result=7), "fd_seek(3, -1, end) = 7"),
        (
            shown("path_open", 3, 1, "a/b", 1, 2, 0, 4, result=5),
            'path_open(3, symlink_follow, "a/b", creat, fd_read, 0, nonblock) = 5',
        ),
        (
            shown("random_get", memoryview(bytes(40)), result=40),
            'random_get("' + "\\x00" * 32 + '"...) = 40',
        ),
        (shown("clock_time_get", 1, 0, result=5), "clock_time_get(monotonic, 0) = 5"),
    ],
)
def test_lines(line: str, text: str) -> None:
    assert line == text
