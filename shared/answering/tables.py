"""Answers out of tables: the cell that was asked for, said with the headers it stands under."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.documents.grids import Cell, CitedCell, Grid, Words, rows_said
from shared.inference.extraction.matching import roots
from shared.inference.extraction.model import Field
from shared.inference.extraction.questions import subject_of
from shared.inference.stemming import grams
from shared.search import service as search
from shared.search.model import Hit

_HALF = 0.5
_LONGEST_LABEL = 8
_PAIR = 2


@dataclass(frozen=True, slots=True)
class SaidCell:
    """What to say and where it stands: ``start`` and ``end`` are positions in the hit's text."""

    said: str
    start: int
    end: int


def said_cell(question: str, hit: Hit, start: int, end: int) -> SaidCell | None:
    """Return the cell of a quoted row that a question asks for; ``None`` if it is no row.

    The column is the one whose header shares most with the question; when several share as much,
    or none shares anything, the whole row is said in words.
    """
    text = hit.text[start:end]
    row = next((row for row in rows_said(hit.passage) if row.text == text), None)
    if row is None or row.is_header:
        return None
    cells = search.cells_cited(question, hit, hit.start + start, hit.start + end)
    values = [cell for cell in cells if cell.text and not _is_label(cell)]
    likeness = [_likeness(question, cell.column_header, hit.language) for cell in values]
    best = max(likeness, default=0.0)
    asked = [cell for cell, like in zip(values, likeness, strict=True) if like == best]
    if len(values) > 1 and (best == 0 or len(asked) > 1):
        return SaidCell(row.said, start, end)
    if not asked:
        return SaidCell(row.said, start, end)
    return SaidCell(_in_words(asked[0]), asked[0].start - hit.start, asked[0].end - hit.start)


def _is_label(cell: CitedCell) -> bool:
    """Whether a cell only names its row."""
    return cell.text in cell.row_header.split(" / ")


def _in_words(cell: CitedCell) -> str:
    """Say "row, column: value" with the headers there are."""
    headers = [header for header in (cell.row_header, cell.column_header) if header]
    return f"{', '.join(dict.fromkeys(headers))}: {cell.text}" if headers else cell.text


def _likeness(question: str, header: str, language: str) -> float:
    """Say how much a header shares with what is asked, in words and in parts of words."""
    asked = " ".join(subject_of(question))
    wanted, letters = set(roots(asked, language)), grams(asked)
    named, written = set(roots(header, language)), grams(header)
    if not named:
        return 0.0
    shared_letters = len(letters & written) / max(1, len(written))
    return len(wanted & named) + (shared_letters if shared_letters >= _HALF else 0.0)


def fields_of(hit: Hit) -> Iterator[Field]:
    """Yield the values of a hit's tables, each with its label and what stands in its row.

    The label is the column's header, in a table of two columns without any the row's. Tables
    whose first row was not marked as headers, and forms that print a label in brackets under
    what is filled in, are read as people do.
    """
    for grid in hit.passage.grids:
        rows: dict[int, list[Cell]] = {}
        for cell in grid.cells:
            if hit.passage.words(cell.start, cell.end).strip():
                rows.setdefault(cell.row, []).append(cell)
        numbers = sorted(rows)
        heads = _unmarked(hit, [rows[number] for number in numbers])
        for at, number in enumerate(numbers):
            above = rows[numbers[at - 1]] if at else []
            below = rows[numbers[at + 1]] if at + 1 < len(numbers) else []
            yield from _cells(hit, grid, rows[number])
            yield from _labelled(hit, rows[number], above=above, below=below)
            yield from _headed(hit, rows[number], heads)


def _cells(hit: Hit, grid: Grid, cells: list[Cell]) -> Iterator[Field]:
    """Yield a row's values under the headers of their columns."""
    words = hit.passage.words
    for cell in cells:
        value = words(cell.start, cell.end)
        row, column = grid.rows.get(cell.row, ""), grid.columns.get(cell.column, "")
        is_label = cell.is_header and cell.row not in grid.rows
        if not column or is_label or value in row.split(" / "):
            continue
        said = ", ".join(dict.fromkeys(each for each in (row, column) if each))
        beside = f"{row} {_row_words(hit, cells, but=cell)}"
        yield _field(hit, cell, column, beside, said)


def _labelled(
    hit: Hit, cells: list[Cell], *, above: list[Cell], below: list[Cell]
) -> Iterator[Field]:
    """Yield values under or beside labels of their own; the row above is of the same record."""
    words = hit.passage.words
    label = words(cells[0].start, cells[0].end).rstrip(" :")
    if len(cells) == _PAIR and not cells[1].is_header and len(label.split()) <= _LONGEST_LABEL:
        beside = f"{_row_words(hit, above)} {_row_words(hit, cells, but=cells[1])}"
        yield _field(hit, cells[1], label, beside, label)
    for cell in cells:
        for each in _labels_under(cell, below, words):
            yield _field(hit, cell, each, _row_words(hit, cells, but=cell), each)


def _row_words(hit: Hit, cells: list[Cell], *, but: Cell | None = None) -> str:
    return " ".join(hit.passage.words(e.start, e.end) for e in cells if e is not but)


def _field(hit: Hit, cell: Cell, label: str, beside: str, said: str) -> Field:
    value = hit.passage.words(cell.start, cell.end)
    start, end = cell.start - hit.start, cell.end - hit.start
    return Field(label, value, beside, start, end, f"{said}: {value}")


def _labels_under(cell: Cell, below: list[Cell], words: Words) -> Iterator[str]:
    """Yield what stands in brackets under a cell."""
    for each in below:
        label = words(each.start, each.end).strip()
        if each.column == cell.column and label.startswith("(") and label.endswith(")"):
            yield label.strip("()")


def _unmarked(hit: Hit, rows: list[list[Cell]]) -> dict[int, str]:
    """Return the headers of a table that does not mark them: its first row of several words."""
    first = next((cells for cells in rows if len(cells) > 1), [])
    if len(first) <= _PAIR or any(cell.is_header for cell in first[1:]):
        return {}
    texts = {cell.column: hit.passage.words(cell.start, cell.end) for cell in first}
    has_figures = any(map(str.isdigit, "".join(texts.values())))
    return {} if has_figures else texts


def _headed(hit: Hit, cells: list[Cell], heads: dict[int, str]) -> Iterator[Field]:
    """Yield a row's values under headers that are not marked as such."""
    for cell in cells[1:]:
        label = heads.get(cell.column, "")
        if label and label != hit.passage.words(cell.start, cell.end):
            lead = hit.passage.words(cells[0].start, cells[0].end)
            yield _field(hit, cell, label, _row_words(hit, cells, but=cell), f"{lead}, {label}")
