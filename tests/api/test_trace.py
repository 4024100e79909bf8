"""A guest's system calls as records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import wasix
from tests.api.guests import CAT, Wat, exits
from wasix import DEVNULL, PIPE, Call
from wasix.abi.trace import Buffer
from wasix.api.trace import Summary, Trace

# Makes a call with a bad pointer, one with a value the ABI does not name, and one for a bad file.
WRONG = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const -16) (i32.const 1) (i32.const 0)))
    (drop (call $time (i32.const 99) (i64.const 0) (i32.const 0)))
    (drop (call $close (i32.const 77)))))
"""


def a_call(name: str = "fd_read", **changes: object) -> Call:
    values = {"errno": None, "start": 0.0, "duration": 0.5, "blocked": 0.0, "pid": 1, "tid": 1}
    return Call(name, {}, None, **{**values, **changes})  # type: ignore[arg-type]  # as they come


def test_records(wat: Wat, engine: str) -> None:
    with wasix.Popen([wat(CAT)], stdin=b"hello", stdout=DEVNULL, engine=engine, trace=True) as box:
        assert box.trace
        calls = list(box.trace)
    assert [call.name for call in calls] == ["fd_read", "fd_write", "fd_read"]
    read, write, _ = calls
    assert read.args == {"fd": 0, "iovs": b"hello"}
    assert read.args["iovs"].size == 5
    assert (write.args, write.result, write.errno) == ({"fd": 1, "iovs": b"hello"}, 5, None)
    for call in calls:
        assert (call.pid, call.tid, call.finished) == (box.pid, box.pid, True)
        assert 0 <= call.blocked <= call.duration
    assert calls == sorted(calls, key=lambda call: call.start)
    assert json.loads(write.json()) == {
        "pid": write.pid,
        "tid": write.tid,
        "name": "fd_write",
        "args": {"fd": 1, "iovs": "hello"},
        "result": 5,
        "errno": None,
        "start": write.start,
        "duration": write.duration,
        "blocked": 0.0,
        "finished": True,
    }


def test_what_the_decoder_refuses_is_traced_too(wat: Wat, engine: str) -> None:
    calls: list[Call] = []
    wasix.run([wat(WRONG)], engine=engine, trace=calls.append)
    assert [(call.name, call.errno) for call in calls] == [
        ("fd_write", "FAULT"),
        ("clock_time_get", "INVAL"),
        ("fd_close", "BADF"),
    ]
    assert calls[0].args == {"fd": 1, "iovs": 0xFFFFFFF0, "iovs_len": 1, "nwritten": 0}
    assert str(calls[2]).startswith("fd_close(77) = BADF <")


