"""From a read document to the pieces that are embedded, found and cited.

A chunk is an exact slice of the canonical text. It never crosses a top-level heading, keeps
sections, tables and code together where they fit, and is cut at sentence ends where they do not.
What a slice does not say itself (the headings above it, the header row of a table) stands apart
in ``context``, so that what is embedded is complete and what is quoted is exact.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from shared.inference.language import Language, detect_language
from shared.inference.sentences import sentences
from shared.ingestion.model import Block, BlockKind, Chunk, ParsedDocument, boxes_within
from shared.kernel.errors import InvalidError

CountTokens = Callable[[str], int]

_LEAST_TOKENS = 16
_CONTEXT_SHARE = 3
_SMALL_SHARE = 4
_TELLING_WORDS = 8
_WORD = re.compile(r"\S+\s*")
# Words and headings recur and are counted once; remembering sentences would fill the memory.
_RECURRING_CHARS = 100
_JOINERS = "\u200d\ufe0e\ufe0f"


@dataclass(frozen=True, slots=True)
class _Unit:
    """The smallest thing worth keeping whole: a sentence, a table row, a line of code."""

    start: int
    end: int
    tokens: int
    block: int


@dataclass(frozen=True, slots=True)
class _Section:
    """Consecutive blocks under one heading path, its heading blocks first."""

    path: tuple[str, ...]
    top: int
    blocks: tuple[int, ...]


def chunk(document: ParsedDocument, *, count_tokens: CountTokens, max_tokens: int) -> list[Chunk]:
    """Cut a document into chunks whose ``embedding_text`` has at most ``max_tokens`` tokens.

    Every character of the text that is not white space lies in exactly one chunk. Each word is
    counted about twice, so the work is linear in the length of the text.

    Raises InvalidError when ``max_tokens`` is below 16.
    """
    if max_tokens < _LEAST_TOKENS:
        raise InvalidError(f"A chunk needs at least {_LEAST_TOKENS} tokens, not {max_tokens}.")
    return list(_Chunker(document, count_tokens, max_tokens).chunks())


class _Chunker:
    """Holds the document and the counting while its chunks are made."""

    def __init__(self, document: ParsedDocument, count: CountTokens, limit: int) -> None:
        self._document = document
        self._text = document.text
        self._raw_count = count
        self._limit = limit
        self._known: dict[str, int] = {}
        self._measured: tuple[tuple[int, int, tuple[str, ...]], int] | None = None

    def chunks(self) -> Iterator[Chunk]:
        ordinal = 0
        for path, units in self._groups():
            for piece in self._packed(path, units):
                yield self._finished(ordinal, path, piece)
                ordinal += 1

    # sections

    def _groups(self) -> Iterator[tuple[tuple[str, ...], list[_Unit]]]:
        """Yield units that may share chunks: a section, or small neighbours under one parent."""
        held: list[_Unit] = []
        held_path: tuple[str, ...] = ()
        held_top = -1
        for section in _sections(self._document.blocks):
            units = [unit for index in section.blocks for unit in self._units(index)]
            shared = _common(held_path, section.path)
            small = self._limit // _SMALL_SHARE
            if (
                held
                and section.top == held_top
                and shared
                and _total(held) <= small
                and _total(held) + _total(units) <= self._limit // 2
            ):
                held, held_path = held + units, shared
                continue
            if held:
                yield held_path, held
            held, held_path, held_top = units, section.path, section.top
        if held:
            yield held_path, held

    # units

    def _units(self, index: int) -> list[_Unit]:
        block = self._document.blocks[index]
        if block.kind == "heading":
            spans = [(block.start, block.end)]
        elif block.kind in {"table", "code"}:
            spans = list(_line_spans(self._text, block.start, block.end))
        else:
            words = self._text[block.start : block.end]
            spans = [
                (block.start + start, block.start + end)
                for start, end in sentences(words, self._document.language)
            ]
        return [
            _Unit(start, end, self._count(self._text[start:end]), index) for start, end in spans
        ]

    # packing

    def _packed(self, path: tuple[str, ...], units: list[_Unit]) -> Iterator[list[_Unit]]:
        """Fill chunks with whole units; a block that fits into one chunk is not torn."""
        piece: list[_Unit] = []
        room = 0
        for position, unit in enumerate(units):
            starts_block = position == 0 or units[position - 1].block != unit.block
            need = unit.tokens
            if starts_block:
                need = self._block_need(units, position)
            if not piece:
                room = self._room(path, unit)
            used = _total(piece)
            if piece and used + min(need, room + 1) > room and not self._clings(piece, unit, room):
                yield from self._fitted(path, piece)
                piece, room = [], self._room(path, unit)
            piece.append(unit)
        if piece:
            yield from self._fitted(path, piece)

    def _block_need(self, units: list[_Unit], position: int) -> int:
        """Return the tokens of the whole block that begins here, or of its first unit if long."""
        block = units[position].block
        total = 0
        for unit in units[position:]:
            if unit.block != block:
                break
            total += unit.tokens
            if total > self._limit:
                return units[position].tokens
        return total

    def _clings(self, piece: list[_Unit], unit: _Unit, room: int) -> bool:
        """Whether a unit must follow what is held: text after its heading, if one unit fits."""
        only_headings = all(self._document.blocks[u.block].kind == "heading" for u in piece)
        return only_headings and _total(piece) + unit.tokens <= room

    def _fitted(self, path: tuple[str, ...], piece: list[_Unit]) -> Iterator[list[_Unit]]:
        """Yield the piece, cut further as long as its embedding text is over the limit."""
        if self._size(path, piece) <= self._limit:
            yield piece
        elif len(piece) > 1:
            middle = _balance(piece)
            yield from self._fitted(path, piece[:middle])
            yield from self._fitted(path, piece[middle:])
        else:
            room = max(1, self._room(path, piece[0]))
            yield from self._checked(path, list(self._cut(piece[0], room)))

    def _checked(self, path: tuple[str, ...], cuts: list[_Unit]) -> Iterator[list[_Unit]]:
        """Yield cut units, halving any that a context-sensitive tokenizer still finds too long."""
        for unit in cuts:
            if self._size(path, [unit]) <= self._limit:
                yield [unit]
                continue
            middle = _safe_cut(self._text, unit.start, unit.end)
            if not unit.start < middle < unit.end:
                yield [unit]
                continue
            halves = [self._unit(unit.start, middle, unit.block),
                      self._unit(middle, unit.end, unit.block)]  # fmt: skip
            yield from self._checked(path, [half for half in halves if half.start < half.end])

    def _cut(self, unit: _Unit, room: int) -> Iterator[_Unit]:
        """Cut a unit that is too long alone, between words, as evenly full as they allow."""
        start = end = unit.start
        used = 0
        for match in _WORD.finditer(self._text, unit.start, unit.end):
            tokens = self._count(match.group().rstrip())
            if used and used + tokens > room:
                yield self._unit(start, end, unit.block)
                start, used = match.start(), 0
            used += tokens
            end = match.start() + len(match.group().rstrip())
        if start < end:
            yield self._unit(start, end, unit.block)

    def _unit(self, start: int, end: int, block: int) -> _Unit:
        return _Unit(start, end, self._count(self._text[start:end]), block)

    # counting

    def _count(self, words: str) -> int:
        known = self._known.get(words)
        if known is None:
            known = self._raw_count(words)
            if len(words) <= _RECURRING_CHARS:
                self._known[words] = known
        return known

    def _room(self, path: tuple[str, ...], first: _Unit) -> int:
        """Return the tokens left for text in a chunk that begins with this unit."""
        context = self._context(path, [first])
        return self._limit - (self._count(context) if context else 0)

    def _size(self, path: tuple[str, ...], piece: list[_Unit]) -> int:
        """Return the tokens of a piece's embedding text; the last answer is remembered."""
        key = (piece[0].start, piece[-1].end, path)
        if self._measured is None or self._measured[0] != key:
            words = self._text[piece[0].start : piece[-1].end]
            context = self._context(path, piece)
            count = self._raw_count(f"{context}\n{words}" if context else words)
            self._measured = (key, count)
        return self._measured[1]

    # results

    def _context(self, path: tuple[str, ...], piece: list[_Unit]) -> str:
        """Return headings (and a table's header row) that the piece does not contain itself.

        At most a third of the limit: the innermost headings win.
        """
        blocks = self._document.blocks
        first = blocks[piece[0].block]
        inside = {
            self._text[blocks[u.block].start : blocks[u.block].end]
            for u in piece
            if blocks[u.block].kind == "heading"
        }
        lines: list[str] = []
        budget = self._limit // _CONTEXT_SHARE
        header = self._header_row(first) if piece[0].start > first.start else ""
        if header and self._count(header) <= budget:
            lines.append(header)
            budget -= self._count(header)
        for heading in reversed([part for part in path if part not in inside]):
            if self._count(heading) > budget:
                break
            lines.insert(0, heading)
            budget -= self._count(heading)
        return "\n".join(lines)

    def _header_row(self, block: Block) -> str:
        """Return the first line of a table block; other blocks have none."""
        if block.kind != "table":
            return ""
        end = self._text.find("\n", block.start, block.end)
        return self._text[block.start : end] if end > 0 else ""

    def _finished(self, ordinal: int, path: tuple[str, ...], piece: list[_Unit]) -> Chunk:
        start, end = piece[0].start, piece[-1].end
        blocks = [self._document.blocks[i] for i in range(piece[0].block, piece[-1].block + 1)]
        boxes = boxes_within((box for block in blocks for box in block.boxes), start, end)
        pages = [box.page for box in boxes] or [b.page for b in blocks if b.page is not None]
        words = self._text[start:end]
        return Chunk(
            ordinal=ordinal,
            kind=_kind(blocks),
            text=words,
            context=self._context(path, piece),
            heading_path=path,
            page_from=min(pages, default=None),
            page_to=max(pages, default=None),
            boxes=boxes,
            start=start,
            end=end,
            language=_language(words, self._document.language),
            token_count=self._size(path, piece),
        )


