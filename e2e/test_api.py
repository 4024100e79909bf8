"""What a page's script can do: run and start programs, talk to them, end them, use files."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route

from e2e.conftest import BLANK, Script, kernel, message


def test_a_started_program_has_streams(script: Script) -> None:
    heard = script(
        """
        const process = await wasix.spawn("python", ["-c", arg]);
        const reader = process.stdout.getReader(), writer = process.stdin.getWriter();
        const heard = [];
        for (const word of ["one", "two"]) {
          await writer.write(word + "\\n");
          heard.push(new TextDecoder().decode((await reader.read()).value));
        }
        await writer.close();
        return [heard, (await reader.read()).done, await process.exited];
        """,
        "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)",
    )
    assert heard == [["eno\n", "owt\n"], True, 0]


def test_output_nobody_reads_makes_the_program_wait_and_none_is_lost(script: Script) -> None:
    size, first = script(
        """
        const process = await wasix.spawn("python", ["-c", "print('x' * 9_999_999)"]);
        const pause = new Promise((resolve) => setTimeout(resolve, 500, -1));
        const late = await Promise.race([process.exited, pause]);
        const text = await new Response(process.stdout).text();
        await process.exited;
        return [text.length, late];
        """
    )
    assert (size, first) == (10_000_000, -1)


def test_input_nobody_reads_makes_the_writer_wait(script: Script) -> None:
    outcome = script(
        """
        const code = "import time; print('ready', flush=True); time.sleep(60)";
        const process = await wasix.spawn("python", ["-c", code]);
        await process.stdout.getReader().read();
        const writer = process.stdin.getWriter();
        const sent = writer.write(new Uint8Array(200_000));
        const pause = new Promise((resolve) => setTimeout(resolve, 300, "waits"));
        const first = await Promise.race([sent.then(() => "sent"), pause]);
        await process.kill();
        return [first, await process.exited];
        """
    )
    assert outcome == ["waits", 143]


def test_files_go_in_and_come_out(script: Script) -> None:
    code = "open('/out/b', 'wb').write(open('/in/a', 'rb').read()[::-1])"
    found = script(
        """
        await wasix.fs.mkdir("/out");
        const files = { "/in/a": new Uint8Array([0, 255, 7]) };
        const result = await wasix.run("python", ["-c", arg], { files });
        const written = [...(await wasix.fs.readFile("/out/b"))];
        return [result, written, await wasix.fs.list("/"), await wasix.fs.list("out")];
        """,
        code,
    )
    result, data, root, out = found
    assert result == {"status": 0, "stdout": "", "stderr": ""}
    assert data == [7, 255, 0]
    assert {entry["name"]: entry["directory"] for entry in root} == dict.fromkeys(
        ("bin", "dev", "in", "out", "tmp"), True
    )
    assert out == [{"name": "b", "directory": False, "size": 3}]


def test_files_that_cannot_be_used_are_one_clear_line(script: Script) -> None:
    assert message(lambda: script("await wasix.fs.readFile('/no/such')")) == "/no/such: noent"
    assert message(lambda: script("await wasix.fs.readFile('/tmp')")) == "/tmp: isdir"
    assert message(lambda: script("await wasix.fs.list('/dev/null')")) == "/dev/null: notdir"
    assert message(lambda: script("await wasix.run('cowsay', [], { cwd: '/nowhere' })")) == (
        "the working directory /nowhere cannot be used: noent"
    )


def test_environment_and_working_directory_are_the_programs(script: Script) -> None:
    code = "import os; print(dict(os.environ), open('x').read())"
    found = script(
        "return await wasix.run('python', ['-c', arg],"
        " { env: { A: 'ä' }, cwd: '/project', files: { '/project/x': 'here' } })",
        code,
    )
    assert found["stdout"] == "{'A': 'ä'} here\n"


def test_several_programs_wait_at_once_and_are_woken_in_any_order(script: Script) -> None:
    code = "import time, sys; a = input(); time.sleep(0.05); print(a * 2)"
    outputs = script(
        """
        const start = () => wasix.spawn("python", ["-c", arg]);
        const processes = await Promise.all([start(), start(), start(), start()]);
        const answers = [];
        for (const index of [2, 0, 3, 1]) {
          const writer = processes[index].stdin.getWriter();
          await writer.write(`${index}\\n`);
          await writer.close();
          answers.push(await new Response(processes[index].stdout).text());
        }
        return [answers, await Promise.all(processes.map((process) => process.exited))];
        """,
        code,
    )
    assert outputs == [["22\n", "00\n", "33\n", "11\n"], [0, 0, 0, 0]]


def test_a_program_that_writes_lets_another_run(script: Script) -> None:
    found = script(
        """
        const loud = await wasix.spawn("python", ["-c", "while True: print('y')"]);
        void loud.stdout.cancel();
        const quiet = await wasix.run("python", ["-c", "print('heard')"]);
        await loud.kill("SIGKILL");
        return [quiet.stdout, await loud.ended];
        """
    )
    assert found == ["heard\n", {"status": 137}]


@pytest.mark.parametrize(("signal", "status"), [("SIGTERM", 143), ("SIGINT", 130), (9, 137)])
def test_a_signal_ends_a_program_that_waits(script: Script, signal: object, status: int) -> None:
    found = script(
        """
        const process = await wasix.spawn("python", ["-c", "input('ready')"]);
        await process.stdout.getReader().read();
        await new Promise((resolve) => setTimeout(resolve, 100));
        await process.kill(arg);
        return [await process.ended, (await wasix.run("cowsay", ["alive"])).status];
        """,
        signal,
    )
    assert found == [{"status": status}, 0]


def test_a_stopped_program_goes_on_when_told(script: Script) -> None:
    code = "import time\nfor i in range(20): print(i, flush=True); time.sleep(0.02)"
    counts = script(
        """
        const process = await wasix.spawn("python", ["-c", arg]);
        let seen = 0, begun;
        const first = new Promise((resolve) => (begun = resolve));
        const read = (async () => {
          for await (const chunk of process.stdout) {
            seen++;
            begun();
          }
        })();
        await first;
        await process.kill("SIGSTOP");
        await new Promise((resolve) => setTimeout(resolve, 50));
        const before = seen;
        await new Promise((resolve) => setTimeout(resolve, 700));
        const after = seen;
        await process.kill("SIGCONT");
        await read;
        return [after - before, seen > after, await process.exited];
        """,
        code,
    )
    assert counts == [0, True, 0]


def test_a_program_that_computes_is_ended_with_its_worker(script: Script) -> None:
    ended, again, files = script(
        """
        await wasix.fs.writeFile("/x", "x");
        const process = await wasix.spawn("python", ["-c", "sum(iter(int, 1))"]);
        await new Promise((resolve) => setTimeout(resolve, 300));
        await process.kill("SIGKILL");
        const again = await wasix.run("cowsay", ["again"]);
        return [await process.ended, again.status, await wasix.fs.list("/")];
        """
    )
    assert ended["status"] == 137
    assert "ended" in ended["message"]
    assert again == 0
    assert "x" not in {entry["name"] for entry in files}


def test_terminate_ends_everything_at_once(script: Script) -> None:
    found = script(
        """
        const process = await wasix.spawn("python", ["-c", "sum(iter(int, 1))"]);
        wasix.terminate();
        return [await process.exited, (await wasix.run("cowsay", ["again"])).status];
        """
    )
    assert found == [137, 0]


def test_what_cannot_be_run_is_one_clear_line(script: Script) -> None:
    known = "python, cowsay, sqlite3, php, ruby, qjs"
    assert message(lambda: script("await wasix.run('nosuch')")) == (
        f"nosuch: no such program; this page has {known}"
    )
    assert message(lambda: script("await wasix.run('toString')")) == (
        f"toString: no such program; this page has {known}"
    )
    assert "blank/none.wasm cannot be fetched: HTTP status 404" in message(
        lambda: script("await wasix.run('blank/none.wasm')")
    )
    assert message(lambda: script("await wasix.run('cowsay', ['a\\0b'])")) == (
        "cowsay: an argument or variable has a NUL character in it"
    )


def test_without_jspi_waiting_ends_a_program_and_the_rest_works(
    no_jspi: None, script: Script
) -> None:
    found = script(
        """
        const waiting = await wasix.run("python", ["-c", "import time; print(1); time.sleep(1)"]);
        const working = await wasix.run("python", ["-c", "print(6*7)"]);
        return [(await wasix.ready()).suspends, waiting, working];
        """
    )
    suspends, waiting, working = found
    assert suspends is False
    assert waiting["status"] == 126
    assert waiting["message"].startswith("python: waiting for input or time needs WebAssembly")
    assert working == {"status": 0, "stdout": "42\n", "stderr": ""}


def test_a_bundle_works_below_any_path(page: Page, site: str, bundle: object) -> None:
    page.route(
        "**/some/where/*.html", lambda route: route.fulfill(body=BLANK, content_type="text/html")
    )
    page.route(
        "**/some/where/**/*.{js,wasm,mjs,zip,gz}",
        lambda route: route.continue_(url=route.request.url.replace("/some/where/", "/")),
    )
    page.goto("some/where/blank.html")
    status = page.evaluate(
        """async () => {
          const wasix = await (await import("./loader.js")).load();
          return (await wasix.run("cowsay", ["x"])).status;
        }"""
    )
    assert status == 0


def test_two_pages_kernels_share_nothing(script: Script) -> None:
    listed = script(
        """
        const { load } = await import("./loader.js");
        const other = await load();
        await wasix.fs.writeFile("/mine", "x");
        const names = (await other.fs.list("/")).map(({ name }) => name);
        other.terminate();
        return names;
        """
    )
    assert "mine" not in listed


def test_an_engine_that_allows_a_module_one_memory_gives_the_same(page: Page) -> None:
    def without(route: Route) -> None:
        code = route.fetch().text()
        assert "WebAssembly.validate(" in code
        body = code.replace("WebAssembly.validate(", "(() => false)(")
        route.fulfill(body=body, content_type="text/javascript")

    page.route("**/worker-*.js", without)
    code = (
        "import os; f = open('/tmp/x', 'w+'); f.write('abc'); f.seek(1); print(f.read(), input())"
    )
    result = kernel(page)("return await wasix.run('python', ['-c', arg], { stdin: 'é' })", code)
    assert result == {"status": 0, "stdout": "bc é\n", "stderr": ""}


def test_a_browser_that_cannot_use_the_snapshot_starts_python_the_long_way(page: Page) -> None:
    page.route("**/python.snapshot.gz", lambda route: route.fulfill(body=b"no snapshot"))
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    result = kernel(page)("return await wasix.run('cowsay', ['slow'])")
    assert result["status"] == 0
    assert "python.zip" in asked


def test_the_snapshot_makes_the_archive_needless(page: Page) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    kernel(page)
    assert "python.snapshot.gz" in asked
    assert "python.zip" not in asked


def test_a_signal_of_the_page_ends_a_program(script: Script) -> None:
    found = script(
        """
        const sleep = ["-c", "import time; time.sleep(60)"];
        const run = wasix.run("python", sleep, { signal: AbortSignal.timeout(500) });
        const reasons = [await run.catch((error) => error.name)];
        const never = wasix.run("python", sleep, { signal: AbortSignal.abort(new Error("never")) });
        reasons.push(await never.catch(({ message }) => message));
        const controller = new AbortController();
        const process = await wasix.spawn("python", sleep, { signal: controller.signal });
        controller.abort();
        return [reasons, await process.exited];
        """
    )
    assert found == [["TimeoutError", "never"], 137]
