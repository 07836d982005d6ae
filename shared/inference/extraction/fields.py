"""Answers that stand in fields: a table's cell, "IBAN: DE02 …", a figure under what it counts.

Sentences are judged by what they share with the question; a field is read the other way round.
Its label has to be asked for, its row or its surroundings have to be those that are meant, and
its value has to be of the kind that is wanted. What of the question is found nowhere speaks
against it, so that a table of ducks does not answer how many geese there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from shared.inference.extraction.expecting import Wanted, canonical, wanted_by
from shared.inference.extraction.lines import fields_in, lists_in, names_in
from shared.inference.extraction.matching import likeness, root
from shared.inference.extraction.model import Field, Passage
from shared.inference.stemming import words

# Chosen on one half of the questions about office files, and measured on the other.
TRUSTED = 0.42
_NEARLY = 0.92
_MOST = 3
_SURROUNDING = 0.7
_PRECISION = 0.6
_FIGURE_ELSEWHERE = 0.2
_ROWS_OWN = 0.3
_STATED = 0.8
_CROWDED = 0.03
_ALIKE = 0.72
_BEGINNING = 0.75
_SHORTEST_PART = 5
_SHORTEST_ROOT = 4
_PARTLY = 0.5


@dataclass(frozen=True, slots=True)
class Match:
    """A field that may answer, and how well what is asked fits it, from 0 to 1."""

    passage: Passage
    field: Field
    score: float


def fits(question: str, text: str, *, language: str) -> bool:
    """Whether a line could hold the kind of value that a question asks for."""
    return wanted_by(question, language).may_stand_in(text)


def unheard(
    question: str, passage: Passage, passages: Sequence[Passage], *, language: str
) -> float:
    """Return which share of a question's words a passage's document does not speak of at all."""
    asked = [
        word for word, weight in wanted_by(question, language).words.items() if weight >= _PARTLY
    ]
    around = _spoken_of([each for each in passages if _same_document(each, passage)])
    strange = [word for word in asked if not _is_near(word, around, passage.language)]
    return len(strange) / len(asked) if asked else 0.0


def _same_document(one: Passage, other: Passage) -> bool:
    return (one.document or one.id) == (other.document or other.id)


def find_fields(question: str, passages: Sequence[Passage], *, language: str) -> list[Match]:
    """Return the fields that answer a question, best first, at most three that fit as well.

    Nothing comes back when the best one cannot be trusted; sentences may answer then.
    """
    wanted = wanted_by(question, language)
    if not wanted.words:
        return []
    found = sorted(_matches(wanted, passages), key=lambda match: -match.score)
    if not found or found[0].score < TRUSTED:
        return []
    least = max(TRUSTED, _NEARLY * found[0].score)
    chosen: list[Match] = []
    for match in found:
        is_new = all(match.field.said != each.field.said for each in chosen)
        if match.score >= least and is_new and len(chosen) < _MOST:
            chosen.append(match)
    return chosen


def _matches(wanted: Wanted, passages: Sequence[Passage]) -> Iterator[Match]:
    best = max((passage.score for passage in passages), default=0.0) or 1.0
    known: dict[str, tuple[str, ...]] = {}
    for passage in passages:
        document = passage.document or passage.id
        if document not in known:
            known[document] = _spoken_of([p for p in passages if (p.document or p.id) == document])
        around = known[document]
        # Equal fields of several documents: the search knows which of those is meant.
        worth = 0.98 + 0.02 * passage.score / best
        is_manner = wanted.kind == "manner"  # steps say how, a line seldom does
        names = names_in(passage.text) if wanted.kind in {"person", "number"} else ()
        for field in (*passage.fields, *fields_in(passage.text), *names):
            if wanted.fits(field.value):
                score = _score(wanted, field, around, passage.language)
                yield Match(passage, field, worth * score * (_STATED if is_manner else 1.0))
        for each in lists_in(passage.text) if wanted.is_list else ():
            field = _under_heading(each, passage) if is_manner else each
            yield Match(passage, each, worth * _score(wanted, field, around, passage.language))


def _under_heading(field: Field, passage: Passage) -> Field:
    """Give steps the heading of their section: it says what they are steps of."""
    heading = passage.headings[-1] if passage.headings else passage.text.split("\n", 1)[0]
    return replace(field, label=heading) if field.is_ordered else field


def _score(wanted: Wanted, field: Field, around: tuple[str, ...], language: str) -> float:
    """Say how well a field fits: by its label, its row, its surroundings and what is missing."""
    label, beside = _spoken([field.label]), _spoken([field.beside])
    attribute = entity = surrounding = missing = 0.0
    for word, weight in wanted.words.items():
        if _named(word, label, language) and not word.isdigit():
            attribute += weight
        elif _named(word, (*beside, *label), language):
            entity += weight
        elif _is_near(word, around, language):
            # A figure names a row; elsewhere it is likely another's.
            share = _FIGURE_ELSEWHERE if any(map(str.isdigit, word)) else 1.0
            surrounding += share * weight
            missing += (1 - share) * weight
        else:
            missing += weight
    by_kind = [] if attribute >= _PARTLY else [word for word in label if wanted.is_label(word)]
    # A label that only names the kind of value answers for its row alone, not for what is around.
    strange = surrounding if not entity else _ROWS_OWN * surrounding
    apart = missing if attribute or not by_kind else missing + strange
    bonus = wanted.bonus if by_kind else 0.0
    attribute += bonus
    if not attribute or wanted.repeats(_spoken([field.value])):
        return 0.0
    asked = sum(wanted.words.values()) + bonus
    coverage = (attribute + entity + _SURROUNDING * surrounding) / asked
    recall = attribute / (attribute + apart)
    precision = _precision(wanted, label, by_kind, language)
    if not by_kind and not wanted.counts(label, beside, lambda a, b: _named(a, [b], language)):
        recall *= _PARTLY
    close = 1 - _CROWDED * (1 - entity / max(1, len(beside))) if beside else 1.0
    return (
        coverage
        * recall
        * (1 - _PRECISION + _PRECISION * precision)
        * close
        * wanted.worth(field.value)
    )


def _precision(
    wanted: Wanted, label: tuple[str, ...], by_kind: Sequence[str], language: str
) -> float:
    """Return the share of a label's words that are asked for; parts of words count half."""
    telling = [word for word in label if not wanted.is_grammar(word)]
    if not telling:
        return 0.0

    def worth(word: str) -> float:
        if word in by_kind or any(_is_same(asked, word, language) for asked in wanted.words):
            return 1.0
        return _PARTLY * any(_is_part(asked, word, language) for asked in wanted.words)

    return sum(map(worth, telling)) / len(telling)


