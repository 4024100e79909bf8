"""Calls between Python and plain modules: nested, failing, stopped, asynchronous."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

import wasix
from tests.api.plain import OWN_PROCESS, check_after_stop, exports, instance

# Ends what it calls with catch_all, which must see no host's exception.
TWO = """(import "env" "h" (func $h (param i32) (result i32)))
    (func $f (export "f") (param i32) (result i32) (call $h (local.get 0)))
    (func $spin (export "spin") (loop (br 0)))
    (func (export "later") (param i32) (result i32) (drop (call $h (local.get 0))) (call $spin)
      (i32.const 0))
    (func (export "id") (param i32) (result i32) (local.get 0))"""


def test_calls_nest(on: str) -> None:
    def down(n: int) -> int:
        return n + found.f(n - 1) if n else 0

    found = exports(TWO, on, h=down)
    assert found.f(40) == sum(range(41))


def test_calls_nested_without_end_are_an_error_and_nothing_else(on: str) -> None:
    def again(n: int) -> int:
        return int(found.f(n))

    found = exports(TWO, on, h=again)
    for _ in range(2):
        with pytest.raises((RecursionError, wasix.Trap)) as caught:
            found.f(1)
        assert isinstance(caught.value, RecursionError) or "exhausted" in str(caught.value)
        assert found.id(5) == 5


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_a_host_functions_exception_reaches_the_caller_as_it_is(
    on: str, error: BaseException
) -> None:
    def fail(n: int) -> int:
        raise error

    found = exports(TWO, on, h=fail)
    with pytest.raises(type(error)) as caught:
        found.f(1)
    assert caught.value is error
    assert any(entry.name == "fail" for entry in caught.traceback)
    assert found.id(3) == 3


def test_a_guest_cannot_catch_a_hosts_exception(on: str) -> None:
    def fail() -> None:
        raise ValueError("mine")

    found = exports(
        """(import "env" "h" (func $h))
           (func (export "f") (result i32)
             (block (try_table (catch_all 0) (call $h))) (i32.const 1))""",
        on,
        h=fail,
    )
    with pytest.raises(ValueError, match="mine"):
        found.f()


def test_an_exception_goes_up_level_by_level(on: str) -> None:
    seen: list[str] = []

    def host(n: int) -> int:
        if n == 0:
            raise KeyError("the innermost")
        try:
            return int(found.f(n - 1))
        except KeyError:
            seen.append(f"level {n}")
            if n == 2:
                return 100
            raise

    found = exports(TWO, on, h=host)
    assert found.f(4) == 100
    assert seen == ["level 1", "level 2"]
    with pytest.raises(KeyError):
        found.f(1)


def test_an_exception_nobody_catches(on: str) -> None:
    found = exports('(tag $t) (func (export "f") (throw $t))', on)
    with pytest.raises(wasix.Trap, match="an exception was thrown and not caught"):
        found.f()


def test_stopping_from_another_thread(on: str) -> None:
    started = threading.Event()

    def host(n: int) -> int:
        started.set()
        return n

    with instance(TWO, on, {"env": {"h": host}}) as found:

        def stop() -> None:
            started.wait()
            found.stop()

        thread = threading.Thread(target=stop)
        thread.start()
        with pytest.raises(wasix.Trap, match=r"^stopped$"):
            found.exports.later(1)
        thread.join()
        check_after_stop(on, found.exports)


def test_stopping_from_inside_a_host_function(on: str) -> None:
    after: list[int] = []

    def host(n: int) -> int:
        found.stop()
        after.append(n)
        return n

    found = instance(TWO, on, {"env": {"h": host}})
    for function in (found.exports.f, found.exports.later):
        with pytest.raises(wasix.Trap, match=r"^stopped$"):
            function(1)
    assert after == [1, 1]
    found.stop()
    assert found.exports.id(4) == 4


def test_a_deadline_ends_what_computes(on: str) -> None:
    found = exports(TWO, on, h=lambda n: n)
    with pytest.raises(TimeoutError, match="spin did not return within"):
        found.spin.call(timeout=0.05)
    check_after_stop(on, found)


def test_a_deadline_that_does_not_pass(on: str) -> None:
    found = exports(TWO, on, h=lambda n: n + 1)
    assert found.f.call(4, timeout=60) == 5
    assert found.id.call(4, timeout=60) == 4


def test_a_deadline_in_a_host_function_leaves_the_guest_callable(on: str) -> None:
    stopped = threading.Event()

    def host(n: int) -> int:
        # Until the deadline has passed, however long that takes to show.
        while not found._store.level.stopping():
            stopped.wait(0.01)
        return n

    found = instance(TWO, on, {"env": {"h": host}}).exports
    with pytest.raises(TimeoutError, match="f did not return within"):
        found.f.call(1, timeout=0.05)
    assert found.id(4) == 4


def test_a_deadline_ends_the_inner_call_alone(on: str) -> None:
    def host(n: int) -> int:
        with pytest.raises(TimeoutError):
            found.spin.call(timeout=0.05)
        return n + 1

    found = exports(TWO, on, h=host)
    if on == "cranelift":
        assert found.f(1) == 2
    else:  # all that an isolate does ends, or a process
        with pytest.raises(wasix.Trap, match="stopped"):
            found.f(1)
    check_after_stop(on, found)


def test_a_deadline_ends_all_that_is_inside(on: str) -> None:
    def host(n: int) -> int:
        with pytest.raises(wasix.Trap, match="stopped"):
            found.spin()
        return n

    found = exports(TWO, on, h=host)
    with pytest.raises(TimeoutError):
        found.f.call(1, timeout=0.05)


def test_closing_ends_what_runs(on: str) -> None:
    def host(n: int) -> int:
        found.close()
        return n

    found = instance(TWO, on, {"env": {"h": host}})
    with pytest.raises(wasix.Trap, match="stopped"):
        found.exports.later(1)


def test_threads_take_turns(on: str) -> None:
    inside, most = 0, 0

    def host(n: int) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        inside -= 1
        return n

    found = exports(TWO, on, h=host)
    sums: list[int] = []
    threads = [
        threading.Thread(target=lambda: sums.append(sum(found.f(n) for n in range(200))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [sum(range(200))] * 4
    assert most == 1


# asyncio.


def test_a_host_function_may_be_a_coroutine(on: str) -> None:
    name = contextvars.ContextVar("name", default="nobody")

    async def host(n: int) -> int:
        await asyncio.sleep(0)
        seen.append(name.get())
        return n * 2

    seen: list[str] = []
    found = exports(TWO, on, h=host)

    async def run() -> list[int]:
        name.set("somebody")
        return list(await asyncio.gather(*(found.f.call_async(n) for n in range(5))))

    assert asyncio.run(run()) == [0, 2, 4, 6, 8]
    assert seen == ["somebody"] * 5
    with pytest.raises(TypeError, match=r"is asynchronous: call .* call_async"):
        found.f(1)


def test_coroutines_nest(on: str) -> None:
    async def host(n: int) -> int:
        await asyncio.sleep(0)
        return n + (await found.f.call_async(n - 1)) if n else 0

    found = exports(TWO, on, h=host)
    assert asyncio.run(asyncio.wait_for(found.f.call_async(10), 60)) == 55


def test_a_coroutines_exception_reaches_the_caller(on: str) -> None:
    error = LookupError("from the coroutine")

    async def host(n: int) -> int:
        raise error

    found = exports(TWO, on, h=host)

    async def run() -> None:
        with pytest.raises(LookupError) as caught:
            await found.f.call_async(1)
        assert caught.value is error

    asyncio.run(run())


@pytest.mark.parametrize("function", ["f", "spin"])
def test_cancelling_stops_the_guest(on: str, function: str) -> None:
    ends: list[str] = []

    async def host(n: int) -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise
        return n

    found = exports(TWO, on, h=host)

    async def run() -> None:
        args: tuple[Any, ...] = (1,) if function == "f" else ()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await found[function].call_async(*args)
        if function == "f" or on not in OWN_PROCESS:
            with pytest.raises(TimeoutError):
                await found[function].call_async(*args, timeout=0.1)
            assert await found.id.call_async(7) == 7

    asyncio.run(run())
    if function == "spin":
        check_after_stop(on, found)
    assert ends == (["cancelled"] * 2 if function == "f" else [])
