from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fs.systems import Ours
from wasix.fs.host import HostVolume
from wasix.fs.inode import Directory
from wasix.fs.memory import MemoryFilesystem
from wasix.fs.mount import Namespace
from wasix.fs.overlay import OverlayFilesystem


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


KINDS = ("memory", "host", "overlay-memory", "overlay-host")


@pytest.fixture(params=KINDS)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Ours:
    """An empty, writable filesystem of each kind."""

    def root(kind: str, name: str) -> Directory:
        if kind == "memory":
            return MemoryFilesystem(time.time_ns).root
        (tmp_path / name).mkdir()
        inode = HostVolume(tmp_path / name).root()
        assert isinstance(inode, Directory)
        return inode

    over, _, kind = request.param.rpartition("-")
    directory = root(kind, "upper")
    if over:
        directory = OverlayFilesystem(directory, [root(kind, "lower")]).root
    return Ours(Namespace(directory))
