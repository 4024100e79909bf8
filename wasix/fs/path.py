"""Paths as guests write them, taken apart."""

from __future__ import annotations

from dataclasses import dataclass

from wasix.abi import E, Errno

MAX_PATH = 4095
"""Bytes of a path: Linux's PATH_MAX counts a NUL as well."""
MAX_NAME = 255
"""Bytes of one component."""

_DOTS = ("", ".", "..")
_MOST_KEPT = 512
_LONGEST_KEPT = 128
"""Characters: what is kept of paths is bounded whatever they are."""


@dataclass(slots=True, frozen=True)
class Path:
    """The components of a path, first to last. A `.` is one at the end only, where it has no
    name."""

    names: tuple[str, ...]
    above: tuple[str, ...]
    """All but the last."""
    last: str
    """Empty for the root."""
    absolute: bool
    slash: bool
    """Whether a `/` follows, so that only a directory will do."""
    ordinary: bool
    """Whether it ends with a name, no component is `..`, and all are short enough."""


class Paths(dict[str, Path]):
    """What is known of paths: programs name the same few again and again."""

    def __missing__(self, text: str) -> Path:
        path = parse(text)
        if len(text) <= _LONGEST_KEPT:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[text] = path
        return path


def parse(text: str) -> Path:
    """Take `text` apart, or refuse what is no path on any filesystem."""
    if not text:
        raise Errno(E.NOENT)
    if "\0" in text:
        raise Errno(E.INVAL)
    if size(text) > MAX_PATH:
        raise Errno(E.NAMETOOLONG)
    names = text.split("/")
    if "" in names or "." in names:
        names = [name for name in names if name and name != "."]
        last = text.rstrip("/")
        if last == "." or last.endswith("/."):
            names.append(".")
    *above, last = names or [""]
    ordinary = last not in _DOTS and ".." not in above and all(size(n) <= MAX_NAME for n in names)
    return Path(tuple(names), tuple(above), last, text[0] == "/", text[-1] == "/", ordinary)


def size(text: str) -> int:
    """Bytes of `text` on a filesystem; `ilseq` for what is not text nor escaped bytes."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise Errno(E.ILSEQ) from None
