"""What is made ahead: when, for whom, and how it goes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from engines import nursery, spare
from engines.spare import Spare


class Shelf:
    """Numbers that a `Spare` makes, and what has become of them."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.makers: list[str] = []
        self.freed: list[int] = []
        self.bad: set[int] = set()
        self.fails_ahead = False
        self._numbers = itertools.count(1)
        self.spare = Spare(self._make, self.freed.append, lambda made: made not in self.bad)

    def _make(self) -> int:
        maker = threading.current_thread().name
        if self.fails_ahead and maker == nursery.NAME:
            raise OSError("nothing left")
        number = next(self._numbers)
        self.made.append(number)
        self.makers.append(maker)
        return number

    def ready(self) -> list[int]:
        """All that has been made, when nothing is under way."""
        nursery.made(lambda: None)
        return self.made


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    found = Shelf()
    yield found
    found.spare.close()


def test_one_is_made_ahead_from_the_third_on(shelf: Shelf) -> None:
    assert [shelf.spare.take() for _ in range(2)] == [1, 2]
    assert shelf.ready() == [1, 2]
    assert shelf.spare.take() in (3, 4)  # the other is made ahead at the same time
    assert sorted(shelf.ready()) == [1, 2, 3, 4]
    assert shelf.spare.take() in (3, 4)
    assert sorted(shelf.ready()) == [1, 2, 3, 4, 5]
    assert nursery.NAME in shelf.makers


def test_nobody_gets_what_another_has(shelf: Shelf) -> None:
    taken: list[int] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(shelf.spare.take() for _ in range(50)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == len(taken) == 400
    assert len(shelf.ready()) == 401


def test_what_has_gone_bad_is_freed_and_made_again(shelf: Shelf) -> None:
    for _ in range(3):
        shelf.spare.take()
    shelf.bad = set(shelf.ready())
    assert shelf.spare.take() not in shelf.bad
    assert len(shelf.freed) == 1
    assert set(shelf.freed) <= shelf.bad


def test_what_cannot_be_made_ahead_is_made_when_it_is_wanted(shelf: Shelf) -> None:
    shelf.fails_ahead = True
    assert [shelf.spare.take() for _ in range(4)] == [1, 2, 3, 4]
    assert shelf.ready() == [1, 2, 3, 4]


def test_what_nobody_wants_any_more_is_freed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "PATIENCE", 0.0)
    freed = threading.Event()
    found = Spare(lambda: None, lambda made: freed.set())
    for _ in range(3):
        found.take()
    assert freed.wait(60)
    found.close()


def test_closing_frees_it_and_makes_no_more(shelf: Shelf) -> None:
    taken = {shelf.spare.take() for _ in range(3)}
    shelf.spare.close()
    assert taken | set(shelf.freed) == set(shelf.ready())
    shelf.spare.take()
    shelf.spare.take()
    assert len(shelf.ready()) == 6
    assert len(shelf.freed) == 1


def test_it_is_made_where_it_must_be(shelf: Shelf) -> None:
    there = Spare(shelf._make, shelf.freed.append, there=True)
    for _ in range(4):
        there.take()
    there.close()
    assert set(shelf.makers) == {nursery.NAME}
