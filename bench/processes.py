"""What it costs a guest to start another program, and to wait for its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import wasix
from bench.figures import Effort, Result, Row
from bench.guests import SOURCES, guest
from bench.subjects import TITLES
from tests.conformance.wasmer import is_installed, wasmer
from tests.guests.build import compile_with_shim

HOWS = (
    ("fork", "fork, exec of a 20 KB program, wait"),
    ("vfork", "vfork, exec, wait"),
    ("spawn", "posix_spawn, wait"),
)
_ENGINES = ("v8", "cranelift")
_COUNT = 40

Run = Callable[[str, int], list[float]]
"""The seconds of each time that a guest was told to start a program, and how often."""


def _program(*, shared: bool = False) -> Path:
    # Wasmer forks only what has a shared memory.
    name = f"bench-processes{'-shared' if shared else ''}"
    return compile_with_shim(name, [SOURCES / "processes.c"], options=("-O2", "-s"), shared=shared)


def _ours(engine: str) -> Run:
    program, commands = _program(), {"nothing": guest("nothing")}

    def run(how: str, count: int) -> list[float]:
        with wasix.Sandbox(engine=engine, commands=commands) as box:
            done = box.run([program, how, str(count)], capture_output=True, text=True, check=True)
        return _seconds(done.stdout)

    return run


def _wasmer(how: str, count: int) -> list[float]:
    commands = {"nothing": guest("nothing")}
    done = wasmer(_program(shared=True), [how, str(count)], commands=commands, timeout=60)
    if done.returncode:
        raise RuntimeError(f"status {done.returncode}: {done.stderr.strip()[-200:]}")
    return _seconds(done.stdout)


def _seconds(text: str) -> list[float]:
    return [int(line) / 1e9 for line in text.split()]


def measure(effort: Effort) -> Result:
    """Each round is a new system, whose first start of the program does not count."""
    subjects: dict[str, Run] = {TITLES[f"wasix-{engine}"]: _ours(engine) for engine in _ENGINES}
    if is_installed():
        subjects[TITLES["wasmer"]] = _wasmer
    result = Result()
    count = 3 if effort.quick else _COUNT
    for how, title in HOWS:
        row = Row(f"processes/{how}", title, "s")
        for _ in range(min(effort.rounds, 3)):
            for who, run in subjects.items():
                if who in row.absent:
                    continue
                try:
                    row.samples.setdefault(who, []).extend(run(how, count + 1)[1:])
                except RuntimeError as error:
                    row.samples.pop(who, None)
                    row.absent[who] = str(error)
        result.rows.append(row)
    return result
