"""Files that are kept in the browser: after a reload, with another tab, without room."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from e2e.conftest import delete_in_worker, message, opened
from e2e.script import function, sent
from tests.guests.build import compile_guest

MODULE = "{ module: new Uint8Array(arg), name: 'keep' }"


@pytest.fixture
def first(browser: Browser, site: str) -> Iterator[Page]:
    """A page of a browser that has kept nothing yet."""
    with opened(browser, site) as page:
        start(page)
        yield page


def start(page: Page, name: str = "test", url: str = "blank.html") -> None:
    """Load a blank page with a kernel whose files are kept; `notices` are what it was told."""
    page.goto(url)
    page.evaluate(
        """async (persist) => {
          window.notices = [];
          const { load } = await import("./loader.js");
          window.wasix = await load({ persist, notice: (text) => notices.push(text) });
        }""",
        name,
    )


def another(page: Page) -> Page:
    """One more tab of the same browser."""
    other = page.context.new_page()
    other.route("**/blank.html", lambda route: route.fulfill(body=" ", content_type="text/html"))
    return other


def do(page: Page, body: str, arg: object = None) -> Any:
    return page.evaluate(function(body), sent(arg))


def guest() -> bytes:
    return compile_guest("keep").read_bytes()


def test_what_a_program_wrote_is_there_after_a_reload(first: Page) -> None:
    run = f"return wasix.run({MODULE}, ['/notes/a', '3'])"
    do(first, "await wasix.fs.mkdir('/notes'); await wasix.fs.writeFile('/tmp/b', 'b')")
    assert do(first, run, guest())["stdout"] == "0\n1\n2\n"
    start(first)
    assert do(first, "return wasix.fs.readText('/notes/a')") == "0\n1\n2\n"
    assert do(first, "return (await wasix.fs.list('/')).map(({ name }) => name).sort()") == [
        *("bin", "dev", "notes", "tmp")
    ]
    assert do(first, "return wasix.fs.list('/tmp')") == []
    assert do(first, run, guest())["status"] == 0
    assert do(first, "return wasix.fs.readText('/notes/a')") == 2 * "0\n1\n2\n"
    assert do(first, "return notices") == []


def test_files_of_another_name_are_others(first: Page) -> None:
    do(first, "await wasix.fs.writeFile('/a', 'a'); await wasix.fs.save()")
    start(first, "other/..")
    assert message(lambda: do(first, "return wasix.fs.readText('/a')")).startswith("/a: ")


def test_fifty_megabytes_are_there_after_a_reload(first: Page) -> None:
    make = """
      const data = new Uint8Array(50e6);
      for (let at = 0; at < data.length; at += 1000) data[at] = (at / 1000) % 251;
    """
    do(first, f"{make} await wasix.fs.writeFile('/large', data); await wasix.fs.save()")
    start(first)
    same = f"{make} const found = await wasix.fs.readFile('/large');"
    same += "return found.length === data.length && found.every((byte, at) => byte === data[at])"
    assert do(first, same)


def test_nothing_that_was_synced_is_lost_with_the_tab(first: Page) -> None:
    """The tab is closed while a program writes, and tells what is there for good."""
    page = another(first)
    start(page, "closed")
    told = do(
        page,
        f"""
        const process = await wasix.spawn({MODULE}, ["/log", "1000000"]);
        const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        while (text.length < 300) text += (await reader.read()).value;
        return text;
        """,
        guest(),
    )
    page.close()
    start(first, "closed")
    kept = do(first, "return wasix.fs.readText('/log')")
    assert kept.startswith(told)
    assert kept == "".join(f"{n}\n" for n in range(kept.count("\n")))


def test_what_a_program_did_not_sync_is_kept_soon(first: Page) -> None:
    do(first, "await wasix.fs.writeFile('/a', 'a')")
    first.wait_for_timeout(1000)
    start(first)
    assert do(first, "return wasix.fs.readText('/a')") == "a"


def test_one_tab_writes_and_others_read(first: Page) -> None:
    do(first, "await wasix.fs.writeFile('/a/b', 'kept'); await wasix.fs.save()")
    second = another(first)
    start(second)
    assert do(second, "return notices") == [
        "another tab keeps these files: here they can be read, and not changed"
    ]
    assert do(second, "return wasix.fs.readText('/a/b')") == "kept"
    refused: list[Callable[[], object]] = [
        lambda: do(second, "await wasix.fs.writeFile('/a/b', '')"),
        lambda: do(second, "await wasix.fs.mkdir('/c')"),
    ]
    assert [message(action) for action in refused] == [
        "/a/b: rofs",
        "/c: rofs",
    ]
    failed = do(second, f"return wasix.run({MODULE}, ['/a/b'])", guest())
    assert (failed["status"], failed["stdout"]) == (1, "open: Read-only file system\n")
    assert do(second, "await wasix.fs.writeFile('/tmp/c', 'c'); return wasix.fs.readText('/tmp/c')")
    do(first, "wasix.terminate()")
    start(second)
    assert do(second, "return notices") == []
    do(second, "await wasix.fs.writeFile('/a/b', 'changed')")
    second.close()


def test_without_room_it_is_told_and_what_was_kept_stays(first: Page) -> None:
    session = first.context.new_cdp_session(first)
    origin = do(first, "return location.origin")
    do(first, "await wasix.fs.writeFile('/a', 'kept'); await wasix.fs.save()")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1_000_000})
    do(first, "await wasix.fs.writeFile('/b', new Uint8Array(5e6))")
    first.wait_for_function("notices.length")
    first.wait_for_timeout(1000)
    assert do(first, "return notices") == ["files could not be kept: nospc"]
    # From now on programs are told at once.
    failed = do(first, f"return wasix.run({MODULE}, ['/c'])", guest())
    assert failed["stdout"] == "open: No space left on device\n"
    do(first, f"return wasix.run({MODULE}, ['/a'])", guest())
    # There is room again.
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 100_000_000})
    do(first, "await wasix.fs.save()")
    assert do(first, f"return wasix.run({MODULE}, ['/c'])", guest())["stdout"] == "0\n"
    start(first)
    assert do(first, "return (await wasix.fs.readFile('/b')).length") == 5_000_000
    assert do(first, "return wasix.fs.readText('/c')") == "0\n"


def test_what_is_no_journal_is_left_alone(first: Page) -> None:
    do(
        first,
        """
        wasix.terminate();
        const root = await navigator.storage.getDirectory();
        const all = await root.getDirectoryHandle("wasix", { create: true });
        const folder = await all.getDirectoryHandle("foreign", { create: true });
        const file = await (await folder.getFileHandle("0", { create: true })).createWritable();
        await file.write("something else entirely");
        await file.close();
        """,
    )
    assert message(lambda: start(first, "foreign")) == (
        "the files that are kept here cannot be read: it was not written by this version"
    )


def test_where_nothing_can_be_kept_it_works_and_says_so(first: Page) -> None:
    delete_in_worker(first, "StorageManager.prototype.getDirectory")
    start(first)
    do(first, "await wasix.fs.writeFile('/a', 'a'); await wasix.fs.save()")
    assert do(first, "return wasix.fs.readText('/a')") == "a"
    assert do(first, "return notices") == [
        "files are not kept: this browser has no place for them (OPFS)"
    ]


def test_on_a_page_that_is_not_secure_it_says_what_it_takes(first: Page, site: str) -> None:
    elsewhere = "http://insecure.test/"

    def fetch(route: Route) -> None:
        url = route.request.url.replace(elsewhere, site)
        route.fulfill(response=route.fetch(url=url))

    first.route(re.compile(f"{elsewhere}(?!blank)"), fetch)
    start(first, url=f"{elsewhere}blank.html")
    assert do(first, "return isSecureContext") is False
    assert do(first, "return notices") == [
        "files are not kept: browsers have a place for them on pages from https or localhost only"
    ]
