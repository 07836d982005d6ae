"""OpenDocument spreadsheets (.ods): every sheet a heading, its areas as tables.

Read as a stream: a sheet may say “this empty row, a million times” (OpenDocument 1.3 part 3,
section 9.1), which docling's backend takes at its word.
"""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from typing import Any

from shared.files.formats import ODS
from shared.ingestion.drafting import MAX_CELLS, Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.originals import open_text
from shared.ingestion.parsers.packages import (
    damaged,
    opened_package,
    package_properties,
    package_warnings,
)
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.sheets.areas import Grid, Span, areas_of, write_area
from shared.kernel.errors import TooLargeError

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_MOST_REPEATS = 1_000  # of filled cells: more of the same say nothing more
_FARTHEST = 10_000_000


class OpenSheetsParser:
    """Reads OpenDocument spreadsheets: the values that were calculated last."""

    name = "opendocument-sheets"
    version = "1"
    media_types = frozenset({ODS})

    def available(self) -> tuple[bool, str]:
        """Whether lxml is installed."""
        return find_spec("lxml") is not None, "Install lxml."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged, TooLargeError past limits."""
        from lxml.etree import LxmlError  # type: ignore[import-untyped]

        draft = Draft()
        with opened_package(source.path, source.filename) as archive:
            try:
                properties = package_properties(archive)
                draft.warnings += package_warnings(archive)
                count = _write(archive, draft)
            except (KeyError, LxmlError, OSError, EOFError, ValueError,
                    zipfile.BadZipFile) as error:  # fmt: skip
                raise damaged(source.filename) from error
        source.progress(1, 1)
        return draft.finish(
            title=properties.pop("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            page_count=count or None,
            metadata=properties,
        )


def _write(archive: zipfile.ZipFile, draft: Draft) -> int:
    """Write the sheets one after another; returns how many there are."""
    from lxml import etree  # type: ignore[import-untyped]

    count = cells = 0
    sheet = _Sheet()
    with archive.open("content.xml") as part:
        events = etree.iterparse(
            part, events=("start", "end"), resolve_entities=False, no_network=True
        )
        for event, element in events:
            if event == "start":
                if element.tag == f"{_TABLE}table":
                    sheet = _Sheet()
            elif element.tag == f"{_TABLE}table-row":
                cells += sheet.take_row(element)
                element.clear()
                if cells > MAX_CELLS:
                    raise TooLargeError(
                        f"The spreadsheet has more than {MAX_CELLS:,} filled cells.",
                        hint="Split it into several files.",
                    )
            elif element.tag == f"{_TABLE}table":
                count += 1
                draft.page = count
                draft.heading(element.get(f"{_TABLE}name", f"{count}"), level=1)
                for area in areas_of(sheet.finished()):
                    write_area(area, draft)
                element.clear()
    return count


class _Sheet:
    """Counts its way through the rows of one sheet."""

    def __init__(self) -> None:
        self._grid = Grid()
        self._spans: list[Span] = []
        self._row = 0

    def take_row(self, row: Any) -> int:
        """Take a row with its repetitions; returns how many cells it fills."""
        repeats = _number(row, "number-rows-repeated")
        found: list[tuple[int, str, int, int]] = []
        column = 0
        for cell in row:
            if cell.tag not in {f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"}:
                continue
            across = _number(cell, "number-columns-repeated")
            words = _shown(cell) if cell.tag == f"{_TABLE}table-cell" else ""
            if words:
                spans = (
                    _number(cell, "number-rows-spanned"),
                    _number(cell, "number-columns-spanned"),
                )
                found += [(column + n, words, *spans) for n in range(min(across, _MOST_REPEATS))]
            column = min(column + across, _FARTHEST)
        for number in range(min(repeats, _MOST_REPEATS) if found else 0):
            for place, words, down, right in found:
                self._grid.put(self._row + number, place, words)
                if down > 1 or right > 1:
                    self._spans.append(Span(self._row + number, place, down, right))
        self._row = min(self._row + repeats, _FARTHEST)
        return len(found) * min(repeats, _MOST_REPEATS)

    def finished(self) -> Grid:
        """Return the filled cells, merged where they are merged."""
        for span in self._spans:
            self._grid.merge(span)
        return self._grid


def _shown(cell: Any) -> str:
    """Return a cell's words as they are shown; dates in their plain order."""
    if cell.get(f"{_OFFICE}value-type") == "date":
        date = str(cell.get(f"{_OFFICE}date-value", "")).replace("T", " ")
        return date.removesuffix(" 00:00:00")
    paragraphs = [open_text(child) for child in cell if child.tag == f"{_TEXT}p"]
    words = "\n".join(paragraphs).strip()
    return words or str(cell.get(f"{_OFFICE}value", ""))


def _number(element: Any, name: str) -> int:
    value = element.get(f"{_TABLE}{name}", "1")
    return max(1, min(int(value), _FARTHEST)) if value.isdigit() else 1
