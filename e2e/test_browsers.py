"""The same in every browser, on a page as any server has it and on a cross-origin isolated one."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from e2e import features
from e2e.conftest import BLANK, served
from e2e.drivers import chromium, firefox, webkit
from e2e.drivers.face import Browser, ScriptError
from tests.api.test_threads import FLAGS, native
from tests.conformance.wasix_guests import TWINS, WasixGuest, on_linux
from tests.guests.build import compile_guest

HELD = {("webkit", "plain")}
"""Where there is neither JSPI nor isolation: programs wait by a service worker."""

WITHOUT_FILES = {"webkit"}
"""Browsers with no place for files, as they are installed."""

LOAD = """
const { load } = await import("./loader.js");
window.notices = [];
window.wasix = await load({ notice: (text) => notices.push(text), ...arg });
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="the oracle is Linux")


def missing(name: str) -> str | None:
    """What a browser's tests lack here."""
    if name == "firefox" and firefox.installed() is None:
        return "there is no Firefox (Debian: firefox-esr)"
    if name == "webkit" and webkit.driver() is None:
        return "there is no WebKitWebDriver (Debian: webkit2gtk-driver and xvfb)"
    return None


@pytest.fixture(scope="session", params=features.BROWSERS)
def name(request: pytest.FixtureRequest) -> str:
    if reason := missing(request.param):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture(scope="session")
def driven(name: str, request: pytest.FixtureRequest) -> Iterator[Browser]:
    opened: AbstractContextManager[Browser]
    if name == "chromium":
        opened = chromium.chromium(request.getfixturevalue("browser"))
    else:
        opened = {"firefox": firefox.firefox, "webkit": webkit.webkit}[name]()
    with opened as browser:
        yield browser


@dataclass
class Column:
    """A browser on pages of a kind, of which one feature is looked at."""

    browser: Browser
    name: str
    kind: str
    bundle: Path
    url: str
    seen: str = "no: its test fails"
    """What the table will say."""

    key: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.name, self.kind

    @property
    def isolated(self) -> bool:
        return self.kind == "isolated"

    def load(self, **options: object) -> None:
        """Have a blank page with a new kernel called `wasix`."""
        self.browser.goto("about:blank")
        self.browser.goto(f"{self.url}blank.html")
        self.browser.evaluate(LOAD, options)

    def evaluate(self, body: str, arg: object = None) -> Any:
        return self.browser.evaluate(body, arg)


