"""One page at a time: from a pdfium page to lines and tables in reading order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.ingestion.parsers.pdf.aligned import ruled_tables, spaced_tables
from shared.ingestion.parsers.pdf.extras import Extras
from shared.ingestion.parsers.pdf.geometry import (
    FoundTable,
    Line,
    PageContent,
    Rules,
    Word,
    centred_within,
    line_of,
    overlap,
)
from shared.ingestion.parsers.pdf.grids import drawn_tables
from shared.ingestion.parsers.pdf.reading import columns_of_prose
from shared.ingestion.parsers.pdf.rules import rules_of
from shared.ingestion.parsers.pdf.view import view_of
from shared.ingestion.parsers.pdf.words import WordReader

_SIDE_GAP = 1.8
_MOST_WORDS = 30_000
_MARKER = re.compile(r"[•‣▪●○◦·■□–*\uf0b7\uf0a7-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]")
_MARKER_REACH = 40.0


def page_content(page: Any, number: int, extras: Extras) -> PageContent:
    """Read one page; ``number`` counts from 1. The page may be closed afterwards."""
    view = view_of(page)
    reader = WordReader(page, view)
    try:
        words = [word for word in reader.words() if _is_visible(word, view.width, view.height)]
    finally:
        reader.close()
    words = extras.see(page, view, words, number)
    has_rules = 0 < len(words) <= _MOST_WORDS
    return content_of(
        words,
        rules_of(page, view) if has_rules else Rules(),
        number=number,
        width=view.width,
        height=view.height,
    )


def content_of(
    words: Sequence[Word], rules: Rules, *, number: int, width: float, height: float
) -> PageContent:
    """Make lines and tables of a page's words in text order."""
    tables: list[FoundTable] = []
    if 0 < len(words) <= _MOST_WORDS:
        for table in drawn_tables(rules, words, number):
            tables.append(table)
            words = _without(words, table)
        for table in ruled_tables(rules, words, number):
            tables.append(table)
            words = _without(words, table)
    lines = with_markers(lines_of(words, number))
    for column in columns_of_prose(lines):
        for table, orders in spaced_tables(column, number):
            tables.append(table)
            lines = [line for line in lines if line.order not in orders]
    return PageContent(
        number=number,
        width=width,
        height=height,
        lines=tuple(lines),
        tables=tuple(tables),
    )


def _is_visible(word: Word, width: float, height: float) -> bool:
    """Whether any of a word lies on the visible page; croppings keep what they cut away."""
    return word.x1 > -1 and word.x0 < width + 1 and word.y1 > -1 and word.y0 < height + 1


def _without(words: Sequence[Word], table: FoundTable) -> list[Word]:
    inside = centred_within(words, table.x0, table.y0, table.x1, table.y1)
    taken = {word.order for word in inside}
    return [word for word in words if word.order not in taken]


def lines_of(words: Sequence[Word], page: int) -> list[Line]:
    """Join words in text order into lines; a wide gap or another height begins a new one."""
    lines: list[Line] = []
    held: list[Word] = []
    for word in words:
        if held and not _goes_on(held[-1], word):
            lines.append(line_of(held, page))
            held = []
        held.append(word)
    if held:
        lines.append(line_of(held, page))
    return lines


def with_markers(lines: Sequence[Line]) -> list[Line]:
    """Put list markers in front of their items, wherever the page's text order has them.

    Some programs write all bullets and numbers of a page after its text.
    """
    markers = {line.order: line for line in lines if _MARKER.fullmatch(line.text)}
    if not markers:
        return list(lines)
    texts = [line for line in lines if line.order not in markers]
    owners: dict[int, Line] = {}
    for marker in markers.values():
        beside = [line for line in texts if line.order not in owners and _is_marked(line, marker)]
        if beside:
            owner = min(beside, key=lambda line: line.x0)
            owners[owner.order] = marker
    used = {marker.order for marker in owners.values()}
    joined = []
    for line in lines:
        if line.order in owners:
            marker = owners[line.order]
            text = f"{marker.text} {line.text}"
            joined.append(replace(line, text=text, x0=min(line.x0, marker.x0)))
        elif line.order not in used:
            joined.append(line)
    return joined


def _is_marked(line: Line, marker: Line) -> bool:
    """Whether a marker stands directly before a line, on its height."""
    is_level = overlap(line, marker) > 0.5 * (marker.y1 - marker.y0)
    return is_level and -1 < line.x0 - marker.x1 < _MARKER_REACH


def _goes_on(last: Word, word: Word) -> bool:
    if last.turn != word.turn:
        return False
    if word.turn:
        return _goes_on_turned(last, word)
    lower = min(last.y1 - last.y0, word.y1 - word.y0)
    if overlap(last, word) <= 0.3 * lower:
        return False
    size = max(last.size, word.size, 4.0)
    gap = word.x0 - last.x1
    return (
        -0.5 * size < gap < _SIDE_GAP * size or _is_right_to_left(last) or _is_right_to_left(word)
    )


def _goes_on_turned(last: Word, word: Word) -> bool:
    """Whether a rotated word stands beside the last along their own direction."""
    across = max(last.x0, word.x0) - min(last.x1, word.x1)
    along = max(last.y0, word.y0) - min(last.y1, word.y1)
    if word.turn % 2:
        across, along = along, across
    return along < 0 and across < _SIDE_GAP * max(last.size, word.size, 4.0)


def _is_right_to_left(word: Word) -> bool:
    return any("\u0590" <= character <= "\u08ff" for character in word.text)
