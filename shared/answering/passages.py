"""Which of the hits an answer reads: the same words from several copies of a document once."""

from __future__ import annotations

from collections.abc import Sequence

from shared.inference.stemming import words
from shared.search.model import Hit

# A passage counts as a copy from this share of the shorter one's runs of three words: formats of
# one document differ in numbering, hyphenation and where they are cut.
_COPIED = 0.85
_RUN = 3


def distinct(hits: Sequence[Hit], *, most: int) -> tuple[Hit, ...]:
    """Return the best hits, at most so many, without copies of better ones."""
    kept: list[Hit] = []
    known: list[frozenset[tuple[str, ...]]] = []
    for hit in hits:
        runs = _runs(hit.text)
        if any(len(runs & other) >= _COPIED * min(len(runs), len(other)) for other in known):
            continue
        kept.append(hit)
        known.append(runs)
        if len(kept) == most:
            break
    return tuple(kept)


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    said = words(text)
    return frozenset(tuple(said[at : at + _RUN]) for at in range(max(1, len(said) - _RUN + 1)))
