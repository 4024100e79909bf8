"""What a page is told of the processes of its kernel, and of their system calls."""

from __future__ import annotations

from e2e.conftest import Script
from tests.conformance.wasix_guests import TWINS


def test_processes_are_told_with_what_they_use(shared_script: Script) -> None:
    found = shared_script(
        """
        const code = "sum(range(300_000)); print('ready', flush=True); input()";
        const process = await wasix.spawn("python", ["-c", code]);
        await process.stdout.getReader().read();
        let info;
        do info = (await wasix.processes())[0]; while (info.state !== "waiting");
        const pid = process.pid;
        await wasix.kill(pid);
        return [pid, info, code, await process.ended, await wasix.processes()];
        """
    )
    pid, info, code, ended, after = found
    assert (info["pid"], info["parent"], info["name"]) == (pid, None, "python")
    assert info["args"] == ["python", "-c", code]
    assert info["threads"] == 1
    assert info["memory"] > 1 << 20
    assert info["calls"] > 100
    assert info["time"] > 0
    assert ended == {"status": 143}
    assert after == []


def test_a_program_tells_of_its_end_and_its_streams_go_where_they_are_sent(
    shared_script: Script,
) -> None:
    found = shared_script(
        """
        const told = [], written = [];
        const stdin = new Blob(["one\\ntwo\\n"]).stream();
        const decoder = new TextDecoder();
        const write = (data) => void written.push(decoder.decode(data));
        const stdout = new WritableStream({ write });
        const onexit = (end) => told.push(end);
        const result = await wasix.run("python", ["-c", arg], { stdin, stdout, onexit });
        return [result, written.join(""), told];
        """,
        "import sys\nfor line in sys.stdin: print(line.upper(), end='')\nsys.exit(3)",
    )
    assert found == [
        {"status": 3, "stdout": "", "stderr": ""},
        "ONE\nTWO\n",
        [{"status": 3}],
    ]


def test_input_that_is_not_read_to_its_end_holds_nothing_up(shared_script: Script) -> None:
    found = shared_script(
        """
        let cancelled;
        const done = new Promise((resolve) => (cancelled = resolve));
        const stdin = new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(1 << 16).fill(10)),
          cancel: () => cancelled("cancelled"),
        });
        const result = await wasix.run("python", ["-c", "print(len(input()))"], { stdin });
        return [result, await done];
        """
    )
    assert found == [{"status": 0, "stdout": "0\n", "stderr": ""}, "cancelled"]


def test_system_calls_are_told_as_strace_writes_them(shared_script: Script) -> None:
    lines = shared_script(
        """
        const lines = [];
        await wasix.run("cowsay", ["hi"], { trace: (line) => lines.push(line) });
        return lines;
        """
    )
    assert any(line.startswith("args_sizes_get() = ") for line in lines)
    assert lines[-1].startswith('fd_write(1, "')
    assert ") = " in lines[-1]


def test_what_a_program_starts_is_told_of_as_well(shared_script: Script) -> None:
    [guest] = [one for one in TWINS if one.name == "unix_fork"]
    args = guest.arguments("/programs/self.wasm", "/scratch")
    spawned, exited, pid = shared_script(
        """
        const spawned = [], exited = [];
        wasix.addEventListener("spawn", ({ detail }) => spawned.push(detail));
        wasix.addEventListener("exit", ({ detail }) => exited.push(detail));
        const module = new Uint8Array(arg.module);
        await wasix.fs.writeFile("/programs/self.wasm", module);
        await wasix.fs.mkdir("/scratch");
        const process = await wasix.spawn({ module, name: "guest" }, arg.args);
        void process.stdout.cancel();
        await process.ended;
        return [spawned, exited, process.pid];
        """,
        {"module": guest.compiled().read_bytes(), "args": args},
    )
    first, *children = spawned
    assert first == {"pid": pid, "parent": None, "name": "guest", "args": ["guest", *args]}
    assert children
    assert children[0]["parent"] == pid
    assert {one["pid"] for one in exited} == {one["pid"] for one in spawned}
