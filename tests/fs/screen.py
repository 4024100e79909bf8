"""The screen of a terminal, as far as what the line discipline prints needs one."""

from __future__ import annotations

import re

from wasix.fs.cells import clusters, width

_PART = re.compile(r"\x1b\[(\d*)(?:;(\d*))?([A-Za-z])|([\x00-\x1f])|([^\x00-\x1f]+)")


class Screen:
    """Rows of cells without an end. A wide character is followed by an empty cell."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[list[str]] = [[]]
        self.row = self.column = 0
        self.full = False
        """Whether a character stands in the last column and the cursor has not gone on."""

    def resize(self, columns: int) -> None:
        """As xterm.js does it to the line that the cursor is in; no other line may be here."""
        self.columns = columns
        for row in self.rows:
            del row[columns:]
        self.column = min(self.column, columns - 1)
        self.full = False

    def print(self, data: bytes) -> None:
        text = data.decode()
        parts = list(_PART.finditer(text))
        assert "".join(part[0] for part in parts) == text
        for part in parts:
            count, _, final, control, words = part.groups()
            if words:
                for cluster in clusters(words):
                    self._put(cluster)
            elif control:
                self._control(control)
            else:
                self._sequence(final, int(count or 1))

    def _put(self, cluster: str) -> None:
        cells = width(cluster)
        if self.full or self.column + cells > self.columns:
            self._down()
            self.column = 0
        row = self.rows[self.row]
        row.extend(" " * (self.column + cells - len(row)))
        row[self.column : self.column + cells] = [cluster, ""][:cells]
        self.full = self.column + cells >= self.columns
        self.column = min(self.column + cells, self.columns - 1)

    def _down(self) -> None:
        self.row += 1
        self.full = False
        if self.row == len(self.rows):
            self.rows.append([])

    def _control(self, control: str) -> None:
        self.full = False
        match control:
            case "\r":
                self.column = 0
            case "\n":
                self._down()
            case "\b":
                self.column = max(0, self.column - 1)
            case _:
                raise AssertionError(f"{control!r} was printed")

    def _sequence(self, final: str, count: int) -> None:
        if final == "m":
            return
        match final:
            case "A":
                self.row -= count
            case "B":
                self.row += count
            case "C":
                self.column += count
            case "D":
                self.column -= count
            case "H":
                self.row = self.column = 0
            case "J" | "K":
                del self.rows[self.row][self.column :]
                if final == "J":
                    del self.rows[self.row + 1 :]
            case _:
                raise AssertionError(f"a sequence with {final} was printed")
        self.full = False
        assert 0 <= self.row < len(self.rows)
        assert 0 <= self.column < self.columns

    @property
    def text(self) -> str:
        """All rows without blanks at their ends."""
        return "\n".join("".join(row).rstrip() for row in self.rows).rstrip("\n")
