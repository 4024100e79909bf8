"""Tar archives as images."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Sequence
from typing import IO, cast

from wasix.fs.archive import ArchiveError, Builder, BytesSource, HostSource, Source, Stored, reader
from wasix.fs.file import MAX_OFFSET
from wasix.fs.image import ImageFile, ImageSymlink

_CHUNK = 1 << 20
_IN_MEMORY = 32 << 20
"""Bytes of an unpacked archive that are kept in memory; a greater one goes to a temporary file."""


def read_tar(source: Source, builder: Builder, limit: int) -> None:
    """Put all members into `builder`. A compressed archive is unpacked, to `limit` bytes."""
    start = bytes(source.read(0, 6))
    compressed = _decompressor(start, reader(source))
    if compressed is not None:
        source = _unpack(compressed, builder, limit)
    try:
        archive = tarfile.TarFile(
            fileobj=reader(source), encoding="utf-8", errors="surrogateescape"
        )
    except tarfile.ReadError:
        what = (
            "what it unpacks to is no tar archive" if compressed else "it is no zip or tar archive"
        )
        raise ArchiveError(f"{builder.name}: {what}") from None
    end = 0
    with archive:
        while (member := archive.next()) is not None:
            # Else a damaged header could lead back to an earlier one for ever.
            if archive.offset <= end:
                raise builder.error(member.name, "has a damaged header")
            end = archive.offset
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            _put(member, source, builder)
        # Where a header is damaged it just stops.
        if any(source.read(archive.offset, tarfile.BLOCKSIZE)):
            raise ArchiveError(f"{builder.name}: it is damaged at byte {archive.offset}")


def _decompressor(start: bytes, packed: IO[bytes]) -> IO[bytes] | None:
    """A file object that unpacks what begins with `start`; None if it is not compressed."""
    if start[:2] == b"\x1f\x8b":
        import gzip

        return cast(IO[bytes], gzip.GzipFile(fileobj=packed))
    if start[:3] == b"BZh":
        import bz2

        return bz2.BZ2File(packed)
    if start == b"\xfd7zXZ\0":
        import lzma

        return lzma.LZMAFile(packed)
    return None


def _unpack(compressed: IO[bytes], builder: Builder, limit: int) -> Source:
    with compressed, tempfile.SpooledTemporaryFile(_IN_MEMORY) as unpacked:
        size = 0
        while chunk := compressed.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise ArchiveError(
                    f"{builder.name}: it unpacks to more than {limit} bytes: give a greater limit"
                )
            unpacked.write(chunk)
        if size > _IN_MEMORY:
            unpacked.flush()
            return HostSource(os.dup(unpacked.fileno()))
        unpacked.seek(0)
        return BytesSource(unpacked.read())


def _put(member: tarfile.TarInfo, source: Source, builder: Builder) -> None:
    time = _time(member)
    if member.isdir():
        builder.put_directory(member.name, time)
    elif member.issym():
        target = BytesSource(member.linkname.encode("utf-8", "surrogateescape"))
        content = Stored(target, 0, target.size)
        builder.put(member.name, ImageSymlink(builder.image.tree, time, content))
    elif member.islnk():
        builder.link(member.name, member.linkname)
    elif member.isreg():
        pieces = getattr(member, "sparse", None)
        if not 0 <= member.size <= MAX_OFFSET or (pieces and not _ordered(pieces, member.size)):
            raise builder.error(member.name, "has a damaged header")
        stored = Stored(source, member.offset_data, member.size, pieces)
        builder.put(member.name, ImageFile(builder.image.tree, time, stored))


def _ordered(pieces: Sequence[tuple[int, int]], size: int) -> bool:
    end = 0
    for start, length in pieces:
        if start < end or length < 0:
            return False
        end = start + length
    return end <= size


def _time(member: tarfile.TarInfo) -> int:
    """Nanoseconds since 1970. In a float there would be no room for them."""
    try:
        text = member.pax_headers.get("mtime") or str(int(member.mtime))
        whole, _, fraction = text.partition(".")
        return int(whole) * 10**9 + int(fraction[:9].ljust(9, "0"))
    except (ValueError, OverflowError):
        return 0
