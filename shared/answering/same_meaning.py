"""Whether two questions ask the same: what a vector cannot tell, told by their words.

"Frist für Mieter" and "Frist für Vermieter" lie as close as two paraphrases do, and so do 2023
and 2024, "is" and "is not". A question is therefore reduced to what carries its meaning, and two
are the same only when that is equal: every figure, name and thing in its role, who is meant, how
many, whether, when, and what is asked for. Only wrapping may differ: politeness, articles, endings
of number and case, the place of a phrase. A pair it cannot judge it calls different.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from shared.answering.question_words import (
    IGNORED,
    LEADS,
    MARKS,
    MERGED,
    NUMERALS,
    PERSONS,
    PLACES,
    SHORTENED,
    TAILS,
    UNITS,
)

_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)*|§+|[%€$]|[^\W\d_]+(?:['’][^\W\d_]+)?|\w+|[,;:()]")
_PAUSES = frozenset(",;:()")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?:\D|$))")
_SHORTEST = 3


@dataclass(slots=True)
class Gist:
    """What carries a question's meaning.

    ``marks`` counts negations, quantities, persons, tenses and question words; ``bare`` are the
    things it names, in their order where the order tells who does what to whom; ``placed`` are
    those behind each preposition.
    """

    marks: Counter[str] = field(default_factory=Counter)
    bare: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    placed: dict[str, list[str]] = field(default_factory=dict)


def mean_the_same(one: str, other: str, *, language: str) -> bool:
    """Tell whether two questions in one language ask the same; in doubt they do not.

    Of other languages than German and English only the same words in the same order do.
    """
    texts = [core_of(text) for text in (one, other)]
    if language not in MARKS:
        first, second = (_TOKEN.findall(text.lower()) for text in texts)
        return first == second
    # Who types without capitals gives away no nouns: then the order of all words counts.
    is_cased = language == "de" and all(re.search(r"\s[A-ZÄÖÜ]", text) for text in texts)
    gists = [gist_of(text, language, is_cased=is_cased) for text in texts]
    if not (gists[0].bare or gists[0].placed):
        return texts[0] == texts[1]
    return gists[0] == gists[1]


def gist_of(question: str, language: str, *, is_cased: bool = False) -> Gist:
    """Reduce a question without its politeness to what carries its meaning."""
    gist, place = Gist(), _Place()
    for token in _TOKEN.findall(SHORTENED.sub(r"\1 is", question)):
        lowered = token.lower()
        mark = _mark_of(lowered, token, language)
        if token in _PAUSES:
            place = _Place()
        elif mark:
            gist.marks[mark] += 1
            if mark in PERSONS:
                gist.order.append(mark)
            place = _Place()
        elif lowered in PLACES[language]:
            gist.marks["in place"] += 1
            place = _Place(MERGED.get(lowered, lowered))
        elif lowered not in IGNORED[language]:
            place = _name(gist, token, place, language=language, is_cased=is_cased)
    return gist


@dataclass(frozen=True, slots=True)
class _Place:
    """The preposition that holds for the next thing; ``is_full``: for its number at most."""

    word: str = ""
    is_full: bool = False


def _name(gist: Gist, token: str, place: _Place, *, language: str, is_cased: bool) -> _Place:
    """Write a thing into its role; returns the preposition that still holds for the next one."""
    key = _key(token, language)
    if place.word and (token[0].isdigit() or not place.is_full):
        gist.placed.setdefault(place.word, []).append(key)
        # In German the preposition's phrase ends with its noun: "im Jahr 2024 die Miete".
        return _Place(place.word, is_full=place.is_full or (is_cased and token[0].isupper()))
    gist.bare[key] += 1
    if not is_cased or token[0].isupper() or token[0].isdigit():
        gist.order.append(key)
    return _Place()


def _mark_of(lowered: str, token: str, language: str) -> str:
    if lowered.endswith(("n't", "n’t")):
        return "not_"
    # With a capital they address somebody, in mid-sentence at least: a class of its own.
    if language == "de" and re.fullmatch(r"Sie|Ihnen|Ihr(?:e[mnrs]?)?", token):
        return "addressed"
    return MARKS[language].get(lowered, "")


def core_of(text: str) -> str:
    """Take politeness off both ends of a question, unless nothing is left then."""
    text = unicodedata.normalize("NFKC", text).strip()
    shorter = LEADS.sub("", text)
    for _ in range(2):
        shorter = TAILS.sub("", shorter)
    return shorter if _TOKEN.search(shorter) else text


def _key(token: str, language: str) -> str:
    """Give a word without the endings of number and case; no other ending is taken off.

    A stemmer would not do: CISTEM makes one stem of Miete and Mieter, of Kauf and Käufer.
    """
    lowered = token.lower()
    if token[0].isdigit():
        return "#" + _THOUSANDS.sub("", token)
    if lowered in NUMERALS:
        return "#" + NUMERALS[lowered]
    lowered = UNITS.get(lowered, lowered)
    if language == "en":
        return _english(lowered)
    return _german(lowered, is_noun=token[0].isupper()) if language == "de" else lowered


def _english(word: str) -> str:
    word = re.sub(r"['’]s?$", "", word)
    if word.endswith("ies") and len(word) > _SHORTEST + 1:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > _SHORTEST:
        return word[:-1]
    return word


def _german(word: str, *, is_noun: bool) -> str:
    endings = (
        ("en", "es", "em", "e", "n", "s") if is_noun else ("en", "es", "em", "e", "n", "s", "t")
    )
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            stem = word.removesuffix(ending)
            # Plurals change their vowel: Vertrag, Verträge. Verbs do not: drucken, drücken.
            is_plural = is_noun and ending in {"e", "en"}
            return stem.translate(_VOWELS) if is_plural else stem
    return word


_VOWELS = str.maketrans("äöü", "aou")
