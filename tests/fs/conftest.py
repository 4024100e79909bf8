from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def deep_tree(tmp_path: Path) -> Iterator[Path]:
    """3000 directories below each other, and a file in the last: longer than any path."""
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 50, dir_fd=here)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    yield tmp_path
    # pytest would remove it by a recursive function.
    subprocess.run(["rm", "-rf", tmp_path], check=True)
