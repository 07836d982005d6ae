"""The same passage in several documents is one hit: a law lies there as PDF, page and text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.search.model import Elsewhere, Hit

_WORD = re.compile(r"\w+")
_LEAST_SHARED = 0.9
_NUMBER = re.compile(r"\d")
_NEAR = 0.03
"""Passages whose cosines differ by more are not the same: spares comparing their words."""


class _Words(dict[str, frozenset[str]]):
    """The words of texts, split when first asked for."""

    def __missing__(self, text: str) -> frozenset[str]:
        words = self[text] = frozenset(_WORD.findall(text.casefold()))
        return words


def collapse(hits: Sequence[Hit]) -> list[Hit]:
    """Keep the best of passages that say the same, with the others as its ``also_in``.

    The same: nine of ten words and every number, in whatever layout. Passages of one document are
    never collapsed: it may well repeat itself, and says so in different places.
    """
    kept: list[Hit] = []
    said = _Words()
    others: dict[int, list[Elsewhere]] = {}
    for hit in hits:
        place = next((at for at, one in enumerate(kept) if _says_the_same(one, hit, said)), None)
        if place is None:
            kept.append(hit)
        else:
            others.setdefault(place, []).append(
                Elsewhere(hit.chunk_id, hit.document_id, hit.version_id, hit.title, hit.page)
            )
    return [hit.with_others(tuple(others.get(place, ()))) for place, hit in enumerate(kept)]


def _says_the_same(one: Hit, other: Hit, said: _Words) -> bool:
    if one.document_id == other.document_id or abs(one.dense_score - other.dense_score) > _NEAR:
        return False
    longer, shorter = sorted((len(one.text), len(other.text)), reverse=True)
    if shorter < _LEAST_SHARED / 2 * longer:  # half of it may be layout
        return False
    mine, theirs = said[one.text], said[other.text]
    shared = len(mine & theirs)
    is_alike = bool(mine) and shared >= _LEAST_SHARED * (len(mine) + len(theirs) - shared)
    return is_alike and not any(map(_NUMBER.search, mine ^ theirs))
