"""What is V8's own in profiling; what profiles say is shown by `tests/api/test_profile.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wasix
from engines.v8 import engine, profiler

Wat = Callable[[str], str]

ENDS = '(module (memory (export "memory") 1) (func (export "_start")))'


@pytest.fixture
def symbols_hidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """V8 as a library has it that does not show what is used for profiles."""
    monkeypatch.setitem(profiler._SYMBOLS, "start", ("_ZN2v811CpuProfiler5StartEv", None))
    cached = (profiler._v8, engine.engine)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.mark.usefixtures("symbols_hidden")
def test_a_library_that_hides_the_symbols_cannot_profile(wat: Wat, tmp_path: Path) -> None:
    module, path = wat(ENDS), tmp_path / "out.json"
    with pytest.raises(wasix.UsageError, match="v8 cannot profile; --engine cranelift can"):
        wasix.run([module], engine="v8", profile=path)
    assert wasix.run([module], engine="v8").returncode == 0
    assert not path.exists()
    with wasix.Popen([module], profile=path) as process:
        assert process.engine.startswith("cranelift")
    assert path.exists()


def test_every_call_has_a_function_of_its_name() -> None:
    """Profiles know system calls by them."""
    from engines.js.generate import given
    from engines.protocol import Linked
    from engines.wasm import decode
    from wasix.abi import CALLS

    functions = {("", str(number)): call for number, call in enumerate(CALLS)}
    script = given(Linked(decode(b"\0asm\1\0\0\0"), functions))
    assert all(f"{{ {call.identifier}(" in script for call in CALLS)
