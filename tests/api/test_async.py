"""Guests run from asyncio."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import subprocess
import weakref
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

import wasix
from tests.api.guests import CAT, FLOOD, SPIN, Wat, exits
from tests.settled import of_guests, settle
from wasix import DEVNULL, PIPE

T = TypeVar("T")


def go(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; whatever the loop complains about is an error."""
    complaints: list[dict[str, Any]] = []

    async def main() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        async with asyncio.timeout(100):
            return await work

    result = asyncio.run(main())
    assert not complaints
    return result


def held() -> tuple[int, int]:
    gc.collect()
    return len(os.listdir("/dev/fd")), len(of_guests())


async def warm(guest: str, engine: str) -> tuple[int, int]:
    """What is held once the engine has run `guest`, whose code it may keep."""
    process = await wasix.create_subprocess_exec(guest, stdin=PIPE, engine=engine)
    process.kill()
    await process.wait()
    del process
    await asyncio.to_thread(settle)
    return held()


async def settled(before: tuple[int, int]) -> bool:
    """Whether what is held comes back to what it was."""
    await asyncio.to_thread(settle)
    return held() == before


def test_a_conversation(wat: Wat, engine: str) -> None:
    async def work() -> None:
        process = await wasix.create_subprocess_exec(
            wat(CAT), stdin=PIPE, stdout=PIPE, engine=engine
        )
        assert isinstance(process, asyncio.subprocess.Process)
        assert isinstance(process.stdin, asyncio.StreamWriter)
        assert isinstance(process.stdout, asyncio.StreamReader)
        assert process.stderr is None
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            await process.stdin.drain()
            assert await process.stdout.readline() == line
        assert process.returncode is None
        process.stdin.close()
        await process.stdin.wait_closed()
        assert await process.stdout.read() == b""
        assert await process.wait() == 0
        assert process.returncode == 0

    go(work())


def test_communicate_with_more_than_pipes_hold(wat: Wat, engine: str) -> None:
    data = bytes(range(256)) * 8000

    async def work() -> tuple[bytes, bytes]:
        process = await wasix.create_subprocess_exec(
            wat(CAT), stdin=PIPE, stdout=PIPE, engine=engine
        )
        return await process.communicate(data)

    assert go(work())[0] == data


def test_a_reader_that_does_not_read_makes_the_guest_wait(wat: Wat, engine: str) -> None:
    async def work() -> int:
        async with await wasix.create_subprocess_exec(
            wat(FLOOD), stdout=PIPE, engine=engine, limit=1 << 16
        ) as process:
            assert process.stdout
            assert await process.stdout.readexactly(1 << 20) == bytes(1 << 20)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(process.wait(), 0.1)
            process.kill()
            # What a stream reader and a pipe hold, and no more.
            return len(await process.stdout.read())

    assert go(work()) <= 5 << 16


def test_closing_the_pipe_tells_the_guest(wat: Wat, engine: str) -> None:
    async def work() -> int | None:
        async with await wasix.create_subprocess_exec(
            wat(FLOOD), stdout=PIPE, engine=engine
        ) as process:
            assert process.stdout
            await process.stdout.readexactly(10)
        return process.returncode

    assert go(work()) == 64  # the errno `pipe`


def test_writing_to_a_guest_that_has_ended(wat: Wat, engine: str) -> None:
    async def work() -> None:
        process = await wasix.create_subprocess_exec(wat(exits(3)), stdin=PIPE, engine=engine)
        assert await process.wait() == 3
        assert process.stdin
        process.stdin.write(b"x" * 200_000)
        with pytest.raises(ConnectionResetError):
            await process.stdin.drain()
        with pytest.raises(ProcessLookupError):
            process.kill()
        assert (await process.communicate())[0] is None

    go(work())


