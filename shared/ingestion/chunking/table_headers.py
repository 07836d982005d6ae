"""Which cells of a table are headers, and under which headers every other cell stands.

Parsers flag headers where the format has them. Where none is flagged, figures decide: a first
row without figures (years aside) above columns of figures is a header, and so is a first column
of words beside them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from shared.documents.grids import Cell, Grid
from shared.ingestion.model import Table

_MOST_HEADER_ROWS = 4
_MOST_HEADER_COLUMNS = 2
_SAMPLED_ROWS = 200
_LONGEST_HEADER = 120
_YEAR = re.compile(r"(?:1[5-9]|20|21)\d\d")
_FIGURE = re.compile(
    r"[-+−–±~≈<>]?\s*[€$£¥]?\s*\d[\d.,'’   ]*\s*(?:[%‰€$£¥]|[A-Za-z°µ²³/]{1,6})?\.?|[-–—.…]+"
    r"|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}"
)
_MOSTLY = 0.6
_LABEL_COLUMNS = 2  # a table of two columns is more often a list of labels than of records

Strip = tuple[int, int, str]
"""First and last-but-one row (or column) that a header covers, and its words."""


class TableHeaders:
    """The headers of one table; look-ups take logarithmic time whatever the cells claim."""

    def __init__(self, number: int, table: Table, text: str) -> None:
        self._number = number
        self._table = table
        self._text = text
        self._cells = [cell for cell in table.cells if cell.start < cell.end]
        self._starts = [cell.start for cell in self._cells]
        self._headers: dict[int, str] = {}

    @cached_property
    def row_count(self) -> int:
        """How many of the first rows hold nothing but headers."""
        return self._flagged_rows or (1 if self._is_header_row_by_figures() else 0)

    @cached_property
    def column_count(self) -> int:
        """How many of the first columns label their rows."""
        flagged = {cell.column for cell in self._cells if cell.is_header and self.is_body(cell)}
        count = 0
        while count in flagged and count < _MOST_HEADER_COLUMNS:
            count += 1
        return count or (1 if self._is_label_column() else 0)

    @property
    def is_telling(self) -> bool:
        """Whether any cell stands under a header, so that rows can be said in words."""
        return bool(self.row_count or self.column_count)

    def cells_between(self, start: int, end: int) -> Sequence[Cell]:
        """Return the cells with words that lie in ``text[start:end]``."""
        return self._cells[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def grid(self, cells: Iterable[Cell]) -> Grid:
        """Return cells together with the headers they stand under."""
        held = tuple(self._marked(cell) for cell in cells)
        columns = {number: self.column_header(number) for number in {c.column for c in held}}
        rows = {number: self.row_header(number) for number in {c.row for c in held}}
        return Grid(
            table=self._number,
            columns={number: header for number, header in sorted(columns.items()) if header},
            rows={
                number: header
                for number, header in sorted(rows.items())
                if header and number >= self.row_count
            },
            cells=held,
        )

    def _marked(self, cell: Cell) -> Cell:
        """Flag a cell that is a header by its place, whether or not the parser said so."""
        is_header = not self.is_body(cell) or cell.column < self.column_count
        return replace(cell, is_header=True) if is_header and not cell.is_header else cell

    def is_body(self, cell: Cell) -> bool:
        """Whether a cell lies below the header rows."""
        return cell.row >= self.row_count

    def column_header(self, column: int) -> str:
        """Return the headers above a column, outermost first, joined by `` / ``."""
        if column not in self._headers:
            self._headers[column] = _joined(
                _covering(strips, column) for strips in self._strips_by_row
            )
        return self._headers[column]

    def row_header(self, row: int) -> str:
        """Return the labels of a row, joined by `` / ``."""
        return _joined(_covering(strips, row) for strips in self._strips_by_column)

    # how headers are known

    @cached_property
    def _flagged_rows(self) -> int:
        """Count first rows whose filled cells are all flagged."""
        by_row: dict[int, list[bool]] = {}
        for cell in self._cells:
            by_row.setdefault(cell.row, []).append(cell.is_header)
            if len(by_row) > _MOST_HEADER_ROWS + 1:
                break
        count = 0
        for row in sorted(by_row):
            if not all(by_row[row]) or count == _MOST_HEADER_ROWS:
                break
            count = row + 1
        # A table of headers alone has nothing to stand under them.
        return count if count < self._table.row_count else 0

    @cached_property
    def _sample(self) -> list[Cell]:
        """The cells of the first rows, which stand for the rest."""
        return [cell for cell in self._cells if cell.row <= _SAMPLED_ROWS]

    def _words(self, cell: Cell) -> str:
        return self._text[cell.start : cell.end]

    def _is_header_row_by_figures(self) -> bool:
        if any(cell.is_header for cell in self._cells) or self._table.row_count <= 1:
            return False
        first = [cell for cell in self._sample if cell.row == 0]
        names = [self._words(cell) for cell in first]
        if len(names) < max(1, self._table.column_count - 1) or len(set(names)) < len(names):
            return False
        if any(_is_figure(name) and not _YEAR.fullmatch(name) for name in names):
            return False
        under = [self._figure_share(cell.column) for cell in first]
        if any(share >= _MOSTLY for share in under):
            return True
        return self._table.column_count > _LABEL_COLUMNS and len(names) == self._table.column_count

    def _is_label_column(self) -> bool:
        if self._table.column_count <= 1:
            return False
        words = [
            self._words(cell)
            for cell in self._sample
            if cell.column == 0 and cell.row >= self.row_count
        ]
        labels = [w for w in words if not _is_figure(w) or _YEAR.fullmatch(w)]
        return bool(words) and len(labels) >= _MOSTLY * len(words)

    def _figure_share(self, column: int) -> float:
        """Return which share of a column's cells below the first row are figures."""
        below = [
            self._words(cell) for cell in self._sample if cell.column == column and cell.row > 0
        ]
        return sum(map(_is_figure, below)) / len(below) if below else 0.0

    # looking up

    @cached_property
    def _strips_by_row(self) -> list[list[Strip]]:
        rows: list[list[Strip]] = [[] for _ in range(self.row_count)]
        for cell in self._cells:
            if cell.row >= self.row_count:
                break
            strip = (cell.column, cell.column + cell.column_span, self._header(cell))
            for row in range(cell.row, min(self.row_count, cell.row + cell.row_span)):
                rows[row].append(strip)
        return [sorted(strips) for strips in rows]

    @cached_property
    def _strips_by_column(self) -> list[list[Strip]]:
        columns: list[list[Strip]] = [[] for _ in range(self.column_count)]
        for cell in self._cells:
            if cell.row >= self.row_count and cell.column < self.column_count:
                strip = (cell.row, cell.row + cell.row_span, self._header(cell))
                columns[cell.column].append(strip)
        return [sorted(strips) for strips in columns]

    def _header(self, cell: Cell) -> str:
        words = self._words(cell)
        return words if len(words) <= _LONGEST_HEADER else f"{words[: _LONGEST_HEADER - 1]}…"


def _covering(strips: Sequence[Strip], position: int) -> str:
    """Return the words of the last header that begins at or before a place and reaches it."""
    index = bisect_right(strips, position, key=lambda strip: strip[0]) - 1
    return strips[index][2] if index >= 0 and position < strips[index][1] else ""


def _joined(parts: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(part for part in parts if part))


def _is_figure(words: str) -> bool:
    """Whether a cell holds an amount, a date, or the dash that stands for none."""
    return bool(_FIGURE.fullmatch(words))
