"""Real programs in the page: what they write and how they end is what they do on V8."""

from __future__ import annotations

import pytest

import wasix
from e2e.conftest import Script

MOVE_A_FILE = """
import os
os.mkdir("/tmp/d")
with open("/tmp/d/f", "w") as file:
    file.write("x" * 100000)
os.rename("/tmp/d/f", "/tmp/g")
print(os.stat("/tmp/g").st_size, os.listdir("/tmp/d"))
"""

RUNS = [
    ["cowsay", "Hello from the page"],
    ["python", "-c", "print(6*7)"],
    ["python", "-c", "import os, sys; print(sys.argv, os.environ, os.listdir('/'), os.getcwd())"],
    ["python", "-c", "print('out'); import sys; print('err', file=sys.stderr); sys.exit(3)"],
    ["python", "-c", "import json, decimal, zlib; print(json.dumps(zlib.crc32(b'x')))"],
    ["python", "-c", MOVE_A_FILE],
    ["python", "-c", "import sys; sys.stdout.write('héé\\n' * 50000)"],
    ["python", "-c", "open('/missing')"],
    ["python", "-c", "raise SystemExit('no')"],
    ["python", "-c", "import sys; sys.setrecursionlimit(10**6); f = lambda: f(); f()"],
    ["python", "-h"],
    ["sqlite3", ":memory:", "create table t(x); insert into t values (1); select sum(x) from t"],
    ["sqlite3", ":memory:", "select * from missing"],
    ["sqlite3", "/tmp/a.db", "create table t(x); .tables"],
    ["qjs", "/missing.js"],
    ["php", "--version"],
    ["ruby", "--version"],
]  # fmt: skip


@pytest.mark.parametrize("args", RUNS, ids=lambda args: " ".join(args)[:40])
def test_a_program_does_what_it_does_on_v8(shared_script: Script, args: list[str]) -> None:
    expected = wasix.run(args, engine="v8", capture_output=True, stdin=wasix.DEVNULL)
    found = shared_script("return await wasix.run(arg[0], arg.slice(1))", args)
    assert found["stdout"] == expected.stdout.decode()
    assert found["stderr"] == expected.stderr.decode()
    assert found["status"] == expected.returncode


def test_standard_input_reaches_a_program(shared_script: Script) -> None:
    args = ["python", "-c", "import sys; print(sys.stdin.read().upper(), len(sys.stdin.read()))"]
    text = "hello\n" * 50_000
    expected = wasix.run(args, engine="v8", capture_output=True, input=text.encode())
    found = shared_script(
        "return await wasix.run(arg.args[0], arg.args.slice(1), { stdin: arg.text })",
        {"args": args, "text": text},
    )
    assert found == {"status": 0, "stdout": expected.stdout.decode(), "stderr": ""}
