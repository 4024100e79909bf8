"""Talk with a guest while it runs, and share files with it: SQLite on a folder of yours."""

from __future__ import annotations

import tempfile

import wasix

with (
    tempfile.TemporaryDirectory() as folder,
    wasix.Sandbox(volumes={"/data": folder}) as box,
    box.Popen(
        ["sqlite3", "-batch", "/data/zoo.db"], stdin=wasix.PIPE, stdout=wasix.PIPE, text=True
    ) as sqlite,
):
    assert sqlite.stdin
    assert sqlite.stdout
    print("create table animal(name);", file=sqlite.stdin)
    for name in ("cow", "gnu"):
        print(f"insert into animal values('{name}');", file=sqlite.stdin)
    print("select count(*) from animal;", file=sqlite.stdin, flush=True)
    print("animals:", sqlite.stdout.readline().strip())
