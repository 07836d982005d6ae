"""Where a hit says what was asked: spans of the words that share a stem with the question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from shared.adapters.database import Session
from shared.search import store
from shared.search.wording import Wording

_WORD = re.compile(r"\w+")
_MOST_SPANS = 200
_MOST_KNOWN = 20_000
_Y_AS_I = str.maketrans("y", "i")
Span = tuple[int, int]
Word = tuple[str, str]

_known: dict[Word, frozenset[str]] = {}
"""The lexemes of (language, word) pairs. They belong to the language, not to a tenant."""


def find_highlights(
    session: Session, asked: Wording, texts: Sequence[tuple[str, str]]
) -> list[tuple[Span, ...]]:
    """Return the spans to mark in each of ``texts``, which are (language, text) pairs.

    Stems come from the database, so a word is marked exactly when it counted as a match.
    """
    lexemes: dict[str, set[str]] = {}
    for term in asked.terms:
        if term.kind == "exact":
            lexemes.setdefault(term.language, set()).add(term.lexeme)
    beginnings = {_beginning(part) for word in asked.weights for part in _WORD.findall(word)}
    by_language: dict[str, list[str]] = {}
    for language, text in texts:
        by_language.setdefault(language, []).append(text)
    alike = {
        (language, word)
        for language, written in by_language.items()
        for word in set(_WORD.findall("\n".join(written)))
        if _beginning(word) in beginnings
    }
    known = _lexemes_of(session, alike)
    marked: dict[str, list[str]] = {}
    for language, word in alike:
        if not known[language, word].isdisjoint(lexemes.get(language, ())):
            marked.setdefault(language, []).append(word)
    return [_spans(text, marked.get(language, ())) for language, text in texts]


def _spans(text: str, words: Iterable[str]) -> tuple[Span, ...]:
    """Return where whole words stand in a text, in its order."""
    found = []
    for word in words:
        at = text.find(word)
        while at >= 0:
            end = at + len(word)
            if not (_WORD.match(text[at - 1 : at]) or _WORD.match(text[end : end + 1])):
                found.append((at, end))
            at = text.find(word, end)
    return tuple(sorted(found)[:_MOST_SPANS])


def _lexemes_of(session: Session, words: Iterable[Word]) -> dict[Word, frozenset[str]]:
    """Look words up, those that were not looked up before in the database."""
    found = {word: _known[word] for word in words if word in _known}
    missing = sorted(set(words) - found.keys())
    if missing:
        new = {
            (row.language, row.word): frozenset(row.lexemes)
            for row in store.list_lexemes(session, missing)
        }
        if len(_known) + len(new) > _MOST_KNOWN:
            _known.clear()
        _known.update(new)
        found.update(new)
    return found


@lru_cache(maxsize=20_000)
def _beginning(word: str) -> str:
    """Fold the first two letters: stemming changes endings and umlauts, and y to i."""
    folded = unicodedata.normalize("NFKD", word[:2].casefold())
    letters = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return letters[:2].translate(_Y_AS_I)
