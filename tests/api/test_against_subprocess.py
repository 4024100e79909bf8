"""The same checks with `subprocess` and CPython on the host, and with `wasix` and CPython as guest.

Each check uses what both have and returns what it saw; the two must be the same.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import wasix

PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT

Start = Callable[..., Any]
"""`Popen` or `run`, of a Python program given as text."""

ECHO = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"
BYTES = "import sys; sys.stdout.buffer.write({!r})"
SLEEP = """
import sys, time
for stream in sys.stdout, sys.stderr:
    print("so far", end="", file=stream, flush=True)
time.sleep(600)
"""


def raised(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The exception's type, and what it carries."""
    try:
        function(*args, **options)
    except (subprocess.SubprocessError, OSError, ValueError, TypeError) as error:
        kinds = (subprocess.SubprocessError, OSError, UnicodeError, ValueError, TypeError)
        kind = next(kind for kind in kinds if isinstance(error, kind))
        if not isinstance(error, subprocess.SubprocessError):
            return kind
        names = ("returncode", "timeout", "output", "stdout", "stderr")
        return type(error), {name: getattr(error, name, None) for name in names}
    return None


def lines_while_it_runs(popen: Start, run: Start, tmp: Path) -> Any:
    with popen(ECHO, stdin=PIPE, stdout=PIPE, text=True) as process:
        seen = []
        for line in ("one\n", "zwei ä\n"):
            process.stdin.write(line)
            process.stdin.flush()
            seen.append((process.stdout.readline(), process.poll()))
        process.stdin.close()
        return seen, list(process.stdout), process.wait()


def iterating_over_lines(popen: Start, run: Start, tmp: Path) -> Any:
    with popen("for n in range(3): print(n)", stdout=PIPE) as process:
        return list(process.stdout), process.wait(), process.returncode


def line_buffering(popen: Start, run: Start, tmp: Path) -> Any:
    with popen(ECHO, stdin=PIPE, stdout=PIPE, text=True, bufsize=1) as process:
        process.stdin.write("not flushed\n")
        return process.stdout.readline()


def no_buffering(popen: Start, run: Start, tmp: Path) -> Any:
    program = "import os; os.write(1, os.read(0, 100))"
    with popen(program, stdin=PIPE, stdout=PIPE, bufsize=0) as process:
        written = process.stdin.write(b"abc\n")
        return (
            written,
            process.stdout.read(100),
            isinstance(process.stdin, io.RawIOBase),
            isinstance(process.stdout, io.RawIOBase),
        )


def kinds_of_streams(popen: Start, run: Start, tmp: Path) -> Any:
    seen = []
    for options in ({}, {"text": True}, {"encoding": "latin-1"}, {"errors": "ignore"}):
        with popen("", stdin=PIPE, stdout=PIPE, stderr=PIPE, **options) as process:
            streams = (process.stdin, process.stdout, process.stderr)
            seen.append(
                [
                    (
                        isinstance(stream, io.TextIOWrapper),
                        isinstance(stream, io.BufferedIOBase),
                        stream.readable(),
                        stream.writable(),
                        stream.seekable(),
                        stream.closed,
                        getattr(stream, "errors", None),
                    )
                    for stream in streams
                ]
            )
    return seen


