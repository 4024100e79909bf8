"""The measuring side of a subject's process; see `bench.subjects`."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import engines
from bench.guests import guest
from bench.subjects import PEERS, TITLES, Unsupported
from engines.protocol import EngineError

ROOT = Path(__file__).parents[1]
_GUESTS = ("calls", "hello", "wait")
PATIENCE = 120
"""Seconds a subject may take to answer: the slowest compile 60 MB for most of a minute."""


class Worker:
    """A subject in a process of its own. Closing it ends that."""

    def __init__(self, name: str, folder: str, patience: float) -> None:
        self.name = name
        self._patience = patience
        self._command = [sys.executable, "-m", "bench.subjects", name, folder]
        if name == "node":
            guests = [f"{name}={guest(name)}" for name in _GUESTS]
            script = str(ROOT / "bench" / "subjects" / "node.mjs")
            self._command = ["node", "--no-warnings", script, folder, *guests]
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def do(self, method: str, *args: object) -> Any:
        """Call a method of the subject's. Raises `Unsupported`, or `RuntimeError` if it fails."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([method, *args]) + "\n")
        process.stdin.flush()
        # Lines are answered one by one, so there is never one in the buffer already.
        if not select.select([process.stdout], [], [], self._patience)[0]:
            process.kill()
            self.close()
            self._start()
            raise Unsupported(f"did not return within {self._patience} s")
        answer = process.stdout.readline()
        if not answer:
            self.close()
            if self.name not in PEERS:
                raise RuntimeError(f"{self.name} failed in {method}{args}: see its message above")
            # node:wasi, for one, ends with a signal now and then when it lists a directory.
            status = process.returncode
            self._start()
            raise Unsupported(f"crashed (status {status})")
        found = json.loads(answer)
        if "unsupported" in found:
            raise Unsupported(found["unsupported"])
        return found["value"]

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()


@contextmanager
def worker(name: str, patience: float = PATIENCE) -> Iterator[Worker]:
    """A new process for a subject, with a directory that is removed in the end."""
    with tempfile.TemporaryDirectory() as folder:
        process = Worker(name, folder, patience)
        try:
            yield process
        finally:
            process.close()


@contextmanager
def workers(names: Iterable[str], patience: float = PATIENCE) -> Iterator[dict[str, Worker]]:
    """Those subjects of `names` that are usable here, by title."""
    with ExitStack() as stack:
        yield {
            TITLES[name]: stack.enter_context(worker(name, patience))
            for name in names
            if usable(name)
        }


def usable(name: str) -> bool:
    """Whether a subject is installed."""
    if name == "node":
        return shutil.which("node") is not None
    if name in PEERS:
        package = {"wasmer": "wasmer_sdk"}.get(name, "wasmtime")
        return subprocess.run([sys.executable, "-c", f"import {package}"]).returncode == 0
    try:
        engines.get(name.removeprefix("wasix-"))
    except EngineError:
        return False
    return True


def versions(found: dict[str, Worker]) -> dict[str, str]:
    known: dict[str, str] = {}
    for process in found.values():
        known |= process.do("versions")
    return known
