"""From a read document to the pieces that are embedded, found and cited.

A chunk is an exact slice of the canonical text. It never crosses a top-level heading, keeps
sections, tables and code together where they fit, and is cut at sentence ends where they do not.
What a slice does not say itself (the headings above it) stands apart in ``context``, and the rows
of tables are said with their headers in ``said``, so that what is embedded is complete and what
is quoted is exact.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from shared.documents.grids import Grid
from shared.inference.language import Language, detect_language
from shared.ingestion.chunking.sections import common_path, sections
from shared.ingestion.chunking.units import CountTokens, Unit, Units, balance, total
from shared.ingestion.model import Block, BlockKind, Box, Chunk, ParsedDocument, boxes_within
from shared.kernel.errors import InvalidError

LEAST_TOKENS = 16
_CONTEXT_SHARE = 3
_SMALL_SHARE = 4
_TELLING_WORDS = 8
_FEW_BOXES = 64


@dataclass(frozen=True, slots=True)
class _Group:
    """Units that may share chunks: a section, or small neighbours under one parent."""

    number: int
    path: tuple[str, ...]
    units: list[Unit]


def chunk(document: ParsedDocument, *, count_tokens: CountTokens, max_tokens: int) -> list[Chunk]:
    """Cut a document into chunks whose ``embedding_text`` has at most ``max_tokens`` tokens.

    Every character of the text that is not white space lies in exactly one chunk. Each word is
    counted about twice, so the work is linear in the length of the text.

    Raises InvalidError when ``max_tokens`` is below 16.
    """
    check_limit(max_tokens)
    return list(_Chunker(document, count_tokens, max_tokens).chunks())


def check_limit(max_tokens: int) -> None:
    """Raise InvalidError for a limit that leaves no room for words."""
    if max_tokens < LEAST_TOKENS:
        raise InvalidError(f"A chunk needs at least {LEAST_TOKENS} tokens, not {max_tokens}.")


class StructuredChunker:
    """Chunks that follow sections, sentences and tables."""

    name = "structured"
    may_overlap = False

    def cut(
        self,
        document: ParsedDocument,
        *,
        count_tokens: CountTokens,
        max_tokens: int,
        overlap_tokens: int,
    ) -> list[Chunk]:
        """Cut along the structure; such chunks never overlap."""
        del overlap_tokens
        return chunk(document, count_tokens=count_tokens, max_tokens=max_tokens)


class _Chunker:
    """Holds the document and the counting while its chunks are made."""

    def __init__(self, document: ParsedDocument, count: CountTokens, limit: int) -> None:
        self._document = document
        self._text = document.text
        self._units = Units(document, count)
        self._raw_count = count
        self._limit = limit
        self._measured: tuple[tuple[int, int, tuple[str, ...]], int] | None = None
        self._boxes: tuple[int, list[int], list[Box]] | None = None

    def chunks(self) -> Iterator[Chunk]:
        ordinal = 0
        for group in self._groups():
            for piece in self._packed(group.path, group.units):
                yield self._finished(ordinal, group, piece)
                ordinal += 1

    # sections

    def _groups(self) -> Iterator[_Group]:
        held: list[Unit] = []
        held_path: tuple[str, ...] = ()
        held_top, number = -1, 0
        for section in sections(self._document.blocks):
            units = [unit for index in section.blocks for unit in self._units.of(index)]
            shared = common_path(held_path, section.path)
            if held and section.top == held_top and shared and self._may_join(held, units):
                held, held_path = held + units, shared
                continue
            if held:
                yield _Group(number, held_path, held)
                number += 1
            held, held_path, held_top = units, section.path, section.top
        if held:
            yield _Group(number, held_path, held)

    def _may_join(self, held: list[Unit], units: list[Unit]) -> bool:
        size = total(held)
        return size <= self._limit // _SMALL_SHARE and size + total(units) <= self._limit // 2

    # packing

    def _packed(self, path: tuple[str, ...], units: list[Unit]) -> Iterator[list[Unit]]:
        """Fill chunks with whole units; a block that fits into one chunk is not torn."""
        piece: list[Unit] = []
        room = used = 0
        for position, unit in enumerate(units):
            need = unit.tokens
            if position == 0 or units[position - 1].block != unit.block:
                need = self._block_need(units, position)
            if not piece:
                room = self._room(path, unit)
            if piece and used + min(need, room + 1) > room and not self._clings(piece, unit, room):
                yield from self._fitted(path, piece)
                piece, room, used = [], self._room(path, unit), 0
            piece.append(unit)
            used += unit.tokens
        if piece:
            yield from self._fitted(path, piece)

    def _block_need(self, units: list[Unit], position: int) -> int:
        """Return the tokens of the whole block that begins here, or of its first unit if long."""
        block = units[position].block
        need = 0
        for index in range(position, len(units)):
            if units[index].block != block:
                break
            need += units[index].tokens
            if need > self._limit:
                return units[position].tokens
        return need

    def _clings(self, piece: list[Unit], unit: Unit, room: int) -> bool:
        """Whether a unit must follow what is held: text after its heading, if one unit fits."""
        only_headings = all(self._document.blocks[u.block].kind == "heading" for u in piece)
        return only_headings and total(piece) + unit.tokens <= room

    def _fitted(self, path: tuple[str, ...], piece: list[Unit]) -> Iterator[list[Unit]]:
        """Yield the piece, cut further as long as its embedding text is over the limit."""
        if self._size(path, piece) <= self._limit:
            yield piece
        elif len(piece) > 1:
            middle = balance(piece)
            yield from self._fitted(path, piece[:middle])
            yield from self._fitted(path, piece[middle:])
        else:
            room = max(1, self._room(path, piece[0]))
            yield from self._checked(path, list(self._units.smaller(piece[0], room)))

    def _checked(self, path: tuple[str, ...], cuts: list[Unit]) -> Iterator[list[Unit]]:
        """Yield cut units, halving any that a context-sensitive tokenizer still finds too long."""
        for unit in cuts:
            if self._size(path, [unit]) <= self._limit:
                yield [unit]
                continue
            halves = self._units.halves(unit)
            if len(halves) == 1 and halves[0] == unit:
                yield [unit]
            else:
                yield from self._checked(path, halves)

    # counting

    def _room(self, path: tuple[str, ...], first: Unit) -> int:
        """Return the tokens left for text in a chunk that begins with this unit."""
        context = self._context(path, [first])
        return self._limit - (self._units.count(context) if context else 0)

    def _size(self, path: tuple[str, ...], piece: list[Unit]) -> int:
        """Return the tokens of a piece's embedding text; the last answer is remembered."""
        key = (piece[0].start, piece[-1].end, path)
        if self._measured is None or self._measured[0] != key:
            context = self._context(path, piece)
            words = self._said(piece)
            count = self._raw_count(f"{context}\n{words}" if context else words)
            self._measured = (key, count)
        return self._measured[1]

    # results

    def _said(self, piece: list[Unit]) -> str:
        """Return what is embedded for a piece: its text, rows of tables in words."""
        parts: list[str] = []
        run_start: int | None = None
        run_end = 0
        for unit in piece:
            if not unit.said:
                run_start = unit.start if run_start is None else run_start
                run_end = unit.end
                continue
            if run_start is not None:
                parts.append(self._text[run_start:run_end])
                run_start = None
            parts.append(unit.said)
        if run_start is not None:
            parts.append(self._text[run_start:run_end])
        return "\n".join(parts)

    def _context(self, path: tuple[str, ...], piece: list[Unit]) -> str:
        """Return headings (and a mute table's first row) that the piece does not contain itself.

        At most a third of the limit: the innermost headings win.
        """
        blocks = self._document.blocks
        inside = {
            self._text[blocks[u.block].start : blocks[u.block].end]
            for u in piece
            if blocks[u.block].kind == "heading"
        }
        lines: list[str] = []
        budget = self._limit // _CONTEXT_SHARE
        header = self._header_row(piece[0])
        if header and self._units.count(header) <= budget:
            lines.append(header)
            budget -= self._units.count(header)
        for heading in reversed([part for part in path if part not in inside]):
            if self._units.count(heading) > budget:
                break
            lines.insert(0, heading)
            budget -= self._units.count(heading)
        return "\n".join(lines)

    def _header_row(self, first: Unit) -> str:
        """Return the first line of the table that a piece goes on with, if no header is known."""
        block = self._document.blocks[first.block]
        if block.kind != "table" or first.said or first.start <= block.start:
            return ""
        end = self._text.find("\n", block.start, block.end)
        return self._text[block.start : end] if 0 < end <= first.start else ""

    def _finished(self, ordinal: int, group: _Group, piece: list[Unit]) -> Chunk:
        start, end = piece[0].start, piece[-1].end
        indexes = range(piece[0].block, piece[-1].block + 1)
        blocks = [self._document.blocks[i] for i in indexes]
        boxes = tuple(box for i in indexes for box in self._boxes_of(i, start, end))
        pages = [box.page for box in boxes] or [b.page for b in blocks if b.page is not None]
        words, said = self._text[start:end], self._said(piece)
        return Chunk(
            ordinal=ordinal,
            kind=_kind(blocks),
            text=words,
            context=self._context(group.path, piece),
            heading_path=group.path,
            page_from=min(pages, default=None),
            page_to=max(pages, default=None),
            boxes=boxes,
            start=start,
            end=end,
            language=_language(words, self._document.language),
            token_count=self._size(group.path, piece),
            said="" if said == words else said,
            section=group.number,
            section_start=group.units[0].start,
            section_end=group.units[-1].end,
            grids=tuple(self._grids(indexes, start, end)),
        )

    def _grids(self, indexes: range, start: int, end: int) -> Iterator[Grid]:
        for index in indexes:
            headers = self._units.headers_of(index)
            cells = headers.cells_between(start, end) if headers is not None else ()
            if headers is not None and cells:
                yield headers.grid(cells)

    def _boxes_of(self, index: int, start: int, end: int) -> tuple[Box, ...]:
        """Return the block's boxes that show the span; a long table's are looked up, not read."""
        boxes = self._document.blocks[index].boxes
        if len(boxes) <= _FEW_BOXES:
            return boxes_within(boxes, start, end)
        if self._boxes is None or self._boxes[0] != index:
            ordered = sorted(boxes, key=lambda box: box.start)
            self._boxes = (index, [box.start for box in ordered], ordered)
        _, starts, ordered = self._boxes
        first = max(0, bisect_left(starts, start) - 1)
        return boxes_within(ordered[first : bisect_left(starts, end)], start, end)


def _kind(blocks: list[Block]) -> BlockKind:
    """Return the kind with the most text, headings only when there is nothing else."""
    weights: dict[BlockKind, int] = {}
    for block in blocks:
        if block.kind != "heading":
            weights[block.kind] = weights.get(block.kind, 0) + block.end - block.start
    return max(weights, key=lambda kind: weights[kind], default="heading")


def _language(words: str, whole: Language) -> Language:
    """Return the chunk's language; a few words or bare figures take the document's."""
    found = detect_language(words)
    is_telling = found != "simple" and words.count(" ") >= _TELLING_WORDS
    return found if is_telling or whole == "simple" else whole
