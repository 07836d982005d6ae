"""Answers a question with sentences that stand in the passages: no generation, nothing invented.

Each sentence is scored by closeness of meaning, shared rare words, shared letter groups, its
passage's rank and whether it could hold the kind of answer asked for. The best evidence decides
between an answer, related passages, and admitting that nothing was found.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from shared.inference.questions import fits, kind_of, subject_of
from shared.inference.sentences import sentences
from shared.inference.stemming import grams, stems, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.embedding import Embedder

State = Literal["answer", "related", "unknown"]

MOST_SENTENCES = 3
"""How many sentences an answer cites at most."""

# Weights of cosine and overlap in the evidence, chosen on XQuAD's English and German questions;
# a logistic regression over nine features was no better. MiniLM reads German poorly, so words
# count for more there, and the sum is scaled so that one threshold refuses alike in both.
_WEIGHTS = {"en": (1.0, 0.5), "de": (0.67, 0.78), "simple": (0.8, 0.6)}
_RANK_WEIGHT = 0.7
_KIND_WEIGHT = 0.2
_DIVERSITY = 0.8

# What the sentence before has counts a little: texts go on with "he", "this", "the contract".
_CARRIED_OVER = 0.3

# Read by the model at most; the rest share too few words. 16 measured as good as 30 (XQuAD).
_CANDIDATES = 16
_LONGEST_CHARS = 500
_FEWEST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Passage:
    """A search hit to read: its text, its search score (any scale, higher is better).

    ``headings`` are lines of the text that only name what follows; they are not quoted. ``said``
    gives words for lines that are mute alone, as the rows of a table are without its headers:
    they are judged by those, and quoted as they stand.
    """

    id: str
    text: str
    score: float
    language: str
    headings: tuple[str, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quote:
    """One sentence of a passage: ``passage.text[start:end] == text``.

    ``evidence`` is what the thresholds are measured on; ``score`` is what the order comes from;
    ``fit`` says from 0 to 1 whether it could hold the kind of answer asked for (0: it cannot).
    """

    passage_id: str
    start: int
    end: int
    text: str
    evidence: float
    score: float
    fit: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What the passages have to say: quotes, best first, none when the state is ``unknown``."""

    state: State
    evidence: float
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: Passage
    start: int
    end: int
    rank: float
    stems: frozenset[str]
    grams: frozenset[str]

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]

    @property
    def said(self) -> str:
        return self.passage.said.get(self.text, self.text)


def find_quotes(
    question: str,
    passages: Sequence[Passage],
    *,
    language: str,
    embedder: Embedder,
    answer_threshold: float,
    related_threshold: float,
) -> Finding:
    """Find the sentences that answer a question, at most three, in one embedding call.

    Evidence of a sentence = cosine + half the share of the question's rare words it has + half
    the share of its letter 4-grams (other weights in German), so between 0 and about 2.2. The
    first quote's evidence decides the state; one that cannot hold the kind of answer asked for
    (a question for a number, a sentence without any) is at most ``related``.
    """
    candidates = _candidates(passages)
    if not candidates or not words(question):
        return Finding("unknown", 0.0, ())
    overlaps = _overlaps(question, language, candidates)
    likeliest = sorted(range(len(candidates)), key=lambda i: (-overlaps[i], i))[:_CANDIDATES]
    vectors = embedder.embed([question, *(candidates[i].said for i in likeliest)])
    kind = kind_of(question, language)
    cosine_weight, overlap_weight = _WEIGHTS.get(language, _WEIGHTS["simple"])
    quotes = []
    for row, index in enumerate(likeliest, start=1):
        candidate = candidates[index]
        cosine = float(vectors[row] @ vectors[0])
        evidence = cosine_weight * cosine + overlap_weight * overlaps[index]
        fit = fits(kind, candidate.text, question=question, language=candidate.passage.language)
        score = evidence + _RANK_WEIGHT * candidate.rank + _KIND_WEIGHT * fit
        quotes.append(_quote(candidate, evidence=evidence, score=score, fit=fit))
    chosen = _diverse(quotes, vectors[1:])
    return _finding(chosen, answer_threshold=answer_threshold, related_threshold=related_threshold)


def _candidates(passages: Sequence[Passage]) -> list[_Candidate]:
    best = max((passage.score for passage in passages), default=0.0)
    found: list[_Candidate] = []
    seen: set[str] = set()
    for passage in sorted(passages, key=lambda passage: -passage.score):
        rank = passage.score / best if best > 0 else 0.0
        for start, end in _quotable(passage):
            text = passage.text[start:end]
            if text in seen:  # copies of a document would crowd out everything else
                continue
            seen.add(text)
            said = passage.said.get(text, text)
            known, letters = frozenset(stems(said, passage.language)), frozenset(grams(said))
            found.append(_Candidate(passage, start, end, rank, known, letters))
    return found


