"""Differences of two readings: every word is told once, whatever the texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ingestion import comparison
from shared.ingestion.comparison import Change, compare, unified
from shared.ingestion.model import Block, ParsedDocument
from shared.kernel.errors import TooLargeError

PARAGRAPHS = st.lists(st.sampled_from(["a b c", "a b d", "x", "long one here", "y z"]), max_size=9)


def document(*paragraphs: str) -> ParsedDocument:
    text, blocks = "", []
    for paragraph in paragraphs:
        start = len(text) + (2 if text else 0)
        text = f"{text}\n\n{paragraph}" if text else paragraph
        blocks.append(Block("paragraph", 0, start, start + len(paragraph), page=1))
    return ParsedDocument("t", "en", 1, text, tuple(blocks))


def told(changes: tuple[Change, ...], kind: str) -> list[str]:
    return [
        "".join(p.text for p in c.pieces if p.kind in {"equal", kind})
        for c in changes
        if c.kind in {kind, "changed"}
    ]


@given(PARAGRAPHS, PARAGRAPHS)
def test_both_texts_can_be_told_from_the_changes(old: list[str], new: list[str]) -> None:
    before, after = document(*old), document(*new)
    found = compare(before, after)
    for change in found.changes:
        if change.old:
            was = before.text[change.old.start : change.old.end]
            assert was in told((change,), "removed")
        if change.new:
            assert after.text[change.new.start : change.new.end] in told((change,), "added")
    gone, come = told(found.changes, "removed"), told(found.changes, "added")
    kept = list(old)
    for text in gone:
        kept.remove(text)
    remaining = list(new)
    for text in come:
        remaining.remove(text)
    assert sorted(kept) == sorted(remaining)
    assert (found.similarity == 1.0) == (old == new)


def test_a_rewritten_block_is_one_change_and_a_new_one_another() -> None:
    old = document("The rent is 850 Euro.", "Dogs are allowed.")
    new = document("The rent is 900 Euro.", "A cat lives here too, they say.", "Dogs are allowed.")
    found = compare(old, new)
    assert [change.kind for change in found.changes] == ["changed", "added"]
    words = [(p.kind, p.text) for p in found.changes[0].pieces]
    assert words == [
        ("equal", "The rent is "), ("removed", "850"), ("added", "900"), ("equal", " Euro."),
    ]  # fmt: skip
    assert (found.words_removed, found.words_added) == (1, 8)


def test_spacing_alone_is_no_change() -> None:
    assert compare(document("a  b\nc"), document("a b c")).changes == ()


def test_lines_are_compared_as_diff_does() -> None:
    lines = unified(document("a", "b"), document("a", "c"), old_name="1", new_name="2")
    assert lines == "--- 1\n+++ 2\n@@ -1,3 +1,3 @@\n a\n \n-b\n+c\n"


def test_long_documents_are_compared_quickly() -> None:
    old = [f"Paragraph {n} speaks of the hedge and its yearly cut." for n in range(10_000)]
    new = [
        text.replace("yearly", "monthly") if n % 100 == 0 else text for n, text in enumerate(old)
    ]
    started = time.process_time()
    found = compare(document(*old), document(*new))
    assert time.process_time() - started < 10
    assert (len(found.changes), found.count("changed")) == (100, 100)


def test_what_is_too_long_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST_BLOCKS", 2)
    with pytest.raises(TooLargeError):
        compare(document("a", "b", "c"), document("a"))
