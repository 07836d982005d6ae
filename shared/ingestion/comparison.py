"""Comparison: what changed between two readings of a document, by blocks and then by words.

Positions are character offsets into the two canonical texts, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from typing import Literal

from shared.ingestion.model import Block, ParsedDocument
from shared.kernel.errors import TooLargeError

ChangeKind = Literal["added", "removed", "changed"]
PieceKind = Literal["equal", "added", "removed"]
MOST_BLOCKS = 50_000
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_WORDS = 6_000  # of both sides together; longer stretches are told block by block
_SIMILAR = 0.35  # below this share of common words two blocks are not the same one rewritten


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that stayed, came or went; joined in order they are both texts at once."""

    kind: PieceKind
    text: str


@dataclass(frozen=True, slots=True)
class Side:
    """A block as one of the two readings has it."""

    start: int
    end: int
    page: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """One block that differs; ``kind`` says which sides there are.

    ``heading_path`` is where it stands (in the newer reading, if it is there).
    """

    kind: ChangeKind
    block: str
    heading_path: tuple[str, ...]
    old: Side | None
    new: Side | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes in order, and how much of the words is the same: 1 is all, 0 is none."""

    changes: tuple[Change, ...]
    similarity: float
    words_added: int
    words_removed: int

    def count(self, kind: ChangeKind) -> int:
        """Count the changes of a kind."""
        return sum(change.kind == kind for change in self.changes)


def compare(old: ParsedDocument, new: ParsedDocument) -> Comparison:
    """Compare two readings block by block, and rewritten blocks word by word.

    Raises TooLargeError for documents of more than 50,000 blocks.
    """
    if max(len(old.blocks), len(new.blocks)) > MOST_BLOCKS:
        raise TooLargeError(
            f"The versions have more than {MOST_BLOCKS:,} paragraphs.",
            hint="Download both texts and compare them on your machine.",
        )
    changes = tuple(_changes(old, new))
    added = sum(_count_words(p.text) for c in changes for p in c.pieces if p.kind == "added")
    removed = sum(_count_words(p.text) for c in changes for p in c.pieces if p.kind == "removed")
    total = _count_words(old.text) + _count_words(new.text)
    similarity = 1.0 if total == 0 else max(0.0, 1 - (added + removed) / total)
    return Comparison(changes, round(similarity, 4), added, removed)


def unified(old: ParsedDocument, new: ParsedDocument, *, old_name: str, new_name: str) -> str:
    """Write the difference of the two canonical texts as a unified diff of their lines."""
    lines = unified_diff(
        old.text.splitlines(), new.text.splitlines(), old_name, new_name, lineterm="", n=3
    )
    return "".join(f"{line}\n" for line in lines)


def _changes(old: ParsedDocument, new: ParsedDocument) -> Iterator[Change]:
    before, after = _keys(old), _keys(new)
    head, tail = _common_ends(before, after)
    matcher = SequenceMatcher(
        None, before[head : len(before) - tail], after[head : len(after) - tail]
    )
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        olds = old.blocks[head + i1 : head + i2]
        news = new.blocks[head + j1 : head + j2]
        yield from _replacements(old, olds, new, news)


def _keys(document: ParsedDocument) -> list[tuple[str, str]]:
    """What makes two blocks the same: their kind and their words, whatever the spacing."""
    return [(b.kind, " ".join(document.text[b.start : b.end].split())) for b in document.blocks]


def _common_ends(before: Sequence[object], after: Sequence[object]) -> tuple[int, int]:
    """Count what both begin and end with: most versions differ in one place."""
    most = min(len(before), len(after))
    head = 0
    while head < most and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < most - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return head, tail


def _replacements(
    old: ParsedDocument, olds: Sequence[Block], new: ParsedDocument, news: Sequence[Block]
) -> Iterator[Change]:
    """Pair blocks that are one another rewritten, in order; the others went or came."""
    at = 0
    for block in news:
        partner = _partner(old, olds[at:], new.text[block.start : block.end])
        if partner is None:
            yield _one_sided("added", new, block)
            continue
        for gone in olds[at : at + partner]:
            yield _one_sided("removed", old, gone)
        former = olds[at + partner]
        at += partner + 1
        pieces = _word_pieces(
            old.text[former.start : former.end], new.text[block.start : block.end]
        )
        yield Change("changed", block.kind, block.heading_path, _side(former), _side(block), pieces)
    for gone in olds[at:]:
        yield _one_sided("removed", old, gone)


def _partner(old: ParsedDocument, candidates: Sequence[Block], text: str) -> int | None:
    """Return the first of the next blocks that shares enough words with ``text``."""
    words = set(_WORD.findall(text.casefold()))
    for place, block in enumerate(candidates[:8]):
        theirs = set(_WORD.findall(old.text[block.start : block.end].casefold()))
        if len(words & theirs) >= _SIMILAR * max(1, len(words | theirs)):
            return place
    return None


def _one_sided(kind: Literal["added", "removed"], document: ParsedDocument, block: Block) -> Change:
    side = _side(block)
    piece = Piece(kind, document.text[block.start : block.end])
    old, new = (None, side) if kind == "added" else (side, None)
    return Change(kind, block.kind, block.heading_path, old, new, (piece,))


def _side(block: Block) -> Side:
    return Side(block.start, block.end, block.page)


def _word_pieces(old: str, new: str) -> tuple[Piece, ...]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) + len(after) > _MOST_WORDS:
        return (Piece("removed", old), Piece("added", new))
    pieces: list[Piece] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("equal", "".join(before[i1:i2])))
            continue
        if i1 < i2:
            pieces.append(Piece("removed", "".join(before[i1:i2])))
        if j1 < j2:
            pieces.append(Piece("added", "".join(after[j1:j2])))
    return tuple(pieces)


def _count_words(text: str) -> int:
    return len(text.split())
