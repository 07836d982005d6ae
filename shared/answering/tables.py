"""Answers out of tables: the cell that was asked for, said with the headers it stands under."""

from __future__ import annotations

from dataclasses import dataclass

from shared.documents.grids import CitedCell, rows_said
from shared.inference.extraction.matching import roots
from shared.inference.extraction.questions import subject_of
from shared.inference.stemming import grams
from shared.search import service as search
from shared.search.model import Hit

_HALF = 0.5


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
