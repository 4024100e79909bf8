"""A line of input being edited, and its picture on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wasix.fs.cells import Place, clusters, is_half_flag, render


class Line:
    """Text with a cursor in it, shown where the program's output ended.

    `show` prints. The cursor and all positions are indexes of `cells`, which are grapheme clusters:
    nothing is moved over, erased or drawn in part. A line may take many rows; what is on the screen
    is kept up to date with the fewest characters that do.
    """

    def __init__(self, show: Callable[[str], object]) -> None:
        self.show = show
        self.cells: list[str] = []
        self.cursor = 0
        self.columns = 80
        self._start: Place = (0, 0)
        self._at: Place = (0, 0)
        """Where the screen's cursor is."""
        self._end: Place = (0, 0)
        """Where the picture ends."""

    @property
    def rows(self) -> tuple[int, int]:
        """Rows from the one it starts in to the cursor's, and to its last one."""
        return self._at[0], self._end[0]

    @property
    def text(self) -> str:
        return "".join(self.cells)

    def begin(self, column: int, columns: int) -> None:
        """The line, drawn or empty, starts in this column of a screen of so many."""
        self.columns = columns
        self._start = (0, column)
        self._at = self._place(self.cursor)
        self._end = self._place(len(self.cells))

    def clear(self) -> None:
        """Forget the text; what is on the screen stays."""
        self.cells = []
        self.cursor = 0
        self._start = self._at = self._end = (0, 0)

    def replace(self, first: int, last: int, text: str = "") -> None:
        """Put `text` in place of the cells from `first` to `last`, and the cursor behind it."""
        left = self.cells[first - 1] if first else ""
        # What comes together may join, and flags are made of whichever two halves come first.
        end = min(last + 1, len(self.cells))
        while last < end < len(self.cells) and is_half_flag(self.cells[end - 1][0]):
            end += 1
        right = "".join(self.cells[last:end])
        cells = clusters(left + text + right)
        changed = first
        if left and cells[0] != left:
            changed -= 1
        self.cells[first - bool(left) : end] = cells
        rest = len(right)
        while rest > 0 and cells:
            rest -= len(cells.pop())
        cursor = first - bool(left) + len(cells)
        self._draw(min(changed, cursor), cursor)

    def move(self, cursor: int) -> None:
        """Move the cursor, at most to an end of the line."""
        self.cursor = min(max(cursor, 0), len(self.cells))
        place = self._place(self.cursor)
        self.show(_moved(self._at, place))
        self._at = place

    def hide(self) -> None:
        """Take the picture off the screen."""
        self.show(_moved(self._at, self._start) + "\x1b[J")
        self._at = self._end = self._start

    def draw(self) -> None:
        """Show the whole line, from where the cursor is."""
        self._at = self._end = self._start
        self._draw(0, self.cursor)

    def _place(self, index: int) -> Place:
        return render(self.cells[:index], self._start, self.columns)[1]

    def _draw(self, first: int, cursor: int) -> None:
        """Bring the screen up to date from cell `first` on, and put the cursor at `cursor`."""
        start = self._at if first == self.cursor else self._place(first)
        self.cursor = cursor
        text, end = render(self.cells[first:], start, self.columns)
        drawn = _moved(self._at, start) + text
        if text and not end[1]:
            # A terminal stays on a row it has filled until there is more to print.
            drawn += " \r"
        if end < self._end:
            drawn += "\x1b[J"
        self._end = self._at = end
        place = end if cursor == len(self.cells) else self._place(cursor)
        self.show(drawn + _moved(end, place))
        self._at = place


def _moved(start: Place, end: Place) -> str:
    """What moves a terminal's cursor."""
    moves = ""
    down, right = end[0] - start[0], end[1] - start[1]
    if down:
        moves = f"\x1b[{abs(down)}{'B' if down > 0 else 'A'}"
    if right < 0:
        moves += "\b" * -right if -right < 4 else f"\x1b[{-right}D"
    elif right > 0:
        moves += f"\x1b[{right}C"
    return moves


def word_start(cells: Sequence[str], index: int, inside: Callable[[str], bool]) -> int:
    """Where the word before `index` begins; a word is made of cells that are `inside` one."""
    while index and not inside(cells[index - 1]):
        index -= 1
    while index and inside(cells[index - 1]):
        index -= 1
    return index


def word_end(cells: Sequence[str], index: int, inside: Callable[[str], bool]) -> int:
    """Where the word after `index` ends."""
    while index < len(cells) and not inside(cells[index]):
        index += 1
    while index < len(cells) and inside(cells[index]):
        index += 1
    return index
