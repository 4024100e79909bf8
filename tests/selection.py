"""Which guest tests run on which engine.

V8 and Cranelift run them all. The other engines run guests in processes of their own, one more or
less slow to start: `make test` gives them a sample, `make test-full` everything.
"""

from __future__ import annotations

import os
import re

import pytest

import engines
from engines.wasm.types import Feature

FULL = bool(os.environ.get("WASIX_TEST_FULL"))

LONG = pytest.mark.skipif(not FULL, reason="long: `make test-full`")
"""Of tests that `make test` does without."""

ALWAYS = ("v8", "cranelift")

SAMPLE = [
    re.compile(pattern)
    for pattern in (
        # Every call, and how every program ends.
        r"conformance/test_preview1\.py(?!.*-(host|overlay)\b)",
        r"conformance/test_posix\.py.*-memory\b",
        r"conformance/test_wasix\.py.*linux.*own memory",
        r"api/test_run\.py(?!.*test_every_status)",
        # Programs of others.
        r"programs/test_programs\.py.*(test_python_computes|test_cowsay|test_sqlite)",
        # Plain modules, but for what takes long, and what is decided before an engine is asked.
        r"api/test_plain\w*\.py(?!.*(many_inst|come_back|outlive|taken|link_error|not_fit|no_module))",
        # What is special about these engines.
        r"engines/",
        r"soak/",
    )
]
"""Of the identifiers of tests."""

NO_SIMD = "JavaScriptCore has no SIMD without machine code, and the program is built with it"
SLOW_START = "an interpreter takes longer to start CPython than the test gives it"

SKIPPED: dict[tuple[str, str], str] = {
    ("jsc-jitless", "test_quickjs_runs_a_script_from_a_host_volume"): NO_SIMD,
    ("jsc-jitless", "test_a_function_of_any_type_is_called[jsc-jitless-call0-42]"): NO_SIMD,
    ("jsc-jitless", "test_programs_do_the_same_with_fuel[jsc-jitless-qjs]"): NO_SIMD,
    ("jsc-jitless", "test_the_same_as_subprocess[jsc-jitless-partial_output_of_run]"): SLOW_START,
}
"""By engine and test (its name, or with its parameters): what cannot be, and why."""

NEEDS: dict[str, Feature] = {
    "test_no_handler_catches_the_end": "exceptions",
    "test_shared_memory_is_seen_where_there_is_any": "threads",
}
"""Tests whose guest needs what not every engine has. `docs/engines.md` lists both tables."""


def runs(engine: str, identifier: str) -> bool:
    """Whether a test runs on an engine."""
    if FULL or engine in ALWAYS:
        return True
    return any(pattern.search(identifier) for pattern in SAMPLE)


def reason_to_skip(engine: str, name: str) -> str | None:
    test = name.partition("[")[0]
    if reason := SKIPPED.get((engine, name)) or SKIPPED.get((engine, test)):
        return reason
    needed = NEEDS.get(test)
    if needed and needed not in engines.get(engine).features():
        return f"{engine} lacks {needed}"
    return None