def _named(word: str, said: Iterable[str], language: str) -> bool:
    return any(_is_same(word, other, language) or _is_part(word, other, language) for other in said)


def _is_near(word: str, said: Iterable[str], language: str) -> bool:
    """Whether surroundings speak of a word: compounds that begin alike count, too."""
    return any(_begin_alike(word, other, language) for other in said)


@lru_cache(maxsize=100_000)
def _begin_alike(one: str, other: str, language: str) -> bool:
    first, second = sorted((root(one, language), root(other, language)), key=len)
    is_stem = len(first) >= _SHORTEST_ROOT and second.startswith(first)
    return is_stem or _is_same(one, other, language) or _is_part(one, other, language)


@lru_cache(maxsize=100_000)
def _is_same(one: str, other: str, language: str) -> bool:
    if any(map(str.isdigit, one)) or any(map(str.isdigit, other)):
        return one == other
    shared = _common(one, other)
    begins = shared > _SHORTEST_PART and shared >= _BEGINNING * min(len(one), len(other))
    return begins or likeness(one, other, language) >= _ALIKE


def _common(one: str, other: str) -> int:
    """Count the letters that two words begin with alike."""
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return at


@lru_cache(maxsize=100_000)
def _is_part(one: str, other: str, language: str) -> bool:
    """Whether one word is composed with the other: "fällig" and "Fälligkeit"."""
    short, long = sorted((one, other), key=len)
    if any(map(str.isdigit, long)):
        return False
    stem = root(short, language)
    is_first = len(stem) >= _SHORTEST_ROOT and long.startswith(stem)
    return is_first or (len(short) >= _SHORTEST_PART and long.endswith(short))


def _spoken_of(passages: Sequence[Passage]) -> tuple[str, ...]:
    """Return what the passages of one document speak of, its title and headings included."""
    title = passages[0].title.replace("_", " ")
    headings = [heading for passage in passages for heading in passage.headings]
    return _spoken([title, *headings, *(passage.text for passage in passages)])


def _spoken(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(canonical(word) for text in texts for word in words(text)))
