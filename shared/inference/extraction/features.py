"""Describes each sentence by what speaks for it as the answer to a question.

Every feature lies between about -1 and 1. What they are worth is fitted, not chosen: see
``weights.json``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.inference.extraction.alignment import Alignment, Asking
from shared.inference.extraction.candidates import Candidate, candidates_of
from shared.inference.extraction.matching import Shares, likeness, root, roots
from shared.inference.extraction.measures import names_unit
from shared.inference.extraction.model import Passage
from shared.inference.extraction.questions import (
    FUNCTION_WORDS,
    Kind,
    fits,
    focus_of,
    kind_of,
    subject_of,
)
from shared.inference.stemming import grams, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.embedding import Embedder

FEATURES = (
    "cosine",  # of question and sentence; one that says "he" is read with the sentence before
    "words",  # share of the question's rare words that stand in it
    "grams",  # the same for 4-grams, which find German compounds
    "words_before",  # what only the sentence before, or a heading above, has
    "grams_before",
    "words_after",
    "passage_words",  # what the whole passage has
    "passage_grams",
    "passage_rank",  # 1 / rank
    "passage_cosine",
    "fit",  # whether it could hold the kind of answer asked for
    "focus",  # the thing a "which thing" asks for
    "adjacent",  # question words that stand close together here too
    "numbers_missing",  # share of the question's numbers it lacks
    "names_missing",  # share of the question's names that the passage lacks
    "anaphora",  # it says "he", and the sentence before has what was asked
    "aligned",  # how near the question's words find counterparts by meaning: see alignment
    "aligned_least",
    "aligned_rarest",
    "aligned_asking",
    "aligned_all",
    "passage_aligned",  # the best of "aligned" in its passage
    "kindred",  # how much of the question's words is written in words of the sentence
    "covered",  # share of the sentence's own 4-grams that are asked for
    "unit",  # a number of years for "how old": what is counted is named
    "length",
    "heading",  # share of the last heading above that the question names
)

# Read by the model at most; the rest share too few words. 12 measured as good as 30 (XQuAD).
_READ = 12
_LONGEST = 6.0  # log of about 400 words
_BEFORE = 0.5
_CLOSE = 3
_LEANING = 0.2  # of the question's weight; quotes one answer in twenty with the sentence before
_NAME = re.compile(r"\b[A-ZÄÖÜ][\w-]+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Reading:
    """The likeliest sentences and their features: float64, (n, len(FEATURES)), in their order.

    ``vectors``: float32, (n, dimension), what the model made of each sentence. ``leaning`` tells
    which sentences leave to the one before them what the question asks about.
    """

    kind: Kind
    candidates: list[Candidate]
    features: NDArray[np.float64]
    vectors: NDArray[np.float32]
    leaning: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_]) -> Reading:
        """Return the reading without some of its sentences."""
        return Reading(
            self.kind,
            [each for each, is_kept in zip(self.candidates, kept, strict=True) if is_kept],
            self.features[kept],
            self.vectors[kept],
            self.leaning[kept],
        )


@dataclass(frozen=True, slots=True)
class _Held:
    """What of the question one candidate has; names and words by what is asked, not as said."""

    words: frozenset[str]
    grams: frozenset[str]

    def joined(self, other: _Held) -> _Held:
        """Return what either has."""
        return _Held(self.words | other.words, self.grams | other.grams)


def read(
    question: str, passages: Sequence[Passage], *, language: str, embedder: Embedder
) -> Reading | None:
    """Describe the likeliest sentences, embedded in one call; ``None`` if there are none."""
    import numpy as np

    candidates = candidates_of(passages)
    asked = _Asked(question, language)
    if not candidates or not asked.words:
        return None
    scene = _Scene(asked, candidates)
    chosen = sorted(range(len(candidates)), key=lambda i: (-scene.promise(i), i))[:_READ]
    read_as = [scene.in_context(index) for index in chosen]
    first, *made = embedder.read_tokens([question, *read_as])
    asking = Asking(question, first, scene.rarity)
    # The search has embedded the question before: a remembering embedder has it at hand.
    meant = embedder.embed_question(question)
    sights = []
    for index, text, each in zip(chosen, read_as, made, strict=True):
        # What the sentence before lends is in the vectors; its own words are not counted.
        own = each.spans[:, 0] >= len(text) - len(candidates[index].said)
        sights.append(Sight(float(each.whole @ meant), asking.align(each.tokens[own])))
    seen = dict(zip(chosen, sights, strict=True))
    return Reading(
        asked.kind,
        [candidates[i] for i in chosen],
        np.array([scene.features(index, seen) for index in chosen], dtype=np.float64),
        np.stack([each.whole for each in made]),
        np.array([scene.leans(index) for index in chosen]),
    )


@dataclass(frozen=True, slots=True)
class Sight:
    """What the model sees in one sentence: its cosine with the question, and their words'."""

    cosine: float
    alignment: Alignment


