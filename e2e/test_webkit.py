"""WebKit, which has no JSPI: on an isolated page programs wait in workers of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import BLANK, served
from e2e.webkit import WebKit, driver, webkit
from tests.api.test_threads import FLAGS, native
from tests.guests.build import compile_guest

pytestmark = pytest.mark.skipif(
    driver() is None, reason="there is no WebKitWebDriver (Debian: webkit2gtk-driver and xvfb)"
)


@pytest.fixture(scope="module")
def browser(bundle: Path) -> Iterator[WebKit]:
    """A blank page with a kernel called `wasix`."""
    page = bundle / "blank.html"
    page.write_text(BLANK)
    with served(bundle, isolated=True) as url, webkit() as browser:
        browser.goto(url + "blank.html")
        browser.evaluate(
            'const { load } = await import("./loader.js"); window.wasix = await load();'
        )
        yield browser


def test_it_is_isolated_and_cannot_suspend(browser: WebKit) -> None:
    ready = browser.evaluate("return wasix.ready()")
    assert (ready["isolated"], ready["suspends"]) == (True, False)


def test_a_program_waits_for_input_and_for_time(browser: WebKit) -> None:
    done = browser.evaluate(
        "return wasix.run('python', ['-c', arg], { stdin: 'wasix' })",
        "import time; time.sleep(0.05); print(input()[::-1])",
    )
    assert done == {"status": 0, "stdout": "xisaw\n", "stderr": ""}


def test_a_program_that_computes_is_ended_alone(browser: WebKit) -> None:
    found = browser.evaluate(
        """
        await wasix.fs.writeFile("/tmp/kept", "kept");
        const busy = await wasix.spawn("python", ["-c", arg]);
        await busy.stdout.getReader().read();
        await busy.kill("SIGINT");
        return [await busy.ended, await wasix.fs.readText("/tmp/kept")];
        """,
        "print('ready', flush=True)\nwhile True: pass",
    )
    assert found == [{"status": 130}, "kept"]


@pytest.mark.parametrize("args", [("rendezvous", "200"), ("counters", "2000"), ("ping-pong", "50")])
def test_threads_run_at_once(browser: WebKit, args: tuple[str, ...]) -> None:
    done = browser.evaluate(
        "return wasix.run({ module: new Uint8Array(arg[0]) }, arg[1])",
        [list(compile_guest("threads", flags=FLAGS["calls"]).read_bytes()), args],
    )
    assert (done["status"], done["stdout"]) == (0, native(*args).stdout)
