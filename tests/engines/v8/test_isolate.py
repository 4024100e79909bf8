"""The binding to mini-racer: what the engine rests on."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.v8.isolate import Failed, Isolate
from engines.v8.library import library

ROOT = Path(__file__).parents[3]


@pytest.fixture
def isolate() -> Iterator[Isolate]:
    isolate = Isolate()
    yield isolate
    isolate.close()


@pytest.mark.parametrize(
    ("code", "value"), [("6*7", 42), ("'é'", "é"), ("0.5", 0.5), ("null", None), ("true", 1)]
)
def test_values(isolate: Isolate, code: str, value: object) -> None:
    assert isolate.evaluate(code) == value


def test_exceptions_carry_their_text(isolate: Isolate) -> None:
    with pytest.raises(Failed) as caught:
        isolate.evaluate("throw new Error('odd')")
    assert "odd" in caught.value.text
    assert not caught.value.terminated


def test_buffers_are_shared_both_ways(isolate: Isolate) -> None:
    view = isolate.evaluate("globalThis.b = new Uint8Array(8); b[1] = 7; b.buffer")
    assert isinstance(view, memoryview)
    assert bytes(view) == b"\0\7\0\0\0\0\0\0"
    view[2] = 9
    assert isolate.evaluate("b[2]") == 9


def test_functions_are_called_on_the_isolates_thread_inside_the_call(isolate: Isolate) -> None:
    box = isolate.evaluate("globalThis.box = new SharedArrayBuffer(8); box")
    assert isinstance(box, memoryview)
    threads = set()

    def double() -> None:
        threads.add(threading.get_ident())
        box[1] = 2 * box[0]

    isolate.define("double", double)
    code = "const w = new Uint8Array(box); w[0] = 21; double(); w[1]"
    assert isolate.evaluate(code) == 42
    assert threads.isdisjoint({threading.get_ident()})


@pytest.mark.parametrize(
    "code", ["for (;;);", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)"]
)
def test_a_task_can_be_cancelled_and_the_isolate_goes_on(isolate: Isolate, code: str) -> None:
    ended = threading.Event()
    results: list[object] = []

    def done(value: object) -> None:
        results.append(value)
        ended.set()

    started = threading.Event()
    isolate.define("started", started.set)
    task = isolate.submit(f"started(); {code}", done)
    assert started.wait(30)
    isolate.cancel(task)
    assert ended.wait(30)
    assert isinstance(results[0], Failed)
    assert results[0].terminated
    assert isolate.evaluate("1 + 1") == 2


def test_isolates_are_freed() -> None:
    before = library().mr_context_count()
    for _ in range(20):
        isolate = Isolate()
        isolate.define("f", lambda: None)
        isolate.evaluate("f()")
        isolate.close()
        isolate.close()
    assert library().mr_context_count() == before


@pytest.mark.parametrize("ending", ["", "import os; os._exit(0)", "raise SystemExit(3)", "1/0"])
def test_a_process_ends_while_guests_run(tmp_path: Path, ending: str) -> None:
    import wasmtime

    spin = tmp_path / "spin.wasm"
    spin.write_bytes(
        wasmtime.wat2wasm(
            '(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'
        )
    )
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import wasix
processes = [wasix.Popen([{str(spin)!r}], engine="v8") for _ in range(3)]
{ending}
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=120, capture_output=True, text=True)
    assert done.returncode == {"raise SystemExit(3)": 3, "1/0": 1}.get(ending, 0)


def test_another_users_mini_racer_is_reported() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from py_mini_racer import init_mini_racer
init_mini_racer()
import engines
from engines.protocol import EngineError
try:
    engines.get("v8")
except EngineError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=120, capture_output=True, text=True, check=True
    )
    assert "before anything else in this process uses mini-racer" in done.stdout


def test_many_threads_may_start_at_once(tmp_path: Path) -> None:
    code = f"""
import sys, threading
sys.path.insert(0, {str(ROOT)!r})
import engines
barrier, names = threading.Barrier(8), []
def start():
    barrier.wait()
    names.append(engines.get("v8").name)
threads = [threading.Thread(target=start) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(names)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=120, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{['v8'] * 8}\n"