class _Asked:
    """A question, taken apart."""

    def __init__(self, text: str, language: str) -> None:
        subject = subject_of(text)
        self.text = text
        self.kind = kind_of(text, language)
        self.words = frozenset(subject)
        self.grams = frozenset(grams(" ".join(subject)))
        self.pairs = list(pairwise(subject))
        self.focus = focus_of(text)
        self.focus_grams = frozenset(grams(" ".join(self.focus)))
        self.numbers = {word for word in words(text) if _DIGIT.search(word)}
        capitals = [first for name in _NAME.findall(text)[1:] for first in words(name)[:1]]
        self.names = self.words & set(capitals)


class _Scene:
    """All candidates of one question, and how each stands to it and to its neighbours."""

    def __init__(self, asked: _Asked, candidates: Sequence[Candidate]) -> None:
        self._asked = asked
        self._candidates = candidates
        self._held = [_held(asked, each) for each in candidates]
        self._words = Shares(asked.words, [held.words for held in self._held])
        self._grams = Shares(asked.grams, [held.grams for held in self._held])
        self._places = {(each.rank, each.place): i for i, each in enumerate(candidates)}
        self._headings: dict[tuple[int, str], _Held] = {}
        self._passages: dict[int, _Held] = {}
        for each, held in zip(candidates, self._held, strict=True):
            above = (each.rank, each.heading)
            if above not in self._headings:
                self._headings[above] = _headings(asked, each)
            known = self._passages.get(each.rank, self._headings[above])
            self._passages[each.rank] = known.joined(held)

    def promise(self, index: int) -> float:
        """Say roughly how much of the question a candidate and the sentence before it have."""
        held, before = self._held[index], self._above(index)
        own = self._words.of(held.words) + self._grams.of(held.grams)
        return own + _BEFORE * sum(self._lent(held, before))

    def in_context(self, index: int) -> str:
        """Return what the embedding model reads for a candidate."""
        candidate = self._candidates[index]
        before = self._places.get((candidate.rank, candidate.place - 1))
        if before is None or not candidate.is_anaphoric:
            return candidate.said
        return f"{self._candidates[before].said} {candidate.said}"

    @property
    def rarity(self) -> Mapping[str, float]:
        """How much each word of the question weighs."""
        return self._words.weights

    def leans(self, index: int) -> bool:
        """Whether the sentence before has a good part of the question that this one lacks.

        So "The record was held by Elway" answers only behind what the record is.
        """
        candidate = self._candidates[index]
        known = self._held[index].joined(self._headings[candidate.rank, candidate.heading])
        return sum(self._lent(known, self._beside(index, -1))) / 2 >= _LEANING

    def features(self, index: int, seen: Mapping[int, Sight]) -> list[float]:
        """Return a candidate's row, in the order of ``FEATURES``; ``seen`` holds all that are."""
        asked, candidate, held = self._asked, self._candidates[index], self._held[index]
        aligned, rank = seen[index].alignment, candidate.rank
        passage = self._passages[candidate.rank]
        words_before, grams_before = self._lent(held, self._above(index))
        words_after, _ = self._lent(held, self._beside(index, 1))
        closeness = candidate.passage.closeness
        lent = words_before + grams_before
        language = candidate.passage.language
        return [
            seen[index].cosine,
            self._words.of(held.words),
            self._grams.of(held.grams),
            words_before,
            grams_before,
            words_after,
            self._words.of(passage.words),
            self._grams.of(passage.grams),
            1 / (1 + candidate.rank),
            max(s.cosine for s in seen.values()) if closeness is None else closeness,
            fits(asked.kind, candidate.said, question=asked.text, language=language),
            _focus(asked, candidate),
            _adjacent(asked, candidate),
            _missing(asked.numbers, frozenset(words(candidate.said))),
            _missing(asked.names, passage.words),
            lent if candidate.is_anaphoric else 0.0,
            aligned.average,
            aligned.least,
            aligned.rarest,
            aligned.asking,
            aligned.all,
            max(s.alignment.average for i, s in seen.items() if self._rank(i) == rank),
            self._kindred(candidate),
            len(held.grams) / max(1, len(candidate.grams)),
            names_unit(asked.text, candidate.said),
            math.log1p(len(candidate.roots)) / _LONGEST,
            _heading(asked, candidate),
        ]

    def _rank(self, index: int) -> int:
        return self._candidates[index].rank

    def _kindred(self, candidate: Candidate) -> float:
        """Weigh the question's words by how much of each is written in a word of the sentence."""
        said = set(words(candidate.said))
        language = candidate.passage.language
        total = sum(self.rarity.values())
        shares = (
            weight * max((likeness(word, other, language) for other in said), default=0.0)
            for word, weight in self.rarity.items()
        )
        return sum(shares) / total if total else 0.0

    def _above(self, index: int) -> _Held:
        """Return what the sentence before and the headings of the passage have."""
        candidate = self._candidates[index]
        heading = self._headings[candidate.rank, candidate.heading]
        return self._beside(index, -1).joined(heading)

    def _beside(self, index: int, distance: int) -> _Held:
        candidate = self._candidates[index]
        found = self._places.get((candidate.rank, candidate.place + distance))
        if found is None or self._candidates[found].heading != candidate.heading:
            return _NOTHING
        return self._held[found]

    def _lent(self, held: _Held, other: _Held) -> tuple[float, float]:
        """Weigh the words and 4-grams that only the neighbour has."""
        return (
            self._words.of(other.words - held.words),
            self._grams.of(other.grams - held.grams),
        )


