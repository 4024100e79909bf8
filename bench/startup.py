"""From nothing to a program's end: as a process, and as a sandbox in a running process."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import engines
from bench.figures import Effort, Result, Row, in_turns
from bench.guests import guest
from bench.subjects import AUTO, TITLES, subjects
from bench.worker import ROOT, Worker, usable, versions, workers
from engines.artifacts import Artifacts
from wasix import cache, catalogue

SLOW = {AUTO, *(title for name, title in TITLES.items() if name != "wasix-v8")}
"""A trial does without them for CPython, which they take seconds to start."""

NODE = """
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";
const [path, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: ["guest", ...args], env: {} });
const module = await WebAssembly.compile(await readFile(path));
process.exit(wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject())));
"""

WASMTIME = """
import os, sys, wasmtime
config = wasmtime.Config()
with open(os.environ["BENCH_CACHE"] + "/cache.toml", "w") as settings:
    settings.write('[cache]\\ndirectory = "' + os.environ["BENCH_CACHE"] + '"\\n')
config.cache = settings.name
engine = wasmtime.Engine(config)
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.argv = ["guest", *sys.argv[2:]]
wasi.inherit_stdout()
store.set_wasi(wasi)
linker = wasmtime.Linker(engine)
linker.define_wasi()
module = wasmtime.Module.from_file(engine, sys.argv[1])
try:
    linker.instantiate(store, module).exports(store)["_start"](store)
except wasmtime.ExitTrap as trap:
    sys.exit(trap.code)
"""

WASMER = """
import asyncio, os, sys
from pathlib import Path
from wasmer_sdk import Wasmer

async def main():
    async with Wasmer(cache_root=os.environ["BENCH_CACHE"]) as wasmer:
        package = await wasmer.packages.load(Path(sys.argv[1]).read_bytes())
        async with await wasmer.sandboxes.create(packages=[package]) as sandbox:
            output = await sandbox.command(package, sys.argv[2:]).run()
            sys.stdout.write(output.text())
            return output.exit_code

sys.stdout.flush()
code = asyncio.run(main())
sys.stdout.flush()
os._exit(code)  # its threads do not survive the end of the interpreter
"""


def python() -> Path:
    """The catalogue's CPython."""
    program = catalogue.PROGRAMS["python"]
    catalogue.fetch(program)
    return cache.directory() / f"programs/{program.sha256}.wasm"


def _commands(folder: Path, names: Iterable[str]) -> dict[str, list[str]]:
    """By subject's title, the command that runs the module and arguments that follow."""
    scripts = {"wasmtime": "wasmtime-run.py", "wasmer": "wasmer-run.py", "node": "node-run.mjs"}
    for name, text in (("wasmtime", WASMTIME), ("wasmer", WASMER), ("node", NODE)):
        (folder / scripts[name]).write_text(text)
    run = [sys.executable, "-m", "wasix", "run"]
    commands = {f"wasix-{engine}": [*run, "--engine", engine] for engine in engines.ENGINES}
    for name in ("wasmtime", "wasmer"):
        commands[name] = [sys.executable, str(folder / scripts[name])]
    commands["node"] = ["node", "--no-warnings", str(folder / scripts["node"])]
    found = {TITLES[name]: commands[name] for name in names if usable(name)}
    return {AUTO: run, **found}


def _process(command: list[str], kept: str) -> float:
    """Seconds a command takes that keeps what it compiles in the directory `kept`.

    What it leaves behind to compile is waited for, but not counted.
    """
    environ = {**os.environ, "WASIX_CACHE": kept, "BENCH_CACHE": kept, "WASIX_BACKGROUND": "1"}
    begin = time.perf_counter()
    subprocess.run(
        command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environ
    )
    taken = time.perf_counter() - begin
    artifacts = Artifacts(Path(kept) / "artifacts")
    while artifacts.under_way():
        time.sleep(0.05)
    return taken


def _cold(command: list[str]) -> Callable[[], float]:
    def measure() -> float:
        with tempfile.TemporaryDirectory() as kept:
            return _process(command, kept)

    return measure


def _warm(command: list[str], kept: Path) -> Callable[[], float]:
    first = True

    def measure() -> float:
        nonlocal first
        if first:
            first = False
            kept.mkdir()
            _process(command, str(kept))
        return _process(command, str(kept))

    return measure


def _once(process: Worker, path: Path, args: list[str], times: int) -> Callable[[], float]:
    """A measure that does it `times` at a stretch and takes the median."""
    first = True

    def measure() -> float:
        nonlocal first
        if first:
            first = False
            process.do("once", str(path), args)
        return median(float(process.do("once", str(path), args)) for _ in range(times))

    return measure


def measure(effort: Effort) -> Result:
    result = Result()
    # As in an installed package, whatever the environment says of writing bytecode.
    for package in ("wasix", "engines"):
        compileall.compile_dir(ROOT / package, quiet=1)
    names = [name for name in subjects(quick=effort.quick) if name != "define_func"]
    slow = SLOW if effort.quick else set()
    programs = {"hello": (guest("hello"), []), "python": (python(), ["-c", "pass"])}
    titles = {"hello": "hello", "python": "`python -c pass`"}
    with tempfile.TemporaryDirectory() as name:
        for program, (path, args) in programs.items():
            folder = Path(name, program)
            folder.mkdir()
            commands = {
                who: [*command, str(path), *args]
                for who, command in _commands(folder, names).items()
                if program == "hello" or who not in slow
            }
            cold = {who: _cold(command) for who, command in commands.items()}
            warm = {who: _warm(command, folder / who) for who, command in commands.items()}
            for state, measures in (("for the first time", cold), ("once more", warm)):
                samples, absent = in_turns(effort, measures)
                key = f"startup/process/{program}/{'cold' if measures is cold else 'warm'}"
                title = f"{titles[program]}, a process, {state}"
                result.rows.append(Row(key, title, "s", samples, absent))
    with workers(names) as found:
        result.versions = versions(found)
        for program, (path, args) in programs.items():
            # What is over in a millisecond is otherwise measured with cold caches.
            times = 30 if program == "hello" and not effort.quick else 1
            measures = {
                who: _once(process, path, args, times)
                for who, process in found.items()
                if program == "hello" or who not in slow
            }
            samples, absent = in_turns(effort, measures)
            title = f"sandbox, {titles[program]}, gone; the module is known"
            result.rows.append(Row(f"startup/sandbox/{program}", title, "s", samples, absent))
    return result
