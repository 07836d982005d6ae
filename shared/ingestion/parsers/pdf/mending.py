"""Paragraphs torn by the end of a column or page, made whole again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from shared.ingestion.parsers.pdf.geometry import FoundTable
from shared.ingestion.parsers.pdf.structure import Piece

# What may stand between the halves: notes at a column's foot, a table or a figure's caption.
_BETWEEN = frozenset({"footnote", "caption"})
_MOST_BETWEEN = 6
_ENDS = (".", "!", "?", ":", ";", "”", "“", "«", "»")
_SAME_SIZE = 0.6
# A torn line is nearly as long as the paragraph's longest; one alone says nothing about that.
_FULL_LINE = 0.85
_LEAST_LENGTH = 20


def mended(pieces: Sequence[Piece | FoundTable]) -> list[Piece | FoundTable]:
    """Return pieces with torn paragraphs joined; what stood between the halves follows them."""
    left = list(pieces)
    whole: list[Piece | FoundTable] = []
    for index, piece in enumerate(left):
        if isinstance(piece, Piece) and not piece.lines:
            continue
        held = piece
        while isinstance(held, Piece) and _is_torn(held):
            at = _rest_of(held, left, index + 1)
            if at is None:
                break
            rest = left[at]
            assert isinstance(rest, Piece)
            held = replace(held, lines=(*held.lines, *rest.lines))
            left[at] = replace(rest, lines=())
        whole.append(held)
    return whole


def _is_torn(piece: Piece) -> bool:
    """Whether a paragraph breaks off in a full line without the end of a sentence."""
    last = piece.lines[-1]
    longest = max(line.x1 - line.x0 for line in piece.lines)
    is_full = last.x1 - last.x0 >= _FULL_LINE * longest and len(last.text) >= _LEAST_LENGTH
    return piece.role in {"paragraph", "list_item"} and is_full and not last.text.endswith(_ENDS)


def _rest_of(piece: Piece, pieces: Sequence[Piece | FoundTable], start: int) -> int | None:
    """Return where the paragraph goes on: in small letters, at the head of a column."""
    last = piece.lines[-1]
    for at, other in islice(enumerate(pieces), start, start + _MOST_BETWEEN):
        if isinstance(other, FoundTable) or other.role in _BETWEEN or not other.lines:
            continue
        first = other.lines[0]
        moves_on = first.page == last.page + 1 or (first.page == last.page and first.y1 < last.y0)
        is_same = abs(first.size - last.size) <= _SAME_SIZE and first.is_bold == last.is_bold
        goes_on = other.role == "paragraph" and first.text[:1].islower()
        return at if moves_on and is_same and goes_on else None
    return None