def test_a_real_program(engine: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("text")
    code = "import os; open('/v/out', 'w').write(open('/v/in').read()); os.listdir('/v')"
    lines: list[str] = []
    done = wasix.run(
        ["python", "-c", code],
        engine=engine,
        volumes={"/v": tmp_path},
        trace=lambda call: lines.append(str(call).rpartition(" <")[0]),
    )
    assert done.returncode == 0
    found = [line for line in lines if '"out"' in line and "path_open" in line]
    assert "CREAT|TRUNC" in found[0]
    assert any("read(" in line and '"text"' in line for line in lines)
    assert any(line.startswith("fd_readdir(") and '{name="in", type=REG' in line for line in lines)
    assert any(
        line.startswith(("path_filestat_get(", "fd_filestat_get(")) and "filetype=REG" in line
        for line in lines
    )
    assert lines[0].startswith(("args_", "environ_", "fd_", "clock_", "random_"))


def test_waiting_is_told_apart() -> None:
    assert str(a_call(duration=2.5)) == "fd_read() = 0 <2.500000>"
    assert str(a_call(duration=2.5, blocked=2.0)) == "fd_read() = 0 <2.500000, 2.000000 waiting>"


def test_a_call_that_is_cut_off(wat: Wat, engine: str) -> None:
    with wasix.Popen([wat(CAT)], stdin=PIPE, engine=engine, trace=True) as process:
        assert process.stdin
        assert process.trace
        process.stdin.write(b"x")
        process.stdin.flush()
        calls = [next(process.trace), next(process.trace)]
        # It waits for more now, or will.
        process.kill()
        calls += process.trace
    assert [call.name for call in calls[:2]] == ["fd_read", "fd_write"]
    for call in calls[2:]:
        assert (call.name, call.finished, call.errno) == ("fd_read", False, None)
        assert str(call).startswith("fd_read(0, [60000 bytes]) = ? <")


def test_an_exit(wat: Wat, engine: str) -> None:
    calls: list[Call] = []
    wasix.run([wat(exits(3))], engine=engine, trace=calls.append)
    assert [(call.name, call.args, call.finished) for call in calls] == [
        ("proc_exit", {"rval": 3}, False)
    ]
    assert str(calls[0]).startswith("proc_exit(3) = ? <")


def test_all_of_a_sandboxs_guests(wat: Wat, engine: str) -> None:
    with wasix.Sandbox(engine=engine) as box:
        box.run([wat(exits(1))])
        with box.trace() as trace:
            box.run([wat(exits(2))])
            box.run([wat(exits(3))])
        box.run([wat(exits(4))])
        assert [call.args["rval"] for call in trace] == [2, 3]
        assert len({call.pid for call in trace}) == 0  # all have been read


def test_a_sandbox_that_closes_ends_its_traces(wat: Wat, engine: str) -> None:
    with wasix.Sandbox(engine=engine) as box:
        trace = box.trace()
        box.run([wat(exits(2))])
    assert len(list(trace)) == 1


def test_a_reader_that_is_slow_loses_the_oldest() -> None:
    trace = Trace(size=3)
    for number in range(5):
        trace.put(a_call(pid=number))
    trace.close()
    trace.put(a_call(pid=9))
    assert [call.pid for call in trace] == [2, 3, 4]
    assert trace.lost == 2


def test_a_guest_does_not_wait_for_its_reader(wat: Wat, engine: str) -> None:
    with wasix.Sandbox(engine=engine) as box:
        trace = box.trace(size=2)
        box.run([wat(CAT)], input=bytes(1 << 20), stdout=DEVNULL)
    calls = list(trace)
    assert len(calls) == 2
    assert calls[-1].name == "fd_read"
    assert calls[-1].result == 0
    assert trace.lost > 10


def test_a_reader_waits_for_the_next(wat: Wat, engine: str) -> None:
    with wasix.Popen([wat(CAT)], stdin=PIPE, stdout=DEVNULL, engine=engine, trace=True) as process:
        assert process.stdin
        assert process.trace
        names = []
        for data in (b"a", b"b"):
            process.stdin.write(data)
            process.stdin.flush()
            names += [next(process.trace).name, next(process.trace).name]
        process.stdin.close()
        names += [call.name for call in process.trace]
    assert names == ["fd_read", "fd_write"] * 2 + ["fd_read"]


def test_reading_in_a_task(wat: Wat, engine: str) -> None:
    async def work() -> list[str]:
        async with wasix.Sandbox(engine=engine) as box:
            trace = box.trace()

            async def read() -> list[str]:
                return [call.name async for call in trace]

            reading = asyncio.ensure_future(read())
            await box.run_async([wat(CAT)], input=b"x", stdout=DEVNULL)
            trace.close()
            return await reading

    assert asyncio.run(work()) == ["fd_read", "fd_write", "fd_read"]


def test_a_function_that_uses_the_sandbox_is_told_off(wat: Wat, engine: str) -> None:
    reading: list[Callable[[], object]] = []
    with wasix.Popen(
        [wat(CAT)], stdin=PIPE, stdout=PIPE, engine=engine, trace=lambda call: reading[0]()
    ) as process:
        assert process.stdin
        assert process.stdout
        reading.append(process.stdout.read)
        process.stdin.write(b"x")
        process.stdin.close()
        assert process.wait() == 70
        assert "from inside one of its system calls" in str(process.message)


def test_a_summary() -> None:
    summary = Summary()
    for _ in range(3):
        summary.add(a_call("fd_write", duration=0.25))
    summary.add(a_call("fd_read", duration=5.0, blocked=4.0, errno="IO"))
    assert summary.table() == (
        "% time     seconds  usecs/call     calls    errors syscall\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        " 57.14    1.000000     1000000         1         1 fd_read\n"
        " 42.86    0.750000      250000         3           fd_write\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        "100.00    1.750000      437500         4         1 total"
    )
    row = json.loads(summary.json())["summary"]["fd_write"]
    assert row == {"calls": 3, "errors": 0, "seconds": 0.75}
    assert "100.00    0.000000           0         0           total" in Summary().table()


@pytest.mark.parametrize(
    "args", [{"a": Buffer.of([b"\xff\n"]), "b": "\udcff\n"}, {"a": [{"b": "x\n"}]}]
)
def test_any_bytes_make_a_line(args: dict[str, object]) -> None:
    call = Call("call", args, None, None, 0.0, 0.0, 0.0, 1, 1)
    for text in (str(call), call.json()):
        assert "\n" not in text
        text.encode()
