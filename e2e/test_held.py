"""Programs that wait by a service worker: on a page that is not isolated, without JSPI."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from e2e.conftest import Script, held, kernel

WAITING = "print('waits', flush=True); print(input()[::-1])"


def test_it_can_wait_and_nothing_else(held_script: Script) -> None:
    ready = held_script("return wasix.ready()")
    assert ready == {"suspends": False, "isolated": False, "waits": True, "writable": True}


@pytest.mark.parametrize(("signal", "status"), [("SIGTERM", 143), ("SIGKILL", 137)])
def test_a_signal_ends_one_that_waits(held_script: Script, signal: str, status: int) -> None:
    found = held_script(
        """
        const process = await wasix.spawn("python", ["-c", arg[0]]);
        await process.stdout.getReader().read();
        await process.kill(arg[1]);
        return process.exited;
        """,
        [WAITING, signal],
    )
    assert found == status


def test_the_page_is_heard_while_programs_wait(held_script: Script) -> None:
    found = held_script(
        """
        const processes = await Promise.all([1, 2].map(() => wasix.spawn("python", ["-c", arg])));
        const reading = ({ stdout }) => stdout.pipeThrough(new TextDecoderStream()).getReader();
        const readers = processes.map(reading);
        for (const reader of readers) await reader.read();
        await wasix.fs.writeFile("/tmp/now", "text");
        const text = await wasix.fs.readText("/tmp/now");
        const { stdout } = await wasix.run("cowsay", ["meanwhile"]);
        const answers = [];
        for (const n of [1, 0]) {
          await processes[n].write(`number ${n}\\n`);
          answers.push((await readers[n].read()).value, await processes[n].exited);
        }
        return [text, stdout.includes("meanwhile"), ...answers];
        """,
        WAITING,
    )
    assert found == ["text", True, "1 rebmun\n", 0, "0 rebmun\n", 0]


def test_a_terminal_is_resized_while_a_program_waits(held_script: Script) -> None:
    found = held_script(
        """
        const terminal = { columns: 80, rows: 24, mode: "cooked" };
        const process = await wasix.spawn("python", ["-q"], { terminal });
        const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
        let screen = "";
        const until = async (text) => {
          while (!screen.includes(text)) screen += (await reader.read()).value;
        };
        await until(">>> ");
        await process.resize(100, 30);
        await process.type("6*7\\r");
        await until("42");
        await process.type("\\x04");
        return process.exited;
        """
    )
    assert found == 0


def test_much_input_arrives(held_script: Script) -> None:
    found = held_script(
        """
        const data = Uint8Array.from({ length: 3_000_000 }, (_, at) => 97 + (at * 7919 >> 8) % 26);
        const process = await wasix.spawn("python", ["-c", arg]);
        const writer = process.stdin.getWriter();
        const written = (async () => {
          for (let at = 0; at < data.length; at += 100_000) {
            await writer.write(data.slice(at, at + 100_000));
          }
          await writer.close();
        })();
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
        const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        const text = await new Response(process.stdout).text();
        await written;
        return text.trim() === hex;
        """,
        "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())",
    )
    assert found is True


def test_files_are_kept_while_a_program_waits(browser: Browser, site: str) -> None:
    with held(browser, site) as page:
        for _ in range(2):
            page.goto("blank.html")
            page.evaluate(
                "async () => { const { load } = await import('./loader.js');"
                " window.wasix = await load({ persist: 'held' }); }"
            )
            found = page.evaluate(
                """async (code) => {
                  const before = await wasix.fs.readText("/notes").catch(() => "");
                  const process = await wasix.spawn("python", ["-c", code]);
                  await process.stdout.getReader().read();
                  await wasix.fs.writeFile("/notes", "kept");
                  await wasix.fs.save();
                  return before;
                }""",
                WAITING,
            )
    assert found == "kept"


ECHO = """
window.process = await wasix.spawn("python", ["-c", arg]);
window.reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
await reader.read();
"""
REVERSE = "print('ready', flush=True)\nwhile True: print(input()[::-1], flush=True)"
ASK = "await process.write(arg); return (await reader.read()).value;"


def test_nothing_is_lost_when_the_service_worker_is_stopped(browser: Browser, site: str) -> None:
    with held(browser, site) as page:
        script = kernel(page)
        script(ECHO, REVERSE)
        session = page.context.new_cdp_session(page)
        session.send("ServiceWorker.enable")
        found = []
        for number in range(5):
            session.send("ServiceWorker.stopAllWorkers")
            found.append(script(ASK, f"line {number}\n"))
        assert found == [f"{number} enil\n" for number in range(5)]


def test_nothing_is_lost_when_the_service_worker_is_replaced(browser: Browser, site: str) -> None:
    with held(browser, site) as page:
        script = kernel(page)
        script(ECHO, REVERSE)
        assert script("return navigator.serviceWorker.controller.scriptURL").endswith("sw.js?wait")
        found = script(
            f"""
            const asked = (async () => {{ {ASK} }})();
            const {{ offline }} = await import("./loader.js");
            return [await asked, await offline()];
            """,
            "before\n",
        )
        assert found == ["erofeb\n", True]
        assert script("return navigator.serviceWorker.controller.scriptURL").endswith("sw.js")
        assert script(ASK, "after\n") == "retfa\n"


def test_a_closed_tab_leaves_the_others_alone(browser: Browser, site: str) -> None:
    with held(browser, site) as page:
        script = kernel(page)
        other = page.context.new_page()
        other.add_init_script("delete WebAssembly.Suspending; delete WebAssembly.promising")
        script(
            """
            window.process = await wasix.spawn("python", ["-c", arg]);
            window.reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
            await reader.read();
            """,
            WAITING,
        )
        other.goto("index.html#python")
        other.locator("wasix-terminal .xterm").wait_for()
        other.close()
        found = script("await process.write('still\\n'); return (await reader.read()).value;")
        assert found == "llits\n"


def test_a_service_worker_of_the_pages_own_is_left_alone(
    browser: Browser, site: str, bundle: Path
) -> None:
    (bundle / "own.js").write_text("// It does nothing.")
    with held(browser, site) as page:
        page.goto("blank.html")
        found = page.evaluate(
            """async () => {
              await navigator.serviceWorker.register("own.js");
              const { active } = await navigator.serviceWorker.ready;
              const { load } = await import("./loader.js");
              const { waits } = await (await load()).ready();
              const now = await navigator.serviceWorker.getRegistration();
              return [active.scriptURL.endsWith("own.js"), waits, now.active === active];
            }"""
        )
        assert found == [True, False, True]
