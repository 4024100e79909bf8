"""Guests with processes in a page: the same answers as on Linux and Wasmer."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import wasmtime

from e2e.conftest import Script
from tests.conformance.answers import parse, unlike
from tests.conformance.coverage import add_results
from tests.conformance.test_wasix import expected
from tests.conformance.wasix_differences import WASIX_STATED
from tests.conformance.wasix_guests import RAW, STATED, TWINS, WasixGuest, on_linux
from tests.conformance.wasmer import is_installed
from tests.selection import LONG
from wasix.abi import CALLS

needs_wasmer = pytest.mark.skipif(not is_installed(), reason="wasmer-sdk is not for this machine")

NOT_IN_A_PAGE = ("wasix_call", "wasix_context", "wasix_dl")
"""Guests that link, or change what their instance holds, which a page's engine is not asked for."""


TOO_FAST = ("unix_signal",)
"""Guests with timers of a few milliseconds, which are over before a call by a service worker is."""


@pytest.fixture(
    scope="module",
    params=[
        "shared_script",
        pytest.param("isolated_script_without_jspi", marks=LONG),
        "held_script",
    ],
)
def apart(request: pytest.FixtureRequest) -> Script:
    """Where programs have workers of their own: suspended there, asleep, or held."""
    script: Script = request.getfixturevalue(request.param)
    return script


def is_too_fast(script: Script, guest: WasixGuest) -> bool:
    quick = script("return crossOriginIsolated || 'Suspending' in WebAssembly")
    return guest.name in TOO_FAST and not quick


def label(guest: WasixGuest) -> str:
    return guest.label


def run(
    script: Script, guest: WasixGuest, *, shared: bool = False, apart: bool = False
) -> dict[str, Any]:
    found: dict[str, Any] = script(
        """
        const module = new Uint8Array(arg.module);
        await wasix.fs.writeFile("/programs/self.wasm", module);
        await wasix.fs.mkdir("/scratch");
        const options = { stdin: "", apart: arg.apart };
        return wasix.run({ module, name: "guest" }, arg.args, options);
        """,
        {
            "module": guest.compiled(shared=shared).read_bytes(),
            "args": guest.arguments("/programs/self.wasm", "/scratch"),
            "apart": apart,
        },
    )
    return found


def record(guest: WasixGuest, ours: dict[str, str], theirs: dict[str, str]) -> None:
    passed = {case: ours.get(case) == answer for case, answer in theirs.items()}
    add_results({"browser": {f"{guest.label} in a page": passed}})


@pytest.mark.skipif(sys.platform != "linux", reason="the oracle is Linux")
@pytest.mark.parametrize("guest", TWINS, ids=label)
def test_answers_are_those_of_linux(script: Script, guest: WasixGuest) -> None:
    native, done = on_linux(guest), run(script, guest)
    ours, theirs = parse(done["stdout"]), parse(native.stdout)
    record(guest, ours, theirs)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert (done["status"], done["stderr"]) == (native.returncode, native.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="the oracle is Linux")
@pytest.mark.parametrize("guest", TWINS, ids=label)
def test_in_workers_answers_are_those_of_linux(
    new_isolated_script: Script, guest: WasixGuest
) -> None:
    """Programs whose memory may be shared run in workers of their own on an isolated page."""
    native, done = on_linux(guest), run(new_isolated_script, guest, shared=True)
    ours, theirs = parse(done["stdout"]), parse(native.stdout)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert (done["status"], done["stderr"]) == (native.returncode, native.stderr)


@needs_wasmer
@pytest.mark.parametrize("guest", [one for one in RAW if one.name not in NOT_IN_A_PAGE], ids=label)
def test_answers_are_those_of_wasmer(script: Script, guest: WasixGuest) -> None:
    status, theirs = expected(guest)
    done = run(script, guest)
    ours = parse(done["stdout"])
    record(guest, ours, theirs)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert done["status"] == status


@pytest.mark.skipif(sys.platform != "linux", reason="the oracle is Linux")
@pytest.mark.parametrize("guest", TWINS, ids=label)
def test_apart_they_are_so_too(apart: Script, guest: WasixGuest) -> None:
    if is_too_fast(apart, guest):
        pytest.skip("its timers are too fast")
    native, done = on_linux(guest), run(apart, guest, apart=True)
    ours, theirs = parse(done["stdout"]), parse(native.stdout)
    assert unlike(ours, theirs) == {}
    assert (done["status"], done["stderr"]) == (native.returncode, native.stderr)