def streams_are_closed_after(popen: Start, run: Start, tmp: Path) -> Any:
    with popen("", stdin=PIPE, stdout=PIPE) as process:
        pass
    other = popen("", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    other.communicate()
    return [p.closed for p in (process.stdin, process.stdout)] + [
        p.closed for p in (other.stdin, other.stdout, other.stderr)
    ]


def encodings(popen: Start, run: Start, tmp: Path) -> Any:
    program = BYTES.format(b"\xe4\r\n\xff\rz")
    return [
        run(program, stdout=PIPE, encoding="latin-1").stdout,
        run(program, stdout=PIPE, encoding="utf-8", errors="replace").stdout,
        run(program, stdout=PIPE, errors="backslashreplace", encoding="ascii").stdout,
        run(program, stdout=PIPE).stdout,
        raised(run, program, stdout=PIPE, encoding="utf-8"),
    ]


def input_in_an_encoding(popen: Start, run: Start, tmp: Path) -> Any:
    program = "import sys; print(sys.stdin.buffer.read())"
    return [
        run(program, input="ä\n", stdout=PIPE, encoding="latin-1").stdout,
        run(program, input=b"\r\n", stdout=PIPE).stdout,
        run(program, input=bytearray(b"ab"), stdout=PIPE).stdout,
        run(program, input=memoryview(b"ab"), stdout=PIPE).stdout,
        run(program, input="", stdout=PIPE, universal_newlines=True).stdout,
        run(program, stdin=DEVNULL, stdout=PIPE).stdout,
    ]


def wrong_types(popen: Start, run: Start, tmp: Path) -> Any:
    def communicate(data: Any, **options: Any) -> None:
        with popen(ECHO, stdin=PIPE, stdout=PIPE, **options) as process:
            process.communicate(data)

    return [
        raised(run, ECHO, input="text", stdout=PIPE),
        raised(communicate, "text"),
        raised(run, "", capture_output=True, stdout=PIPE),
        raised(run, "", input=b"", stdin=PIPE),
    ]


def stderr(popen: Start, run: Start, tmp: Path) -> Any:
    program = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    done = [
        run(program, capture_output=True, text=True),
        run(program, stdout=PIPE, stderr=STDOUT, text=True),
        run(program, stdout=DEVNULL, stderr=PIPE, text=True),
        run(program, stdout=PIPE, stderr=DEVNULL),
    ]
    return [(one.returncode, one.stdout, one.stderr) for one in done]


def files(popen: Start, run: Start, tmp: Path) -> Any:
    source, target = tmp / "in", tmp / "out"
    source.write_bytes(b"from a file\n")
    with source.open("rb") as stdin, target.open("wb") as stdout:
        run(ECHO, stdin=stdin, stdout=stdout)
    with source.open() as stdin, target.open("a") as stdout:
        run(ECHO, stdin=stdin, stdout=stdout.fileno())
    return target.read_bytes()


def communicating(popen: Start, run: Start, tmp: Path) -> Any:
    process = popen(ECHO, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
    first = process.communicate("a\nb")
    data = b"x" * 300_000 + b"\n"
    program = "import sys; d = sys.stdin.read(); print(len(d)); sys.stderr.write(d)"
    other = popen(program, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    out, err = other.communicate(data)
    nothing = popen("")
    return first, process.returncode, out, err == data, nothing.communicate()


def communicating_with_a_timeout(popen: Start, run: Start, tmp: Path) -> Any:
    process = popen(SLEEP, stdin=PIPE, stdout=PIPE, text=True, stderr=DEVNULL)
    seen = []
    for data in (None, None, "late"):
        result = raised(process.communicate, data, timeout=0.1)
        # Whether anything has come by then is chance.
        seen.append(result if isinstance(result, type) else result[0])
    process.kill()
    process.communicate()
    return seen


def partial_output_of_communicate(popen: Start, run: Start, tmp: Path) -> Any:
    process = popen(SLEEP, stdout=PIPE, stderr=PIPE, text=True)
    process.stderr.read(1)
    seen = raised(process.communicate, timeout=0.1)
    process.kill()
    process.communicate()
    return seen


def partial_output_of_run(popen: Start, run: Start, tmp: Path) -> Any:
    return [
        raised(run, SLEEP, capture_output=True, timeout=3, text=True),
        raised(run, "import time; time.sleep(600)", capture_output=True, timeout=0.1),
    ]


def waiting(popen: Start, run: Start, tmp: Path) -> Any:
    with popen(ECHO, stdin=PIPE) as process:
        before = process.poll(), raised(process.wait, 0.1), raised(process.wait, timeout=0)
        process.stdin.close()
        return before, process.wait(), process.poll(), process.wait(0)


def failing(popen: Start, run: Start, tmp: Path) -> Any:
    program = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    failed = raised(run, program, check=True, capture_output=True, text=True)
    fine = run("", check=True)
    return failed, fine.returncode, run(program, capture_output=True).returncode


def a_broken_pipe(popen: Start, run: Start, tmp: Path) -> Any:
    process = popen("", stdin=PIPE)
    process.wait()
    seen = [raised(process.stdin.write, b"x" * 100_000)]
    seen.append(raised(process.stdin.close))
    other = popen("", stdin=PIPE, stdout=PIPE)
    return seen, other.communicate(b"y" * 100_000)


def representation(popen: Start, run: Start, tmp: Path) -> Any:
    process = popen("")
    process.wait()
    return repr(process)[:30]


CHECKS = [
    lines_while_it_runs,
    iterating_over_lines,
    line_buffering,
    no_buffering,
    kinds_of_streams,
    streams_are_closed_after,
    encodings,
    input_in_an_encoding,
    wrong_types,
    stderr,
    files,
    communicating,
    communicating_with_a_timeout,
    partial_output_of_communicate,
    partial_output_of_run,
    waiting,
    failing,
    a_broken_pipe,
    representation,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
def test_the_same_as_subprocess(
    check: Callable[[Start, Start, Path], Any], engine: str, tmp_path: Path
) -> None:
    def call(function: Start, python: str, program: str, **options: Any) -> Any:
        return function([python, "-c", program], **options)

    here, there = tmp_path / "host", tmp_path / "guest"
    here.mkdir()
    there.mkdir()

    def starts(api: Any, python: str) -> tuple[Start, Start]:
        return partial(call, api.Popen, python), partial(call, api.run, python)

    expected = check(*starts(subprocess, sys.executable), here)
    with wasix.Sandbox(engine=engine) as box:
        assert check(*starts(box, "python"), there) == expected
