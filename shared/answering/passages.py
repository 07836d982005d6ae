"""Which of the hits an answer reads: the same words from several copies of a document once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.inference.stemming import words
from shared.search.model import Hit

# A passage counts as a copy when this share of its runs of three words stands in a better one:
# formats of one document differ in hyphenation and where they are cut. Forms filled in differ in
# figures, so a copy has none of its own.
_COPIED = 0.9
_RUN = 3
_FIGURE = re.compile(r"\d+")
_LABEL = re.compile(r"^\s*[(\[]?\d+[.)\]]\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Read:
    runs: frozenset[tuple[str, ...]]
    figures: frozenset[str]

    def copies(self, other: _Read) -> bool:
        """Whether it says nothing that ``other`` does not say; what says more is no copy."""
        shared = len(self.runs & other.runs)
        return shared >= _COPIED * len(self.runs) and self.figures <= other.figures


def distinct(hits: Sequence[Hit], *, most: int) -> tuple[Hit, ...]:
    """Return the best hits, at most so many, without copies of better ones."""
    kept: list[Hit] = []
    known: list[_Read] = []
    for hit in hits:
        read = _Read(_runs(hit.text), frozenset(_FIGURE.findall(_LABEL.sub(" ", hit.text))))
        if any(read.copies(other) for other in known):
            continue
        kept.append(hit)
        known.append(read)
        if len(kept) == most:
            break
    return tuple(kept)


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    said = words(text)
    return frozenset(tuple(said[at : at + _RUN]) for at in range(max(1, len(said) - _RUN + 1)))
