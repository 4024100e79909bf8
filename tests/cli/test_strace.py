"""`wasix run --strace` and its relatives."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from tests.api.guests import Wat, exits
from tests.calls.conftest import make_guest
from tests.cli.test_run import HELLO, SPIN, wasix
from tests.guests.build import compile_wasix
from wasix.api.trace import Call
from wasix.cli.strace import Strace

LINE = re.compile(r"\w+\(.*\) = .* <\d+\.\d{6}(, \d+\.\d{6} waiting)?>")


def lines(text: str) -> list[str]:
    return [re.sub(r"<\d+\.\d{6}>", "<T>", line) for line in text.splitlines()]


def test_a_file(wat: Wat, engine: str, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    done = wasix("run", "--engine", engine, "--strace-output", str(file), wat(HELLO))
    assert (done.stdout, done.stderr) == ("hello\n", "")
    assert lines(file.read_text()) == [
        'fd_write(1, "hello\\n") = 6 <T>',
        "proc_exit(0) = ? <T>",
        "+++ exited with 0 +++",
    ]


def test_processes(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    shutil.copy(compile_wasix("unix_fork"), tmp_path / "fork.wasm")
    options = ["--engine", engine, "--strace-output", str(file), "--volume", f"{tmp_path}:/s"]
    done = wasix("run", *options, str(tmp_path / "fork.wasm"), "/s/fork.wasm", "/s")
    assert (done.returncode, done.stderr) == (0, "")
    text = file.read_text()
    assert "proc_fork(TRUE, " in text
    assert re.search(
        r"proc_join\(\{option=SOME, pid=(\d+)\}, 0\) = "
        r"\{pid=\{option=SOME, pid=\1\}, ret=\{join_status_type=EXIT_NORMAL, u16=7\}\}",
        text,
    )


def test_a_file_that_cannot_be_written(wat: Wat, engine: str, tmp_path: Path) -> None:
    done = wasix("run", "--engine", engine, f"--strace-output={tmp_path}/no/file", wat(HELLO))
    assert done.returncode == 2
    assert done.stderr == (
        f"wasix: --strace-output {tmp_path}/no/file: No such file or directory\n"
    )
    assert done.stdout == ""


def test_json(wat: Wat, engine: str, tmp_path: Path) -> None:
    done = wasix("run", "--engine", engine, "--strace-format", "json", wat(HELLO))
    write, end = (json.loads(line) for line in done.stderr.splitlines())
    assert set(write) >= {
        *("name", "args", "result", "errno", "start", "duration", "pid", "tid", "blocked")
    }
    assert (write["name"], write["args"]) == ("fd_write", {"fd": 1, "iovs": "hello\n"})
    assert (write["result"], write["errno"], write["finished"]) == (6, None, True)
    assert (end["name"], end["args"], end["finished"]) == ("proc_exit", {"rval": 0}, False)


def test_a_summary(wat: Wat, engine: str) -> None:
    done = wasix("run", "--engine", engine, "--strace-summary", wat(HELLO))
    head, rule, *rows, rule_again, total = done.stderr.splitlines()
    assert head.split() == ["%", "time", "seconds", "usecs/call", "calls", "errors", "syscall"]
    assert rule == rule_again
    assert {row.split()[-1]: row.split()[3] for row in rows} == {"fd_write": "1", "proc_exit": "1"}
    assert total.split()[-2:] == ["2", "total"]


def test_a_summary_after_the_calls(wat: Wat, engine: str) -> None:
    done = wasix("run", "--engine", engine, "--strace", "--strace-summary", wat(HELLO))
    seen = done.stderr.splitlines()
    assert lines(seen[0]) == ['fd_write(1, "hello\\n") = 6 <T>']
    assert seen[2] == "+++ exited with 0 +++"
    assert seen[3].startswith("% time")


def test_a_summary_as_json(wat: Wat, engine: str) -> None:
    done = wasix("run", "--engine", engine, "--strace-summary", "--strace-format=json", wat(HELLO))
    summary = json.loads(done.stderr)["summary"]
    assert summary["fd_write"]["calls"] == 1
    assert summary["proc_exit"]["errors"] == 0


def test_how_it_ended(wat: Wat, engine: str) -> None:
    done = wasix("run", "--engine", engine, "--strace", "--timeout", "0.5", wat(SPIN))
    assert "+++ killed by SIGKILL +++" in done.stderr.splitlines()
    done = wasix("run", "--engine", engine, "--strace", wat(exits(3)))
    assert done.stderr.splitlines()[-1] == "+++ exited with 3 +++"
    assert done.returncode == 3


def test_every_line_of_a_real_program_is_one(engine: str) -> None:
    done = wasix("run", "--engine", engine, "--strace", "cowsay", "moo")
    assert "moo" in done.stdout
    *calls, end = done.stderr.splitlines()
    assert end == "+++ exited with 0 +++"
    assert calls
    assert [line for line in calls if not LINE.fullmatch(line)] == []


def test_a_reader_that_goes_away_does_not_stop_the_guest() -> None:
    strace = Strace(None, "text", calls=True, summary=False)

    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

    strace._out = Gone()  # type: ignore[assignment]  # it has the one method
    call = Call("fd_read", {}, 0, None, 0.0, 0.0, 0.0, 1, 1)
    strace(call)
    strace(call)


def test_who_calls_is_said_when_there_are_several(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    strace = Strace(str(file), "text", calls=True, summary=False)
    for pid, tid in ((1, 1), (1, 1), (2, 2), (1, 1), (2, 5)):
        strace(Call("sched_yield", {}, None, None, 0.0, 0.0, 0.0, pid, tid))
    process = make_guest().process
    process.exit(3)
    strace.finish(process)
    *calls, end = file.read_text().splitlines()
    assert end == "+++ exited with 3 +++"
    assert [line.split(" =")[0] for line in calls] == [
        *("sched_yield()", "sched_yield()"),
        *("[pid 2] sched_yield()", "[pid 1] sched_yield()", "[pid 2 tid 5] sched_yield()"),
    ]
