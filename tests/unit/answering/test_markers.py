"""Markers in a stream are found however the stream was cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.answering.markers import split_markers

TEXT = "One [1]. Two [2, 3] and [4][12] three [not one] [ ] a[5]b [1234] end ["


def joined(parts: list[str | list[int]]) -> list[str | list[int]]:
    """Put neighbouring words together, so that only the markers part them."""
    whole: list[str | list[int]] = []
    for part in parts:
        if isinstance(part, str) and whole and isinstance(whole[-1], str):
            whole[-1] += part
        else:
            whole.append(part)
    return whole


def test_markers_part_a_text() -> None:
    assert joined(list(split_markers([TEXT]))) == [
        "One", [1], ". Two", [2, 3], " and", [4], [12], " three [not one] [ ] a", [5],
        "b [1234] end [",
    ]  # fmt: skip


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    pieces = [TEXT[a:b] for a, b in pairwise(edges)]
    assert joined(list(split_markers(pieces))) == joined(list(split_markers([TEXT])))


@pytest.mark.parametrize("text", ["plain words", "x [", "x [1", "", "   "])
def test_text_without_markers_is_passed_on_whole(text: str) -> None:
    assert "".join(str(part) for part in split_markers(list(text))) == text


def test_only_what_may_become_a_marker_is_held_back() -> None:
    stream = split_markers(iter(["Hello", " world", " [", "1", "]", "!"]))
    assert next(stream) == "Hello"
    assert next(stream) == " world"
    assert next(stream) == [1]
    assert next(stream) == "!"
