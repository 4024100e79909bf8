"""The service worker: a bundle without a network, and isolated pages without a server's headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import opened, wait_until
from e2e.script import function, sent
from tests.api.test_threads import FLAGS, native
from tests.guests.build import compile_guest


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    with opened(browser, site, service_workers=True) as page:
        yield page


KEPT = """async (part) => {
  for (const name of await caches.keys()) {
    const requests = await (await caches.open(name)).keys();
    if (requests.some(({ url }) => url.includes(part))) return true;
  }
  return false;
}"""


def test_after_one_visit_the_page_works_without_a_network(page: Page) -> None:
    page.goto("#cowsay Moo")
    expect(page.locator("[role=status]")).to_have_text("Ended with status 0")
    wait_until(page, KEPT, "/cowsay-")
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("[role=status]")).to_have_text("Ended with status 0")
    terminal = page.locator("wasix-terminal")
    assert re.search(r"< Moo\s*>", terminal.evaluate("(element) => element.text"))


def test_a_script_can_have_its_programs_kept(page: Page) -> None:
    page.goto("blank.html")
    assert page.evaluate("async () => (await import('./loader.js')).offline()")
    page.evaluate(
        "async () => { const { load } = await import('./loader.js');"
        " await (await load()).run('cowsay', ['Moo']); }"
    )
    wait_until(page, KEPT, "/cowsay-")


def test_where_the_server_sends_no_headers_a_page_is_isolated_by_it(page: Page) -> None:
    page.unroute("**/blank.html")
    page.goto("./")
    assert not page.evaluate("crossOriginIsolated")
    with page.expect_navigation():
        page.evaluate(
            "import('./loader.js').then(({ offline }) => offline({ isolate: true })), null"
        )
    assert page.evaluate("crossOriginIsolated")
    done = page.evaluate(
        function("""
          const { load, offline } = await import("./loader.js");
          const there = await offline({ isolate: true });
          const wasix = await load();
          return [there, await wasix.run({ module: arg }, ["rendezvous", "100"])];
        """),
        sent(compile_guest("threads", flags=FLAGS["calls"]).read_bytes()),
    )
    expected = native("rendezvous", "100")
    assert done == [True, {"status": 0, "stdout": expected.stdout, "stderr": ""}]
