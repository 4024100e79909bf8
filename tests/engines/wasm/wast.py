"""Reads scripts of the specification's test suite, as far as running their modules needs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r'\s+|;;[^\n]*|"(?:[^"\\]|\\.)*"|[()]|[^\s()";]+|;')
_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", '"': b'"', "'": b"'", "\\": b"\\"}


@dataclass
class Form:
    """A parenthesised form: words, strings with their quotes, and forms; and its text."""

    items: list[str | Form]
    text: str = ""

    @property
    def head(self) -> str:
        return self.word(0)

    def word(self, place: int) -> str:
        item = self.items[place] if place < len(self.items) else ""
        return item if isinstance(item, str) else ""

    def forms(self) -> Iterator[Form]:
        return (item for item in self.items if isinstance(item, Form))


def parse(text: str) -> list[Form]:
    """The commands of a script."""
    pos = 0
    stack: list[tuple[int, Form]] = [(0, Form([]))]
    while pos < len(text):
        if text.startswith("(;", pos):
            pos = _after_comment(text, pos)
            continue
        match = _TOKEN.match(text, pos)
        assert match, text[pos : pos + 40]
        token, start, pos = match.group(), pos, match.end()
        if token == "(":
            stack.append((start, Form([])))
        elif token == ")":
            start, form = stack.pop()
            form.text = text[start:pos]
            stack[-1][1].items.append(form)
        elif not token.isspace() and not token.startswith(";;"):
            stack[-1][1].items.append(token)
    ((_, script),) = stack
    return list(script.forms())


def _after_comment(text: str, pos: int) -> int:
    depth, pos = 1, pos + 2
    while depth:
        opened, closed = text.find("(;", pos), text.find(";)", pos)
        if 0 <= opened < closed:
            depth, pos = depth + 1, opened + 2
        else:
            depth, pos = depth - 1, closed + 2
    return pos


def unquoted(string: str) -> bytes:
    """The bytes that a string of the text format stands for."""

    def escaped(match: re.Match[str]) -> str:
        found = match.group(1)
        if found in _ESCAPES:
            return _ESCAPES[found].decode("latin-1")
        if found.startswith("u"):
            return chr(int(found[2:-1], 16)).encode().decode("latin-1")
        return chr(int(found, 16))

    raw = string[1:-1].encode().decode("latin-1")
    pattern = r"\\([nrt\"'\\]|u\{[0-9a-fA-F]+\}|[0-9a-fA-F]{2})"
    return re.sub(pattern, escaped, raw).encode("latin-1")
