"""Character cells: what is one character, how wide it is, where printing ends."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasix.fs.cells import clusters, place_after, render, width

CHARACTERS = [
    ("a", 1),
    ("e\u0301\u0323", 1),
    ("日", 2),
    ("\uff76\uff9e", 1),  # halfwidth katakana with its voicing
    ("각", 2),
    ("\u1112\u1161\u11ab", 2),  # the same kind of syllable in three letters
    ("👍🏽", 2),
    ("👩\u200d👧\u200d👦", 2),
    ("🇩🇪", 2),
    ("☺", 1),
    ("☺\ufe0f", 2),
    ("กำ", 1),
    ("นี้", 1),
    ("🏴\U000e0067\U000e0062\U000e007f", 2),
]


@pytest.mark.parametrize(("character", "cells"), CHARACTERS)
def test_a_character_is_one_cluster_of_its_width(character: str, cells: int) -> None:
    assert clusters(f"x{character}x{character}") == ["x", character, "x", character]
    assert width(character) == cells


def test_flags_are_pairs_from_the_start() -> None:
    assert clusters("🇩🇪🇫🇷🇩") == ["🇩🇪", "🇫🇷", "🇩"]


def test_control_characters_join_nothing() -> None:
    assert clusters("\x01\u0301\r\n") == ["\x01", "\u0301", "\r", "\n"]


@given(st.text())
def test_clusters_are_the_text(text: str) -> None:
    assert "".join(clusters(text)) == text
    assert all(clusters(cluster) == [cluster] for cluster in clusters(text))


@given(st.text(st.characters(categories=["L", "N", "P"])))
def test_composed_and_decomposed_text_takes_the_same_cells(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    ends = {render(clusters(each), (0, 0), 1000)[1] for each in (composed, decomposed)}
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("output", "place"),
    [
        (">>> ", (0, 4)),
        ("\x1b[1;32m>>>\x1b[0m ", (0, 4)),
        ("\x1b]0;title\x07> ", (0, 2)),
        ("50%\r100%", (0, 4)),
        ("ab\b", (0, 1)),
        ("a\tb", (0, 9)),
        ("日本> ", (0, 6)),
        ("x" * 10, (0, 10)),
        ("x" * 11, (1, 1)),
        ("\x1b[2J\x1b[H> ", (0, 2)),
        ("\x1b[5;3Hx", (0, 3)),
        ("abc\x1b[2Dx\x1b[1Cy", (0, 4)),
        ("\x1b[7Gx", (0, 7)),
        ("\x1b[999999999999C\x1b[?25l\x1b", (0, 0)),
    ],
)
def test_where_output_leaves_the_cursor(output: str, place: tuple[int, int]) -> None:
    assert place_after(output, 10) == place
