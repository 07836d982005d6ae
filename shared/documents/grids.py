"""Tables as readers cite them: the cells of a passage, each with the headers it stands under.

A grid is the part of one table that lies in one passage. It says every row in words for search
("Sorte: Apfel; 2021: 1,20"), and names the cells that a quotation touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.kernel.errors import InvalidError

Words = Callable[[int, int], str]
"""Gives ``canonical_text[start:end]``."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell, anchored at its first row and column, counted from 0."""

    row: int
    column: int
    row_span: int
    column_span: int
    start: int
    end: int
    is_header: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of one table in the order of the text; positions are those of the canonical text.

    ``columns`` and ``rows`` hold the headers of the columns and rows that occur, by number; what
    has none is left out, and so are rows that are headers themselves. ``table`` counts the
    document's tables from 0.
    """

    table: int
    columns: Mapping[int, str]
    rows: Mapping[int, str]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class CitedCell:
    """One cell as a citation names it; ``box`` is ``[x0, y0, x1, y1]`` on ``page``, if printed.

    ``is_asked`` marks the cells that share most words, headers included, with the question.
    """

    table: int
    row: int
    column: int
    row_span: int
    column_span: int
    row_header: str
    column_header: str
    text: str
    start: int
    end: int
    page: int | None
    box: list[float] | None
    is_asked: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a canonical text: its words, where they begin, its grids and its boxes."""

    text: str
    start: int
    grids: tuple[Grid, ...]
    boxes: Sequence[Mapping[str, object]] = ()

    def words(self, start: int, end: int) -> str:
        """Return ``canonical_text[start:end]`` as far as the passage has it."""
        return self.text[max(0, start - self.start) : max(0, end - self.start)]

    def line_around(self, start: int, end: int) -> str:
        """Return the whole line of the passage that ``canonical_text[start:end]`` lies in."""
        first = self.text.rfind("\n", 0, max(0, start - self.start)) + 1
        last = self.text.find("\n", max(0, end - self.start))
        return self.text[first : last if last >= 0 else len(self.text)].strip()


@dataclass(frozen=True, slots=True)
class SaidRow:
    """A row of a table: its line in the text, and what it says in words."""

    text: str
    said: str
    is_header: bool


def row_in_words(grid: Grid, cells: Iterable[Cell], words: Words) -> str:
    """Say cells of one row: ``label. header: value; header: value``.

    The label is said only when it stands outside these cells, as that of a merged cell does.
    Without headers above, the label itself names the values: ``label: value; value``.
    """
    said: list[str] = []
    held: set[str] = set()
    label = ""
    for cell in cells:
        value = words(cell.start, cell.end)
        if not value:
            continue
        label = label or grid.rows.get(cell.row, "")
        held.add(value)
        header = grid.columns.get(cell.column, "")
        said.append(f"{header}: {value}" if header and header != value else value)
    if not grid.columns and len(said) > 1 and said[0] == label:
        return f"{label}: {'; '.join(said[1:])}"
    missing = [part for part in label.split(" / ") if part and part not in held]
    lead = f"{' / '.join(missing)}. " if missing and said else ""
    return lead + "; ".join(said)


def rows_said(passage: Passage) -> list[SaidRow]:
    """Return the rows of a passage's tables, each as its line stands and as it reads in words."""
    found: list[SaidRow] = []
    for grid in passage.grids:
        by_row: dict[int, list[Cell]] = {}
        for cell in grid.cells:
            by_row.setdefault(cell.row, []).append(cell)
        for cells in by_row.values():
            text = passage.line_around(cells[0].start, cells[-1].end)
            said = row_in_words(grid, cells, passage.words)
            found.append(SaidRow(text, said, is_header=_heads(grid, cells)))
    return found


def missing_headers(grid: Grid) -> str:
    """Return the columns' headers in one line if the grid's own cells do not begin with them."""
    if _heads(grid, grid.cells[:1]):
        return ""
    return " | ".join(grid.columns[column] for column in sorted(grid.columns))


def _heads(grid: Grid, cells: Sequence[Cell]) -> bool:
    """Whether cells stand in a row above the others: labels of rows are headers too."""
    return all(cell.is_header and cell.row not in grid.rows for cell in cells)


