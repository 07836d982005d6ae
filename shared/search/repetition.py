"""The same passage in several documents is one hit: a law lies there as PDF, page and text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.search.model import Elsewhere
from shared.search.store import HitRow

_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+")
_LEAST_SHARED = 0.9
_NEAR = 0.03
"""Passages whose cosines differ by more are not the same: spares comparing their words."""


class _Found(dict[str, frozenset[str]]):
    """What an expression finds in texts, looked for when first asked for."""

    def __init__(self, sought: re.Pattern[str]) -> None:
        super().__init__()
        self._sought = sought

    def __missing__(self, text: str) -> frozenset[str]:
        found = self[text] = frozenset(self._sought.findall(text.casefold()))
        return found


def collapse(rows: Sequence[HitRow], *, most: int) -> list[tuple[HitRow, tuple[Elsewhere, ...]]]:
    """Keep the best of passages that say the same, each with the others as its ``also_in``.

    The same: nine of ten words and every number, in whatever layout. Passages of one document are
    never collapsed: it may well repeat itself, and says so in different places. At most ``most``
    are kept; what comes after them is only another place of theirs, or left out.
    """
    kept: list[HitRow] = []
    digits, words = _Found(_DIGITS), _Found(_WORD)
    others: list[list[Elsewhere]] = []
    for row in rows:
        near = (
            at for at, one in enumerate(kept) if abs(one.dense_score - row.dense_score) <= _NEAR
        )
        place = next((at for at in near if _say_the_same(kept[at], row, digits, words)), None)
        if place is not None:
            others[place].append(
                Elsewhere(row.chunk_id, row.document_id, row.version_id, row.title, row.page)
            )
        elif len(kept) < most:
            kept.append(row)
            others.append([])
    return [(row, tuple(places)) for row, places in zip(kept, others, strict=True)]


def _say_the_same(one: HitRow, other: HitRow, digits: _Found, words: _Found) -> bool:
    mine, theirs = len(one.text), len(other.text)
    if min(mine, theirs) < _LEAST_SHARED / 2 * max(mine, theirs):  # half of it may be layout
        return False
    if digits[one.text] != digits[other.text] or one.document_id == other.document_id:
        return False
    said, repeated = words[one.text], words[other.text]
    shared = len(said & repeated)
    is_alike = bool(said) and shared >= _LEAST_SHARED * (len(said) + len(repeated) - shared)
    return is_alike and not any(map(_DIGITS.search, said ^ repeated))
