"""PyPI's wasmer-sdk: its sandboxes, whose files are in memory."""

from __future__ import annotations

import asyncio
import importlib.metadata
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from wasmer_sdk import Package, Process, Wasmer

from bench.guests import guest
from bench.subjects import Unsupported
from bench.subjects.memory import resident

_T = TypeVar("_T")


class WasmerSdk:
    def __init__(self, folder: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.packages: dict[str, Package] = {}
        self.wasmer = Wasmer(cache_root=Path(folder, "wasmer"))
        self.processes: list[Process] = []

    def versions(self) -> dict[str, str]:
        return {"wasmer-sdk": importlib.metadata.version("wasmer-sdk")}

    def _await(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(coroutine)

    async def _package(self, path: str) -> Package:
        if path not in self.packages:
            self.packages[path] = await self._load(path)
        return self.packages[path]

    async def _load(self, path: str) -> Package:
        return await self.wasmer.packages.load(Path(path).read_bytes())

    def call(self, kind: str, count: int, place: str, descriptors: int = 0) -> float:
        if place == "host":
            raise Unsupported("wasmer-sdk gives a sandbox no directory or stream of the host")
        return self._await(self._call([kind, str(count), "/workspace", str(descriptors)]))

    async def _call(self, args: Sequence[str]) -> float:
        package = await self._package(str(guest("calls")))
        async with await self.wasmer.sandboxes.create(packages=[package]) as sandbox:
            command = sandbox.command(package, args)
            process = await command.spawn(stdout="discard", stderr="capture")
            output = await process.wait()
            if output.exit_code:
                raise Unsupported(output.stderr.text().strip())
            nanoseconds, calls = map(int, output.stderr.text().split())
            return nanoseconds / calls / 1e9

    def once(self, program: str, args: Sequence[str]) -> float:
        package = self._await(self._package(program))
        return self._await(self._once(package, args))

    async def _once(self, package: Package, args: Sequence[str]) -> float:
        begin = time.perf_counter()
        async with await self.wasmer.sandboxes.create(packages=[package]) as sandbox:
            await sandbox.command(package, args).run()
        return time.perf_counter() - begin

    def start(self, module: str) -> list[float]:
        return self._await(self._start(module))

    async def _start(self, module: str) -> list[float]:
        await self._once(await self._load(str(guest("hello"))), [])
        times = []
        for _ in range(2):
            begin = time.perf_counter()
            await self._once(await self._load(module), [])
            times.append(time.perf_counter() - begin)
        return times

    def live(self, more: int) -> dict[str, float]:
        return self._await(self._live(more))

    async def _live(self, more: int) -> dict[str, float]:
        begin = time.perf_counter()
        package = await self._package(str(guest("wait")))
        for _ in range(more):
            sandbox = await self.wasmer.sandboxes.create(packages=[package])
            process = await sandbox.command(package).spawn(stdin="pipe")
            self.processes.append(process)
            assert process.stdout is not None
            assert await anext(process.stdout.lines()) == "ready"
        return {"seconds": time.perf_counter() - begin, "memory": resident()}


def make(name: str, folder: str) -> WasmerSdk:
    return WasmerSdk(folder)
