"""What a guest's `/` holds: the standard directories, and the volumes mounted into it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from wasix.abi import Errno
from wasix.api.errors import VolumeError
from wasix.fs.host import HostVolume
from wasix.fs.inode import Inode
from wasix.fs.memory import MemoryFilesystem

Volume: TypeAlias = str | PathLike[str] | HostVolume | MemoryFilesystem
"""A host path, or a filesystem made by `wasix.memory()` or `HostVolume(path, read_only=True)`."""

Volumes = Mapping[str, Volume]
"""Volumes by the guest path they are mounted on; a relative one is below `/`."""


def memory(*, limit: int | None = None) -> MemoryFilesystem:
    """A new in-memory filesystem of at most `limit` bytes, to be used as a volume."""
    return MemoryFilesystem(time.time_ns, limit=limit)


def root_of(volume: Volume) -> Inode:
    """The inode a volume is mounted by. Raises `VolumeError`."""
    if isinstance(volume, MemoryFilesystem):
        return volume.root
    if isinstance(volume, HostVolume):
        return volume.root()
    path = Path(fspath(volume))
    try:
        return HostVolume(path).root()
    except (Errno, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise VolumeError(f"the volume {path} cannot be mounted: {reason}") from None


def mount_point(name: str) -> str:
    """Where the volume called `name` is mounted, as an absolute path without a trailing slash."""
    if "\0" in name or ".." in PurePosixPath(name).parts or not name:
        raise VolumeError(f"{name!r} is no place to mount a volume: give a path without `..`")
    return "/" + "/".join(part for part in name.split("/") if part not in ("", "."))
