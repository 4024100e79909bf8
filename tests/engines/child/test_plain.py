"""Plain modules in processes of their own: how these begin and end, and what is left of them."""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import engines
import wasix
from engines.child import process as host_side
from engines.child.plain import ChildPlain
from engines.protocol import EngineError
from tests import selection
from tests.api.plain import assembled, exports, instance, module
from tests.engines.child.hostile import PLAIN_MESSAGES
from tests.engines.child.test_child import children, linux

TEXT = """(import "env" "h" (func $h (param i32) (result i32)))
    (memory (export "m") 1)
    (func (export "f") (param i32) (result i32) (call $h (local.get 0)))
    (func $spin (export "spin") (loop (br 0)))
    (func (export "later") (drop (call $h (i32.const 1))) (call $spin))
    (func (export "crash") (result i32) (call $h (i32.const 0)))"""

COMPUTES = """
import sys, wasix
from engines import spare
spare.FIRST = 1 << 60  # one process, and none ahead
module = wasix.Module(open(sys.argv[1], "rb").read(), engine=sys.argv[2])
def started(n):
    print("started", flush=True)
    return n
instance = wasix.Instance(module, {"env": {"h": started}})
try:
    instance.exports.later()
except KeyboardInterrupt:
    print("interrupted", flush=True)
try:
    instance.exports.f(1)
except wasix.InstanceLost as error:
    print(error, flush=True)
"""


@pytest.fixture(params=[name for name in engines.PLAIN if name not in selection.ALWAYS])
def on(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    try:
        found = engines.get_plain(name)
    except EngineError as error:
        pytest.skip(str(error))
    assert isinstance(found, ChildPlain)
    return name


def same(n: int) -> int:
    return n


def begun(on: str, **host: Any) -> tuple[wasix.Instance, int]:
    """An instance and the number of its process."""
    compiled = module(TEXT, on)
    before = set(children(os.getpid()))
    found = wasix.Instance(compiled, {"env": {"h": same, **host}})
    (child,) = set(children(os.getpid())) - before
    return found, child


def is_alive(child: int) -> bool:
    return child in children(os.getpid())


@linux
def test_a_process_ends_with_its_instance(on: str) -> None:
    gc.collect()
    handles = len(os.listdir("/proc/self/fd"))
    closed, first = begun(on)
    dropped, second = begun(on)
    closed.exports.m.view()[0] = dropped.exports.m.view()[0] = 1
    closed.close()
    assert (is_alive(first), is_alive(second)) == (False, True)
    del dropped
    gc.collect()
    assert not is_alive(second)
    del closed
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= handles


@linux
def test_a_module_leaves_no_process(on: str) -> None:
    before = set(children(os.getpid()))
    compiled = module(TEXT, on)
    with pytest.raises(wasix.ProgramInvalid):
        wasix.Module(assembled("(module (func unreachable))")[:-1] + b"\xff", engine=on)
    assert set(children(os.getpid())) <= before
    assert compiled.engine == on


@linux
def test_an_instance_that_does_not_begin_leaves_no_process(on: str) -> None:
    before = set(children(os.getpid()))
    with pytest.raises(wasix.Trap, match="unreachable"):
        instance("(func $f unreachable) (start $f)", on)
    gc.collect()
    assert set(children(os.getpid())) <= before


@linux
def test_instances_that_are_linked_are_in_one_process(on: str) -> None:
    first, child = begun(on)
    compiled = module('(import "a" "f" (func (param i32) (result i32)))', on)
    before = set(children(os.getpid()))
    second = wasix.Instance(compiled, {"a": first.exports})
    assert set(children(os.getpid())) <= before
    assert is_alive(child)
    second.close()
    with pytest.raises(wasix.UsageError, match="closed"):
        first.exports.f(1)


def test_an_instance_outlives_the_thread_that_made_it(on: str) -> None:
    made: list[wasix.Instance] = []
    thread = threading.Thread(target=lambda: made.append(begun(on)[0]))
    thread.start()
    thread.join()
    assert made[0].exports.f(5) == 5


@linux
def test_what_a_host_function_stops_keeps_its_process(on: str) -> None:
    def host(n: int) -> int:
        found.stop()
        return n

    found, child = begun(on, h=host)
    for _ in range(2):
        with pytest.raises(wasix.Trap, match=r"^stopped$"):
            found.exports.later()
    assert is_alive(child)


@linux
def test_what_is_stopped_while_it_computes_is_gone(on: str) -> None:
    found, child = begun(on)
    view, memory = found.exports.m.view(), found.exports.m
    view[9] = 1
    with pytest.raises(TimeoutError):
        found.exports.spin.call(timeout=0.05)
    assert not is_alive(child)
    for use in (lambda: found.exports.f(1), memory.view, lambda: memory.size):
        with pytest.raises(wasix.InstanceLost, match="it was stopped while it computed"):
            use()
    assert view[9] == 1
    found.close()
    with pytest.raises(wasix.UsageError, match="the instance is closed"):
        found.exports.f(1)


@linux
def test_a_process_that_is_killed_is_a_lost_instance(on: str) -> None:
    def crash(n: int) -> int:
        os.kill(child, signal.SIGKILL)
        return n

    found, child = begun(on, h=crash)
    for _ in range(2):
        with pytest.raises(wasix.InstanceLost, match="its process was ended by SIGKILL"):
            found.exports.f(1)


@linux
def test_a_lost_process_ends_every_level(on: str) -> None:
    seen: list[str] = []

    def host(n: int) -> int:
        try:
            found.exports.spin.call(timeout=0.05)
        except TimeoutError:
            seen.append("inner")
        try:
            found.exports.f(1)
        except wasix.InstanceLost:
            seen.append("lost")
        return n

    found, child = begun(on, h=host)
    with pytest.raises(wasix.Trap, match=r"^stopped$"):
        found.exports.f(1)
    assert seen == ["inner", "lost"]
    assert not is_alive(child)


def wait_until_it_computes(child: int) -> None:
    """Until a process that waited has used the processor for some ticks of the clock."""
    begin = ticks(child)
    while ticks(child) < begin + 5:
        pass


def ticks(child: int) -> int:
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11])  # utime


