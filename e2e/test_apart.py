"""Programs in workers of their own: if that is wanted, and without JSPI all."""

from __future__ import annotations

import pytest

from e2e.conftest import Script

KERNELS = ["shared_script", "isolated_script", "isolated_script_without_jspi", "held_script"]


@pytest.fixture(params=KERNELS)
def apart(request: pytest.FixtureRequest) -> Script:
    script: Script = request.getfixturevalue(request.param)
    return script


def test_a_program_that_computes_is_ended_alone(apart: Script) -> None:
    found = apart(
        """
        await wasix.fs.writeFile("/tmp/kept", "kept");
        const code = "print('ready', flush=True)\\nwhile True: pass";
        const busy = await wasix.spawn("python", ["-c", code], { apart: true });
        await busy.stdout.getReader().read();
        const { stdout } = await wasix.run("cowsay", ["meanwhile"]);
        await busy.kill("SIGINT");
        return [stdout, await busy.ended, await wasix.fs.readText("/tmp/kept")];
        """
    )
    assert "meanwhile" in found[0]
    assert found[1:] == [{"status": 130}, "kept"]


def test_it_waits_for_input_and_for_time(apart: Script) -> None:
    code = "import time; time.sleep(0.05); print(input('? ')[::-1]); time.sleep(0.05)"
    found = apart(
        """
        const process = await wasix.spawn("python", ["-c", arg], { apart: true });
        const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
        const first = (await reader.read()).value;
        await process.stdin.getWriter().write("wasix\\n");
        let rest = "";
        for (let part; !(part = await reader.read()).done; ) rest += part.value;
        return [first, rest, await process.exited];
        """,
        code,
    )
    assert found == ["? ", "xisaw\n", 0]


def test_much_data_goes_in_and_out(apart: Script) -> None:
    """More than one request has room for."""
    code = (
        "import hashlib, sys; data = open('/tmp/large', 'rb').read();"
        "open('/tmp/copy', 'wb').write(data[::-1]); print(hashlib.sha256(data).hexdigest())"
    )
    found = apart(
        """
        const data = Uint8Array.from({ length: 3_000_000 }, (_, at) => (at * 7919) >> 8);
        await wasix.fs.writeFile("/tmp/large", data);
        const { stdout } = await wasix.run("python", ["-c", arg], { apart: true });
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
        const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        const copy = await wasix.fs.readFile("/tmp/copy");
        const same = copy.every((byte, at) => byte === data[2_999_999 - at]);
        return [stdout.trim() === hex, copy.length, same];
        """,
        code,
    )
    assert found == [True, 3_000_000, True]


def test_a_large_environment_arrives(apart: Script) -> None:
    found = apart(
        """
        const variable = (_, n) => [`N${n}`, "x".repeat(100)];
        const env = Object.fromEntries(Array.from({ length: 2000 }, variable));
        const code = "import os; print(len(os.environ), sum(map(len, os.environ.values())))";
        return (await wasix.run("python", ["-c", code], { apart: true, env })).stdout;
        """
    )
    assert found == "2000 200000\n"
