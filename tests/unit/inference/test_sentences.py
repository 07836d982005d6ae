"""Sentences in statutes, reports and lists begin and end where a reader would say so."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inference.sentences import sentences


def cut(text: str, language: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, language)]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", ["Nach § 433 Abs. 1 S. 2 BGB haftet er.", "Das gilt z. B. für Häuser."]),
        ("de", ["Am 3. Oktober 1990 trat Nr. 5 in Kraft.", "Art. 14 GG bleibt unberührt."]),
        ("de", ["Die Frist endet am 31.", "Danach ist Schluss."]),
        ("de", ["Im 19. Jahrhundert lebte J. S. Bach nicht mehr.", "Er starb früher."]),
        ("de", ["Ludwig XIV. war König.", "Siehe Bd. 2, S. 17 ff. des Werks."]),
        ("de", ["Das betrifft Miete, Strom usw.", "Die Kosten trägt der Mieter."]),
        ("de", ["Ist das so?", "Ja!", "„Gut.“", "Weiter."]),
        ("de", ["Der Dipl.-Ing. Meier kam d. h. er war da."]),
        ("de", ["Nach Art. 14 und Kap. IV gilt dies.", "Verträge dieser Art.", "Er ging."]),
        ("en", ["He loved art.", "The max. value is at most 5, see p. 12."]),
        ("en", ["See e.g. Fig. 3 and Eq. 4.", "It is no. 5 of the list."]),
        ("en", ["The U.S. Army came at 5 p.m.", "Then it left."]),
        ("en", ["Mr. Smith paid $3.50 to Dr. J. R. Jones.", "He said no.", "They agreed, etc."]),
        ("en", ['"Is it true?"', "Version 2.1 (beta.)", "It was it... and on."]),
    ],
)
def test_a_full_stop_ends_a_sentence_only_where_one_ends(
    language: str, expected: list[str]
) -> None:
    assert cut(" ".join(expected), language) == expected


def test_list_items_table_rows_and_blank_lines_begin_new_sentences() -> None:
    text = "Kopf\n\n- eins\n- zwei\n1. Der Käufer zahlt. Er haftet.\na | b\nc | d"
    assert cut(text, "de") == [
        "Kopf", "- eins", "- zwei", "1. Der Käufer zahlt.", "Er haftet.", "a | b", "c | d"
    ]  # fmt: skip


def test_a_wrapped_line_goes_on_in_the_same_sentence() -> None:
    assert cut("Text über\nzwei Zeilen. Ende.", "de") == ["Text über\nzwei Zeilen.", "Ende."]


def test_chinese_and_japanese_stops_end_sentences_without_a_space() -> None:
    assert cut("今日は。元気ですか？はい", "simple") == ["今日は。", "元気ですか？", "はい"]


@given(st.text(alphabet=st.sampled_from("aA1Äß.!? \n-|§„“)("), max_size=80), st.booleans())
def test_spans_are_ordered_and_cover_every_visible_character(text: str, is_german: bool) -> None:
    spans = sentences(text, "de" if is_german else "en")
    covered = {i for start, end in spans for i in range(start, end)}
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert all(text[a].strip() and text[b - 1].strip() for a, b in spans)
    assert {i for i, c in enumerate(text) if not c.isspace()} <= covered
