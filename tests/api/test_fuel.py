"""Fuel: the same count on every engine, and a documented end when it is used up."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

import wasix
from tests.api.guests import CAT, FLOOD, SPIN, Wat, exits
from tests.selection import FULL
from wasix.api.errors import UsageError
from wasix.api.metered import CALL

LOTS = 1 << 40

COMPUTES = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 100) "hello\\n")
  (func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "_start")
    (drop (call $fib (i32.const 12)))
    (memory.fill (i32.const 1000) (i32.const 7) (i32.const 3200))
    (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""

USED = 233 * 6 + 232 * 14 + 18 + 200 + 1016
"""What it costs, counted by hand: fib's calls that end and those that go on, `_start` itself, the
fill, and the system call with its buffer."""


def left(path: str, engine: str, fuel: int = LOTS, *, out: int | None = None) -> tuple[int, int]:
    """(status, what was left) of a run."""
    with wasix.Popen([path], engine=engine, fuel=fuel, stdout=out) as guest:
        status = guest.wait()
        assert guest.fuel is not None
        return status, guest.fuel


def test_the_count_is_the_same_on_every_engine(wat: Wat, engine: str) -> None:
    status, remains = left(wat(COMPUTES), engine, out=wasix.DEVNULL)
    assert (status, LOTS - remains) == (0, USED)


def test_just_enough_is_enough(wat: Wat, engine: str) -> None:
    done = wasix.run([wat(COMPUTES)], engine=engine, fuel=USED, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"hello\n")


def test_one_less_is_not(wat: Wat, engine: str) -> None:
    with wasix.Popen([wat(COMPUTES)], engine=engine, fuel=USED - 1) as guest:
        assert guest.wait() == 152
        assert guest.fuel == 0
        assert guest.message == f"guest.wasm: ended when its fuel of {USED - 1} was used"


def test_what_never_ends_is_ended(wat: Wat, engine: str) -> None:
    assert left(wat(SPIN), engine, 1_000_000) == (152, 0)


def test_a_program_that_exits_tells_what_was_left(wat: Wat, engine: str) -> None:
    status, remains = left(wat(exits(7)), engine)
    # Entering the function, the constant, the call, and what the call itself costs.
    assert (status, LOTS - remains) == (7, 1 + 2 + CALL)


def test_a_trap_of_its_own_is_still_one(wat: Wat, engine: str) -> None:
    text = '(module (memory (export "memory") 1) (func (export "_start") (unreachable)))'
    with wasix.Popen([wat(text)], engine=engine, fuel=1000) as guest:
        assert guest.wait() == 134
        assert guest.fuel == 999
        assert guest.message == "guest.wasm: trap: unreachable"


def test_a_start_function_is_metered_as_well(wat: Wat, engine: str) -> None:
    text = """(module (memory (export "memory") 1) (func $s (loop $l (br $l))) (start $s)
      (func (export "_start")))"""
    assert left(wat(text), engine, 10_000) == (152, 0)


def test_no_handler_catches_the_end(wat: Wat, engine: str) -> None:
    text = """(module (memory (export "memory") 1) (func (export "_start")
      (loop $again (block $h (try_table (catch_all $h) (loop $l (br $l)))) (br $again))))"""
    assert left(wat(text), engine, 10_000) == (152, 0)


def test_bytes_moved_by_system_calls_cost(wat: Wat, engine: str) -> None:
    used = []
    for size in (0, 1600):
        with wasix.Popen(
            [wat(CAT)], engine=engine, fuel=LOTS, stdin=bytes(size), stdout=wasix.DEVNULL
        ) as guest:
            guest.wait()
            assert guest.fuel is not None
            used.append(LOTS - guest.fuel)
    # Read and written once more, 100 units each, and two calls with a buffer.
    assert 2 * 100 + 2 * CALL < used[1] - used[0] < 2 * 100 + 2 * CALL + 100


def test_a_flood_of_system_calls_ends(wat: Wat, engine: str) -> None:
    status, remains = left(wat(FLOOD), engine, 1_000_000, out=wasix.DEVNULL)
    assert (status, remains) == (152, 0)


def test_the_asyncio_process_tells_it_too(wat: Wat, engine: str) -> None:
    async def run() -> int | None:
        process = await wasix.create_subprocess_exec(wat(exits(7)), engine=engine, fuel=LOTS)
        assert await process.wait() == 7
        return process.fuel

    assert asyncio.run(run()) == LOTS - 3 - CALL


def test_a_program_without_fuel_tells_nothing(wat: Wat, engine: str) -> None:
    with wasix.Popen([wat(exits(0))], engine=engine) as guest:
        guest.wait()
        assert guest.fuel is None


@pytest.mark.parametrize("fuel", [0, -1, 1 << 63])
def test_senseless_amounts_are_refused(fuel: int) -> None:
    with pytest.raises(UsageError, match="fuel must be positive"):
        wasix.Sandbox(fuel=fuel)


SCRIPT = (
    "import json, zlib, random; random.seed(5); print(json.dumps([zlib.crc32(b'x' * 1000), "
    "sorted(random.random() for _ in range(200))]))"
)
RECURSIVE = "with recursive c(x) as (select 1 union all select x + 1 from c where x < 500)"
PROGRAMS = {
    "cowsay": ["cowsay", "moo"],
    "python": ["python", "-c", SCRIPT],
    "qjs": ["qjs", "/script.js"],
    "sqlite3": ["sqlite3", ":memory:", f"{RECURSIVE} select sum(x), group_concat(x * x) from c"],
    "php": ["php", "/script.php"],
    "ruby": ["ruby", "--disable-gems", "-e", "puts (1..200).reduce(:*), 'abc'.unpack1('H*')"],
}


SMALL = ("cowsay", "qjs", "sqlite3")
"""Those that a compiler is done with soon."""


def run_program(program: str, engine: str, fuel: int | None) -> tuple[object, int | None]:
    """What it does, and what was left."""
    with wasix.Sandbox(engine=engine, fuel=fuel) as box:
        box.fs.write_text("/script.js", "print([1, 2].map(x => x ** 5), JSON.stringify([Math.PI]))")
        box.fs.write_text("/script.php", "<?php echo md5(str_repeat('x', 999)), 6 * 7;")
        guest = box.Popen(
            PROGRAMS[program],
            env={"PYTHONHASHSEED": "0"},
            stdin=wasix.DEVNULL,
            stdout=wasix.PIPE,
            stderr=wasix.PIPE,
        )
        out, err = guest.communicate(timeout=300)
        return (guest.returncode, out, err), guest.fuel


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_do_the_same_with_fuel(program: str, engine: str) -> None:
    if engine != "v8" and program not in SMALL and not FULL:
        pytest.skip("compiling it takes long: `make test-full`")
    plain, nothing = run_program(program, engine, None)
    metered, remains = run_program(program, engine, LOTS)
    assert isinstance(plain, tuple)
    assert plain[0] == 0
    assert plain[1]
    assert plain == metered
    assert nothing is None
    assert remains is not None


def test_a_program_costs_the_same_on_every_engine(engine: str) -> None:
    # Most others seed hash tables by chance, and so walk them for longer or shorter.
    assert run_program("sqlite3", engine, LOTS) == run_program("sqlite3", "v8", LOTS)


def test_a_large_program_is_instrumented_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasix.api import artifacts, linked, metered

    def make() -> str:
        linked._kept.clear()
        found = wasix.catalogue.find("cowsay")
        made = linked.linked(
            found, abi="latest", memory=None, fuel=True, artifacts=artifacts.kept()
        )
        return hashlib.sha256(made.module.join()).hexdigest()

    monkeypatch.setattr(metered, "LARGE", 1000)
    first = make()
    monkeypatch.setattr(metered, "_instrumented", None)
    assert make() == first


def test_a_damaged_copy_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from engines.artifacts import Artifacts
    from wasix.api import linked, metered

    monkeypatch.setattr(metered, "LARGE", 1000)
    found = wasix.catalogue.find("cowsay")
    kept = Artifacts(tmp_path)
    linked._kept.clear()
    first = linked.linked(found, abi="latest", memory=None, fuel=True, artifacts=kept)
    (copy,) = kept.all()
    copy.path.write_bytes(copy.path.read_bytes()[:-1])
    linked._kept.clear()
    again = linked.linked(found, abi="latest", memory=None, fuel=True, artifacts=kept)
    assert again.module.join() == first.module.join()
