"""What may be a guest's standard stream."""

from __future__ import annotations

import gc
import io
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import wasix
from tests.api.guests import CAT, SPIN, Wat, exits
from tests.settled import of_guests, settle

# As CAT, but traps when a write fails.
CAREFUL = CAT.replace(
    "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))",
    "(if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12))"
    " (then unreachable))",
)


class Chunks:
    """An object with `read` and nothing else; it waits for each chunk to be put in."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.given = threading.Semaphore(0)
        self.data = b""

    def read(self, size: int) -> bytes:
        self.asked.release()
        self.given.acquire()
        return self.data[:size]

    def put(self, data: bytes) -> None:
        self.data = data
        self.given.release()


class Writer:
    """An object with `write` and nothing else."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: b"bytes", b"bytes"),
        (lambda: bytearray(b"bytearray"), b"bytearray"),
        (lambda: io.BytesIO(b"binary"), b"binary"),
        (lambda: io.StringIO("té\nxt"), "té\nxt".encode()),
        (lambda: io.TextIOWrapper(io.BytesIO(b"\xe4\n"), "latin-1"), b"\xe4\n"),
        (lambda: io.BufferedReader(io.BytesIO(bytes(200_000))), bytes(200_000)),
    ],
)
def test_standard_input(wat: Wat, engine: str, make: Any, expected: bytes) -> None:
    done = wasix.run([wat(CAT)], stdin=make(), stdout=wasix.PIPE, engine=engine)
    assert done.stdout == expected


def test_an_object_is_read_as_the_guest_asks(wat: Wat, engine: str) -> None:
    chunks = Chunks()
    with wasix.Popen([wat(CAT)], stdin=chunks, stdout=wasix.PIPE, engine=engine) as process:
        assert process.stdout
        for data in (b"one", b"two"):
            chunks.asked.acquire()
            chunks.put(data)
            assert process.stdout.read(3) == data
        chunks.asked.acquire()
        assert process.poll() is None
        chunks.put(b"")
        assert process.wait() == 0


def test_a_guest_can_be_killed_while_an_object_keeps_it_waiting(wat: Wat, engine: str) -> None:
    chunks = Chunks()
    process = wasix.Popen([wat(CAT)], stdin=chunks, engine=engine)
    chunks.asked.acquire()
    process.kill()
    assert process.wait(30) == 137
    chunks.put(b"too late")


def test_an_object_that_fails_is_the_guests_to_see(wat: Wat, engine: str) -> None:
    class Failing:
        def read(self, size: int) -> bytes:
            raise ZeroDivisionError

        def write(self, data: bytes) -> None:
            raise ZeroDivisionError

    box: Any = wasix
    assert box.run([wat(CAT)], stdin=Failing(), stdout=wasix.DEVNULL, engine=engine).returncode == 0
    done = box.run([wat(CAREFUL)], input=b"x", stdout=Failing(), engine=engine)
    assert done.returncode == 134


@pytest.mark.parametrize("make", [io.BytesIO, Writer])
def test_objects_get_bytes(wat: Wat, engine: str, make: Any) -> None:
    stream = make()
    wasix.run([wat(CAT)], input=b"\xff\n", stdout=stream, engine=engine)
    assert (stream.getvalue() if isinstance(stream, io.BytesIO) else stream.written) == b"\xff\n"


def test_text_objects_get_text_however_it_is_cut(wat: Wat, engine: str) -> None:
    stream = io.StringIO()
    with wasix.Popen([wat(CAT)], stdin=wasix.PIPE, stdout=stream, engine=engine) as process:
        assert process.stdin
        for byte in "aé€😀".encode():
            process.stdin.write(bytes([byte]))
            process.stdin.flush()
    assert stream.getvalue() == "aé€😀"


def test_an_object_that_is_written_to_may_use_the_sandbox(wat: Wat, engine: str) -> None:
    """So that it may end the guest for what it writes, say."""

    class Watching:
        def write(self, data: bytes) -> None:
            box.fs.write_bytes("/seen", data)
            processes[0].kill()

    processes: list[wasix.Popen[bytes]] = []
    with wasix.Sandbox(engine=engine) as box:
        watching: Any = Watching()
        processes.append(box.Popen([wat(CAT)], stdin=wasix.PIPE, stdout=watching))
        assert processes[0].stdin
        processes[0].stdin.write(b"stop me")
        processes[0].stdin.flush()
        assert processes[0].wait(60) == 137
        assert box.fs.read_bytes("/seen") == b"stop me"