@LONG
@needs_wasmer
@pytest.mark.parametrize("guest", [one for one in RAW if one.name not in NOT_IN_A_PAGE], ids=label)
def test_apart_they_are_those_of_wasmer_too(apart: Script, guest: WasixGuest) -> None:
    status, theirs = expected(guest)
    done = run(apart, guest, apart=True)
    assert unlike(parse(done["stdout"]), theirs) == {}
    assert done["status"] == status


@needs_wasmer
@pytest.mark.parametrize("guest", [one for one in RAW if one.name in NOT_IN_A_PAGE], ids=label)
def test_what_a_page_lacks_is_not_supported(script: Script, guest: WasixGuest) -> None:
    _, theirs = expected(guest)
    done = run(script, guest)
    ours = parse(done["stdout"])
    record(guest, ours, theirs)
    different = [answer for case, answer in ours.items() if answer != theirs.get(case)]
    assert different[0] == "notsup"
    assert (done["status"], done["stderr"]) == (0, "")


@pytest.mark.parametrize("guest", STATED, ids=label)
def test_answers_are_those_stated(script: Script, guest: WasixGuest) -> None:
    theirs = WASIX_STATED[guest.label]
    done = run(script, guest)
    ours = parse(done["stdout"])
    record(guest, ours, theirs)
    assert unlike(ours, theirs) == {}
    assert list(ours) == list(theirs)
    assert (done["status"], done["stderr"]) == (0, "")


# Programs of a few instructions.

_SPAWN = next(function for function in CALLS if function.name == "proc_spawn2")
_GIVEN = {"name": 64, "name_len": 20, "args": 64, "args_len": 20, "ret": 32}
_ARGUMENTS = " ".join(f"(i32.const {_GIVEN.get(name, 0)})" for name, _ in _SPAWN.slots)

SPAWN = f"""
(import "wasix_32v1" "proc_spawn2"
  (func $spawn (param {" ".join(_SPAWN.wasm_params)}) (result i32)))
(import "wasix_32v1" "proc_exit2" (func $exit (param i32)))
(memory (export "memory") 1)
(data (i32.const 64) "/programs/child.wasm")
(func $child (result i32) (call $spawn {_ARGUMENTS}))
"""

WAITING = """
(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
(memory (export "memory") 1)
(data (i32.const 0) "\\40\\00\\00\\00\\06\\00\\00\\00")
(data (i32.const 64) "child\\n")
(func (export "_start")
  (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
  (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32))))
"""

JOIN = """
(import "wasix_32v1" "proc_join" (func $join (param i32 i32 i32) (result i32)))
"""


def module(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(f"(module {text})"))


def test_what_a_program_leaves_behind_ends_with_it(script: Script) -> None:
    parent = f'{SPAWN} (func (export "_start") (call $exit (call $child)))'
    found = script(
        """
        await wasix.fs.writeFile("/programs/child.wasm", new Uint8Array(arg.child));
        const process = await wasix.spawn({ module: new Uint8Array(arg.parent) });
        const ended = await process.ended;
        const after = await wasix.run({ module: new Uint8Array(arg.child) }, [], { stdin: "" });
        return [ended, after.stdout];
        """,
        {"parent": module(parent), "child": module(WAITING)},
    )
    assert found == [{"status": 0}, "child\n"]


@pytest.mark.parametrize("data", [b"", b"\0asm", b"#!/none\n", b"text"])
def test_what_is_no_program_is_not_started(script: Script, data: bytes) -> None:
    parent = f'{SPAWN} (func (export "_start") (call $exit (call $child)))'
    found = script(
        """
        await wasix.fs.writeFile("/programs/child.wasm", new Uint8Array(arg.child));
        return (await wasix.run({ module: new Uint8Array(arg.parent) })).status;
        """,
        {"parent": module(parent), "child": data},
    )
    assert found == (44 if data.startswith(b"#!") else 45)  # noent, noexec


def test_a_hundred_children_one_after_the_other(script: Script) -> None:
    parent = f"""
    {JOIN} {SPAWN}
    (func (export "_start") (local $count i32)
      (loop $more
        (if (call $child) (then unreachable))
        (i64.store (i32.const 128) (i64.const 0))
        (if (call $join (i32.const 128) (i32.const 0) (i32.const 144)) (then unreachable))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $count) (i32.const 100)))))
    """
    found = script(
        """
        await wasix.fs.writeFile("/programs/child.wasm", new Uint8Array(arg.child));
        return wasix.run({ module: new Uint8Array(arg.parent) }, [], { stdin: "" });
        """,
        {"parent": module(parent), "child": module(WAITING)},
    )
    assert found == {"status": 0, "stdout": "child\n" * 100, "stderr": ""}