def _sections(blocks: tuple[Block, ...]) -> Iterator[_Section]:
    """Group blocks: a run of headings opens a section that lasts until the next heading."""
    top = 0
    held: list[int] = []
    held_top = 0
    has_body = False
    for index, block in enumerate(blocks):
        if block.kind == "heading":
            is_top = len(block.heading_path) == 1
            if held and (has_body or is_top):
                yield _Section(blocks[held[-1]].heading_path, held_top, tuple(held))
                held = []
            has_body = False
            top += is_top
        else:
            has_body = True
        if not held:
            held_top = top
        held.append(index)
    if held:
        yield _Section(blocks[held[-1]].heading_path, held_top, tuple(held))


def _line_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in re.compile(r"[^\n]*\S[^\n]*").finditer(text, start, end):
        yield match.span()


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shared beginning of two heading paths."""
    shared = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        shared += 1
    return first[:shared]


def _total(units: Iterable[_Unit]) -> int:
    return sum(unit.tokens for unit in units)


def _balance(piece: list[_Unit]) -> int:
    """Return the index that halves a piece by tokens, at least one unit on each side."""
    half, seen = _total(piece) / 2, 0
    for index, unit in enumerate(piece[:-1], start=1):
        seen += unit.tokens
        if seen >= half:
            return index
    return len(piece) - 1


def _safe_cut(text: str, start: int, end: int) -> int:
    """Return a place near the middle that splits no letter from its marks or joiners."""
    middle = (start + end) // 2
    for place in range(middle, start, -1):
        after, before = text[place], text[place - 1]
        is_mark = unicodedata.category(after).startswith("M") or after in _JOINERS
        if not is_mark and before != "\u200d":
            return place
    return middle


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
