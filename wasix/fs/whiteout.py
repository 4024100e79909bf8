"""How a layer of an overlay says what is gone, in names that OCI image layers and AUFS use too.

`.wh.NAME` hides NAME in the layers below its own; what has that very name in its own layer is seen,
and a directory is then opaque: nothing of the layers below shows in it. `.wh..wh..opq` makes the
directory it stands in opaque. Names that begin so are hidden from guests and refused.
"""

from __future__ import annotations

PREFIX = ".wh."
OPAQUE = ".wh..wh..opq"
LINKS = ".wh..wh.plnk"
"""Directory at the top of the upper layer; see `wasix.fs.copyup`."""
COPY = ".wh..wh.copy"
"""What is being copied, until it is complete; left behind only by a crash."""
_LONG = ".wh..wh.long."
_MOST = 255 - len(PREFIX)


def reserved(name: str) -> bool:
    return name.startswith(PREFIX)


def whiteout(name: str) -> str:
    """The name that hides `name`: a hash where the plain one would be too long for a host."""
    raw = name.encode("utf-8", "surrogateescape")
    if len(raw) <= _MOST:
        return PREFIX + name
    from hashlib import sha256

    return _LONG + sha256(raw).hexdigest()
