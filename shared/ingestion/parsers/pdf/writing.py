"""From a PDF's pieces to the draft: heading levels, joined hyphens, tables across pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from shared.ingestion.drafting import CellText, Draft, PlacedLine
from shared.ingestion.parsers.pdf.geometry import FoundTable, Line, overlap
from shared.ingestion.parsers.pdf.structure import (
    LIST_MARK,
    Piece,
    contents_entry,
    heading_depth,
)

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST = re.compile(r"([^\W\d_]+)-$")
_FIRST = re.compile(r"[^\W\d_]+")
# After these a hyphen at a line end stands for a word left out: "Ein- und Ausgang".
_SUSPENDED = frozenset({"und", "oder", "bzw", "sowie", "bis", "als", "and", "or", "to"})
_LEVELS = 6
# A typewriter's letter is this share of its size wide (Courier: 600 of 1000).
_TYPEWRITER, _MOST_INDENT = 0.6, 60
_SAME_INDENT, _NEXT_COLUMN = 5.0, 80.0
_SAME_COLUMNS = 6.0
_LEAST_CONTENTS = 3


class Writer:
    """Writes pieces in order; knows the document's words, to tell hyphens apart."""

    def __init__(self, draft: Draft, pieces: Sequence[Piece | FoundTable]) -> None:
        self._draft = draft
        self._pieces = pieces
        self._known = _vocabulary(pieces)
        self._levels = _levels(pieces)
        self._indents: list[float] = []

    def write(self) -> None:
        """Write everything, joining what page breaks have torn."""
        for piece in _gathered(self._pieces):
            if isinstance(piece, FoundTable):
                self._draft.table(piece.cells)
            elif isinstance(piece, list):
                self._contents(piece)
            else:
                self._piece(piece)

    def _piece(self, piece: Piece) -> None:
        lines = self._glued(piece.lines)
        if piece.role != "list_item":
            self._indents = []
        if piece.role == "heading":
            level = self._levels.get(_key(piece), 1)
            self._draft.heading(piece.lines[0].text, level=level, lines=lines)
        elif piece.role == "list_item":
            self._list_item(lines, self._depth(piece.lines[0].x0))
        elif piece.role == "code":
            self._draft.paragraph("", kind="code", lines=_code_lines(piece.lines))
        elif piece.role in {"caption", "footnote"}:
            kind = "caption" if piece.role == "caption" else "footnote"
            self._draft.paragraph("", kind=kind, lines=lines)  # type: ignore[arg-type]
        else:
            self._draft.paragraph("", lines=lines)

    def _depth(self, left: float) -> int:
        """Return how deep a list item is that begins there, by those directly before it."""
        while self._indents and left < self._indents[-1] - _SAME_INDENT:
            self._indents.pop()
        if self._indents and left > self._indents[-1] + _NEXT_COLUMN:
            self._indents = []
        if not self._indents or left > self._indents[-1] + _SAME_INDENT:
            self._indents.append(left)
        return len(self._indents) - 1

    def _list_item(self, lines: list[PlacedLine], depth: int) -> None:
        mark = LIST_MARK.match(lines[0].text)
        assert mark is not None
        marker = "-" if mark.group("bullet") else mark.group("number")
        lines[0] = replace(lines[0], text=lines[0].text[mark.end() :])
        self._draft.list_item("", marker=marker, depth=depth, lines=lines)

    def _contents(self, lines: list[Line]) -> None:
        """Write a table of contents as two columns, or single entries as they are."""
        if len(lines) < _LEAST_CONTENTS:
            for line in lines:
                self._draft.paragraph("", lines=[line.placed()])
            return
        cells = []
        for row, line in enumerate(lines):
            for column, words in enumerate(contents_entry(line)):
                cells.append(CellText(row, column, words, spot=line.spot))
        self._draft.table(cells)

    def _glued(self, lines: Sequence[Line]) -> list[PlacedLine]:
        placed = [lines[0].placed()]
        placed += [self._joined(a, b) for a, b in pairwise(lines)]
        return placed

    def _joined(self, last: Line, line: Line) -> PlacedLine:
        """Return the line with the glue that mends a word broken at the end of the last."""
        before, after = _LAST.search(last.text), _FIRST.match(line.text)
        if not before or not after:
            is_dashed = last.text.endswith("-") and len(last.text) > 1 and last.text[-2].isalnum()
            return line.placed("" if is_dashed and line.text[:1].isalnum() else " ")
        head, tail = before.group(1).lower(), after.group().lower()
        if tail in _SUSPENDED:
            return line.placed(" ")
        if f"{head}-{tail}" in self._known and head + tail not in self._known:
            return line.placed("")
        return line.placed("-" if after.group()[0].islower() else "")


