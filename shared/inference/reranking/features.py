"""Judges by what words do in a passage: how many are there, how near, in which order, where.

No model and no dependency: coverage of the question by weight, the smallest window that holds
its words, word pairs kept in order, the heading, and the search's own score and cosine. Word
weights are inverse frequencies among the candidates themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.inference.extraction.questions import FUNCTION_WORDS
from shared.inference.language import Language, detect_language
from shared.inference.reranking.port import Candidate, Judgement, Reranker, Supplies, as_it_was
from shared.inference.stemming import stem, stems, words

# The search's own score leads; the features decide between neighbours.
_WEIGHTS = {
    "score": 0.70,
    "coverage": 0.10,
    "nearness": 0.08,
    "order": 0.06,
    "heading": 0.06,
}
_LONGEST = 4000  # words of a passage that are looked at


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question's words that carry meaning, in one language's stems, in order."""

    stems: tuple[str, ...]

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset(pairwise(self.stems))


class Features:
    """Judges by words alone."""

    @property
    def name(self) -> str:
        """What it is called in settings and requests."""
        return "features"

    def judge(self, query: str, candidates: Sequence[Candidate]) -> Judgement:
        """Score each candidate for ``query``."""
        asked = {language: _asked(query, language) for language in ("de", "en", "simple")}
        if not candidates or not any(each.stems for each in asked.values()):
            return as_it_was(candidates)
        read = [stems(each.text, each.language)[:_LONGEST] for each in candidates]
        seldom = _weights(asked, candidates, read)
        scores = []
        for candidate, passage in zip(candidates, read, strict=True):
            wanted = asked[candidate.language]
            values = {
                "score": candidate.score,
                "coverage": _share(set(passage), wanted, seldom),
                "nearness": _nearness(passage, wanted),
                "order": _order(passage, wanted),
                "heading": _share(_heading(candidate), wanted, seldom),
            }
            scores.append(sum(_WEIGHTS[name] * value for name, value in values.items()))
        return Judgement(tuple(scores))


def missing(supplies: Supplies) -> str:
    """Say that nothing is missing."""
    return ""


def open_reranker(supplies: Supplies) -> Reranker:
    """Open it."""
    return Features()


def _asked(query: str, language: Language) -> _Asked:
    spoken = detect_language(query)
    content = [word for word in words(query) if word not in FUNCTION_WORDS]
    said = content or words(query)
    return _Asked(tuple(stem(word, language if language != "simple" else spoken) for word in said))


def _weights(
    asked: dict[str, _Asked], candidates: Sequence[Candidate], read: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Weigh each of the question's stems by how few candidates have it."""
    known = {each for wanted in asked.values() for each in wanted.stems}
    found = dict.fromkeys(known, 0)
    for passage in read:
        for each in known & set(passage):
            found[each] += 1
    total = len(candidates)
    return {each: math.log(1 + (total + 1) / (count + 0.5)) for each, count in found.items()}


def _share(found: set[str], wanted: _Asked, weights: dict[str, float]) -> float:
    """Return the share of the question, by weight, that is among ``found``."""
    asked = set(wanted.stems)
    total = sum(weights[each] for each in asked)
    return sum(weights[each] for each in asked & found) / total if total else 0.0


def _heading(candidate: Candidate) -> set[str]:
    above = "\n".join((candidate.title, *candidate.heading_path))
    return set(stems(above, candidate.language))


def _nearness(passage: Sequence[str], wanted: _Asked) -> float:
    """Return how close together the question's words stand where most of them do.

    The number of different words over the smallest window that holds all those the passage has:
    1 when they stand side by side; one word alone says nothing about nearness.
    """
    asked = set(wanted.stems)
    places = [(at, each) for at, each in enumerate(passage) if each in asked]
    different = {each for _, each in places}
    if len(different) < 2:  # noqa: PLR2004 - nearness is between two
        return 0.0
    counts: dict[str, int] = {}
    start, best = 0, len(passage)
    for end, each in places:
        counts[each] = counts.get(each, 0) + 1
        while len(counts) == len(different):
            first, word = places[start]
            best = min(best, end - first + 1)
            counts[word] -= 1
            if not counts[word]:
                del counts[word]
            start += 1
    return len(different) / best * len(different) / len(asked)


def _order(passage: Sequence[str], wanted: _Asked) -> float:
    """Return the share of the question's neighbouring words that are neighbours here, too."""
    pairs = wanted.pairs
    if not pairs:
        return 0.0
    here = set(pairwise(passage)) | set(zip(passage, passage[2:], strict=False))
    return len(pairs & here) / len(pairs)
