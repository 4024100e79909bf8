"""Run a program you do not trust: its own files, two seconds, 64 MiB, no network.

python examples/untrusted.py 'print(sum(range(10)))'
"""

from __future__ import annotations

import subprocess
import sys

import wasix


def answer(code: str) -> str:
    """What `code`, a Python program, prints, or why it did not end well."""
    try:
        done = wasix.run(
            ["python", "-c", code],
            capture_output=True,
            text=True,
            timeout=2,
            memory_limit="64 MiB",
            filesystem_limit="16 MiB",
        )
    except subprocess.TimeoutExpired:
        return "it took too long\n"
    return done.stdout if done.returncode == 0 else f"status {done.returncode}\n{done.stderr}"


if __name__ == "__main__":
    print(answer(sys.argv[1] if len(sys.argv) > 1 else "print(6 * 7)"), end="")