def _code_lines(lines: Sequence[Line]) -> list[PlacedLine]:
    """Return lines of a program as they stand, pieces on one height beside each other."""
    left = min(line.x0 for line in lines)
    placed = [lines[0].placed()]
    for last, line in pairwise(lines):
        is_beside = overlap(last, line) > 0
        indent = round((line.x0 - left) / (_TYPEWRITER * line.size)) if line.size else 0
        placed.append(line.placed(" " if is_beside else "\n" + " " * min(indent, _MOST_INDENT)))
    return placed


def _vocabulary(pieces: Iterable[Piece | FoundTable]) -> set[str]:
    """Return the document's words, those at torn line ends left out."""
    known: set[str] = set()
    for piece in pieces:
        if isinstance(piece, Piece):
            for line in piece.lines:
                known.update(word.lower() for word in _WORD.findall(line.text.removesuffix("-")))
    return known


def _key(piece: Piece) -> tuple[float, bool, int]:
    first = piece.lines[0]
    return round(piece.size * 2) / 2, first.is_bold, heading_depth(first.text)


def _levels(pieces: Iterable[Piece | FoundTable]) -> dict[tuple[float, bool, int], int]:
    """Rank the styles of headings: larger first, then bold, then by the depth of numbers.

    Styles used once (a cover's) rank with the recurring ones around them, so that a title page
    in eight sizes does not push every chapter to the lowest level.
    """
    counts = Counter(_key(p) for p in pieces if isinstance(p, Piece) and p.role == "heading")
    styles: Counter[tuple[float, bool]] = Counter()
    for (size, bold, _), count in counts.items():
        styles[size, bold] += count
    recurring = sorted((style for style, count in styles.items() if count > 1), reverse=True)
    has_cover = any(not recurring or style > recurring[0] for style in styles)
    levels = {}
    for size, bold, depth in counts:
        above = sum(style > (size, bold) for style in recurring)
        is_cover = has_cover and not (recurring and (size, bold) <= recurring[0])
        rank = 1 if is_cover else above + (2 if has_cover else 1)
        shallowest = min(d for s, b, d in counts if (s, b) == (size, bold) and (d or not depth))
        levels[size, bold, depth] = min(_LEVELS, rank + max(0, depth - max(1, shallowest)))
    return levels


def _gathered(
    pieces: Iterable[Piece | FoundTable],
) -> Iterator[Piece | FoundTable | list[Line]]:
    """Yield pieces, a table and its continuation as one, lines of contents as a list."""
    held: FoundTable | list[Line] | None = None
    for piece in pieces:
        if isinstance(held, FoundTable) and isinstance(piece, FoundTable):
            joined = _continued(held, piece)
            if joined is not None:
                held = joined
                continue
        is_entry = isinstance(piece, Piece) and piece.role == "contents"
        if is_entry and isinstance(held, list):
            held += piece.lines  # type: ignore[union-attr]
            continue
        if held is not None:
            yield held
        held = None
        if isinstance(piece, FoundTable):
            held = piece
        elif is_entry:
            held = list(piece.lines)
        else:
            yield piece
    if held is not None:
        yield held


def _continued(first: FoundTable, second: FoundTable) -> FoundTable | None:
    """Return two tables as one when the second goes on with the first on the next page."""
    if second.page != first.page + 1:
        return None
    if max(abs(first.x0 - second.x0), abs(first.x1 - second.x1)) > _SAME_COLUMNS:
        return None
    columns = [max(c.column + c.column_span for c in table.cells) for table in (first, second)]
    if columns[0] != columns[1]:
        return None
    rows = max(cell.row + cell.row_span for cell in first.cells)
    cells = list(second.cells)
    if _row(first, 0) == _row(second, 0) and all(cell.row_span == 1 for cell in _top(second)):
        cells = [replace(cell, row=cell.row - 1) for cell in cells if cell.row > 0]
    moved = [replace(cell, row=cell.row + rows, is_header=False) for cell in cells]
    return replace(second, order=first.order, cells=(*first.cells, *moved))


def _top(table: FoundTable) -> list[CellText]:
    return [cell for cell in table.cells if cell.row == 0]


def _row(table: FoundTable, number: int) -> list[str]:
    return [cell.text for cell in table.cells if cell.row == number]
