"""Limits of programs in a page, with the answers of `wasix.api.limits`."""

from __future__ import annotations

import pytest
import wasmtime
from playwright.sync_api import Browser

from e2e.conftest import Script, kernel, opened

READER = """(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
"""Waits for input as soon as it has started."""


def test_a_program_that_waits_ends_when_its_time_is_over(shared_script: Script) -> None:
    found = shared_script(
        """
        const module = new Uint8Array(arg);
        const process = await wasix.spawn({ module, name: "reader" }, [], { timeLimit: 0.1 });
        return process.ended;
        """,
        wasmtime.wat2wasm(READER),
    )
    assert found == {"status": 124, "message": "reader: ended after 0.1 s, its time limit"}


def test_a_program_that_computes_ends_when_its_time_is_over(script: Script) -> None:
    found = script(
        """
        const code = "print('busy', flush=True)\\nwhile True: pass";
        const result = await wasix.run("python", ["-c", code], { timeLimit: 0.1 });
        return [result.status, (await wasix.run("cowsay", ["alive"])).status];
        """
    )
    assert found == [124, 0]


def test_a_time_that_suffices_changes_nothing(shared_script: Script) -> None:
    found = shared_script("return wasix.run('cowsay', ['hi'], { timeLimit: 60 })")
    assert found["status"] == 0


def test_a_program_that_writes_too_much_is_ended(shared_script: Script) -> None:
    found = shared_script(
        "return wasix.run('python', ['-c', \"print('x' * 99)\"], { outputLimit: 10 })"
    )
    assert found == {
        "status": 153,
        "stdout": "x" * 10,
        "stderr": "",
        "message": "python: ended when it had written 10 bytes of output, its limit",
    }


def test_descriptors_are_bounded(shared_script: Script) -> None:
    code = "import os\nfor i in range(9): os.open('/tmp', os.O_RDONLY)"
    found = shared_script("return wasix.run('python', ['-c', arg], { maxFiles: 8 })", code)
    assert found["status"] == 1
    assert "OSError: [Errno 33] No file descriptors available" in found["stderr"]


def test_files_are_bounded(browser: Browser, site: str) -> None:
    with opened(browser, site) as page:
        script = kernel(page, "{ filesystemLimit: 100_000 }")
        code = "for name in '/tmp/a', '/tmp/b': open(name, 'wb').write(bytes(90_000))"
        found = script("return wasix.run('python', ['-c', arg])", code)
    assert found["status"] == 1
    assert "OSError: [Errno 51] No space left on device" in found["stderr"]


@pytest.mark.parametrize("option", ["memoryLimit", "outputLimit", "timeLimit"])
def test_what_one_program_may_bounds_no_other(shared_script: Script, option: str) -> None:
    found = shared_script(
        """
        await wasix.run("cowsay", ["x"], { [arg]: 1 }).catch(() => {});
        return wasix.run("cowsay", ["free"]);
        """,
        option,
    )
    assert found["status"] == 0