def test_writing_much_waits_for_the_guest(wat: Wat, engine: str) -> None:
    async def work() -> None:
        async with await wasix.create_subprocess_exec(
            wat(CAT), stdin=PIPE, stdout=PIPE, engine=engine
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(bytes(1 << 20))
            drained = asyncio.ensure_future(process.stdin.drain())
            done, _ = await asyncio.wait([drained], timeout=0.1)
            assert not done
            assert await process.stdout.readexactly(1 << 20) == bytes(1 << 20)
            await drained

    go(work())


@pytest.mark.parametrize("guest", [SPIN, CAT], ids=["computing", "waiting"])
def test_signals(wat: Wat, engine: str, guest: str) -> None:
    async def work() -> None:
        for end, status in (("terminate", 143), ("kill", 137)):
            process = await wasix.create_subprocess_exec(wat(guest), stdin=PIPE, engine=engine)
            getattr(process, end)()
            assert await process.wait() == status
        process = await wasix.create_subprocess_exec(wat(guest), stdin=PIPE, engine=engine)
        process.send_signal(1)
        assert await process.wait() == 129

    go(work())


def test_a_timeout_kills(wat: Wat, engine: str) -> None:
    async def work() -> None:
        process = await wasix.create_subprocess_exec(wat(SPIN), engine=engine, timeout=0.2)
        for _ in range(2):
            with pytest.raises(subprocess.TimeoutExpired):
                await process.wait()
        assert process.returncode == 137
        process = await wasix.create_subprocess_exec(wat(exits(1)), engine=engine, timeout=60)
        assert await process.wait() == 1

    go(work())


@pytest.mark.parametrize("guest", [SPIN, CAT], ids=["computing", "waiting"])
def test_cancelling_the_task_stops_the_guest(wat: Wat, engine: str, guest: str) -> None:
    async def use(started: asyncio.Event, found: list[wasix.Process]) -> None:
        async with await wasix.create_subprocess_exec(
            wat(guest), stdin=PIPE, stdout=PIPE, engine=engine
        ) as process:
            found.append(process)
            started.set()
            await process.wait()

    async def work() -> None:
        before = await warm(wat(guest), engine)
        started, found = asyncio.Event(), list[wasix.Process]()
        task = asyncio.ensure_future(use(started, found))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert found.pop().returncode == 137
        del task
        assert await settled(before)

    go(work())


@pytest.mark.parametrize("guest", [SPIN, CAT], ids=["computing", "waiting"])
def test_cancelling_run_async_stops_the_guest(wat: Wat, engine: str, guest: str) -> None:
    async def work() -> None:
        async with wasix.Sandbox(engine=engine) as box:
            reader, writer = os.pipe()
            task = asyncio.ensure_future(box.run_async([wat(guest)], stdin=reader, stdout=DEVNULL))
            while not box.launcher.runs:
                await asyncio.sleep(0)
            (guest_started,) = box.launcher.runs.values()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert guest_started.process.status == 137
            assert not box.launcher.runs
            os.close(reader)
            os.close(writer)

    go(work())


def test_cancelling_wait_alone_lets_the_guest_go_on(wat: Wat, engine: str) -> None:
    async def work() -> bytes:
        process = await wasix.create_subprocess_exec(
            wat(CAT), stdin=PIPE, stdout=PIPE, engine=engine
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.1)
        return (await process.communicate(b"still here"))[0]

    assert go(work()) == b"still here"


def test_leaving_with_an_error_kills(wat: Wat, engine: str) -> None:
    async def work() -> int | None:
        with pytest.raises(ZeroDivisionError):
            async with await wasix.create_subprocess_exec(wat(SPIN), engine=engine) as process:
                raise ZeroDivisionError
        return process.returncode

    assert go(work()) == 137


def test_fifty_at_once(wat: Wat, engine: str) -> None:
    cat = wat(CAT)

    async def one(number: int) -> bytes:
        process = await wasix.create_subprocess_exec(cat, stdin=PIPE, stdout=PIPE, engine=engine)
        # All fifty run at the same time.
        barrier.append(process)
        if len(barrier) == 50:
            everyone.set()
        await everyone.wait()
        return (await process.communicate(str(number).encode() * 1000))[0]

    barrier: list[wasix.Process] = []
    everyone = asyncio.Event()

    async def work() -> list[bytes]:
        return await asyncio.gather(*(one(number) for number in range(50)))

    assert go(work()) == [str(number).encode() * 1000 for number in range(50)]


def test_many_in_one_sandbox_leave_nothing(wat: Wat, engine: str) -> None:
    cat = wat(CAT)

    async def work() -> None:
        before = await warm(cat, engine)
        async with wasix.Sandbox(engine=engine) as box:
            done = await asyncio.gather(
                *(box.run_async([cat], input=b"%d" % n, capture_output=True) for n in range(12))
            )
            assert [one.stdout for one in done] == [b"%d" % n for n in range(12)]
            process = await box.create_subprocess_exec(cat, stdin=PIPE)
            assert len(box.launcher.runs) == 1
        assert not box.launcher.runs
        assert process.returncode == 137
        del box, process
        assert await settled(before)

    go(work())


def test_run_async_is_run(wat: Wat, engine: str, tmp_path: Path) -> None:
    cat = wat(CAT)

    async def work() -> None:
        done = await wasix.run_async(
            [cat], input="é\r\n", capture_output=True, text=True, engine=engine
        )
        assert (done.args, done.returncode, done.stdout, done.stderr) == ([cat], 0, "é\n", "")
        with pytest.raises(subprocess.CalledProcessError) as failed:
            await wasix.run_async([wat(exits(5), "five.wasm")], check=True, engine=engine)
        assert failed.value.returncode == 5
        hang = CAT.replace("(br $again)", "(loop $forever (br $forever))")
        with pytest.raises(subprocess.TimeoutExpired) as expired:
            await wasix.run_async(
                [wat(hang, "hang.wasm")],
                input=b"so far",
                capture_output=True,
                timeout=0.5,
                engine=engine,
            )
        assert (expired.value.timeout, expired.value.output) == (0.5, b"so far")
        with pytest.raises(TypeError):
            await wasix.run_async([cat], input="text", engine=engine)
        with pytest.raises(wasix.ProgramNotFound):
            await wasix.run_async(["nosuch"], engine=engine)
        seen = io.BytesIO()
        await wasix.run_async([cat], input=b"to an object", stdout=seen, engine=engine)
        assert seen.getvalue() == b"to an object"

    go(work())


def test_cancelling_a_start_leaves_nothing(wat: Wat, engine: str) -> None:
    async def work() -> None:
        before = await warm(wat(SPIN), engine)
        for _ in range(5):
            task = asyncio.ensure_future(wasix.create_subprocess_exec(wat(SPIN), engine=engine))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert held() == before

    go(work())


def test_a_forgotten_process_is_noticed_and_killed(wat: Wat, engine: str) -> None:
    async def work() -> None:
        process = await wasix.create_subprocess_exec(wat(SPIN), engine=engine)
        guest = process._transport.guest
        gone = weakref.ref(process)
        with pytest.warns(ResourceWarning, match="still running"):
            del process
        assert gone() is None
        assert await asyncio.to_thread(guest.wait, 30)
        assert guest.status == 137

    go(work())


def test_a_loop_that_is_closed_does_not_disturb_the_guest(wat: Wat, engine: str) -> None:
    found: list[wasix.Process] = []

    async def work() -> None:
        found.append(await wasix.create_subprocess_exec(wat(FLOOD), stdout=PIPE, engine=engine))

    asyncio.run(work())
    guest = found[0]._transport.guest
    guest.kill()
    assert guest.wait(30)
    assert guest.status == 137
    assert guest.process.defect is None


def test_calls_are_traced(wat: Wat, engine: str) -> None:
    async def work() -> list[str]:
        async with await wasix.create_subprocess_exec(
            wat(CAT), stdin=PIPE, stdout=PIPE, engine=engine, trace=True
        ) as process:
            assert process.trace
            assert process.stdin
            seen = []
            process.stdin.write(b"hello")
            async for call in process.trace:
                seen.append(call.name)
                process.stdin.close()
            return seen

    assert go(work()) == ["fd_read", "fd_write", "fd_read"]
