"""What a guest does on Wasmer: WASIX's reference host, in the form of PyPI's `wasmer-sdk`.

It runs in a process of its own, `python -m tests.conformance.wasmer`, which can be given up: what
it reads and prints is one line of JSON. The guest's world is /workspace, which is where it starts.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WORKSPACE = "/workspace"
NO_ANSWER = 124
"""The status of what did not come to an end in time."""


def is_installed() -> bool:
    return importlib.util.find_spec("wasmer_sdk") is not None


def wasmer(
    program: Path,
    args: Sequence[str] = (),
    *,
    commands: Mapping[str, Path] | None = None,
    files: Mapping[str, Path] | None = None,
    directories: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout: float = 60,
) -> CompletedProcess[str]:
    """Runs a module with `args`; its status is the guest's own, or `NO_ANSWER`.

    `commands` are in /bin by their names; `files` and `directories` are below /workspace. When the
    host itself fails, its message is behind the guest's standard error, and the status is 125.
    """
    request = {
        "program": str(program),
        "args": list(args),
        "commands": {name: str(path) for name, path in (commands or {}).items()},
        "files": {name: str(path) for name, path in (files or {}).items()},
        "directories": list(directories),
        "env": dict(env or {}),
        "stdin": stdin,
        "timeout": timeout,
    }
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=timeout + 30,
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired:
        return CompletedProcess(list(args), NO_ANSWER, "", "")
    try:
        # A host that crashes when it is closed has answered before.
        answer = json.loads(done.stdout.splitlines()[0])
    except (IndexError, ValueError):
        return CompletedProcess(list(args), 125, "", done.stderr)
    return CompletedProcess(list(args), answer["status"], answer["stdout"], answer["stderr"])


async def _serve(request: dict[str, Any]) -> dict[str, Any]:
    from wasmer_sdk import PackageCommandDefinition, PackageDefinition, Wasmer, WasmerError

    modules = {name: Path(path).read_bytes() for name, path in request["commands"].items()}
    modules["guest"] = Path(request["program"]).read_bytes()
    definition = PackageDefinition(
        modules=modules,
        commands={name: PackageCommandDefinition(module=name) for name in modules},
        entrypoint="guest",
    )
    files = {
        f"{WORKSPACE}/{name}": Path(path).read_bytes() for name, path in request["files"].items()
    }
    client = Wasmer(cache_root=ROOT / "build" / "wasmer")
    package = await client.packages.create(definition)
    box = await client.sandboxes.create(packages=[package], files=files, env=request["env"])
    for name in request["directories"]:
        await box.fs.mkdir(f"{WORKSPACE}/{name}")
    command = box.command("guest", request["args"])
    process = await command.spawn(
        timeout=request["timeout"], stdin="pipe", stdout="capture", stderr="capture"
    )
    assert process.stdin is not None
    try:
        await process.stdin.write(request["stdin"])
        await process.stdin.close()
    except WasmerError:
        pass  # it has ended without reading
    try:
        output = await process.wait()
    except WasmerError as error:
        return {"status": 125, "stdout": "", "stderr": str(error)}
    status = NO_ANSWER if output.reason.value == "timeout" else output.exit_code
    return {
        "status": status,
        "stdout": output.stdout.bytes.decode(errors="replace"),
        "stderr": output.stderr.bytes.decode(errors="replace"),
    }


def main() -> None:
    answer = asyncio.run(_serve(json.load(sys.stdin)))
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
