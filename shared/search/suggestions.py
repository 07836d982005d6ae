"""What may be meant while somebody types, and what may have been meant when nothing fits.

Typed letters and words are compared folded (no case, no umlauts, no accents). A German who writes
"kuendigung" is understood as well: both readings of "ue" are asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from shared.adapters.database import Session
from shared.inference.language import detect_language
from shared.kernel.errors import InvalidError
from shared.kernel.ids import DocumentId
from shared.search import discovery_store as store
from shared.search.model import Filters
from shared.search.service import filters_json

MOST_SUGGESTIONS = 10
LONGEST_START = 64
_SHORTEST_MISTYPED = 4
_MOST_CORRECTED = 4
_ENDINGS = ("ing", "en", "er", "es", "em", "ed", "ly", "e", "n", "s", "")
"""The index keeps one form of each stem, so a correction may differ from the word in these too."""
_WRITTEN_OUT = (("ae", "a"), ("oe", "o"), ("ue", "u"))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word, or a document by its title. ``is_exact`` when it begins as typed."""

    kind: str
    text: str
    document_id: DocumentId | None
    is_exact: bool


def suggest(
    session: Session, typed: str, *, filters: Filters | None = None, most: int = MOST_SUGGESTIONS
) -> list[Suggestion]:
    """Suggest how ``typed`` may go on: titles first, then the most frequent words.

    For a phrase, titles are matched as a whole and words by the last one; the suggestion then
    repeats what stands before it. Nothing is suggested from documents outside ``filters``.
    Raises InvalidError when more is asked for than ``MOST_SUGGESTIONS``.
    """
    if not 1 <= most <= MOST_SUGGESTIONS:
        raise InvalidError(f"A list of suggestions has 1 to {MOST_SUGGESTIONS} entries.")
    phrase = _plain(typed)[:LONGEST_START]
    if not phrase.strip():
        return []
    written = filters_json(filters or Filters())
    found = _suggestions(session, phrase.strip(), written, most, "")
    before, _, last = typed.strip().rpartition(" ")
    if before and not phrase.endswith(" ") and len(found) < most:
        words = _suggestions(session, _plain(last), written, most, before)
        found += [each for each in words if each.kind == "word"]
    return _each_once(found)[:most]


def correct(session: Session, query: str) -> str:
    """Return the query with its misspelt words corrected, or an empty string when none is.

    A word counts as misspelt when it occurs nowhere in the tenant's documents and one that does
    is a single slip away.
    """
    unknown = store.list_unknown_words(session, query, detect_language(query))
    corrected = query
    for word in [each for each in unknown if len(each) >= _SHORTEST_MISTYPED][:_MOST_CORRECTED]:
        better = _nearest(session, word)
        if better:
            corrected = re.sub(
                rf"(?<!\w){re.escape(word)}(?!\w)",
                lambda match, better=better: _cased(better, match[0]),  # type: ignore[misc]
                corrected,
                flags=re.IGNORECASE,
            )
    return corrected if corrected != query else ""


def fold(text: str) -> str:
    """Fold a text as ``kontor.folded`` does."""
    spread = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ẞ", "ss"))
    return re.sub("[\u0300-\u036f]", "", spread).lower()


def slips(word: str) -> list[str]:
    """Return LIKE patterns for what is one slip away from a folded word, behind its first letter.

    A letter too many, one too few, one in place of another, two in each other's place: Damerau
    (1964) found four fifths of all misspellings to be one of these.
    """
    found: dict[str, None] = {}
    for at in range(1, len(word)):
        head, letter, tail = word[:at], word[at], word[at + 1 :]
        found[_escaped(head) + _escaped(tail)] = None
        found[_escaped(head) + "_" + _escaped(tail)] = None
        found[_escaped(head) + "_" + _escaped(letter + tail)] = None
        if tail and tail[0] != letter:
            found[_escaped(head + tail[0] + letter + tail[1:])] = None
    return list(found)


def _plain(text: str) -> str:
    """Fold what was typed and cut it into words by single spaces, as titles are kept."""
    return re.sub(r"[^\w§]+|_", " ", fold(text)).lstrip()


def _suggestions(
    session: Session, start: str, filters: str, most: int, before: str
) -> list[Suggestion]:
    is_long = len(start) >= _SHORTEST_MISTYPED
    patterns = [f"{pattern}%" for pattern in slips(start)] if is_long else []
    rows = store.list_suggestions(
        session, starts=_readings(start), patterns=patterns, filters=filters, most=most
    )
    return [
        Suggestion(
            row.kind,
            f"{before} {row.label}" if before and row.kind == "word" else row.label,
            None if row.document_id is None else DocumentId(row.document_id),
            row.is_exact,
        )
        for row in rows
    ]


def _readings(start: str) -> list[str]:
    """Return a start as it is, and with written-out umlauts read as umlauts."""
    read = start
    for written, folded in _WRITTEN_OUT:
        read = read.replace(written, folded)
    return [start] if read == start else [start, read]


def _nearest(session: Session, word: str) -> str:
    """Return the most frequent word that is one slip away, or an empty string."""
    bases = list(dict.fromkeys((fold(word), _base(fold(word)))))
    wanted = [each for base in bases for each in (*_readings(base)[1:], *slips(base))]
    rows = store.list_suggestions(
        session,
        starts=[f"{fold(word)}\ufffd"],
        patterns=[f"{pattern}%" for pattern in wanted],
        filters="{}",
        most=100,
    )
    near = re.compile("|".join(_as_regex(pattern) for pattern in wanted))
    for row in rows:
        found = fold(row.label)
        forms = {found.removesuffix(ending) for ending in _ENDINGS}
        if row.kind == "word" and any(near.fullmatch(form) for form in forms):
            return row.label
    return ""


def _base(word: str) -> str:
    """Cut the longest ending that leaves enough of a word."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_MISTYPED:
            return word.removesuffix(ending)
    return word


def _as_regex(pattern: str) -> str:
    parts = re.split(r"(?<!\\)_", pattern)
    return ".".join(re.escape(re.sub(r"\\(.)", r"\1", part)) for part in parts)


def _cased(word: str, like: str) -> str:
    """Write a word with a capital where the word it replaces has one."""
    return word[0].upper() + word[1:] if like[0].isupper() else word


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _each_once(found: Sequence[Suggestion]) -> list[Suggestion]:
    seen: set[tuple[str, object]] = set()
    kept = []
    for each in found:
        key = (each.kind, each.document_id or each.text.casefold())
        if key not in seen:
            seen.add(key)
            kept.append(each)
    return kept
