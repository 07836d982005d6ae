"""The same passage in several documents is one hit: a law lies there as PDF, page and text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.search.model import Elsewhere
from shared.search.store import HitRow

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\b[^\W\d]*+\d\w*")
_LEAST_SHARED = 0.9
_NEAR = 0.03
"""Passages whose cosines differ by more are not the same: spares comparing their words."""


class _Words(dict[str, tuple[frozenset[str], frozenset[str]]]):
    """The words of texts, and those with digits among them, split when first asked for."""

    def __missing__(self, text: str) -> tuple[frozenset[str], frozenset[str]]:
        folded = text.casefold()
        words, numbers = frozenset(_WORD.findall(folded)), frozenset(_NUMBER.findall(folded))
        self[text] = words, numbers
        return words, numbers


def collapse(rows: Sequence[HitRow], *, most: int) -> list[tuple[HitRow, tuple[Elsewhere, ...]]]:
    """Keep the best of passages that say the same, each with the others as its ``also_in``.

    The same: nine of ten words and every number, in whatever layout. Passages of one document are
    never collapsed: it may well repeat itself, and says so in different places. At most ``most``
    are kept; what comes after them is only another place of theirs, or left out.
    """
    kept: list[HitRow] = []
    said = _Words()
    others: list[list[Elsewhere]] = []
    for row in rows:
        place = next((at for at, one in enumerate(kept) if _say_the_same(one, row, said)), None)
        if place is not None:
            others[place].append(
                Elsewhere(row.chunk_id, row.document_id, row.version_id, row.title, row.page)
            )
        elif len(kept) < most:
            kept.append(row)
            others.append([])
    return [(row, tuple(places)) for row, places in zip(kept, others, strict=True)]


def _say_the_same(one: HitRow, other: HitRow, said: _Words) -> bool:
    if abs(one.dense_score - other.dense_score) > _NEAR or one.document_id == other.document_id:
        return False
    longer, shorter = len(one.text), len(other.text)
    if shorter > longer:
        longer, shorter = shorter, longer
    if shorter < _LEAST_SHARED / 2 * longer:  # half of it may be layout
        return False
    (mine, my_numbers), (theirs, their_numbers) = said[one.text], said[other.text]
    if my_numbers != their_numbers:
        return False
    shared = len(mine & theirs)
    return bool(mine) and shared >= _LEAST_SHARED * (len(mine) + len(theirs) - shared)