@pytest.fixture(scope="session", params=features.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def place(bundle: Path, kind: str) -> Iterator[str]:
    (bundle / "blank.html").write_text(BLANK)
    with served(bundle, isolated=kind == "isolated") as url:
        yield url


@pytest.fixture
def column(
    driven: Browser, name: str, kind: str, bundle: Path, place: str, request: pytest.FixtureRequest
) -> Iterator[Column]:
    """What the test sees, `seen`, becomes a cell of the table."""
    feature = request.node.get_closest_marker("feature").args[0]
    column = Column(driven, name, kind, bundle, place)
    yield column
    features.record(name, driven.version, kind, feature, column.seen)


@pytest.fixture
def loaded(column: Column) -> Column:
    """With a kernel, which tests one after the other may share."""
    if not column.evaluate("return window.shared === arg", column.url):
        column.load()
        column.evaluate("window.shared = arg", column.url)
    return column


@pytest.mark.feature("start")
def test_the_kernel_starts_and_a_program_runs(loaded: Column) -> None:
    ready = loaded.evaluate("return [await wasix.ready(), crossOriginIsolated]")
    assert (ready[0]["isolated"], ready[1]) == (loaded.isolated, loaded.isolated)
    done = loaded.evaluate("return wasix.run('cowsay', ['hello'])")
    assert "< hello >" in done["stdout"]
    assert (done["status"], done["stderr"]) == (0, "")
    loaded.seen = "yes"


@pytest.mark.feature("python")
def test_python_reads_what_was_given(loaded: Column) -> None:
    done = loaded.evaluate(
        "return wasix.run('python', ['-c', arg], { stdin: 'wasíx\\nand more' })",
        "import sys; print(input()[::-1], len(sys.stdin.read()))",
    )
    assert done == {"status": 0, "stdout": "xísaw 8\n", "stderr": ""}
    loaded.seen = "yes"


@pytest.mark.feature("input")
def test_a_program_waits_for_input(loaded: Column) -> None:
    done = loaded.evaluate(
        """
        const process = await wasix.spawn("python", ["-c", arg]);
        const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
        const ended = process.ended.then(({ message = "" }) => ({ value: message }));
        const first = (await Promise.race([reader.read(), ended])).value;
        await process.stdin.getWriter().write("wasix\\n").catch(() => {});
        let rest = "";
        for (let part; !(part = await reader.read()).done; ) rest += part.value;
        return { first, rest, ...(await process.ended) };
        """,
        "print(input('? ')[::-1])",
    )
    assert done == {"first": "? ", "rest": "xisaw\n", "status": 0}
    loaded.seen = "yes"


@pytest.mark.feature("time")
def test_a_program_waits_for_time(loaded: Column) -> None:
    code = "import time; was = time.monotonic(); time.sleep(0.1); print(time.monotonic() - was)"
    done = loaded.evaluate("return wasix.run('python', ['-c', arg])", code)
    assert done["status"] == 0
    assert float(done["stdout"]) >= 0.1
    loaded.seen = "yes"


@pytest.mark.feature("interrupt")
@pytest.mark.parametrize("waiting", ["input()", "__import__('time').sleep(600)"])
def test_a_program_that_waits_is_interrupted(loaded: Column, waiting: str) -> None:
    done = loaded.evaluate(
        """
        const process = await wasix.spawn("python", ["-c", arg]);
        await process.stdout.getReader().read();
        await process.kill("SIGINT");
        return process.ended;
        """,
        f"print('ready', flush=True); {waiting}",
    )
    assert done == {"status": 130}
    loaded.seen = "yes"


def end_what_computes(
    column: Column, *, apart: bool, deafens: bool = False
) -> tuple[dict[str, object], str | None]:
    """How a program ends that computes when it is interrupted, and a file that there was before."""
    done, kept = column.evaluate(
        """
        await wasix.fs.writeFile("/tmp/kept", "kept");
        const busy = await wasix.spawn("python", ["-c", arg.code], { apart: arg.apart });
        await busy.stdout.getReader().read();
        const pause = () => new Promise((resolve) => setTimeout(resolve, 300, false));
        const heard = () => wasix.fs.list("/").then(() => true, () => true);
        while (arg.deafens && (await Promise.race([heard(), pause()])));
        await busy.kill("SIGINT");
        const ended = await busy.ended;
        const { stdout } = await wasix.run("cowsay", ["again"]);
        if (!stdout.includes("< again >")) throw new Error(stdout);
        return [ended, await wasix.fs.readText("/tmp/kept").catch(() => null)];
        """,
        {
            "code": "print('ready', flush=True)\nwhile True: pass",
            "apart": apart,
            "deafens": deafens,
        },
    )
    return done, kept


@pytest.mark.feature("compute")
def test_a_program_that_computes_is_ended(loaded: Column) -> None:
    beside = loaded.evaluate("return (await wasix.ready()).suspends")
    done, kept = end_what_computes(loaded, apart=False, deafens=beside)
    if beside:
        assert done["status"] == 130
        assert str(done["message"]).startswith("it computed on and heard")
        assert kept is None
        loaded.seen = "with its kernel"
    else:
        assert (done, kept) == ({"status": 130}, "kept")
        loaded.seen = "alone"


@pytest.mark.feature("apart")
def test_a_program_that_computes_apart_is_ended(loaded: Column) -> None:
    assert end_what_computes(loaded, apart=True) == ({"status": 130}, "kept")
    loaded.seen = "alone"


def run_guest(column: Column, guest: WasixGuest) -> dict[str, Any]:
    found: dict[str, Any] = column.evaluate(
        """
        const module = new Uint8Array(arg.module);
        await wasix.fs.writeFile("/programs/self.wasm", module);
        await wasix.fs.mkdir("/scratch");
        return wasix.run({ module, name: "guest" }, arg.args, { stdin: "" });
        """,
        {
            "module": guest.compiled().read_bytes(),
            "args": guest.arguments("/programs/self.wasm", "/scratch"),
        },
    )
    return found


def check_guest(column: Column, guest: WasixGuest) -> None:
    done = run_guest(column, guest)
    linux = on_linux(guest)
    assert done == {"status": linux.returncode, "stdout": linux.stdout, "stderr": linux.stderr}
    column.seen = "yes"


SLOW = "yes; timers of some milliseconds are too fast for it"


@linux
@pytest.mark.feature("processes")
@pytest.mark.parametrize(
    "guest",
    [one for one in TWINS if one.name in ("unix_exec", "unix_pipe", "unix_signal")],
    ids=lambda guest: guest.label,
)
def test_programs_start_others_as_on_linux(loaded: Column, guest: WasixGuest) -> None:
    held = loaded.key in HELD
    if held and guest.name == "unix_signal":
        loaded.seen = SLOW
        pytest.skip("its timers are over before a call by a service worker is")
    check_guest(loaded, guest)
    loaded.seen = SLOW if held else "yes"


@linux
@pytest.mark.feature("fork")
def test_programs_fork_as_on_linux(loaded: Column) -> None:
    check_guest(loaded, next(guest for guest in TWINS if guest.name == "unix_fork"))


@linux
@pytest.mark.feature("threads")
@pytest.mark.parametrize("args", [("counters", "2000"), ("ping-pong", "50"), ("rendezvous", "200")])
def test_threads(loaded: Column, args: tuple[str, ...]) -> None:
    if args[0] == "rendezvous" and not loaded.isolated and loaded.key not in HELD:
        loaded.seen = "in turns"
        pytest.skip("threads that take turns cannot wait for each other by computing")
    done = loaded.evaluate(
        "return wasix.run({ module: new Uint8Array(arg[0]) }, arg[1])",
        [compile_guest("threads", flags=FLAGS["calls"]).read_bytes(), args],
    )
    if loaded.key in HELD:
        assert (done["status"], done["stdout"]) == (1, "thread 0: error 58\n")  # notsup
        loaded.seen = "no: to start one answers `notsup`"
        return
    assert (done["status"], done["stdout"]) == (0, native(*args).stdout)
    loaded.seen = "at once" if loaded.isolated else "in turns"


TERMINAL = "const terminal = document.querySelector('wasix-terminal'); return "


def on_screen(column: Column, pattern: str) -> None:
    """Wait until what is on the terminal's screen, without trailing blanks, matches."""
    try:
        column.browser.wait_for(f"{TERMINAL} new RegExp(arg, 's').test(terminal.text)", pattern)
    except ScriptError as error:
        shown = column.evaluate(f"{TERMINAL} terminal.text")
        raise AssertionError(f"{pattern!r} is not what is shown: {shown!r}") from error


@pytest.mark.feature("terminal")
def test_a_conversation_on_the_terminal(column: Column) -> None:
    column.browser.goto("about:blank")
    column.browser.goto(f"{column.url}#python -q")
    on_screen(column, ">>>$")
    column.browser.type("6*8")
    column.browser.press("Backspace", "7", "Enter")
    on_screen(column, r">>> 6\*7\n42\n>>>$")
    column.browser.press("ArrowUp", "Control+a", "(", "Control+e", ")", "Enter")
    on_screen(column, r">>> \(6\*7\)\n42\n>>>$")
    column.browser.type("input('typed ')\n")
    on_screen(column, "typed$")
    column.browser.press("Control+c")
    on_screen(column, "ended with status 130")
    column.browser.press("Enter")
    on_screen(column, "^>>>$")
    column.seen = "yes"


@pytest.mark.feature("persist")
def test_files_are_kept_over_a_reload(column: Column) -> None:
    column.load(persist="kept")
    column.evaluate("await wasix.fs.writeFile('/notes/a', arg); await wasix.fs.save()", column.kind)
    notices = column.evaluate("return notices")
    column.load(persist="kept")
    kept = column.evaluate("return wasix.fs.readText('/notes/a').catch(() => null)")
    if column.name in WITHOUT_FILES:
        assert kept is None
        assert notices == ["files are not kept: this browser has no place for them (OPFS)"]
        column.seen = "no: there is no OPFS, of which a notice tells"
        return
    assert (notices, kept) == ([], column.kind)
    column.seen = "yes"


KEPT = """
for (const name of await caches.keys()) {
  const requests = await (await caches.open(name)).keys();
  if (requests.some(({ url }) => url.includes(arg))) return true;
}
return false;
"""


ENDED = TERMINAL + "terminal.state?.phase === 'ended' && terminal.text"


def visit(column: Column, url: str) -> None:
    """Run a program of the bundle's page; it is kept. Raises `ScriptError` if it is not."""
    column.browser.goto("about:blank")
    column.browser.goto(f"{url}#cowsay Moo")
    column.browser.wait_for(ENDED)
    column.browser.wait_for(KEPT, "/cowsay-")
    column.browser.goto("about:blank")


@pytest.mark.feature("offline")
def test_after_one_visit_it_works_without_a_server(column: Column) -> None:
    with served(column.bundle, isolated=column.isolated) as url:
        visit(column, url)
    column.browser.goto(f"{url}#cowsay Moo")
    assert re.search(r"< Moo\s*>", column.browser.wait_for(ENDED))
    assert column.evaluate("return crossOriginIsolated") is column.isolated
    column.seen = "yes"


def wait_for_isolation(column: Column) -> None:
    """The page is loaded again in between, which ends the scripts that look at it."""
    for _ in range(900):  # all that the bundle needs is kept first
        with suppress(ScriptError):
            if column.evaluate("return crossOriginIsolated && document.readyState === 'complete'"):
                return
        time.sleep(0.1)
    raise AssertionError("the page is not isolated")


@pytest.mark.feature("isolates")
def test_a_service_worker_makes_the_page_isolated(column: Column) -> None:
    with served(column.bundle, isolated=column.isolated) as url:
        column.browser.goto(f"{url}blank.html")
        column.browser.evaluate(
            "setTimeout(async () => (await import('./loader.js')).offline({ isolate: true }))"
        )
        wait_for_isolation(column)
        column.browser.evaluate(LOAD)
        assert column.evaluate("return wasix.ready()")["isolated"] is True
        column.browser.goto("about:blank")
    column.seen = "it is" if column.isolated else "yes"
