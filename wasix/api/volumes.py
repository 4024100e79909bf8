"""What a guest's `/` holds: the standard directories, and the volumes mounted into it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias, Union

from wasix.abi import Errno
from wasix.api.errors import VolumeError
from wasix.api.size import size
from wasix.fs.host import HostVolume
from wasix.fs.inode import Directory, Inode, ReadOnlyDirectory
from wasix.fs.memory import MemoryFilesystem

# Images and overlays are loaded by those who make some.
if TYPE_CHECKING:
    from wasix.fs.archive import Source
    from wasix.fs.image import Image
    from wasix.fs.overlay import OverlayFilesystem

Filesystem: TypeAlias = Union[MemoryFilesystem, "Image", "OverlayFilesystem"]
Volume: TypeAlias = str | PathLike[str] | HostVolume | Filesystem
"""A host path, `HostVolume(path, read_only=True)`, or what `wasix.memory()`, `wasix.image()` or
`wasix.overlay()` gave."""

Volumes = Mapping[str, Volume]
"""Volumes by the guest path they are mounted on; a relative one is below `/`."""


def memory(*, limit: int | str | None = None) -> MemoryFilesystem:
    """A new in-memory filesystem of at most `limit` bytes, to be used as a volume."""
    return MemoryFilesystem(time.time_ns, limit=None if limit is None else size(limit))


def image(
    archive: str | PathLike[str] | bytes | bytearray | memoryview,
    *,
    limit: int | str = "512 MiB",
) -> Image:
    """A zip or tar archive (also compressed by gzip, bzip2, xz) as a read-only volume.

    archive: its path, or its bytes.
    limit: bytes that unpacked content may take: the members of a zip that are open at once, all of
        a compressed tar.

    Raises `VolumeError`. Of the members, modes, owners and devices are disregarded. Reading a
    damaged one gives the guest `io`, one that is too large `nomem`.
    """
    from wasix.fs.archive import BytesSource, HostSource

    if isinstance(archive, bytes | bytearray | memoryview):
        return _image(BytesSource(archive), "the archive", time.time_ns(), limit)
    path = fspath(archive)
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        source = HostSource(fd)
        st = os.fstat(fd)
    except OSError as error:
        raise VolumeError(f"the archive {path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(st.st_mode):
        raise VolumeError(f"{path} is no archive: mount it as it is")
    return _image(source, path, st.st_mtime_ns, limit)


def _image(source: Source, name: str, made: int, limit: int | str) -> Image:
    from wasix.fs.archive import ArchiveError
    from wasix.fs.unarchive import open_archive

    try:
        return open_archive(source, name, time=made, limit=size(limit))
    except ArchiveError as error:
        raise VolumeError(str(error)) from None


def overlay(lower: Volume, *more: Volume, upper: Volume | None = None) -> OverlayFilesystem:
    """A volume that shows `lower` (over `more`, the topmost first) and writes to `upper` alone.

    A path below is read only; one of an archive is opened as by `wasix.image`. `upper` is a new
    memory volume if None; a host directory keeps the changes, in the form that `wasix.fs.whiteout`
    tells, for another overlay over the same volumes. Use it in one sandbox at a time. Raises
    `VolumeError`.
    """
    from wasix.fs.overlay import OverlayFilesystem

    volumes = [_lower(volume) for volume in (lower, *more)]
    if upper is None:
        upper = memory()
    elif isinstance(upper, str | PathLike):
        upper = _host(fspath(upper))
    if isinstance(upper, HostVolume):
        if upper.read_only:
            raise VolumeError(f"the upper volume {upper.path} of an overlay is read only")
        for volume in volumes:
            if isinstance(volume, HostVolume) and _nested(upper.path, volume.path):
                raise VolumeError(
                    f"the volumes {volume.path} and {upper.path} of an overlay share files: give "
                    "the upper one a directory of its own"
                )
    roots = [root_of(volume) for volume in (upper, *volumes)]
    directories = [root for root in roots if isinstance(root, Directory)]
    if len(directories) < len(roots):
        raise VolumeError("a volume of an overlay must be a directory or an archive")
    if isinstance(directories[0], ReadOnlyDirectory):
        raise VolumeError("the upper volume of an overlay is read only")
    try:
        return OverlayFilesystem(directories[0], directories[1:])
    except (ValueError, Errno) as error:
        raise VolumeError(str(error)) from None


def _lower(volume: Volume) -> HostVolume | Filesystem:
    if not isinstance(volume, str | PathLike):
        return volume
    path = fspath(volume)
    return image(path) if os.path.isfile(path) else _host(path, read_only=True)


def _nested(one: str, other: str) -> bool:
    return os.path.commonpath((one, other)) in (one, other)


def _host(path: str, *, read_only: bool = False) -> HostVolume:
    try:
        return HostVolume(path, read_only=read_only)
    except OSError as error:
        # Ours has no number, only a text.
        reason = error.strerror or error
        raise VolumeError(f"the volume {path} cannot be mounted: {reason}") from None


def root_of(volume: Volume) -> Inode:
    """The inode a volume is mounted by. Raises `VolumeError`."""
    if isinstance(volume, str | PathLike):
        volume = _host(fspath(volume))
    if not isinstance(volume, HostVolume):
        return volume.root
    try:
        return volume.root()
    except Errno as error:
        raise VolumeError(f"the volume {volume.path} cannot be mounted: {error}") from None


def mount_point(name: str) -> str:
    """Where the volume called `name` is mounted, as an absolute path without a trailing slash."""
    if "\0" in name or ".." in PurePosixPath(name).parts or not name:
        raise VolumeError(f"{name!r} is no place to mount a volume: give a path without `..`")
    return "/" + "/".join(part for part in name.split("/") if part not in ("", "."))
