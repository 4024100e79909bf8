"""What keys do to a line: a Unix terminal's few, or those of GNU Readline's Emacs mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wasix.fs.line import Line, word_end, word_start

_MOST_REMEMBERED = 1000


class History:
    """Lines entered before, oldest first."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self.lines = list(lines)[-_MOST_REMEMBERED:]

    def add(self, line: str) -> bool:
        """Remember a line unless it is blank or the last one again; whether it was."""
        if not line.strip() or (self.lines and self.lines[-1] == line):
            return False
        self.lines.append(line)
        del self.lines[:-_MOST_REMEMBERED]
        return True


class Editor:
    """Changes a line as keys say. `rich` is whether it knows more than a Unix terminal does.

    A key is text to insert, or a control character or escape sequence.
    """

    def __init__(self, line: Line, history: History, *, rich: bool) -> None:
        self.line = line
        self.history = history
        self.rich = rich
        self._killed = ""
        self._search: Search | None = None
        self.begin()

    def begin(self) -> None:
        """A new line is about to be entered."""
        self._recalled = len(self.history.lines)
        self._draft = ""
        self._search = None

    def key(self, key: str) -> None:
        """Obey a key. One that means nothing is ignored, or inserted if this is not `rich`."""
        action = COOKED.get(key) or (RICH.get(key) if self.rich else None)
        if action:
            action(self)
        elif (key[0] >= " " and key != "\x7f") or key[0] == "\t" or not self.rich:
            self.insert(key)

    def insert(self, text: str) -> None:
        line = self.line
        line.replace(line.cursor, line.cursor, text)

    def kill(self, first: int, last: int) -> None:
        """Remove cells, to be inserted again by `yank`."""
        if first < last:
            self._killed = "".join(self.line.cells[first:last])
            self.line.replace(first, last)

    def yank(self) -> None:
        self.insert(self._killed)

    def erase(self) -> None:
        cursor = self.line.cursor
        if cursor:
            self.line.replace(cursor - 1, cursor)

    def delete(self) -> None:
        cursor = self.line.cursor
        if cursor < len(self.line.cells):
            self.line.replace(cursor, cursor + 1)

    def recall(self, step: int) -> None:
        """Show the line entered `step` lines before or after the one shown."""
        lines = self.history.lines
        wanted = self._recalled + step
        if not 0 <= wanted <= len(lines):
            return
        if self._recalled == len(lines):
            self._draft = self.line.text
        self._recalled = wanted
        self.set(lines[wanted] if wanted < len(lines) else self._draft)

    def set(self, text: str) -> None:
        self.line.replace(0, len(self.line.cells), text)

    def search(self) -> None:
        self._search = Search(self)

    def searches(self, key: str) -> bool:
        """Whether a search is going on that takes this key; another one ends it."""
        if self._search and not self._search.key(key):
            self._search = None
        return self._search is not None


class Search:
    """An incremental search through the history, from the newest line back.

    While it goes on, the line shows what is searched for and what was found.
    """

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.before = editor.line.text
        self.wanted = ""
        self.found = len(editor.history.lines)
        self._show()

    def key(self, key: str) -> bool:
        """Whether the search goes on; if not, the line is what was found, or what it was."""
        if key == "\x12":
            self._look(self.found)
        elif key in ("\x7f", "\b"):
            self.wanted = self.wanted[:-1]
            self._look(len(self.editor.history.lines))
        elif key == "\x07":
            self.editor.set(self.before)
            return False
        elif key >= " " and key != "\x7f":
            self.wanted += key
            self._look(self.found + 1)
        else:
            self.editor.set(self._line())
            self.editor._recalled = self.found
            return False
        self._show()
        return True

    def _look(self, before: int) -> None:
        lines = self.editor.history.lines
        for index in range(min(before, len(lines)) - 1, -1, -1):
            if self.wanted in lines[index]:
                self.found = index
                return

    def _line(self) -> str:
        lines = self.editor.history.lines
        return lines[self.found] if self.found < len(lines) else self.before

    def _show(self) -> None:
        self.editor.set(f"(search '{self.wanted}') {self._line()}")


def _in_word(cell: str) -> bool:
    return cell[0].isalnum()


def _in_long_word(cell: str) -> bool:
    return not cell.isspace()


def _start(editor: Editor, inside: Callable[[str], bool] = _in_word) -> int:
    return word_start(editor.line.cells, editor.line.cursor, inside)


def _end(editor: Editor) -> int:
    return word_end(editor.line.cells, editor.line.cursor, _in_word)


Action = Callable[[Editor], object]


def _named(actions: dict[str, Action]) -> dict[str, Action]:
    """By key, from lists of keys separated by spaces."""
    return {key: action for keys, action in actions.items() for key in keys.split(" ")}


COOKED: dict[str, Action] = _named(
    {
        "\x7f \b": Editor.erase,
        "\x15": lambda e: e.kill(0, e.line.cursor),
        "\x17": lambda e: e.kill(_start(e, _in_long_word), e.line.cursor),
    }
)
"""VERASE, VKILL, VWERASE."""

RICH: dict[str, Action] = _named(
    {
        "\x02 \x1b[D \x1bOD": lambda e: e.line.move(e.line.cursor - 1),
        "\x06 \x1b[C \x1bOC": lambda e: e.line.move(e.line.cursor + 1),
        "\x01 \x1b[H \x1bOH \x1b[1~ \x1b[7~": lambda e: e.line.move(0),
        "\x05 \x1b[F \x1bOF \x1b[4~ \x1b[8~": lambda e: e.line.move(len(e.line.cells)),
        "\x1bb \x1b[1;5D \x1b[1;3D": lambda e: e.line.move(_start(e)),
        "\x1bf \x1b[1;5C \x1b[1;3C": lambda e: e.line.move(_end(e)),
        "\x10 \x1b[A \x1bOA": lambda e: e.recall(-1),
        "\x0e \x1b[B \x1bOB": lambda e: e.recall(1),
        "\x1b<": lambda e: e.recall(-e._recalled),
        "\x1b[3~": Editor.delete,
        "\x0b": lambda e: e.kill(e.line.cursor, len(e.line.cells)),
        "\x1bd \x1b[3;5~": lambda e: e.kill(e.line.cursor, _end(e)),
        "\x1b\x7f": lambda e: e.kill(_start(e), e.line.cursor),
        "\x19": Editor.yank,
        "\x12": Editor.search,
    }
)
"""As sent by xterm; letters after an escape are Alt with that letter."""
