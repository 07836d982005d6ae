"""What a question's words are in a tenant's vocabulary, and how much each of them weighs.

A word counts as itself. A German compound also counts as its parts, a German word as the compounds
it begins or ends, and a word nobody wrote as the one it was probably meant to be. What is not the
word itself weighs less, and only finds; character 4-grams rank.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

from shared.inference.language import Language
from shared.search.identifiers import Exact
from shared.search.store import FormRow

Kind = Literal["exact", "part", "compound", "neighbour"]

MOST_WORDS = 32
"""Longer questions say enough without what resembles their words."""
_SIMILAR_BUDGET = 500
_MOST_SIMILAR = 12

# What resembles a word, as a share of the word's own weight.
_PART, _HEAD, _COMPOUND, _NEIGHBOUR, _FAR_NEIGHBOUR = 0.4, 0.3, 0.25, 0.6, 0.35
_LINKS = ("", "s", "es", "n", "en", "er", "e", "ns")
_ENDINGS = ("ung", "ungs", "ig", "igs", "lich")
_LEAST_PART, _LEAST_HEAD = 4, 5
_LONG_WORD = 8


@dataclass(frozen=True, slots=True)
class Term:
    """A lexeme to look for in chunks of one language.

    ``gathered`` is how many chunks this word and all rarer ones are in: candidates are gathered by
    the rarest. What only resembles a word gathers always (0) or never (``None``).
    """

    word: str
    language: Language
    lexeme: str
    kind: Kind
    weight: float
    chunk_count: int
    gathered: int | None


@dataclass(frozen=True, slots=True)
class Wording:
    """A question as the index is asked for it.

    ``weights`` are the question's words with their inverse document frequency; a word in no chunk
    has the largest. ``forms`` are what each is written as in the tenant's languages.
    """

    terms: tuple[Term, ...]
    weights: dict[str, float]
    forms: dict[str, tuple[str, ...]]
    grams: dict[str, float]
    exact: tuple[Exact, ...]
    languages: dict[Language, int]

    @property
    def most_stems(self) -> float:
        """The BM25 that a chunk saying every word without end would come close to."""
        return 2.2 * sum(self.weights.values())

    @property
    def most_grams(self) -> float:
        """The same for the question's 4-grams."""
        heaviest: dict[str, float] = {}
        for lexeme, weight in self.grams.items():
            marked = f" {lexeme} "
            for at in range(max(1, len(marked) - 3)):
                gram = marked[at : at + 4]
                heaviest[gram] = max(weight, heaviest.get(gram, 0.0))
        return 2.2 * sum(heaviest.values())

    def _by_language(self) -> dict[Language, list[Term]]:
        found: dict[Language, list[Term]] = {}
        for term in self.terms:
            found.setdefault(term.language, []).append(term)
        return found

    def to_json(self) -> str:
        """Write it as the search function reads it."""
        return json.dumps(
            {
                "terms": [
                    {
                        "language": language,
                        "wanted": [t.lexeme for t in terms if t.gathered is not None],
                        "gathered": [t.gathered for t in terms if t.gathered is not None],
                        "weights": {t.lexeme: t.weight for t in terms},
                    }
                    for language, terms in self._by_language().items()
                ],
                "words": [
                    {"number": number, "weight": weight, "forms": self.forms[word]}
                    for number, (word, weight) in enumerate(self.weights.items())
                ],
                "grams": self.grams,
                "phrases": [phrase for exact in self.exact for phrase in exact.phrases],
                "patterns": [exact.pattern for exact in self.exact],
            }
        )


def weigh(rows: Sequence[FormRow], *, language: Language, exact: tuple[Exact, ...]) -> Wording:
    """Weigh what ``look_up`` found."""
    languages = {row.language: row.corpus_chunks for row in rows}
    own = [row for row in rows if row.kind == "exact"]
    found_in: dict[str, int] = {}
    forms: dict[str, list[str]] = {}
    for row in own:
        found_in[row.word] = found_in.get(row.word, 0) + row.chunk_count
        forms.setdefault(row.word, []).append(row.lexeme)
    # A language without a form of the word (it is a stop word there) has its chunks all the same.
    total = max((row.total_chunks for row in rows), default=0)
    rarest_first = sorted(found_in, key=lambda word: (found_in[word], word))
    weights = {word: _idf(total, found_in[word]) for word in rarest_first}
    gathered = dict(
        zip(rarest_first, accumulate(found_in[word] for word in rarest_first), strict=True)
    )
    terms = {
        (row.language, row.lexeme): _term(row, weights[row.word], gathered[row.word])
        for row in reversed(own)
        if row.chunk_count > 0
    }
    for term in _similar(rows, weights, language=language, total=total):
        terms.setdefault((term.language, term.lexeme), term)
    return Wording(
        terms=tuple(terms.values()),
        weights=weights,
        forms={word: tuple(dict.fromkeys([*forms[word], word])) for word in weights},
        grams=_grams(own, weights, language),
        exact=exact,
        languages=languages,
    )