def cells_within(
    passage: Passage,
    start: int,
    end: int,
    *,
    asked: frozenset[str],
    stems: Callable[[str], set[str]],
) -> list[CitedCell]:
    """Name the cells that ``canonical_text[start:end]`` touches, in the order of the text.

    ``asked`` are the question's stems; ``stems`` gives those of a cell. Header cells count as
    touched, but never as asked for while a value shares as many words.
    """
    touched = [
        (grid, cell)
        for grid in passage.grids
        for cell in grid.cells
        if cell.start < cell.end and cell.start < end and start < cell.end
    ]
    scores = [len(asked & stems(_said(grid, cell, passage.words))) for grid, cell in touched]
    bodies = [score for (_, cell), score in zip(touched, scores, strict=True) if not cell.is_header]
    best = max(bodies or scores, default=0)
    return [
        _cited(passage, grid, cell, is_asked=0 < best == score and not (bodies and cell.is_header))
        for (grid, cell), score in zip(touched, scores, strict=True)
    ]


def _said(grid: Grid, cell: Cell, words: Words) -> str:
    headers = (grid.rows.get(cell.row, ""), grid.columns.get(cell.column, ""))
    return " ".join([*headers, words(cell.start, cell.end)])


def _cited(passage: Passage, grid: Grid, cell: Cell, *, is_asked: bool) -> CitedCell:
    page, box = _place(passage.boxes, cell)
    return CitedCell(
        table=grid.table,
        row=cell.row,
        column=cell.column,
        row_span=cell.row_span,
        column_span=cell.column_span,
        row_header=grid.rows.get(cell.row, ""),
        column_header=grid.columns.get(cell.column, ""),
        text=passage.words(cell.start, cell.end),
        start=cell.start,
        end=cell.end,
        page=page,
        box=box,
        is_asked=is_asked,
    )


def _place(
    boxes: Sequence[Mapping[str, object]], cell: Cell
) -> tuple[int | None, list[float] | None]:
    """Return the page and the rectangle around the boxes that show the cell."""
    shown = [
        box
        for box in boxes
        if int(str(box["start"])) < cell.end and cell.start < int(str(box["end"]))
    ]
    if not shown:
        return None, None
    page = int(str(shown[0]["page"]))
    edges = [
        [float(str(box[name])) for box in shown if int(str(box["page"])) == page]
        for name in ("x0", "y0", "x1", "y1")
    ]
    return page, [min(edges[0]), min(edges[1]), max(edges[2]), max(edges[3])]


def grids_to_json(grids: Iterable[Grid]) -> list[dict[str, object]]:
    """Write grids as JSON objects, cells as arrays: a long table has many."""
    return [
        {
            "table": grid.table,
            "columns": {str(number): header for number, header in grid.columns.items()},
            "rows": {str(number): header for number, header in grid.rows.items()},
            "cells": [
                [c.row, c.column, c.row_span, c.column_span, c.start, c.end, int(c.is_header)]
                for c in grid.cells
            ],
        }
        for grid in grids
    ]


def grids_from_json(stored: object) -> tuple[Grid, ...]:
    """Read grids back; raises InvalidError when they are not what was written."""
    try:
        return tuple(_grid(each) for each in stored)  # type: ignore[attr-defined]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidError("The stored cells of a table are damaged.") from error


def _grid(stored: Mapping[str, object]) -> Grid:
    columns, rows, cells = stored["columns"], stored["rows"], stored["cells"]
    assert isinstance(columns, Mapping)
    assert isinstance(rows, Mapping)
    assert isinstance(cells, Sequence)
    return Grid(
        table=int(str(stored["table"])),
        columns={int(number): str(header) for number, header in columns.items()},
        rows={int(number): str(header) for number, header in rows.items()},
        cells=tuple(_cell(each) for each in cells),
    )


def _cell(stored: Sequence[int]) -> Cell:
    row, column, row_span, column_span, start, end, is_header = stored
    return Cell(row, column, row_span, column_span, start, end, bool(is_header))
