"""`python -c pass` as a whole process, from the module on disk, nothing compiled before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, alternately
from wasix import cache, catalogue

ROUNDS = 5

NODE = """
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";
const wasi = new WASI({ version: "preview1", args: ["python", "-c", "pass"], env: {} });
const module = await WebAssembly.compile(await readFile(process.argv[2]));
wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
"""

WASMTIME = """
import sys, wasmtime
engine = wasmtime.Engine()
store = wasmtime.Store(engine)
config = wasmtime.WasiConfig()
config.argv = ["python", "-c", "pass"]
store.set_wasi(config)
linker = wasmtime.Linker(engine)
linker.define_wasi()
module = wasmtime.Module.from_file(engine, sys.argv[1])
try:
    linker.instantiate(store, module).exports(store)["_start"](store)
except wasmtime.ExitTrap as trap:
    sys.exit(trap.code)
"""


def seconds(*command: str) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env=_environment())
    return time.perf_counter() - begin


def _environment() -> dict[str, str]:
    return {**os.environ, "NODE_NO_WARNINGS": "1"}


def measure() -> list[Figure]:
    catalogue.fetch(catalogue.PROGRAMS["python"])
    program = cache.directory() / f"programs/{catalogue.PROGRAMS['python'].sha256}.wasm"
    with tempfile.TemporaryDirectory() as name:
        guest = Path(name) / "python.wasm"
        shutil.copy(program, guest)
        script, node = Path(name) / "run.py", Path(name) / "run.mjs"
        script.write_text(WASMTIME)
        node.write_text(NODE)
        run = ("-m", "wasix", "run", "--engine", "v8", str(guest), "-c", "pass")
        peers = {
            "wasix run on v8": lambda: seconds(sys.executable, *run),
            "wasmtime-py, Cranelift": lambda: seconds(sys.executable, str(script), str(guest)),
        }
        if shutil.which("node"):
            peers["node:wasi"] = lambda: seconds("node", str(node), str(guest))
        samples = alternately(ROUNDS, **peers)
    return [Figure("python -c pass, process", who, "s", values) for who, values in samples.items()]