def _quotable(passage: Passage) -> list[tuple[int, int]]:
    """Return the spans worth quoting: no questions, no headings, unless there is nothing else."""
    spans = [
        piece
        for start, end in sentences(passage.text, passage.language)
        for piece in _pieces(passage.text, start, end)
    ]
    telling = [
        span
        for span in spans
        if (text := passage.text[slice(*span)]) not in passage.headings and _says_something(text)
    ]
    return telling or spans


def _says_something(text: str) -> bool:
    if text.endswith("?"):
        return False
    return len(words(text)) >= _FEWEST_WORDS or bool(re.search(r"\d|\|", text))


def _pieces(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """Cut what is too long to quote at line breaks, semicolons, commas or spaces."""
    while end - start > _LONGEST_CHARS:
        window = text[start : start + _LONGEST_CHARS]
        cut = next(
            (at + 1 for mark in ("\n", ";", ",", " ") if (at := window.rfind(mark)) > 0),
            _LONGEST_CHARS,
        )
        piece = window[:cut].rstrip()
        if piece:
            yield start, start + len(piece)
        start += cut
        start += len(text[start:end]) - len(text[start:end].lstrip())
    if start < end:
        yield start, end


def _overlaps(question: str, language: str, candidates: Sequence[_Candidate]) -> list[float]:
    """Share of the question's weight each candidate has, in stems plus in 4-grams (0 to 2)."""
    subject = " ".join(subject_of(question))
    before = _predecessors(candidates)
    by_stem = _shares(frozenset(stems(subject, language)), [c.stems for c in candidates], before)
    by_gram = _shares(frozenset(grams(subject)), [c.grams for c in candidates], before)
    return [a + b for a, b in zip(by_stem, by_gram, strict=True)]


def _predecessors(candidates: Sequence[_Candidate]) -> list[int | None]:
    """Point from each candidate to the one before it in the same passage."""
    return [
        index - 1 if index and candidates[index - 1].passage is candidate.passage else None
        for index, candidate in enumerate(candidates)
    ]


def _shares(
    asked: frozenset[str], held: Sequence[frozenset[str]], before: Sequence[int | None]
) -> list[float]:
    """Weigh each asked term by its rarity among the candidates, and sum what each one holds."""
    counts = Counter(term for terms in held for term in terms & asked)
    weights = {term: math.log(1 + len(held) / (1 + counts[term])) for term in sorted(asked)}
    total = sum(weights.values())
    if not total:
        return [0.0] * len(held)
    own = [sum(weights[term] for term in sorted(terms & asked)) for terms in held]
    shares = []
    for index, previous in enumerate(before):
        carried = frozenset() if previous is None else (held[previous] & asked) - held[index]
        lent = _CARRIED_OVER * sum(weights[term] for term in sorted(carried))
        shares.append((own[index] + lent) / total)
    return shares


def _quote(candidate: _Candidate, *, evidence: float, score: float, fit: float) -> Quote:
    return Quote(
        passage_id=candidate.passage.id,
        start=candidate.start,
        end=candidate.end,
        text=candidate.text,
        evidence=evidence,
        score=score,
        fit=fit,
    )


def _diverse(quotes: Sequence[Quote], vectors: NDArray[np.float32]) -> list[Quote]:
    """Choose by maximal marginal relevance (Carbonell and Goldstein 1998), lambda 0.8."""
    best = max(quote.score for quote in quotes)
    scale = best if best > 0 else 1.0
    left = list(range(len(quotes)))
    chosen: list[int] = []
    while left and len(chosen) < MOST_SENTENCES:

        def gain(index: int) -> float:
            repeated = max((float(vectors[index] @ vectors[other]) for other in chosen), default=0)
            return _DIVERSITY * quotes[index].score / scale - (1 - _DIVERSITY) * repeated

        picked = max(left, key=gain)
        left.remove(picked)
        chosen.append(picked)
    return [quotes[index] for index in chosen]


def _finding(chosen: list[Quote], *, answer_threshold: float, related_threshold: float) -> Finding:
    evidence = chosen[0].evidence
    if evidence < related_threshold:
        return Finding("unknown", evidence, ())
    is_answer = evidence >= answer_threshold and chosen[0].fit > 0
    state: State = "answer" if is_answer else "related"
    kept = tuple(quote for quote in chosen if quote.evidence >= related_threshold)
    return Finding(state, evidence, kept)
