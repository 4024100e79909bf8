"""Programs that wait by a service worker: on a page that is not isolated, without JSPI."""

from __future__ import annotations

from e2e.conftest import Script


def test_it_can_wait_and_nothing_else(held_script: Script) -> None:
    ready = held_script("return wasix.ready()")
    assert ready == {"suspends": False, "isolated": False, "waits": True, "writable": True}


def test_a_program_waits_for_input_and_for_time(held_script: Script) -> None:
    code = "import time; time.sleep(0.05); print(input('? ')[::-1]); time.sleep(0.05)"
    found = held_script(
        """
        const process = await wasix.spawn("python", ["-c", arg]);
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
