"""The same passage in several documents is one hit: a law lies there as PDF, page and text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.search.model import Elsewhere, Hit

_WORD = re.compile(r"\w+")
_LEAST_SHARED = 0.9
_NUMBER = re.compile(r"\d")
_NEAR = 0.1
"""Passages whose cosines differ by more are not the same: spares comparing their words."""


def collapse(hits: Sequence[Hit]) -> list[Hit]:
    """Keep the best of passages that say the same, with the others as its ``also_in``.

    The same: nine of ten words and every number, in whatever layout. Passages of one document are
    never collapsed: it may well repeat itself, and says so in different places.
    """
    kept: list[tuple[Hit, frozenset[str]]] = []
    others: dict[int, list[Elsewhere]] = {}
    for hit in hits:
        words = frozenset(_WORD.findall(hit.text.casefold()))
        place = _same(kept, hit, words)
        if place is None:
            kept.append((hit, words))
        else:
            others.setdefault(place, []).append(
                Elsewhere(hit.chunk_id, hit.document_id, hit.version_id, hit.title, hit.page)
            )
    return [hit.with_others(tuple(others.get(place, ()))) for place, (hit, _) in enumerate(kept)]


def _same(kept: list[tuple[Hit, frozenset[str]]], hit: Hit, words: frozenset[str]) -> int | None:
    for place, (one, known) in enumerate(kept):
        if one.document_id == hit.document_id or abs(one.dense_score - hit.dense_score) > _NEAR:
            continue
        shared = len(known & words)
        alike = shared >= _LEAST_SHARED * (len(known) + len(words) - shared)
        if words and alike and not any(map(_NUMBER.search, known ^ words)):
            return place
    return None
