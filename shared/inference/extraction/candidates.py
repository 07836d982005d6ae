"""What could be quoted: the sentences of the passages, with what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.inference.extraction.matching import roots
from shared.inference.extraction.model import Passage, begins_section
from shared.inference.sentences import begins_item, sentences
from shared.inference.stemming import grams, words

LONGEST_CHARS = 500
_FEWEST_WORDS = 4
_MOST_ITEMS = 12

# Sentences that begin so speak of what was named before; German and English.
_ANAPHOR = re.compile(
    r"^[\W\d]*(?:he|she|it|they|his|her|its|their|this|these|those|such|both"
    r"|er|sie|es|ihre?[rnms]?|seine?[rnms]?|dies\w*|jene[rsnm]?|solche\w*|dabei|dadurch|damit"
    r"|daher|darüber|darin|deren|dessen|dort|beide"
    r"|(?:today|usually|later|heute|später),? (?:he|she|it|this|they|er|sie|es|dies))\b",
    re.IGNORECASE,
)

_LOWER_ITEM = re.compile(r"^\S+\s+[a-zäöü]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage; ``rank`` counts the passages from 0, ``place`` its sentences.

    ``before`` is where the sentence before it begins, ``None`` for the first. ``heading`` is the
    last one above it, in the passage's text or, as a chunk tells, over it.
    """

    passage: Passage
    rank: int
    place: int
    start: int
    end: int
    before: int | None
    said: str
    heading: str
    roots: tuple[str, ...]
    grams: frozenset[str]

    @property
    def text(self) -> str:
        """The sentence as it stands in the passage."""
        return self.passage.text[self.start : self.end]

    @property
    def is_sentence(self) -> bool:
        """Whether it is a sentence of its own, not a table's row, a heading or an address."""
        is_row = self.text in self.passage.said or " | " in self.text
        return not is_row and self.text.endswith((".", "!", ":", ";", "”"))

    @property
    def is_fragment(self) -> bool:
        """Whether it goes on with a sentence begun above, as an item or after a cut."""
        is_item = begins_item(self.text) and bool(_LOWER_ITEM.match(self.text))
        return is_item or self.text[:1].islower()

    @property
    def is_anaphoric(self) -> bool:
        """Whether it speaks of something the sentence before has named."""
        return self.before is not None and bool(_ANAPHOR.match(self.text))


def candidates_of(passages: Sequence[Passage]) -> list[Candidate]:
    """Return the sentences worth quoting, best passage first; copies of a text come once."""
    found: list[Candidate] = []
    seen: set[str] = set()
    for rank, passage in enumerate(sorted(passages, key=lambda passage: -passage.score)):
        spans, heads = _quotable(passage)
        over = passage.headings[-1] if passage.headings else ""
        for place, (start, end) in enumerate(spans):
            heading = next((text for at, text in reversed(heads) if at < start), over)
            text = passage.text[start:end]
            key = " ".join(words(text)) or text
            if key in seen:  # copies of a document would crowd out everything else
                continue
            seen.add(key)
            said = passage.said.get(text, text)
            found.append(
                Candidate(
                    passage=passage,
                    rank=rank,
                    place=place,
                    start=start,
                    end=end,
                    before=spans[place - 1][0] if place else None,
                    said=said,
                    heading=heading,
                    roots=tuple(roots(said, passage.language)),
                    grams=frozenset(grams(said)),
                )
            )
    return found


def items_after(passage: Passage, end: int) -> list[tuple[int, int]]:
    """Return the items of the list that begins right behind ``end``, at most twelve."""
    found: list[tuple[int, int]] = []
    for start, stop in sentences(passage.text, passage.language):
        if start < end:
            continue
        if begins_item(passage.text[start:stop]):
            found.append((start, stop))
        elif not found or passage.text[found[-1][1] : start].count("\n"):
            break  # what follows on the same line still belongs to the item
        else:
            found[-1] = (found[-1][0], stop)
        if len(found) == _MOST_ITEMS:
            break
    return found


def _quotable(passage: Passage) -> tuple[list[tuple[int, int]], list[tuple[int, str]]]:
    """Return the spans worth quoting, and the headings of sections between them.

    Questions and headings are not worth it, unless there is nothing else.
    """
    spans = [
        piece
        for start, end in sentences(passage.text, passage.language)
        for piece in _pieces(passage.text, start, end)
    ]
    heads = [(s, text) for s, e in spans if begins_section(text := passage.text[s:e])]
    known = {*passage.headings, *(text for _, text in heads)}
    telling = [
        span
        for span in spans
        if (text := passage.text[slice(*span)]) not in known and _says_something(text)
    ]
    return telling or spans, heads


def _says_something(text: str) -> bool:
    if text.endswith("?"):
        return False
    return len(words(text)) >= _FEWEST_WORDS or bool(re.search(r"\d|\|", text))


def _pieces(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    """Cut what is too long to quote at line breaks, semicolons, commas or spaces."""
    while end - start > LONGEST_CHARS:
        window = text[start : start + LONGEST_CHARS]
        cut = next(
            (at + 1 for mark in ("\n", ";", ",", " ") if (at := window.rfind(mark)) > 0),
            LONGEST_CHARS,
        )
        piece = window[:cut].rstrip()
        if piece:
            yield start, start + len(piece)
        start += cut
        start += len(text[start:end]) - len(text[start:end].lstrip())
    if start < end:
        yield start, end
