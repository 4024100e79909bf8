"""Profiles: where a guest spent its time, on the engines that can tell."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engines
import wasix
from engines.profile import MOST_FRAMES, Samples
from engines.protocol import EngineError
from tests.cli.test_run import ROOT, command
from tests.cli.test_run import wasix as cli
from wasix.api.profile import document

Wat = Callable[..., str]

PROFILING = ("cranelift", "v8")

WORKS = """(module $program
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $cold (param i32) (result i32) (i32.mul (local.get 0) (i32.const 7)))
  (func $hot (param $times i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (call $cold (i32.add (local.get $sum) (local.get $times))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $sum))
  ;; Waits for nanoseconds on the monotonic clock.
  (func $sleep (param i64)
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (local.get 0))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))
  (func (param $rounds i32)
    (loop $again
      (drop (call $hot (i32.const 3000000)))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
  (func $tell
    (i32.store (i32.const 4) (i32.const 1))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $main (export "_start")
    {main}))"""
COMPUTES = WORKS.replace("{main}", "(call 5 (i32.const 60))")
SLEEPS = WORKS.replace("{main}", "(call $sleep (i64.const 200000000))")
SPINS = WORKS.replace("{main}", "(call 5 (i32.const 0))")
TELLS = WORKS.replace("{main}", "(call $tell) (call 5 (i32.const 0))")
TRAPS = WORKS.replace("{main}", "(call 5 (i32.const 60)) unreachable")


def read(path: Path) -> tuple[dict[str, Any], Counter[str], Counter[tuple[str, ...]]]:
    """A profile; nanoseconds by innermost function, and by stack."""
    data = json.loads(path.read_text())
    names = [frame["name"] for frame in data["shared"]["frames"]]
    (only,) = data["profiles"]
    inside: Counter[str] = Counter()
    stacks: Counter[tuple[str, ...]] = Counter()
    for stack, weight in zip(only["samples"], only["weights"], strict=True):
        inside[names[stack[-1]]] += weight
        stacks[tuple(names[frame] for frame in stack)] += weight
    return data, inside, stacks


def share(inside: Counter[str], *names: str) -> float:
    return sum(inside[name] for name in names) / inside.total()


@pytest.mark.parametrize("name", PROFILING)
def test_most_time_is_in_the_function_that_computes(name: str, wat: Wat, tmp_path: Path) -> None:
    module, path = wat(COMPUTES), tmp_path / "out.json"
    # The third time V8 has its code from before.
    for _ in range(3):
        wasix.run([module], engine=name, profile=path, check=True)
        _, inside, stacks = read(path)
        assert share(inside, "hot", "cold") > 0.8
        commonest = stacks.most_common(1)[0][0]
        assert commonest[:3] == ("main", "wasm-function[5]", "hot")


@pytest.mark.parametrize("name", PROFILING)
def test_a_system_call_has_the_time_it_takes(name: str, wat: Wat, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    wasix.run([wat(SLEEPS)], engine=name, profile=path, check=True)
    _, inside, stacks = read(path)
    assert share(inside, "poll_oneoff (system call)") > 0.5
    assert ("main", "sleep", "poll_oneoff (system call)") in stacks


@pytest.mark.parametrize("name", PROFILING)
def test_the_file_is_as_speedscope_wants_it(name: str, wat: Wat, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    wasix.run([wat(COMPUTES)], engine=name, profile=path)
    data, _, _ = read(path)
    assert data["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert data["name"] == "guest.wasm"
    (only,) = data["profiles"]
    assert (only["type"], only["unit"], only["startValue"]) == ("sampled", "nanoseconds", 0)
    assert len(only["samples"]) == len(only["weights"])
    assert only["endValue"] == sum(only["weights"])
    assert all(weight >= 0 for weight in only["weights"])
    assert {i for stack in only["samples"] for i in stack} == set(
        range(len(data["shared"]["frames"]))
    )


@pytest.mark.parametrize("name", PROFILING)
def test_it_is_written_when_the_guest_traps(name: str, wat: Wat, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    done = cli("run", "--engine", name, "--profile", str(path), wat(TRAPS))
    assert done.returncode == 134
    assert share(read(path)[1], "hot", "cold") > 0.8


@pytest.mark.parametrize("name", PROFILING)
def test_it_is_written_when_the_time_is_over(name: str, wat: Wat, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    done = cli("run", "--engine", name, "--timeout", "1", "--profile", str(path), wat(SPINS))
    assert done.returncode == 124
    assert share(read(path)[1], "hot", "cold") > 0.8


@pytest.mark.parametrize("name", PROFILING)
def test_it_is_written_at_ctrl_c(name: str, wat: Wat, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    process = subprocess.Popen(
        command("run", "--engine", name, "--profile", str(path), wat(TELLS)),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout
    with process, process.stdout:
        assert process.stdout.read(1) == b"\0"
        process.send_signal(signal.SIGINT)
        # It may come before the command waits for the guest.
        assert process.wait(timeout=60) == 130
    assert read(path)[0]["name"] == "guest.wasm"


@pytest.mark.parametrize("name", PROFILING)
def test_asyncio_has_it_too(name: str, wat: Wat, tmp_path: Path) -> None:
    module, first, second = wat(COMPUTES), tmp_path / "1.json", tmp_path / "2.json"
    start = wasix.create_subprocess_exec

    async def both() -> None:
        await wasix.run_async([module], engine=name, profile=first)
        async with await start(module, engine=name, profile=second) as guest:
            await guest.wait()

    asyncio.run(both())
    for path in (first, second):
        assert share(read(path)[1], "hot", "cold") > 0.8


def test_guests_side_by_side_have_profiles_of_their_own(wat: Wat, tmp_path: Path) -> None:
    modules = wat(COMPUTES, "a.wasm"), wat(SLEEPS, "b.wasm")
    for name in PROFILING:
        paths = [tmp_path / f"{name}-{number}.json" for number in range(2)]
        guests = [
            wasix.Popen([module], engine=name, profile=path)
            for module, path in zip(modules, paths, strict=True)
        ]
        assert [guest.wait() for guest in guests] == [0, 0]
        assert share(read(paths[0])[1], "hot", "cold") > 0.8
        assert "hot" not in read(paths[1])[1]


@pytest.mark.parametrize("name", [name for name in engines.ENGINES if name not in PROFILING])
def test_an_engine_that_cannot_is_refused(name: str, wat: Wat, tmp_path: Path) -> None:
    try:
        engines.get(name)
    except EngineError as error:
        pytest.skip(str(error))
    path = tmp_path / "out.json"
    done = cli("run", "--engine", name, "--profile", str(path), wat(COMPUTES))
    assert done.returncode == 2
    assert done.stderr == f"wasix: the engine {name} cannot profile; --engine cranelift can\n"
    assert not path.exists()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("nowhere/out.json", "No such file or directory"),
        (".", "it is no regular file"),
        ("/dev/null", "it is no regular file"),
        ("link.json", "it is no regular file"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(
    place: str, why: str, wat: Wat, tmp_path: Path
) -> None:
    (tmp_path / "link.json").symlink_to("other.json")
    where = os.path.join(tmp_path, place)
    done = cli("run", "--profile", where, wat(SPINS))
    assert done.returncode == 2
    assert done.stderr == f"wasix: the profile {where} cannot be written: {why}\n"


def test_a_disk_that_is_full_at_the_end_is_told(
    wat: Wat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.json"
    path.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wasix.api.profile.os.replace", full)
    with wasix.Popen([wat(COMPUTES)], engine="cranelift", profile=path) as process:
        assert process.wait() == 0
    assert process.profile_error == f"the profile {path} was not written: No space left on device"
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".json"] == ["out.json"]
    assert path.read_text() == "before"


def test_auto_takes_an_engine_that_can(
    wat: Wat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = engines.get

    def without(name: str) -> Any:
        if name in PROFILING:
            raise EngineError(f"no {name} here")
        return get(name)

    module, path = wat(COMPUTES), tmp_path / "out.json"
    wasix.run([module], profile=path, check=True)
    assert share(read(path)[1], "hot", "cold") > 0.8
    monkeypatch.setattr("wasix.api.auto.choose.__defaults__", (without,))
    with pytest.raises(wasix.EngineUnavailable, match="no cranelift here; no v8 here"):
        wasix.run([module], profile=path)


def test_deep_stacks_keep_what_is_innermost() -> None:
    samples = Samples()
    samples.add([f"f{number}" for number in range(2 * MOST_FRAMES)], 5)
    frames = document(samples, "deep")["shared"]["frames"]
    assert frames[-1]["name"] == f"f{2 * MOST_FRAMES - 1}"
    assert len(frames) == MOST_FRAMES


def test_equal_samples_in_a_row_are_one() -> None:
    samples = Samples()
    for stack in (["a", "b"], ["a", "b"], ["a"], ["a", "b"]):
        samples.add(stack, 2)
    (only,) = document(samples, "x")["profiles"]
    assert (only["samples"], only["weights"]) == ([[0, 1], [0], [0, 1]], [4, 2, 2])
    assert samples.count == 4
