"""The name section: what things were called in the source (§7.4.1, appendix "Custom Sections").

It is a debugging aid that changes nothing about the module, so a damaged one is read as far as it
makes sense and never refused.
"""

from functools import cached_property

from engines.wasm.reader import DecodeError, Reader

MODULE_NAME = 0
FUNCTION_NAMES = 1
GLOBAL_NAMES = 7


class NameSection:
    """The names in one `name` section; each part is decoded when it is first asked for."""

    def __init__(self, payload: memoryview) -> None:
        self._parts: dict[int, memoryview] = {}
        reader = Reader(payload, "name", 0, "the name section")
        try:
            while reader.pos < reader.end:
                part = reader.byte("a part")
                self._parts[part] = reader.take(reader.u32("a part"), "a part")
        except DecodeError:
            return

    @cached_property
    def module(self) -> str | None:
        """What the module calls itself."""
        part = self._parts.get(MODULE_NAME)
        if part is None:
            return None
        try:
            return _name(Reader(part, "name", 0, "the name section"))
        except DecodeError:
            return None

    @cached_property
    def functions(self) -> dict[int, str]:
        """The names of functions, by index, imports first."""
        return self._names(FUNCTION_NAMES, "functions")

    @cached_property
    def globals(self) -> dict[int, str]:
        """The names of globals, likewise."""
        return self._names(GLOBAL_NAMES, "globals")

    def _names(self, part: int, what: str) -> dict[int, str]:
        names: dict[int, str] = {}
        # A part that is missing reads as an empty one.
        reader = Reader(self._parts.get(part, b"\0"), "name", 0, "the name section")
        try:
            for _ in range(reader.count(what, smallest=2)):
                index = reader.u32("an index")
                names[index] = _name(reader)
        except DecodeError:
            pass
        return names


def _name(reader: Reader) -> str:
    return str(reader.take(reader.u32("a name"), "a name"), "utf-8", errors="replace")
