"""Running guests over and over leaves nothing behind."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable

import wasix
from tests import selection
from tests.settled import settle

ROUNDS = 3000 if "WASIX_TEST_FULL" in os.environ else 60

QUICK = '(module (memory (export "memory") 1) (func (export "_start")))'
SPIN = '(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'


def held() -> tuple[int, int]:
    settle()
    return len(os.listdir("/dev/fd")), threading.active_count()


def test_soak_guests_leave_nothing(wat: Callable[..., str], engine: str) -> None:
    # A guest in a process of its own takes 20 times as long to start.
    rounds = ROUNDS if engine in selection.ALWAYS else ROUNDS // 10
    quick, spin = wat(QUICK, "quick.wasm"), wat(SPIN, "spin.wasm")

    def once() -> None:
        assert wasix.run([quick], engine=engine, capture_output=True).returncode == 0
        process = wasix.Popen([spin], engine=engine, stdin=wasix.PIPE, stdout=wasix.PIPE)
        process.kill()
        assert process.communicate()[0] == b""

    for _ in range(10):
        once()
    before, peak = held(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(rounds):
        once()
    assert held() == before
    # KiB: far below what keeping a page, let alone an isolate, of each guest would take.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 60 * rounds + 20_000
