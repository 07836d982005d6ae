"""The areas of a sheet: filled cells that touch each other form one table each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from shared.ingestion.drafting import CellText, Draft

MAX_MERGED_CELLS = 2_000_000
_WIDEST_GAP = 2


@dataclass(frozen=True, slots=True)
class Span:
    """A cell, maybe merged over several rows and columns; counted from 0."""

    row: int
    column: int
    row_span: int = 1
    column_span: int = 1
    text: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle around cells that touch; ``cells`` are in reading order, empty ones left out."""

    row: int
    column: int
    row_count: int
    column_count: int
    cells: tuple[Span, ...]


@dataclass(slots=True)
class Grid:
    """The filled cells of a sheet by row and column."""

    rows: dict[int, dict[int, Span]] = field(default_factory=dict)
    _covered: dict[int, dict[int, Span]] = field(default_factory=dict)
    _merged: int = 0

    def put(self, row: int, column: int, text: str) -> None:
        """Fill a cell."""
        self.rows.setdefault(row, {})[column] = Span(row, column, text=text)

    def merge(self, span: Span) -> None:
        """Let a filled cell reach over its neighbours; an empty merged area stays nothing."""
        anchor = self.rows.get(span.row, {}).get(span.column)
        self._merged += span.row_span * span.column_span
        if anchor is None or self._merged > MAX_MERGED_CELLS:
            return
        wide = replace(anchor, row_span=span.row_span, column_span=span.column_span)
        for row in range(span.row, span.row + span.row_span):
            for column in range(span.column, span.column + span.column_span):
                self.rows.setdefault(row, {}).pop(column, None)
                self._covered.setdefault(row, {})[column] = wide
        self.rows[span.row][span.column] = wide

    def runs(self, row: int) -> Iterator[tuple[int, int]]:
        """Yield first and last column of every stretch without a gap in a row."""
        taken = sorted(self.rows.get(row, {}).keys() | self._covered.get(row, {}).keys())
        first = last = -2
        for column in taken:
            if column != last + 1:
                if first >= 0:
                    yield first, last
                first = column
            last = column
        if first >= 0:
            yield first, last


def areas_of(grid: Grid) -> list[Area]:
    """Return the areas of a sheet in reading order of their first cells.

    Cells touch when they share an edge; diagonal neighbours do not.
    """
    groups = _Groups()
    above: list[tuple[int, int, int]] = []
    above_row = -2
    owners: dict[tuple[int, int], int] = {}
    for row in sorted(grid.rows):
        here = []
        for first, last in grid.runs(row):
            number = groups.new()
            owners[row, first] = number
            here.append((first, last, number))
        if above_row == row - 1:
            _join(groups, above, here)
        above, above_row = here, row
    return _collected(grid, groups, owners)


def _join(
    groups: _Groups, above: list[tuple[int, int, int]], here: list[tuple[int, int, int]]
) -> None:
    """Unite the runs of two neighbouring rows that overlap; both are sorted."""
    i = j = 0
    while i < len(above) and j < len(here):
        if above[i][0] <= here[j][1] and here[j][0] <= above[i][1]:
            groups.unite(above[i][2], here[j][2])
        if above[i][1] < here[j][1]:
            i += 1
        else:
            j += 1


def _collected(grid: Grid, groups: _Groups, owners: dict[tuple[int, int], int]) -> list[Area]:
    cells: dict[int, list[Span]] = {}
    for row in sorted(grid.rows):
        for first, last in grid.runs(row):
            group = groups.root(owners[row, first])
            filled = grid.rows[row]
            found = cells.setdefault(group, [])
            if last - first < len(filled):
                found += [filled[c] for c in range(first, last + 1) if c in filled]
            else:
                found += [filled[c] for c in sorted(filled) if first <= c <= last]
    return _united([_area(found) for found in cells.values() if found])


def _united(areas: list[Area]) -> list[Area]:
    """Give pieces back to the table in whose rows they stand, at most two empty columns apart."""
    united: list[Area] = []
    for area in areas:
        home = next((n for n, one in enumerate(united) if _belongs(area, one)), None)
        if home is None:
            united.append(area)
        else:
            joined = sorted((*united[home].cells, *area.cells), key=lambda c: (c.row, c.column))
            united[home] = _area(joined)
    return united


def _belongs(piece: Area, table: Area) -> bool:
    """Whether a piece is a lone cell in a table's rows, or a column that ends with the table.

    The column begins with the table's first or second row (the first may be a title).
    """
    if piece.column_count > 1 or table.row_count == 1 or table.column_count == 1:
        return False
    bottom, right = table.row + table.row_count, table.column + table.column_count
    is_near = table.column <= piece.column <= right + _WIDEST_GAP
    if piece.row_count == 1:
        return is_near and table.row <= piece.row < bottom
    is_whole = 0 <= piece.row - table.row <= 1 and piece.row + piece.row_count == bottom
    return is_near and is_whole


def _area(cells: list[Span]) -> Area:
    top = min(cell.row for cell in cells)
    left = min(cell.column for cell in cells)
    bottom = max(cell.row + cell.row_span for cell in cells)
    right = max(cell.column + cell.column_span for cell in cells)
    return Area(top, left, bottom - top, right - left, tuple(cells))


class _Groups:
    """Disjoint sets of runs (Tarjan's union–find with path halving)."""

    def __init__(self) -> None:
        self._parents: list[int] = []

    def new(self) -> int:
        self._parents.append(len(self._parents))
        return len(self._parents) - 1

    def root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def unite(self, one: int, other: int) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self._parents[second] = first


def write_area(area: Area, draft: Draft) -> None:
    """Write an area: one cell is a sentence, a merged one alone above the rest a caption."""
    if area.row_count == 1 and area.column_count == 1:
        draft.paragraph(area.cells[0].text)
        return
    cells, offset = area.cells, 0
    first = cells[0]
    is_alone = len(cells) > 1 and cells[1].row > first.row
    if is_alone and first.column_span > 1 == first.row_span and first.column == area.column:
        draft.paragraph(first.text, kind="caption")
        cells, offset = cells[1:], 1
    draft.table(
        [
            CellText(
                row=cell.row - area.row - offset,
                column=cell.column - area.column,
                text=cell.text,
                row_span=cell.row_span,
                column_span=cell.column_span,
                is_header=cell.row - area.row == offset,
            )
            for cell in cells
        ]
    )
