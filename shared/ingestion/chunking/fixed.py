"""Chunks of a fixed size that know nothing of structure: the measure structured ones are held to.

Also for texts without any structure, where windows that overlap may be preferred.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from shared.inference.language import detect_language
from shared.ingestion.chunking.structured import check_limit
from shared.ingestion.chunking.units import CountTokens, Unit, Units
from shared.ingestion.model import Block, Chunk, ParsedDocument, boxes_within

_WORD = re.compile(r"\S+")


def windows(
    document: ParsedDocument, *, count_tokens: CountTokens, max_tokens: int, overlap_tokens: int = 0
) -> list[Chunk]:
    """Cut a text into windows of at most ``max_tokens``, each sharing its first tokens' worth.

    Windows begin and end between words; a word too long for one is cut. Raises InvalidError when
    ``max_tokens`` is below 16.
    """
    check_limit(max_tokens)
    units = Units(document, count_tokens)
    frame = _Frame(document, count_tokens, max_tokens)
    found: list[Chunk] = []
    for piece in _filled(_words(document, units, max_tokens), max_tokens, overlap_tokens):
        found += frame.chunks(piece, len(found))
    return found


def _words(document: ParsedDocument, units: Units, limit: int) -> Iterator[Unit]:
    for match in _WORD.finditer(document.text):
        word = Unit(match.start(), match.end(), units.count(match.group()), 0)
        yield from _small(units, word, limit)


def _small(units: Units, word: Unit, limit: int) -> Iterator[Unit]:
    halves = units.halves(word) if word.tokens > limit else [word]
    if len(halves) == 1:
        yield halves[0]
        return
    for half in halves:
        yield from _small(units, half, limit)


def _filled(words: Iterator[Unit], limit: int, overlap: int) -> Iterator[list[Unit]]:
    piece: list[Unit] = []
    used = 0
    for word in words:
        if piece and used + word.tokens > limit:
            yield piece
            piece = _tail(piece, min(overlap, max(0, limit - word.tokens)))
            used = sum(each.tokens for each in piece)
        piece.append(word)
        used += word.tokens
    if piece:
        yield piece


def _tail(piece: list[Unit], overlap: int) -> list[Unit]:
    """Return the last words of a window that the next one repeats; never the whole window."""
    held = 0
    for index in range(len(piece) - 1, 0, -1):
        held += piece[index].tokens
        if held > overlap:
            return piece[index + 1 :]
    return piece[1:]


class FixedChunker:
    """Windows of a fixed size, for texts without structure and as a measure."""

    name = "fixed"
    may_overlap = True

    def cut(
        self,
        document: ParsedDocument,
        *,
        count_tokens: CountTokens,
        max_tokens: int,
        overlap_tokens: int,
    ) -> list[Chunk]:
        """Cut into windows that share ``overlap_tokens``."""
        return windows(
            document,
            count_tokens=count_tokens,
            max_tokens=max_tokens,
            overlap_tokens=overlap_tokens,
        )


class _Frame:
    """Turns runs of words into chunks of one document."""

    def __init__(self, document: ParsedDocument, count: CountTokens, limit: int) -> None:
        self._document = document
        self._starts = [block.start for block in document.blocks]
        self._count = count
        self._limit = limit

    def chunks(self, piece: list[Unit], ordinal: int) -> list[Chunk]:
        """Finish a window; one that a context-sensitive tokenizer finds too long becomes two."""
        start, end = piece[0].start, piece[-1].end
        words = self._document.text[start:end]
        tokens = self._count(words)
        if tokens > self._limit and len(piece) > 1:
            middle = len(piece) // 2
            first = self.chunks(piece[:middle], ordinal)
            return first + self.chunks(piece[middle:], ordinal + len(first))
        blocks = self._touched(start, end)
        boxes = boxes_within((box for block in blocks for box in block.boxes), start, end)
        pages = [box.page for box in boxes] or [b.page for b in blocks if b.page is not None]
        language = detect_language(words)
        return [
            Chunk(
                ordinal=ordinal,
                kind="paragraph",
                text=words,
                context="",
                heading_path=blocks[0].heading_path if blocks else (),
                page_from=min(pages, default=None),
                page_to=max(pages, default=None),
                boxes=boxes,
                start=start,
                end=end,
                language=self._document.language if language == "simple" else language,
                token_count=tokens,
                section=ordinal,
                section_start=start,
                section_end=end,
            )
        ]

    def _touched(self, start: int, end: int) -> list[Block]:
        first = max(0, bisect_right(self._starts, start) - 1)
        found: list[Block] = []
        for index in range(first, len(self._starts)):
            block = self._document.blocks[index]
            if block.start >= end:
                break
            if block.end > start:
                found.append(block)
        return found
