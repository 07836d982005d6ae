"""The units chunks are made of: sentences, rows and lines, each with the tokens it costs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from shared.documents.grids import row_in_words
from shared.inference.sentences import sentences
from shared.ingestion.chunking.table_headers import TableHeaders
from shared.ingestion.model import ParsedDocument

CountTokens = Callable[[str], int]

_LINE = re.compile(r"[^\n]*\S[^\n]*")
_WORD = re.compile(r"\S+\s*")
# Words and headings recur and are counted once; remembering sentences would fill the memory.
_RECURRING_CHARS = 100
_REMEMBERED = 50_000
_JOINERS = "\u200d\ufe0e\ufe0f"


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing worth keeping whole: a sentence, a table row, a line of code.

    ``said`` is how a table's row reads in words, each value with its header; empty elsewhere.
    ``tokens`` counts what is said, else the text.
    """

    start: int
    end: int
    tokens: int
    block: int
    said: str = ""


class Units:
    """Cuts a document's blocks into units and counts their tokens."""

    def __init__(self, document: ParsedDocument, count: CountTokens) -> None:
        self._document = document
        self._text = document.text
        self._raw_count = count
        self._known: dict[str, int] = {}
        self._tables = {table.block: number for number, table in enumerate(document.tables)}
        self._headers: tuple[int, TableHeaders] | None = None

    def of(self, index: int) -> list[Unit]:
        """Return the units of the block at ``index``."""
        block = self._document.blocks[index]
        if block.kind == "heading":
            spans: Iterable[tuple[int, int]] = [(block.start, block.end)]
        elif block.kind in {"table", "code"}:
            spans = (match.span() for match in _LINE.finditer(self._text, block.start, block.end))
        else:
            words = self._text[block.start : block.end]
            spans = [
                (block.start + start, block.start + end)
                for start, end in sentences(words, self._document.language)
            ]
        return [self.unit(start, end, index) for start, end in spans]

    def unit(self, start: int, end: int, block: int) -> Unit:
        """Return a unit with its tokens; a row, or a part of one, is said in words."""
        headers = self.headers_of(block)
        said = ""
        if headers is not None:
            cells = headers.cells_between(start, end)
            if cells and headers.is_body(cells[0]):
                said = row_in_words(headers.grid(cells), cells, self._words)
        words = self._text[start:end]
        if said == words:
            said = ""
        return Unit(start, end, self.count(said or words), block, said)

    def headers_of(self, block: int) -> TableHeaders | None:
        """Return the headers of the table that a block is, if it has any that tell something."""
        number = self._tables.get(block)
        if number is None:
            return None
        if self._headers is None or self._headers[0] != number:
            table = self._document.tables[number]
            self._headers = (number, TableHeaders(number, table, self._text))
        headers = self._headers[1]
        return headers if headers.is_telling else None

    def smaller(self, unit: Unit, room: int) -> Iterator[Unit]:
        """Cut a unit that is too long alone: rows between cells, all else between words."""
        start, end, used = unit.start, unit.start, 0
        for part_start, part_end, tokens in self._parts(unit):
            if tokens > room and unit.said:
                if start < end:
                    yield self.unit(start, end, unit.block)
                # One cell that fills a chunk: its words alone, as in running text.
                yield from self.smaller(
                    Unit(part_start, part_end, self._span_count(part_start, part_end), unit.block),
                    room,
                )
                start = end = part_end
                used = 0
                continue
            if used and used + tokens > room:
                yield self._like(unit, start, end)
                used = 0
            if not used:
                start = part_start
            used += tokens
            end = part_end
        if start < end:
            yield self._like(unit, start, end)

    def halves(self, unit: Unit) -> list[Unit]:
        """Cut a unit in the middle, splitting no letter from its marks; one if it cannot be."""
        middle = _safe_cut(self._text, unit.start, unit.end)
        if not unit.start < middle < unit.end:
            return [unit]
        parts = [(unit.start, middle), (middle, unit.end)]
        return [
            Unit(start, end, self._span_count(start, end), unit.block)
            for start, end in parts
            if start < end
        ]

    def count(self, words: str) -> int:
        """Count tokens; what is short is counted once."""
        known = self._known.get(words)
        if known is None:
            known = self._raw_count(words)
            if len(words) <= _RECURRING_CHARS:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[words] = known
        return known

    def _like(self, unit: Unit, start: int, end: int) -> Unit:
        """Return a part of a unit, said in words only if the whole was."""
        if unit.said:
            return self.unit(start, end, unit.block)
        return Unit(start, end, self._span_count(start, end), unit.block)

    def _parts(self, unit: Unit) -> Iterator[tuple[int, int, int]]:
        """Yield the smallest spans a unit may be cut into, with their tokens."""
        headers = self.headers_of(unit.block) if unit.said else None
        if headers is None:
            for match in _WORD.finditer(self._text, unit.start, unit.end):
                word = match.group().rstrip()
                yield match.start(), match.start() + len(word), self.count(word)
            return
        cells = headers.cells_between(unit.start, unit.end)
        edges = [unit.start, *(cell.start for cell in cells[1:]), unit.end]
        for start, after in pairwise(edges):
            end = start + len(self._text[start:after].rstrip())
            yield start, end, self.unit(start, end, unit.block).tokens

    def _span_count(self, start: int, end: int) -> int:
        return self.count(self._text[start:end])

    def _words(self, start: int, end: int) -> str:
        return self._text[start:end]


def total(units: Iterable[Unit]) -> int:
    """Sum the units' tokens."""
    return sum(unit.tokens for unit in units)


def balance(piece: list[Unit]) -> int:
    """Return the index that halves a piece by tokens, at least one unit on each side."""
    half, seen = total(piece) / 2, 0
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
