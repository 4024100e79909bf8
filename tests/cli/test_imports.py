"""A short run loads only what it needs: imports are most of its time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

UNNEEDED = {
    "asyncio",
    "engines.native.cranelift.profiler",
    "engines.survey",
    "engines.wasm.probes",
    "importlib.metadata",
    "jinja2",
    "py_mini_racer",
    "rich",
    "tarfile",
    "wasmtime",
}


@pytest.mark.parametrize(
    ("engine", "unneeded"),
    # What finds mini-racer's library imports it.
    [("v8", UNNEEDED), ("cranelift", UNNEEDED | {"tempfile"})],
)
def test_a_run_imports_nothing_it_does_not_need(
    wat: Callable[[str], str], engine: str, unneeded: set[str]
) -> None:
    guest = wat('(module (memory (export "memory") 1) (func (export "_start")))')
    command = ["-m", "wasix", "run", "--engine", engine, guest]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "wasix.kernel" in imported
    assert imported & unneeded == set()
