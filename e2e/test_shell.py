"""A shell in a page that is not isolated: pipes, files, jobs in the background, and Ctrl-C. With
JSPI, and by a service worker."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.conftest import Script
from tests.guests.build import compile_wasix
from tests.programs import dash
from tests.selection import LONG

pytestmark = pytest.mark.skipif(
    dash.reason_to_skip() is not None, reason=dash.reason_to_skip() or ""
)

TOOLS = ("cat", "grep", "head", "seq", "sleep", "wc", "yes")

PREPARE = """
const sh = new Uint8Array(arg.shell), tools = new Uint8Array(arg.tools);
for (const name of arg.names) await wasix.fs.writeFile(`/usr/bin/${name}`, tools);
await wasix.fs.writeFile("/usr/bin/sh", sh);
await wasix.fs.mkdir("/work");
const options = { cwd: "/work", env: { PATH: "/usr/bin" }, stdin: "" };
const program = { module: sh, name: "sh" };
"""


@pytest.fixture(scope="module", params=["shared_script", pytest.param("held_script", marks=LONG)])
def script(request: pytest.FixtureRequest) -> Script:
    found: Script = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    return {
        "shell": dash.shell().read_bytes(),
        "tools": compile_wasix("tools").read_bytes(),
        "names": TOOLS,
    }


SCRIPTS = {
    "pipe into a file, read in the background": (
        "seq 100 | grep 7 > f; cat f & wait $!; wc -l < f",
        [*(str(number) for number in range(1, 101) if "7" in str(number)), "19 "],
    ),
    "pipe that is left early": ("yes | head -n 2; echo $?", ["y", "y", "0"]),
    "subshells and status": ("(exit 7) & wait $!; echo $?; x=$(seq 3); echo $x", ["7", "1 2 3"]),
    "trap": ("trap 'echo got' USR1; kill -10 $$; echo after", ["got", "after"]),
    "killed": ("exec 2> /dev/null; sleep 30 & kill $!; wait $!; echo $?", ["143"]),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(script: Script, programs: dict[str, Any], name: str) -> None:
    text, lines = SCRIPTS[name]
    done = script(
        f"""{PREPARE}
        return wasix.run(program, ["-c", arg.text], options);
        """,
        {**programs, "text": text},
    )
    assert done == {"status": 0, "stdout": "".join(f"{line}\n" for line in lines), "stderr": ""}


def test_ctrl_c_ends_what_the_shell_waits_for(script: Script, programs: dict[str, Any]) -> None:
    screen, status = script(
        f"""{PREPARE}
        const terminal = {{ columns: 80, rows: 24, mode: "cooked" }};
        const process = await wasix.spawn(program, ["-i"], {{ ...options, terminal }});
        const reader = process.stdout.getReader(), decoder = new TextDecoder();
        let screen = "";
        const until = async (text) => {{
          while (!screen.includes(text)) {{
            const {{ value, done }} = await reader.read();
            if (done) throw new Error(`it ended: ${{screen}}`);
            screen += decoder.decode(value);
          }}
        }};
        await until("# ");
        await process.type("cat; echo never\\r");
        await process.type("copied\\r");
        await until("copied\\r\\ncopied\\r\\n");
        await process.type("\\x03");
        await until("^C\\r\\n\\r\\n# ");
        await process.type("echo it goes on: $?\\r");
        await until("it goes on: 130\\r\\n");
        await process.type("exit 5\\r");
        return [screen, await process.exited];
        """,
        programs,
    )
    assert screen.count("never") == 1
    assert status == 5
