"""Dynamic calls, closures and libraries without an engine: what they want of one, and errnos."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.calls.conftest import Guest
from tests.calls.programs import FakeProgram, with_programs
from wasix.abi import E, Errno
from wasix.abi.instance import (
    CallSlot,
    GrowTable,
    Instantiate,
    Place,
    Reflect,
    Request,
    Signature,
    Write,
)
from wasix.abi.memory import DirectMemory
from wasix.proc.closures import MOST_CLOSURES
from wasix.proc.wait import Wanted

NUMBERS = Signature(("i32", "i64"), ("f64",))


@pytest.fixture
def linking(guest: Guest) -> Guest:
    with_programs(guest, {})
    guest.process.main.memory = DirectMemory(memoryview(bytearray(256)))
    return guest


def steps(guest: Guest, name: str, args: tuple[object, ...], answers: list[Any]) -> list[Request]:
    """Make a call, and answer what it wants of the instance: all that it wanted."""
    thread, wanted = guest.process.main, []
    while True:
        try:
            guest.call(name, *args)
        except Wanted as want:
            wanted.append(want.request)
            thread.call["answer"] = answers.pop(0)
            continue
        return wanted


def errno(guest: Guest, name: str, args: tuple[object, ...], answers: list[Any]) -> E:
    with pytest.raises(Errno) as caught:
        steps(guest, name, args, answers)
    assert not guest.process.main.call
    return caught.value.code


CALLS: list[tuple[str, tuple[object, ...]]] = [
    ("call_dynamic", (1, 0, 0, 0, 0, 0)),
    ("reflect_signature", (1, 0, 0, 0, 0, 0)),
    ("closure_allocate", ()),
    ("closure_prepare", (1, 2, 0, 0, 0, 0, 0)),
    ("closure_free", (1,)),
    ("dlopen", ("/lib/x.so", 2, 0, 0, None)),
    ("dlsym", (0, "x", 0, 0)),
]


@pytest.mark.parametrize(("name", "args"), CALLS)
def test_an_engine_may_lack_it(linking: Guest, name: str, args: tuple[object, ...]) -> None:
    program = linking.process.program
    assert isinstance(program, FakeProgram)
    linking.process.program = replace(program, links=False)
    assert errno(linking, name, args, []) is E.NOTSUP


def test_a_call_asks_for_the_type_and_then_for_the_call(linking: Guest) -> None:
    memory = linking.process.main.memory
    memory.store(16, bytes(range(1, 13)))
    wanted = steps(linking, "call_dynamic", (5, 16, 12, 32, 8, 1), [NUMBERS, b"12345678"])
    assert wanted == [Reflect(5), CallSlot(5, bytes(range(1, 13)))]
    assert bytes(memory.load(32, 8)) == b"12345678"


def test_a_call_that_does_not_fit_is_not_made(linking: Guest) -> None:
    for length in (11, 13):
        args = (5, 16, length, 32, 8, 1)
        assert errno(linking, "call_dynamic", args, [NUMBERS]) is E.INVAL
    assert errno(linking, "call_dynamic", (5, 250, 12, 32, 8, 0), [NUMBERS]) is E.FAULT
    assert errno(linking, "call_dynamic", (5, 16, 12, 32, 8, 0), [None]) is E.INVAL


def test_the_instance_of_a_closure_that_is_freed_serves_the_next(linking: Guest) -> None:
    assert steps(linking, "closure_allocate", (), [10]) == [GrowTable(64)]
    memory = linking.process.main.memory
    memory.store(8, b"\0\1")
    made = steps(linking, "closure_prepare", (3, 10, 8, 2, 8, 0, 99), [1, True])
    assert isinstance(made[0], Instantiate)
    assert [given.value for given in made[0].imports[3:]] == [3, 99]
    assert made[1] == Place(10, 1, "closure")
    assert steps(linking, "closure_free", (10,), [True]) == [Place(10)]
    assert steps(linking, "closure_allocate", (), []) == []
    again = steps(linking, "closure_prepare", (4, 10, 8, 2, 8, 0, 98), [None, None, True])
    assert again == [Write(1, 4), Write(2, 98), Place(10, 1, "closure")]


def test_closures_are_limited(linking: Guest) -> None:
    for first in range(0, MOST_CLOSURES, 64):
        steps(linking, "closure_allocate", (), [first])
        for _ in range(63):
            steps(linking, "closure_allocate", (), [])
    assert errno(linking, "closure_allocate", (), []) is E.NOMEM


def test_a_table_that_cannot_grow_is_no_memory(linking: Guest) -> None:
    assert errno(linking, "closure_allocate", (), [None, None]) is E.NOMEM


def test_only_the_program_has_a_handle_before_libraries_are_opened(linking: Guest) -> None:
    assert linking.call("dl_invalid_handle", 1) is None
    for handle in (0, 2, 0xFFFFFFFF):
        assert errno(linking, "dl_invalid_handle", (handle,), []) is E.NOEXEC
    assert linking.call("dlopen", None, 2, 0, 0, None) == 1


@pytest.mark.parametrize(
    ("room", "said"),
    [(100, b"x.so: cannot open shared object file: no such file\0"), (5, b"x.so\0"), (0, b"")],
)
def test_why_a_library_is_not_there_is_told_where_there_is_room(
    linking: Guest, room: int, said: bytes
) -> None:
    memory = linking.process.main.memory
    memory.store(100, bytes([255]) * 100)
    assert errno(linking, "dlopen", ("x.so", 2, 100, room, None), []) is E.UNKNOWN
    assert bytes(memory.load(100, 100)) == said + bytes([255]) * (100 - len(said))


def test_room_for_the_reason_must_be_in_memory(linking: Guest) -> None:
    assert errno(linking, "dlopen", ("x.so", 2, 250, 100, None), []) is E.FAULT
    assert errno(linking, "dlsym", (1, "x", 250, 100), []) is E.FAULT
