"""What a question asks for letter by letter: quoted phrases, paragraphs, numbers, addresses.

Everything here is told by its shape alone, so a natural question holds nothing of the kind:
years, amounts, ordinals and hyphenated words are words like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_EXACT = 8
_LEAST_QUOTED = 1 / 6
"""Of a question's words: in running prose quotation marks only emphasise."""
_LONGEST = 200

_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]{2,200})[\"“”„«»]")
_PARAGRAPH = re.compile(r"(?:§§?|\b(?:paragraph|section|sec\.))\s*(\d+[a-z]?)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"\b(?:art\.?|artikel|article)\s*(\d+[a-z]?)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'“”„«»]+", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_TOKEN = re.compile(r"[^\W_](?:[\w./:+#-]*\w)?")
_AMOUNT = re.compile(r"\d+[.,:]\d+|\d{1,3}(?:[.,]\d{3})+(?:[.,]\d+)?")
_RANGE = re.compile(r"\d{1,4}[-/]\d{1,2}|\d{4}[-/]\d{4}|\d{3}[-/]\d{3}")
_WORD_EDGE_BEFORE, _WORD_EDGE_AFTER = r"(?<![[:alnum:]])", r"(?![[:alnum:]])"
_LEAST_LENGTH, _LEAST_DIGITS, _MANY_DIGITS = 4, 2, 5


@dataclass(frozen=True, slots=True)
class Exact:
    """Something a chunk has or has not.

    ``phrases`` are the ways it may be written, to gather chunks by their words; ``pattern`` is the
    regular expression (PostgreSQL's, matched whatever the case) that decides.
    """

    text: str
    phrases: tuple[str, ...]
    pattern: str


def find_exact(query: str) -> tuple[Exact, ...]:
    """Return what ``query`` names exactly, in its order of kinds, each once."""
    found: dict[str, Exact] = {}
    rest = query
    for shape, read in _SHAPES:
        for match in shape.finditer(rest):
            exact = read(match)
            if exact is not None and not (shape is _QUOTED and _is_aside(match.group(), query)):
                found.setdefault(exact.pattern, exact)
        # What one shape has read is no token of another: the digits of an IBAN are no number.
        rest = shape.sub(lambda match: " " * len(match.group()), rest)
    for token in _codes(rest):
        found.setdefault(token.pattern, token)
    return tuple(found.values())[:MOST_EXACT]


def _is_aside(quoted: str, query: str) -> bool:
    return len(quoted.split()) < _LEAST_QUOTED * len(query.split())


def _quoted(match: re.Match[str]) -> Exact | None:
    words = match.group(1).split()
    if not any(letter.isalnum() for word in words for letter in word):
        return None
    return Exact(match.group(1).strip(), (" ".join(words),), _spaced(words))


def _paragraph(match: re.Match[str]) -> Exact:
    number = match.group(1).lower()
    pattern = rf"(?:§§?|\m(?:paragraph|section|sec\.?))\s*{number}{_WORD_EDGE_AFTER}"
    return Exact(f"§ {number}", (number,), pattern)


def _article(match: re.Match[str]) -> Exact:
    number = match.group(1).lower()
    pattern = rf"\m(?:art\.?|artikel|article)\s*{number}{_WORD_EDGE_AFTER}"
    phrases = tuple(f"{word} {number}" for word in ("Art.", "Artikel", "Article"))
    return Exact(f"Art. {number}", phrases, pattern)


def _email(match: re.Match[str]) -> Exact:
    return _literal(match.group().strip("."))


def _url(match: re.Match[str]) -> Exact:
    address = re.sub(r"^https?://", "", match.group().rstrip(".,;:!?)"), flags=re.IGNORECASE)
    return _literal(address)


def _iban(match: re.Match[str]) -> Exact:
    letters = match.group().replace(" ", "")
    spaced = " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))
    pattern = r"\s?".join(map(_escaped, letters))
    return Exact(letters, (letters, spaced), f"{_WORD_EDGE_BEFORE}{pattern}{_WORD_EDGE_AFTER}")


_SHAPES = (
    (_QUOTED, _quoted),
    (_EMAIL, _email),
    (_URL, _url),
    (_IBAN, _iban),
    (_PARAGRAPH, _paragraph),
    (_ARTICLE, _article),
)


def _codes(text: str) -> Iterator[Exact]:
    """Yield invoice numbers, part numbers, versions: digits with capitals or separators."""
    for match in _TOKEN.finditer(text):
        token = match.group()
        if len(token) <= _LONGEST and _is_code(token):
            yield _literal(token)


def _is_code(token: str) -> bool:
    if token.isalpha():
        return False
    digits = sum(letter.isdigit() for letter in token)
    letters = [letter for letter in token if letter.isalpha()]
    if token.isdigit():
        return digits >= _MANY_DIGITS
    if not letters:
        return digits > _LEAST_DIGITS and not (_AMOUNT.fullmatch(token) or _RANGE.fullmatch(token))
    if len(token) < _LEAST_LENGTH or digits < _LEAST_DIGITS:
        return False
    is_version = token[0] in "vV" and len(letters) == 1
    return is_version or digits >= _MANY_DIGITS or all(letter.isupper() for letter in letters)


def _literal(text: str) -> Exact:
    return Exact(text, (text,), f"{_WORD_EDGE_BEFORE}{_escaped(text)}{_WORD_EDGE_AFTER}")


def _spaced(words: list[str]) -> str:
    """Let a phrase run over line ends."""
    return _WORD_EDGE_BEFORE + r"\s+".join(map(_escaped, words)) + _WORD_EDGE_AFTER


def _escaped(text: str) -> str:
    """Take every letter for itself; PostgreSQL's expressions escape punctuation as Python's do."""
    return re.sub(r"([^\w\s])", r"\\\1", text)