@linux
def test_a_signal_interrupts_what_computes(on: str, tmp_path: Path) -> None:
    path = tmp_path / "module.wasm"
    path.write_bytes(assembled(f"(module {TEXT})"))
    host = subprocess.Popen(
        [sys.executable, "-c", COMPUTES, path, on], stdout=subprocess.PIPE, text=True
    )
    with host:
        assert host.stdout
        assert host.stdout.readline() == "started\n"
        (child,) = children(host.pid)
        wait_until_it_computes(child)
        host.send_signal(signal.SIGINT)
        assert host.stdout.read() == ("interrupted\nit was interrupted, which ended its process\n")
    assert host.returncode == 0


@linux
def test_a_process_ends_with_its_host(on: str, tmp_path: Path) -> None:
    path = tmp_path / "module.wasm"
    path.write_bytes(assembled(f"(module {TEXT})"))
    host = subprocess.Popen([sys.executable, "-c", COMPUTES, path, on], stdout=subprocess.PIPE)
    with host:
        assert host.stdout
        assert host.stdout.readline() == b"started\n"
        (child,) = children(host.pid)
        watched = os.pidfd_open(child)
        host.kill()
    assert select.select([watched], [], [], 60)[0]
    os.close(watched)


def see_them_grow(memories: list[wasix.Memory]) -> None:
    for at, memory in enumerate(memories):
        memory.view()[0] = at
        memory.grow(1)
        assert memory.view()[0] == at


def test_more_memories_than_the_engine_keeps_in_place(on: str) -> None:
    """JavaScriptCore has place for some that may grow where they are."""
    memories = [wasix.Memory(1, 20) for _ in range(40)]
    wanted = "".join(f'(import "env" "m{at}" (memory 1))' for at in range(40))
    if on != "spidermonkey":
        # One memory in a module: they are linked by a function.
        found = exports('(func (export "f"))', on)
        for memory in memories:
            instance(
                '(import "a" "f" (func)) (import "env" "m" (memory 1))',
                on,
                {"a": found, "env": {"m": memory}},
            )
        with pytest.raises(wasix.InstanceLost, match="moved a memory that grew"):
            see_them_grow(memories)
        return
    instance(wanted, on, {"env": {f"m{at}": memory for at, memory in enumerate(memories)}})
    see_them_grow(memories)


@pytest.mark.parametrize("said", [*PLAIN_MESSAGES, "hangs up"])
def test_a_child_that_was_taken_over_harms_nobody(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        plain: Any = engines.get_plain("jsc")
    except EngineError as error:
        pytest.skip(str(error))
    compiled = module(TEXT, "jsc")
    hostile = host_side.Program("tests.engines.child.hostile", {"WASIX_HOSTILE": said})
    monkeypatch.setattr(plain, "store", ChildPlain("jsc", hostile).store)
    monkeypatch.setattr(host_side, "_DYING", 0.0)
    with pytest.raises(wasix.InstanceLost):
        wasix.Instance(compiled, {"env": {"h": same}})
