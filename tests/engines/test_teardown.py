"""In which order a guest's end is told, and what it leaves is freed."""

from __future__ import annotations

import threading

from engines.teardown import LITTLE, finish


def order(memory: int) -> list[str]:
    done: list[str] = []
    finish(memory, lambda: done.append("told"), lambda: done.append("freed"))
    return done


def test_nobody_waits_for_little_to_be_freed() -> None:
    assert order(0) == order(LITTLE) == ["told", "freed"]


def test_much_is_freed_first() -> None:
    assert order(LITTLE + 1) == ["freed", "told"]


def test_where_nothing_is_held_the_end_is_told() -> None:
    told = threading.Event()
    finish(0, told.set, None)
    assert told.is_set()


def test_what_is_still_held_is_bounded() -> None:
    told: list[int] = []
    held: list[int] = []
    together = threading.Barrier(20, lambda: held.extend(told))
    threads = [
        threading.Thread(
            target=finish,
            args=(0, lambda guest=guest: told.append(guest), lambda: together.wait(60)),
        )
        for guest in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 4
    assert sorted(told) == list(range(20))
