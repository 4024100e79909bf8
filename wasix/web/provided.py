"""Files that a program looks for, as a bundle holds them and a page mounts them.

The length of an index (4 bytes, little-endian), the index in JSON, and the files' contents, one
behind the other. The index has a pair for each file, in that order: its name, and its size in bytes
or, of a symbolic link, its target.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from wasix.fs.archive import ArchiveError, Builder, BytesSource, Stored
from wasix.fs.image import Image, ImageFile, ImageSymlink


def pack(files: Iterable[tuple[str, bytes | str]]) -> bytes:
    """Names with contents or, of symbolic links, targets."""
    index: list[tuple[str, int | str]] = []
    contents = []
    for name, content in files:
        index.append((name, content if isinstance(content, str) else len(content)))
        if isinstance(content, bytes):
            contents.append(content)
    head = json.dumps(index, separators=(",", ":")).encode()
    return b"".join([len(head).to_bytes(4, "little"), head, *contents])


def unpack(data: bytes | memoryview, name: str, time: int) -> Image:
    """What was packed, as of `time` in nanoseconds since 1970. Errors call it `name`: raises
    `ArchiveError`."""
    start = 4 + int.from_bytes(data[:4], "little")
    source = BytesSource(data)
    builder = Builder(name, time)
    tree = builder.image.tree
    try:
        for member, found in json.loads(bytes(data[4:start])):
            if isinstance(found, str):
                target = BytesSource(found.encode("utf-8", "surrogateescape"))
                builder.put(member, ImageSymlink(tree, time, Stored(target, 0, target.size)))
            else:
                builder.put(member, ImageFile(tree, time, Stored(source, start, found)))
                start += found
    except (AttributeError, TypeError, ValueError):
        raise ArchiveError(f"{name}: its index is damaged") from None
    return builder.image
