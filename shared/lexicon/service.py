"""Use cases of the lexicon: cut and weigh texts, count them in, count them out.

Postgres cuts texts into lexemes; whatever is reckoned from them is reckoned here, some hundred
texts at once. Counts go in and out by one upsert that always finds its row by key: right after
an upload there are no table statistics yet, and a join planned without them took 60 ms a chunk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from shared.adapters.database import Session
from shared.inference.language import Language
from shared.lexicon import store
from shared.lexicon.model import Said, Text, Weighed, read_lexemes
from shared.lexicon.sparse import gram_vectors, stem_vectors

_WORD = re.compile(r"\b[^\W\d_]{4,40}\b")
_SHARED = 2
_FOLDS = str.maketrans("äöü", "aou")


def weigh_texts(session: Session, texts: Sequence[Text]) -> Weighed:
    """Cut texts into lexemes and weigh those."""
    said = [
        Said(text.language, f"{text.heading}\n{text.shown}", row.lexemes, read_lexemes(row.lexemes))
        for text, row in zip(texts, store.list_written(session, texts), strict=True)
    ]
    lexemes = [each.lexemes for each in said]
    return Weighed(said, stem_vectors(lexemes), gram_vectors(lexemes))


def count_in(session: Session, said: Sequence[Said]) -> None:
    """Add texts to the tenant's counts; whoever adds them holds the tenant's index."""
    counts = _counts(said)
    new = {
        (row.language, row.lexeme)
        for row in store.count_lexemes(session, counts)
        if row.chunk_count == counts[row.language, row.lexeme] and row.lexeme.isalpha()
    }
    _count_corpora(session, said, sign=1)
    for language in {each for each, _ in new}:
        _keep_readable(session, language, {stem for each, stem in new if each == language}, said)


def count_out(session: Session, said: Sequence[Said]) -> None:
    """Take texts out of the tenant's counts; words that nobody says any more go."""
    counts = {key: -count for key, count in _counts(said).items()}
    gone: dict[Language, list[str]] = {}
    for row in store.count_lexemes(session, counts):
        if row.chunk_count <= 0:
            gone.setdefault(row.language, []).append(row.lexeme)
    for language, lexemes in gone.items():
        store.remove_empty(session, language, lexemes)
    _count_corpora(session, said, sign=-1)
    store.remove_empty_corpora(session)


def _keep_readable(
    session: Session, language: Language, stems: set[str], said: Sequence[Said]
) -> None:
    """Keep, for stems that are new, a form that people can read.

    Only words that begin like one of them are sent to be stemmed: a stem keeps its word's first
    two letters, but for umlauts.
    """
    beginnings = set(map(_beginning, stems))
    words = Counter(
        word
        for each in said
        if each.language == language and not stems.isdisjoint(each.lexemes)
        for word in _WORD.findall(each.shown)
        if _beginning(word) in beginnings
    )
    if words:
        store.record_readable_words(session, language, words, stems)


def _counts(said: Sequence[Said]) -> Counter[tuple[Language, str]]:
    return Counter((each.language, lexeme) for each in said for lexeme in each.lexemes)


def _count_corpora(session: Session, said: Sequence[Said], *, sign: int) -> None:
    chunks = Counter(each.language for each in said)
    for language in sorted(chunks):
        lexemes = sum(each.length for each in said if each.language == language)
        store.count_corpus(
            session, language, chunks=sign * chunks[language], lexemes=sign * lexemes
        )


def _beginning(word: str) -> str:
    return word[:_SHARED].lower().translate(_FOLDS)
