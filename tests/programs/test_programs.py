"""Programs that none of us wrote: known answers, and files on a host volume."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import wasix


def run(engine: str, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return wasix.run(
        args, engine=engine, capture_output=True, text=True, timeout=120, check=True, **options
    )


def test_cowsay_says(engine: str) -> None:
    lines = run(engine, "cowsay", "moo").stdout.splitlines()
    assert lines[1] == "< moo >"
    assert "(oo)" in lines[4]


def test_python_computes(engine: str) -> None:
    code = "import sys, json, zlib; print(sys.version_info[:2], json.dumps({1: 2}), 6 * 7)"
    assert run(engine, "python", "-c", code).stdout == '(3, 12) {"1": 2} 42\n'


@pytest.mark.parametrize("status", [0, 1, 7, 126, 200, 255])
def test_python_exits_with_its_status(engine: str, status: int) -> None:
    done = wasix.run(["python", "-c", f"raise SystemExit({status})"], engine=engine)
    assert done.returncode == status


def test_python_reads_input_and_reports_errors(engine: str) -> None:
    done = wasix.run(
        ["python", "-c", "print(input()[::-1]); 1/0"],
        engine=engine,
        input="abc\n",
        capture_output=True,
        text=True,
    )
    assert done.stdout == "cba\n"
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert done.returncode == 1


def test_python_works_on_a_host_volume(engine: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("héllo\n" * 1000)
    code = """
import hashlib, os, pathlib, shutil
data = pathlib.Path("/data")
text = (data / "in.txt").read_text()
(data / "sub").mkdir()
(data / "sub" / "copy.txt").write_text(text.upper())
shutil.copy(data / "in.txt", data / "sub" / "plain.txt")
os.rename(data / "sub" / "plain.txt", data / "moved.txt")
os.symlink("moved.txt", data / "link")
print(sorted(str(p.relative_to(data)) for p in data.rglob("*")))
print(os.readlink(data / "link"), (data / "link").stat().st_size, len(os.listdir(data)))
print(hashlib.sha256((data / "in.txt").read_bytes()).hexdigest())
os.truncate(data / "moved.txt", 7)
"""
    out = run(engine, "python", "-c", code, volumes={"/data": tmp_path}).stdout.splitlines()
    assert out[0] == "['in.txt', 'link', 'moved.txt', 'sub', 'sub/copy.txt']"
    assert out[1] == "moved.txt 7000 4"
    assert out[2] == hashlib.sha256((tmp_path / "in.txt").read_bytes()).hexdigest()
    assert (tmp_path / "sub" / "copy.txt").read_text() == "HÉLLO\n" * 1000
    assert (tmp_path / "moved.txt").read_bytes() == "héllo\n".encode() * 1
    assert (tmp_path / "link").is_symlink()


def test_python_sleeps_and_keeps_time(engine: str) -> None:
    code = """
import time
a, w = time.monotonic_ns(), time.time()
time.sleep(0.05)
print(time.monotonic_ns() - a >= 50_000_000, abs(time.time() - w) < 5, time.process_time() > 0)
"""
    assert run(engine, "python", "-c", code).stdout == "True True True\n"


def test_python_finds_its_working_directory(engine: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("print(open('data.txt').read())")
    (tmp_path / "data.txt").write_text("found")
    done = run(engine, "python", "script.py", volumes={"/project": tmp_path}, cwd="/project")
    assert done.stdout == "found\n"


def test_sqlite_keeps_a_database_on_a_host_volume(engine: str, tmp_path: Path) -> None:
    volumes = {"/data": tmp_path}
    script = "create table t(a,b); insert into t values(1,'x'),(2,'y'); select sum(a) from t;\n"
    # This build takes any standard input for a terminal, so it is told that it is none.
    done = run(engine, "sqlite3", "-batch", "/data/a.db", input=script, volumes=volumes)
    assert done.stdout == "3\n"
    assert (tmp_path / "a.db").read_bytes().startswith(b"SQLite format 3\0")
    again = run(engine, "sqlite3", "/data/a.db", "select b from t order by a desc", volumes=volumes)
    assert again.stdout == "y\nx\n"


def test_php_runs_a_script_from_a_host_volume(engine: str, tmp_path: Path) -> None:
    script = "<?php file_put_contents('/data/out', strtoupper('php')); echo json_encode([6*7]);"
    (tmp_path / "a.php").write_text(script)
    assert run(engine, "php", "/data/a.php", volumes={"/data": tmp_path}).stdout == "[42]"
    assert (tmp_path / "out").read_text() == "PHP"


def test_ruby_reads_and_writes_a_host_volume(engine: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("ruby")
    code = "File.write('/data/out', File.read('/data/in').capitalize); puts (1..10).reduce(:*)"
    done = run(engine, "ruby", "--disable-gems", "-e", code, volumes={"/data": tmp_path})
    assert done.stdout == "3628800\n"
    assert (tmp_path / "out").read_text() == "Ruby"


def test_quickjs_runs_a_script_from_a_host_volume(engine: str, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("print(JSON.stringify([1,2,3].map(x => x * x)))")
    done = run(engine, "qjs", "/data/a.js", volumes={"/data": tmp_path})
    assert json.loads(done.stdout) == [1, 4, 9]


SQUARES = """
#include <stdio.h>
int main(int argc, char **argv) {
    int unused;
    for (int i = 1; i <= 3; i++) printf("%s %.1f\\n", argv[argc - 1], (double)i * i);
}
"""
LIBRARIES = "/usr/lib/wasm32-wasip1"


def test_clang_compiles_and_links_what_then_runs(tmp_path: Path) -> None:
    (tmp_path / "squares.c").write_text(SQUARES)
    (tmp_path / "bin").mkdir()
    # It finds its headers whatever else there is in /usr.
    volumes = {"/src": tmp_path, "/usr/bin": tmp_path / "bin"}
    with wasix.Sandbox(engine="v8", volumes=volumes) as box:
        options: Any = {"cwd": "/src", "capture_output": True, "text": True}
        done = box.run(["clang", "-c", "-Wall", "-fcolor-diagnostics", "squares.c"], **options)
        assert "squares.c:4:9: \x1b[0m\x1b[0;1;35mwarning: \x1b[0m" in done.stderr
        assert done.returncode == 0
        start, objects = f"{LIBRARIES}/crt1.o", ("squares.o", "-o", "squares.wasm")
        done = box.run(["wasm-ld", start, f"-L{LIBRARIES}", "-lc", *objects], **options)
        assert (done.stderr, done.returncode) == ("", 0)
        (tmp_path / "squares.c").write_text("int main(void) { return x; }")
        done = box.run(["clang", "-c", "squares.c"], **options)
        assert "use of undeclared identifier 'x'" in done.stderr
        assert done.returncode == 1
        assert not box.fs.listdir("/usr/bin")
    assert run("v8", str(tmp_path / "squares.wasm"), "of").stdout == "of 1.0\nof 4.0\nof 9.0\n"
