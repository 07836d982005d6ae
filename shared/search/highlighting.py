"""Where a hit says what was asked: spans of the words that share a stem with the question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

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
        (text_language, word)
        for text_language, text in texts
        for word in set(_WORD.findall(text))
        if _first_letter(word) in letters
    }
    if not words:
        return [() for _ in texts]
    matching = store.list_matching_words(
        session, query=query, query_language=language, words=sorted(words)
    )
    marks = {language: _any_of(language, matching) for language in {each for each, _ in matching}}
    return [_spans(text, marks.get(text_language)) for text_language, text in texts]


def _any_of(language: str, matching: set[tuple[str, str]]) -> re.Pattern[str]:
    words = sorted(re.escape(word) for each, word in matching if each == language)
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)")


def _spans(text: str, mark: re.Pattern[str] | None) -> tuple[Span, ...]:
    found = mark.finditer(text) if mark else ()
    return tuple(match.span() for match in islice(found, _MOST_SPANS))


@lru_cache(maxsize=20_000)
def _first_letter(word: str) -> str:
    """Fold the first letter: stemming changes endings and umlauts, never more of the beginning."""
    return unicodedata.normalize("NFKD", word[0].casefold())[0]
