"""Images of archives of all kinds, told by their content."""

from __future__ import annotations

from wasix.fs.archive import ArchiveError, Builder, Source, reader
from wasix.fs.image import Image


def open_archive(source: Source, name: str, *, time: int, limit: int) -> Image:
    """The tree in an archive, told by its content. Raises `ArchiveError`.

    name: what errors call it.
    time: when it was made, in nanoseconds since 1970: for directories that are no members.
    limit: bytes that unpacked content may take: the members of a zip that are open, all of a
        compressed tar.
    """
    builder = Builder(name, time)
    try:
        if _is_zip(source):
            from wasix.fs.zipped import read_zip

            read_zip(source, builder, limit)
        else:
            from wasix.fs.tarred import read_tar

            read_tar(source, builder, limit)
    except ArchiveError:
        raise
    # The standard library's readers stumble over damaged archives in many ways.
    except Exception as error:
        raise ArchiveError(f"{name}: it cannot be read as an archive: {error}") from None
    return builder.image


def _is_zip(source: Source) -> bool:
    start = bytes(source.read(0, 262))
    if start[:4] in (b"PK\3\4", b"PK\5\6"):
        return True
    if start[257:262] == b"ustar" or start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")):
        return False
    # A zip may begin with anything, such as a program that unpacks it.
    import zipfile

    return zipfile.is_zipfile(reader(source))
