"""What some engines cannot do for plain modules: each says so, as docs/api.md does."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import wasix
from tests.api.plain import instance

JAVASCRIPT = ("v8", "jsc", "jsc-jitless", "spidermonkey")


class Case(NamedTuple):
    """A module, with what it imports as `env.it`."""

    text: str
    engines: tuple[str, ...]
    words: str
    """Of these engines; the others take it."""
    given: Any = None


CASES = {
    "vectors of guests": Case(
        '(func (export "f") (param v128))', ("jsc-jitless",), "needs simd, which jsc-jitless lacks"
    ),
    "vectors inside a function": Case(
        '(func (export "f") (drop (v128.const i64x2 1 2)))', ("jsc-jitless",), "module: "
    ),
    "vectors for host functions": Case(
        '(import "env" "it" (func (param v128)))',
        ("cranelift", "jsc-jitless"),
        "needs simd|offers host functions no values of such types",
        print,
    ),
    "memories of 64 bits": Case(
        '(memory (export "m") i64 1)', ("jsc", "jsc-jitless"), "needs memory64, which .* lacks"
    ),
    "several memories": Case(
        "(memory 1) (memory 1)", ("jsc", "jsc-jitless"), "needs multi-memory, which .* lacks"
    ),
    "shared memory": Case(
        '(import "env" "it" (memory 1 2 shared))',
        ("spidermonkey",),
        "needs threads, which spidermonkey lacks",
        lambda: wasix.Memory(1, 2, shared=True),
    ),
    "constants that are objects": Case(
        '(import "env" "it" (global externref))',
        JAVASCRIPT,
        "null or mutable",
        lambda: wasix.Global("externref", "object"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_an_engine_cannot_do_is_refused(on: str, case: Case) -> None:
    given = case.given if case.given in (None, print) else case.given()
    if on in case.engines:
        with pytest.raises(wasix.ProgramInvalid, match=case.words):
            instance(case.text, on, {"env": {"it": given}})
    else:
        instance(case.text, on, {"env": {"it": given}}).close()
