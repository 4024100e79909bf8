"""What a type checker makes of the API: this file is checked by mypy, and runs too."""

from __future__ import annotations

import asyncio
import inspect
import io
import subprocess
from collections.abc import Callable
from typing import IO, Any, BinaryIO, TextIO, assert_type

import wasix
from tests.api.guests import CAT, Wat
from wasix.api.options import (
    PopenAny,
    PopenOptions,
    ProcessOptions,
    RunAny,
    RunOptions,
    SandboxOptions,
)


def test_text_and_bytes(wat: Wat) -> None:
    cat = wat(CAT)
    bytes_done = wasix.run([cat], input=b"x", capture_output=True)
    assert_type(bytes_done, subprocess.CompletedProcess[bytes])
    text_done = wasix.run([cat], input="x", stdout=wasix.PIPE, text=True)
    assert_type(text_done, subprocess.CompletedProcess[str])
    assert_type(
        wasix.run([cat], encoding="utf-8", stdin=wasix.DEVNULL), subprocess.CompletedProcess[str]
    )
    assert_type(wasix.run([cat], text=bool(cat), stdin=b""), subprocess.CompletedProcess[Any])
    assert (bytes_done.stdout, text_done.stdout) == (b"x", "x")
    with wasix.Popen([cat], stdin=wasix.PIPE, stdout=wasix.PIPE) as raw:
        assert_type(raw, wasix.Popen[bytes])
        assert_type(raw.stdin, IO[bytes] | None)
        assert_type(raw.communicate(b"y"), tuple[bytes, bytes])
        assert_type(raw.wait(), int)
    with wasix.Popen([cat], stdin=wasix.PIPE, text=True, stdout=wasix.DEVNULL) as text:
        assert_type(text, wasix.Popen[str])
        assert_type(text.stdin, IO[str] | None)
        assert_type(text.poll(), int | None)


def test_in_a_sandbox(wat: Wat) -> None:
    cat = wat(CAT)
    with wasix.Sandbox(memory_limit="16 MiB") as box:
        assert_type(box, wasix.Sandbox)
        assert_type(box.run([cat], stdin=b""), subprocess.CompletedProcess[bytes])
        assert_type(box.run(cat, stdin=b"", text=True), subprocess.CompletedProcess[str])
        with box.Popen([cat], encoding="latin-1", stdin=b"", stdout=wasix.DEVNULL) as process:
            assert_type(process, wasix.Popen[str])
        with box.Popen(cat, stdin=io.BytesIO(), trace=True) as traced:
            assert_type(traced, wasix.Popen[bytes])
            assert_type(traced.trace, wasix.Trace | None)
            assert traced.trace
            for call in traced.trace:
                assert_type(call, wasix.Call)
        assert_type(box.fs.read_bytes("/dev/null"), bytes)
        assert_type(box.fs.read_text("/dev/null"), str)
        with box.fs.open("/file", "w") as out:
            assert_type(out, TextIO)
        with box.fs.open("/file", "rb") as binary:
            assert_type(binary, BinaryIO)


def test_the_options_that_checkers_know_are_those_there_are() -> None:
    def names(function: Callable[..., Any]) -> set[str]:
        kinds = (inspect.Parameter.KEYWORD_ONLY,)
        return {p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds}

    text = {"text", "encoding", "errors", "universal_newlines"}
    sandbox = names(wasix.Sandbox)
    assert set(SandboxOptions.__annotations__) == sandbox
    assert set(PopenOptions.__annotations__) == sandbox | names(wasix.Popen) - text
    assert set(RunOptions.__annotations__) - set(PopenOptions.__annotations__) == names(wasix.run)
    assert set(RunAny.__annotations__) == set(RunOptions.__annotations__) | text
    assert set(PopenAny.__annotations__) == set(PopenOptions.__annotations__) | text
    assert set(ProcessOptions.__annotations__) == sandbox | names(wasix.create_subprocess_exec)


def test_in_a_task(wat: Wat) -> None:
    cat = wat(CAT)

    async def work() -> None:
        assert_type(await wasix.run_async([cat], stdin=b""), subprocess.CompletedProcess[bytes])
        async with wasix.Sandbox() as box:
            done = await box.run_async([cat], input="x", text=True, stdout=wasix.PIPE)
            assert_type(done, subprocess.CompletedProcess[str])
            process = await box.create_subprocess_exec(cat, stdin=wasix.PIPE, timeout=60)
            assert_type(process, wasix.Process)
            assert_type(process.stdin, asyncio.StreamWriter | None)
            assert_type(await process.communicate(b""), tuple[bytes, bytes])

    asyncio.run(work())