_NOTHING = _Held(frozenset(), frozenset())


def _held(asked: _Asked, candidate: Candidate) -> _Held:
    language, known = candidate.passage.language, frozenset(candidate.roots)
    return _Held(
        frozenset(word for word in asked.words if root(word, language) in known),
        candidate.grams & asked.grams,
    )


def _headings(asked: _Asked, candidate: Candidate) -> _Held:
    passage = candidate.passage
    above = dict.fromkeys((*passage.headings, candidate.heading))
    text, language = " ".join(above), passage.language
    known = frozenset(roots(text, language))
    return _Held(
        frozenset(word for word in asked.words if root(word, language) in known),
        asked.grams & grams(text),
    )


def _heading(asked: _Asked, candidate: Candidate) -> float:
    """Return the share of the last heading's 4-grams that the question has."""
    named = [word for word in words(candidate.heading) if word not in FUNCTION_WORDS]
    letters = grams(" ".join(word for word in named if not _DIGIT.search(word))) if named else set()
    return len(letters & asked.grams) / len(letters) if letters else 0.0


def _focus(asked: _Asked, candidate: Candidate) -> float:
    """Say how much of "which thing" stands in the sentence: as words or as parts of words."""
    if not asked.focus:
        return 0.0
    language = candidate.passage.language
    known = sum(root(word, language) in candidate.roots for word in asked.focus)
    letters = len(asked.focus_grams & candidate.grams) / max(1, len(asked.focus_grams))
    return max(known / len(asked.focus), letters)


def _adjacent(asked: _Asked, candidate: Candidate) -> float:
    """Return the share of the question's neighbouring words that stand close together here."""
    if not asked.pairs:
        return 0.0
    places: dict[str, list[int]] = {}
    for at, each in enumerate(candidate.roots):
        places.setdefault(each, []).append(at)
    language = candidate.passage.language

    def are_close(pair: tuple[str, str]) -> bool:
        first, second = (places.get(root(word, language), []) for word in pair)
        return any(0 < abs(a - b) <= _CLOSE for a in first for b in second)

    return sum(map(are_close, asked.pairs)) / len(asked.pairs)


def _missing(wanted: Set[str], known: frozenset[str]) -> float:
    return 1 - len(wanted & known) / len(wanted) if wanted else 0.0
