"""Programs with threads in a page that is not isolated, compared with the same source on Linux.

Threads take turns there, so those that wait for each other by computing are left out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.conftest import Script
from tests.api.test_threads import FLAGS, native
from tests.guests.build import compile_guest

CASES = (("counters", "20000"), ("ping-pong", "300"), ("growth",), ("many", "25"))


@pytest.fixture(params=FLAGS)
def guest(request: pytest.FixtureRequest) -> Path:
    return compile_guest("threads", flags=FLAGS[request.param])


@pytest.mark.parametrize("args", CASES, ids=lambda args: args[0])
def test_it_is_as_on_linux(shared_script: Script, guest: Path, args: tuple[str, ...]) -> None:
    expected = native(*args)
    done = shared_script(
        "return wasix.run({ module: new Uint8Array(arg.module), name: 'threads' }, arg.args)",
        {"module": list(guest.read_bytes()), "args": list(args)},
    )
    assert done == {"status": expected.returncode, "stdout": expected.stdout, "stderr": ""}


def test_threads_that_wait_for_ever_are_killed(shared_script: Script, guest: Path) -> None:
    found = shared_script(
        """
        const process = await wasix.spawn({ module: new Uint8Array(arg) }, ["deadlock"]);
        const { value } = await process.stdout.getReader().read();
        await process.kill("SIGKILL");
        return [new TextDecoder().decode(value), await process.ended];
        """,
        list(guest.read_bytes()),
    )
    assert found == ["waiting\n", {"status": 137}]


def test_without_jspi_there_are_no_threads(no_jspi: None, script: Script, guest: Path) -> None:
    done = script(
        "return wasix.run({ module: new Uint8Array(arg) }, ['counters', '1'])",
        list(guest.read_bytes()),
    )
    assert (done["status"], done["stdout"]) == (1, "thread 0: error 58\n")  # notsup
