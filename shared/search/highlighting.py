"""Where a hit says what was asked: spans of the words that share a stem with the question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from shared.adapters.database import Session
from shared.inference.language import Language
from shared.search import store

_WORD = re.compile(r"\w+")
_MOST_SPANS = 200
Span = tuple[int, int]


def find_highlights(
    session: Session, query: str, language: Language, texts: Sequence[tuple[str, str]]
) -> list[tuple[Span, ...]]:
    """Return the spans to mark in each of ``texts``, which are (language, text) pairs.

    Stems come from the database, so a word is marked exactly when it counted as a match.
    """
    letters = {_first_letter(word) for word in _WORD.findall(query)}
    words = {
        (text_language, match)
        for text_language, text in texts
        for match in _WORD.findall(text)
        if _first_letter(match) in letters
    }
    if not words:
        return [() for _ in texts]
    matching = store.list_matching_words(
        session, query=query, query_language=language, words=sorted(words)
    )
    return [_spans(text, text_language, matching) for text_language, text in texts]


def _spans(text: str, language: str, matching: set[tuple[str, str]]) -> tuple[Span, ...]:
    found = (m.span() for m in _WORD.finditer(text) if (language, m.group()) in matching)
    return tuple(span for _, span in zip(range(_MOST_SPANS), found, strict=False))


def _first_letter(word: str) -> str:
    """Fold the first letter: stemming changes endings and umlauts, never more of the beginning."""
    return unicodedata.normalize("NFKD", word[0].casefold())[0]