def test_output_is_shown_where_python_shows_it(
    wat: Wat, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wasix.run([wat(CAT)], input=b"inherited\n", engine=engine)
    wasix.run([wat(CAT)], input=b"given\n", stdout=sys.stdout, engine=engine)
    assert capsys.readouterr().out == "inherited\ngiven\n"


def test_output_reaches_the_descriptor(
    wat: Wat, engine: str, capfd: pytest.CaptureFixture[str]
) -> None:
    print("before", end=" ")
    wasix.run([wat(CAT)], input=b"inherited\n", engine=engine)
    sys.stdout.flush()
    wasix.run([wat(CAT)], input=b"given\n", stdout=sys.stdout, engine=engine)
    wasix.run([wat(CAT)], input=b"numbered\n", stdout=1, engine=engine)
    assert capfd.readouterr().out == "before inherited\ngiven\nnumbered\n"


def test_one_guests_output_is_anothers_input(wat: Wat, engine: str) -> None:
    cat = wat(CAT)
    with (
        wasix.Popen([cat], stdin=b"x" * 500_000, stdout=wasix.PIPE, engine=engine) as first,
        wasix.Popen([cat], stdin=first.stdout, stdout=wasix.PIPE, engine=engine) as second,
    ):
        assert second.communicate()[0] == b"x" * 500_000


def test_sockets_and_pipes_of_the_host(wat: Wat, engine: str) -> None:
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    with ours, theirs, open(reader, "rb") as output, open(writer, "wb") as stdout:
        process = wasix.Popen([wat(CAT)], stdin=theirs.fileno(), stdout=stdout, engine=engine)
        ours.sendall(b"over a socket")
        ours.shutdown(socket.SHUT_WR)
        assert process.wait(60) == 0
        stdout.close()
        assert output.read() == b"over a socket"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"stdin": object()}, "read"),
        ({"stdout": object()}, "write"),
        ({"stdout": b"bytes"}, "BytesIO"),
        ({"stdout": 987654}, "987654"),
        ({"stdin": io.StringIO().write}, "read"),
        ({"text": True, "universal_newlines": False}, "universal_newlines"),
    ],
)
def test_what_cannot_be_a_stream(wat: Wat, options: dict[str, Any], text: str) -> None:
    with pytest.raises(wasix.UsageError, match=text):
        wasix.Popen([wat(exits(0))], **options)


def test_line_buffering_of_bytes_is_warned_of(wat: Wat, engine: str) -> None:
    with pytest.warns(RuntimeWarning, match="line buffering"):
        process = wasix.Popen([wat(exits(0))], bufsize=1, engine=engine)
    assert process.wait() == 0


def test_a_program_may_be_given_alone(wat: Wat, engine: str) -> None:
    path = wat(exits(7))
    assert wasix.run(path, engine=engine).returncode == 7
    assert wasix.run(Path(path), engine=engine).returncode == 7
    assert wasix.run((path,), engine=engine).returncode == 7
    with pytest.raises(wasix.UsageError, match="args"):
        wasix.run([])


def test_a_forgotten_guest_is_noticed_and_killed(wat: Wat, engine: str) -> None:
    process = wasix.Popen([wat(SPIN)], stdin=wasix.PIPE, stdout=wasix.PIPE, engine=engine)
    guest = process._running
    with pytest.warns(ResourceWarning, match="still running"):
        del process
    assert guest.wait(60)
    assert guest.status == 137


def test_a_forgotten_guest_of_a_sandbox_goes_on(wat: Wat, engine: str) -> None:
    with wasix.Sandbox(engine=engine) as box:
        process = box.Popen([wat(SPIN)])
        guest = process._running
        with pytest.warns(ResourceWarning, match="still running"):
            del process
        gc.collect()
        assert guest.status is None
    assert guest.status == 137


def test_a_forgotten_sandbox_is_noticed_and_closed(wat: Wat, engine: str) -> None:
    before = set(of_guests())
    box = wasix.Sandbox(engine=engine)
    reader, writer = os.pipe()
    process = box.Popen([wat(CAT)], stdin=reader)
    guest = process._running
    with pytest.warns(ResourceWarning, match="still running"):
        del process
    with pytest.warns(ResourceWarning, match="unclosed"):
        del box
    assert guest.wait(60)
    assert guest.status == 137
    # The thread that waited for the pipe goes, too.
    settle()
    assert {thread for thread in of_guests() if thread.is_alive()} <= before
    os.close(reader)
    os.close(writer)


def test_garbage_in_a_cycle_is_closed_on_a_guests_thread(wat: Wat, engine: str) -> None:
    """Where the kernel lock is held: a finalizer that took it would wait for itself."""
    with wasix.Sandbox(engine=engine) as box:

        def litter(call: wasix.Call) -> None:
            # Called by the kernel, in the middle of a call.
            knot: list[Any] = finished[:]
            finished.clear()
            knot.append(knot)
            del knot
            gc.collect()

        finished: list[Any] = []
        file = box.fs.open("/file", "w")
        file.write("not flushed, and never will be")
        finished.append(file)
        del file
        ended = box.Popen([wat(CAT)], stdin=wasix.PIPE, stdout=wasix.PIPE)
        ended.kill()
        ended.wait()
        finished.append((ended, ended.stdin, ended.stdout))
        del ended
        traced = box.run([wat(CAT)], input=b"x", stdout=wasix.DEVNULL, trace=litter)
        assert traced.returncode == 0
        assert not finished


def test_leaving_the_context_with_an_error_kills(wat: Wat, engine: str) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        wasix.Popen([wat(SPIN)], stdin=wasix.PIPE, engine=engine) as process,
    ):
        raise ZeroDivisionError
    assert process.returncode == 137


def test_one_sandboxs_limits_cannot_be_set_twice(wat: Wat) -> None:
    with wasix.Sandbox() as box, pytest.raises(wasix.UsageError, match="memory_limit"):
        box.run([wat(exits(0))], memory_limit="1 MiB")


def test_too_few_descriptors(wat: Wat, engine: str) -> None:
    with pytest.raises(wasix.UsageError, match="max_files=3"):
        wasix.run([wat(exits(0))], max_files=3, engine=engine)


def test_an_expired_wait_says_what_subprocess_says(wat: Wat, engine: str) -> None:
    with wasix.Popen([wat(SPIN)], engine=engine) as process:
        with pytest.raises(subprocess.TimeoutExpired, match=r"after 0\.01 seconds"):
            process.wait(0.01)
        process.kill()
    assert process.returncode == 137