def _idf(total: int, found_in: int) -> float:
    """Lucene's inverse document frequency: ln(1 + (N - df + 0.5) / (df + 0.5))."""
    return math.log(1 + (max(total - found_in, 0) + 0.5) / (found_in + 0.5))


def _grams(
    own: Sequence[FormRow], weights: dict[str, float], language: Language
) -> dict[str, float]:
    """Return the lexemes to cut into grams: the question's language's, or else everybody's."""
    spoken = [row for row in own if row.language == language] or own
    grams: dict[str, float] = {}
    for row in spoken:
        grams[row.lexeme] = max(weights[row.word], grams.get(row.lexeme, 0.0))
    return grams


def _similar(
    rows: Sequence[FormRow], weights: dict[str, float], *, language: Language, total: int
) -> list[Term]:
    """Return the lexemes that resemble a word, heaviest first, within their budget."""
    lexemes = {(row.word, row.language): row.lexeme for row in rows if row.kind == "exact"}
    parts = _true_parts(rows, lexemes)
    found: list[Term] = []
    for row in rows:
        if row.kind == "exact" or language not in ("simple", row.language):
            continue
        share = _share(row, lexemes[row.word, row.language], parts)
        if share > 0:
            weight = share * min(weights[row.word], _idf(total, row.chunk_count))
            found.append(_term(row, weight, 0))
    found.sort(key=lambda term: (-term.weight, term.lexeme))
    kept: list[Term] = []
    gathered = 0
    for term in found[:_MOST_SIMILAR]:
        gathered += term.chunk_count
        kept.append(term if gathered <= _SIMILAR_BUDGET else replace(term, gathered=None))
    return kept


def _term(row: FormRow, weight: float, gathered: int) -> Term:
    return Term(row.word, row.language, row.lexeme, row.kind, weight, row.chunk_count, gathered)


def _share(row: FormRow, lexeme: str, parts: dict[tuple[str, Language], dict[str, float]]) -> float:
    """Return how much a look-alike counts, as a share of the word itself."""
    if row.kind == "part":
        return parts.get((row.word, row.language), {}).get(row.lexeme, 0.0)
    if row.kind == "compound":
        return _COMPOUND
    allowed = 2 if len(lexeme) >= _LONG_WORD else 1
    distance = edit_distance(lexeme, row.lexeme, most=allowed)
    if distance > allowed:
        return 0.0
    return _NEIGHBOUR if distance <= 1 else _FAR_NEIGHBOUR


def _true_parts(
    rows: Sequence[FormRow], lexemes: dict[tuple[str, Language], str]
) -> dict[tuple[str, Language], dict[str, float]]:
    """Tell parts from letters that happen to be a word: two must make up the whole compound.

    Where only the end is known it is taken alone when it is long enough: it names the thing.
    """
    candidates: dict[tuple[str, Language], list[str]] = {}
    for row in rows:
        if row.kind == "part":
            candidates.setdefault((row.word, row.language), []).append(row.lexeme)
    true: dict[tuple[str, Language], dict[str, float]] = {}
    for key, known in candidates.items():
        whole = lexemes[key]
        ends = sorted((p for p in known if whole.endswith(p)), key=len, reverse=True)
        starts = [p for p in known if whole.startswith(p)]
        pair = next(
            (
                (start, end)
                for end in ends
                for start in sorted(starts, key=len, reverse=True)
                if whole.removesuffix(end).removeprefix(start) in _all_links(start)
                and len(start) + len(end) <= len(whole)
            ),
            None,
        )
        if pair:
            true[key] = dict.fromkeys(pair, _PART)
        elif ends and len(ends[0]) >= _LEAST_HEAD:
            true[key] = {ends[0]: _HEAD}
    return true


def _all_links(start: str) -> tuple[str, ...]:
    """Return what may stand between two parts: stems have lost "ung", which compounds keep."""
    return (*_LINKS, *_ENDINGS) if len(start) >= _LEAST_PART else _LINKS


def edit_distance(one: str, other: str, *, most: int) -> int:
    """Count insertions, removals, changes and swaps of neighbours; above ``most`` is ``most + 1``.

    Optimal string alignment (Damerau 1964), row by row, given up once a row lies above ``most``.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, match in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != match))
            if i > 1 and j > 1 and letter == other[j - 2] and match == one[i - 2]:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
