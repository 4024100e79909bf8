"""Character cells: what a terminal shows as one character, how wide it is, and where it lands.

Text is divided into grapheme clusters (UAX #29) with the width of their widest character (UAX #11),
as the page's screen does, as far as the standard library knows the properties.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

Place = tuple[int, int]
"""Row and column, from 0; rows count from the one where something begins."""

TAB = 8

# (kind before, kind after): together they are one character.
_JOINED = {"L L", "L V", "L LV", "L LVT", "LV V", "LV T", "V V", "V T", "LVT T", "T T", "ZWJ PICT"}
_EMOJI_STYLE = "\ufe0f"
# Marks of Myanmar and Tai Tham that do not join what they follow.
_STANDS_ALONE = re.compile(
    "[\u102b\u102c\u1038\u1062-\u1064\u1067-\u106d\u1083\u1087-\u108c\u108f\u109a-\u109c"
    "\u1a61\u1a63\u1a64\uaa7b\uaa7d\U00011720\U00011721]"
)
# No marks, but joining: vowels of Thai and Lao, katakana's voicing, emoji's skin and tags.
_EXTENDS = re.compile("[\u0e33\u0eb3\u200c\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
# Extended_Pictographic, where emoji are.
_PICTURE = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    """What decides whether it joins with its neighbours: a value of Grapheme_Cluster_Break."""
    code = ord(character)
    if code == 0x200D:
        return "ZWJ"
    if 0x1F1E6 <= code <= 0x1F1FF:
        return "RI"
    if 0xAC00 <= code <= 0xD7A3:
        return "LVT" if (code - 0xAC00) % 28 else "LV"
    if 0x1100 <= code <= 0x11FF:
        return "L" if code < 0x1160 else "V" if code < 0x11A8 else "T"
    category = unicodedata.category(character)
    mark = category in ("Mn", "Me", "Mc") and not _STANDS_ALONE.match(character)
    if mark or _EXTENDS.match(character):
        return "EXTEND"
    if category == "Cc":
        return "CONTROL"
    return "PICT" if _PICTURE.match(character) else ""


def is_half_flag(character: str) -> bool:
    return _kind(character) == "RI"


def clusters(text: str) -> list[str]:
    """`text` cut into what is shown as one character each."""
    if text.isascii():
        return list(text)
    starts = []
    before, half_flag = "CONTROL", False
    for index, character in enumerate(text):
        kind = _kind(character)
        if kind in ("EXTEND", "ZWJ"):
            joins = before != "CONTROL"
        elif kind == "RI":
            joins = half_flag
        else:
            joins = f"{before} {kind}" in _JOINED
        half_flag = kind == "RI" and not joins
        if not joins:
            starts.append(index)
        before = kind
    return [text[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


@lru_cache(maxsize=4096)
def width(cluster: str) -> int:
    """Columns a cluster of printable characters takes: 1 or 2."""
    if cluster.isascii():
        return 1
    if len(cluster) > 1 and (_EMOJI_STYLE in cluster or _kind(cluster[0]) == "RI"):
        return 2
    return 2 if any(unicodedata.east_asian_width(c) in "WF" for c in cluster) else 1


def shown(cluster: str) -> list[str]:
    """What is shown for a cluster but a tab: `^X` for a control character."""
    first = cluster[0]
    if first < " " or first == "\x7f":
        return ["^", chr(ord(first) ^ 0x40)]
    kind = _kind(first)
    if kind == "CONTROL" or "\ud800" <= first <= "\udfff":  # it would be obeyed, or is no text
        return ["\ufffd"]
    # A mark without anything to stand on would join what is on the screen before it.
    return [f"\u25cc{cluster}" if kind in ("EXTEND", "ZWJ") else cluster]


def render(cells: Sequence[str], start: Place, columns: int) -> tuple[str, Place]:
    """What to print for clusters from `start` on, on a screen that wraps, and where they end.

    A row that is full ends at column 0 of the next one.
    """
    row, column = start
    text = "".join(cells)
    if text.isascii() and text.isprintable():
        column += len(text)
        return text, (row + column // columns, column % columns)
    printed = []
    for cell in cells:
        # A tab as spaces, since a tab would leave what an earlier picture had there.
        spaces = min(TAB - column % TAB, columns - column)
        for piece in [" "] * spaces if cell == "\t" else shown(cell):
            cells_wide = width(piece)
            if column + cells_wide > columns:
                printed.append("\x1b[K")
                row, column = row + 1, 0
            printed.append(piece)
            column += cells_wide
            if column >= columns:
                row, column = row + 1, 0
    return "".join(printed), (row, column)


_OUTPUT = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]?"
    r"|(?P<control>[\x00-\x1f\x7f])|(?P<text>[^\x00-\x1f\x7f]+)"
)


def place_after(output: str, columns: int) -> Place:
    """Where printing the last line of a program's output leaves the cursor.

    The column is `columns` if a row is full: the cursor waits in the last one for more.
    """
    row, column = 0, 0
    for match in _OUTPUT.finditer(output):
        if text := match["text"]:
            row, column = render(
                clusters(text), (row + column // columns, column % columns), columns
            )[1]
            if not column:
                row, column = row - 1, columns
        elif control := match["control"]:
            if control == "\r":
                column = 0
            elif control == "\b":
                column = max(0, min(column, columns - 1) - 1)
            elif control == "\t":
                column = min(columns - 1, column + TAB - column % TAB)
        elif final := match["final"]:
            column = _moved_column(column, final, match["parameters"], columns)
    return row, column


def _moved_column(column: int, final: str, parameters: str, columns: int) -> int:
    """Where a control sequence moves the cursor."""
    found = re.fullmatch(r"(\d{0,6})(?:;(\d{0,6}))?", parameters)
    if not found or final not in "CDGHf":
        return column
    first, second = (int(number or 1) for number in found.groups())
    column = min(column, columns - 1)
    match final:
        case "C":
            column += first
        case "D":
            column -= first
        case "G":
            column = first - 1
        case "H" | "f":
            column = second - 1
    return max(0, min(column, columns - 1))
