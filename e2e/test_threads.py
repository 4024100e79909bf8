"""Programs with threads in a page, compared with the same source on Linux.

In one that is not isolated threads take turns, so those that wait for each other by computing are
left out there. In one that is, each has a worker.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from e2e.conftest import Script, kernel, opened
from tests.api.test_threads import FLAGS, native
from tests.guests.build import compile_guest
from tests.selection import LONG
from wasix.web.serve import ISOLATION

CASES = (("counters", "20000"), ("ping-pong", "300"), ("growth",), ("many", "25"))
AT_ONCE = (
    *CASES,
    ("rendezvous", "1000"),
    ("local-storage",),
    ("signals",),
    ("main-ends-first",),
    ("main-returns",),
    ("exit",),
)


ALWAYS = ("calls", "instructions")
"""Of `FLAGS`."""


@pytest.fixture(params=[pytest.param(name, marks=() if name in ALWAYS else LONG) for name in FLAGS])
def guest(request: pytest.FixtureRequest) -> Path:
    return compile_guest("threads", flags=FLAGS[request.param])


def check(script: Script, guest: Path, args: tuple[str, ...]) -> None:
    expected = native(*args)
    done = script(
        "return wasix.run({ module: new Uint8Array(arg.module), name: 'threads' }, arg.args)",
        {"module": guest.read_bytes(), "args": list(args)},
    )
    assert done == {"status": expected.returncode, "stdout": expected.stdout, "stderr": ""}


@pytest.mark.parametrize("args", CASES, ids=lambda args: args[0])
def test_it_is_as_on_linux(shared_script: Script, guest: Path, args: tuple[str, ...]) -> None:
    check(shared_script, guest, args)


@pytest.mark.parametrize("args", AT_ONCE, ids=lambda args: args[0])
def test_isolated_it_is_as_on_linux(
    isolated_script: Script, guest: Path, args: tuple[str, ...]
) -> None:
    check(isolated_script, guest, args)


@LONG
@pytest.mark.parametrize("args", [("counters", "1000000"), ("ping-pong", "2000")])
def test_isolated_it_is_so_every_time(
    isolated_script: Script, guest: Path, args: tuple[str, ...]
) -> None:
    for _ in range(25):
        check(isolated_script, guest, args)


@LONG
def test_isolated_kills_at_any_moment_leave_nothing(isolated_script: Script, guest: Path) -> None:
    """Whatever a thread is doing: beginning, waiting, computing, or in a call."""
    statuses = isolated_script(
        """
        const module = new Uint8Array(arg);
        const cases = ["many", "spin", "ping-pong"];
        const found = [];
        for (let n = 0; n < 100; n++) {
          const process = await wasix.spawn({ module }, [cases[n % 3], "100000"]);
          await new Promise((resolve) => setTimeout(resolve, (n * 7) % 90));
          await process.kill("SIGKILL");
          found.push((await process.ended).status);
        }
        const { stdout } = await wasix.run({ module }, ["counters", "100"]);
        return [[...new Set(found)], stdout];
        """,
        guest.read_bytes(),
    )
    assert statuses == [[137], native("counters", "100").stdout]


def test_isolated_a_trap_in_a_thread_ends_the_program(isolated_script: Script, guest: Path) -> None:
    done = isolated_script(
        "return wasix.run({ module: new Uint8Array(arg), name: 'threads' }, ['trap'])",
        guest.read_bytes(),
    )
    assert (done["status"], done["stdout"]) == (134, "")
    assert done["message"].startswith("threads: trap: ")


def test_isolated_threads_that_compute_are_killed_and_others_go_on(
    isolated_script: Script, guest: Path
) -> None:
    """Nobody else ends with them: not the kernel, nor a program that waits, nor a file."""
    found = isolated_script(
        """
        await wasix.fs.writeFile("/tmp/kept", "kept");
        const module = new Uint8Array(arg);
        const waiting = await wasix.spawn({ module }, ["deadlock"]);
        await waiting.stdout.getReader().read();
        const spinning = await wasix.spawn({ module }, ["spin"]);
        const reader = spinning.stdout.getReader();
        let bytes = 0;
        while (bytes < 900) bytes += (await reader.read()).value.length;
        await spinning.kill("SIGTERM");
        const ends = [await spinning.ended];
        await waiting.kill("SIGKILL");
        ends.push(await waiting.ended);
        return [ends, await wasix.fs.readText("/tmp/kept")];
        """,
        guest.read_bytes(),
    )
    assert found == [[{"status": 143}, {"status": 137}], "kept"]


def test_threads_that_wait_for_ever_are_killed(shared_script: Script, guest: Path) -> None:
    found = shared_script(
        """
        const process = await wasix.spawn({ module: new Uint8Array(arg) }, ["deadlock"]);
        const { value } = await process.stdout.getReader().read();
        await process.kill("SIGKILL");
        return [new TextDecoder().decode(value), await process.ended];
        """,
        guest.read_bytes(),
    )
    assert found == ["waiting\n", {"status": 137}]


def test_without_jspi_there_are_no_threads(no_jspi: None, script: Script, guest: Path) -> None:
    done = script(
        "return wasix.run({ module: new Uint8Array(arg) }, ['counters', '1'])",
        guest.read_bytes(),
    )
    assert (done["status"], done["stdout"]) == (1, "thread 0: error 58\n")  # notsup


def test_isolated_a_worker_that_cannot_be_loaded_ends_the_program(
    browser: Browser, isolated_site: str, guest: Path
) -> None:
    with opened(browser, isolated_site, isolated=True) as page:
        broken = "throw new Error('broken')"
        kind = "text/javascript"
        page.route(
            "**/thread-*.js",
            lambda route: route.fulfill(body=broken, content_type=kind, headers=ISOLATION),
        )
        done = kernel(page)(
            "return wasix.run({ module: new Uint8Array(arg), name: 'threads' }, ['counters', '1'])",
            guest.read_bytes(),
        )
    assert done["status"] == 70
    assert done["message"] == "threads: engine: its worker failed: Uncaught Error: broken"


def test_nor_are_there_where_workers_share_no_memory(held_script: Script, guest: Path) -> None:
    done = held_script(
        "return wasix.run({ module: new Uint8Array(arg) }, ['counters', '1'])",
        guest.read_bytes(),
    )
    assert (done["status"], done["stdout"]) == (1, "thread 0: error 58\n")  # notsup
