"""A page that is used for long: runs, kills and reloads leave nothing behind.

It goes on for as many seconds as `WASIX_SOAK_SECONDS` says; `make soak` makes it two hours.
"""

from __future__ import annotations

import os
import sys
import time
from statistics import median

import pytest
from playwright.sync_api import Browser

from e2e.browser import resident
from e2e.conftest import kernel, opened

SECONDS = float(os.environ.get("WASIX_SOAK_SECONDS", "0"))
ROUNDS = 12
"""At least."""
TURNS = 5 if SECONDS else 2
LIFE = 4
"""Rounds until the page is loaded again."""
GROWTH = 1.1 if SECONDS else 1.25

ROUND = """
const code = "import os; print(len(os.urandom(1 << 20)))";
const seen = [];
for (let turn = 0; turn < arg.turns; turn++) {
  seen.push((await wasix.run("cowsay", [String(turn)])).status);
  seen.push((await wasix.run("python", ["-c", code])).stdout);
  await wasix.fs.writeFile("/tmp/large", new Uint8Array(4 << 20));
  const waits = await wasix.spawn("python", ["-c", "input('ready')"]);
  await waits.stdout.getReader().read();
  await waits.kill("SIGKILL");
  seen.push(await waits.exited);
  const computes = await wasix.spawn("python", ["-c", arg.code], { apart: true });
  await computes.stdout.getReader().read();
  await computes.kill("SIGINT");
  seen.push(await computes.exited);
}
return [seen, await wasix.processes()];
"""

COMPUTE = "print('busy', flush=True)\nwhile True: pass"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_soak_a_page_stays_as_large_as_it_is(browser: Browser, isolated_site: str) -> None:
    samples: list[int] = []
    end = time.monotonic() + SECONDS
    with opened(browser, isolated_site, isolated=True) as page:
        while len(samples) < ROUNDS or time.monotonic() < end:
            if len(samples) % LIFE == 0:
                script = kernel(page)
            seen, processes = script(ROUND, {"turns": TURNS, "code": COMPUTE})
            assert seen == [0, "1048576\n", 137, 130] * TURNS
            assert processes == []
            samples.append(resident(browser))
    eighth = len(samples) // 8
    course = [int(median(samples[at : at + eighth])) >> 20 for at in range(0, 8 * eighth, eighth)]
    print(f"\n{len(samples)} rounds; MiB in each eighth of the time: {course}")
    quarter = len(samples) // 4
    early, late = median(samples[quarter : 2 * quarter]), median(samples[-quarter:])
    assert late < GROWTH * early, samples
