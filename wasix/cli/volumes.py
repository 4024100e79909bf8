"""Volumes as the command line writes them: `HOST:GUEST[:MODE]`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from wasix.api.errors import UsageError
from wasix.api.volumes import Volume, image, overlay
from wasix.fs.host import HostVolume

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_MODES = ("", "ro", "rw", "cow")


def parse_volumes(texts: Sequence[str]) -> dict[str, Volume]:
    """The volumes by guest path. Raises `UsageError`, `VolumeError`."""
    found: dict[str, Volume] = {}
    for text in texts:
        host, colon, guest = text.partition(":")
        guest, _, mode = guest.partition(":")
        if not host or (colon and not guest) or mode not in _MODES:
            raise UsageError(
                f"--volume {text}: write HOST:GUEST, HOST:GUEST:ro to read only, or HOST:GUEST:cow "
                "to keep changes in memory"
            )
        if not os.path.exists(host):
            raise UsageError(f"--volume {text}: {host} does not exist")
        guest = guest or host
        found[guest] = _volume(text, host, mode, archive=_is_archive(host, guest))
    return found


def _is_archive(host: str, guest: str) -> bool:
    """Whether a file is mounted as what it holds: unless the guest is given an archive by name."""
    name = host.lower()
    return name.endswith(_ARCHIVES) and os.path.isfile(host) and not guest.endswith(_ARCHIVES)


def _volume(text: str, host: str, mode: str, *, archive: bool) -> Volume:
    if archive and mode == "rw":
        raise UsageError(f"--volume {text}: an archive is read only: write :cow to change it")
    if mode == "cow":
        if not archive and not os.path.isdir(host):
            raise UsageError(f"--volume {text}: :cow needs a directory or an archive")
        return overlay(host)
    if archive:
        return image(host)
    try:
        return HostVolume(host, read_only=mode == "ro")
    except OSError as error:
        raise UsageError(f"--volume {text}: {error.strerror or error}") from None
