"""One typed function per query of the lexicon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.inference.language import Language
from shared.lexicon.model import Text

QUERIES = load_queries("shared.lexicon")


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """A text's lexemes as Postgres writes them."""

    lexemes: str


@dataclass(frozen=True, slots=True)
class CountedRow:
    """In how many of the tenant's chunks a lexeme now occurs."""

    language: Language
    lexeme: str
    chunk_count: int


def list_written(session: Session, texts: Sequence[Text]) -> list[WrittenRow]:
    """Cut texts into lexemes; in the same order."""
    params = {
        "languages": [text.language for text in texts],
        "headings": [text.heading for text in texts],
        "contents": [text.searched for text in texts],
    }
    return session.all(QUERIES["list_written"], WrittenRow, params)


def count_lexemes(session: Session, counts: Mapping[tuple[Language, str], int]) -> list[CountedRow]:
    """Change in how many chunks lexemes occur by so many; returns in how many they do now."""
    keys = sorted(counts)  # one order for everybody
    params = {
        "languages": [language for language, _ in keys],
        "lexemes": [lexeme for _, lexeme in keys],
        "counts": [counts[key] for key in keys],
    }
    return session.all(QUERIES["count_lexemes"], CountedRow, params)


def count_corpus(session: Session, language: Language, *, chunks: int, lexemes: int) -> None:
    """Change how many chunks and lexemes there are in a language by so many."""
    session.execute(
        QUERIES["count_corpus"], {"language": language, "chunks": chunks, "lexemes": lexemes}
    )


def remove_empty(session: Session, language: Language, lexemes: Sequence[str]) -> None:
    """Delete lexemes that occur nowhere any more, and corpora that are empty."""
    params = {"language": language, "lexemes": list(lexemes)}
    session.execute(QUERIES["remove_empty_statistics"], params)


def remove_empty_corpora(session: Session) -> None:
    """Delete the languages nothing is written in any more."""
    session.execute(QUERIES["remove_empty_corpora"])


def record_readable_words(
    session: Session, language: Language, words: Mapping[str, int], stems: Iterable[str]
) -> None:
    """Keep, for every one of ``stems``, the word that becomes it and is said most often."""
    params = {
        "language": language,
        "words": list(words),
        "times": list(words.values()),
        "stems": list(stems),
    }
    session.execute(QUERIES["record_readable_words"], params)
